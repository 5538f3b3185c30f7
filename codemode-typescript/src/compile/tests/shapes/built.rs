//! Texts of two parts that cost more together than each alone: the deep around the wide, the long beside the many.

/// Fills `bytes` with `item`, where `%` stands for its number, between `head` and `foot`.
fn fill(head: &str, item: &str, foot: &str, bytes: usize) -> String {
    let mut text = String::from(head);
    for number in 0.. {
        let item = item.replace('%', &format!("{number}"));
        if text.len() + item.len() + foot.len() > bytes {
            break;
        }
        text.push_str(&item);
    }
    text + foot
}

/// `item` again and again, inside of many levels.
fn deep(open: &str, close: &str, item: &str, bytes: usize) -> String {
    let head: String = (0..DEPTH).map(|level| open.replace('%', &format!("{level}"))).collect();
    fill(&head, item, &close.repeat(DEPTH), bytes)
}

/// Under the limit of brackets, with room for those of the item.
const DEPTH: usize = 240;

fn half(bytes: usize) -> String {
    "x".repeat(bytes / 2)
}

/// A name, and the text of so many bytes.
type Built = (&'static str, fn(usize) -> String);

pub(super) const BUILT: &[Built] = &[
    ("a long name of an enum", |bytes| fill(&format!("enum {} {{", half(bytes)), "A%,", "} return 1", bytes)),
    ("a long name used in an enum", |bytes| {
        fill(&format!("enum {} {{ A, B = f(", half(bytes)), "A,", ") } return 1", bytes)
    }),
    ("a long name of a namespace", |bytes| {
        fill(&format!("namespace {} {{ export const q = 1", half(bytes)), ",a%=1", "; } return 1", bytes)
    }),
    ("a long name of an inner namespace", |bytes| {
        fill(
            &format!("namespace A {{ export namespace {} {{", half(bytes)),
            "export class A% {}",
            "} } return 1",
            bytes,
        )
    }),
    ("a long text in an enum", |bytes| {
        fill(&format!("enum E {{ A = '{}',", half(bytes)), "B%=A,", "} return 1", bytes)
    }),
    ("a long text joined in an enum", |bytes| {
        fill(&format!("enum E {{ A = '{}', B = A", half(bytes)), "+A", "} return 1", bytes)
    }),
    ("a long text in many enums", |bytes| {
        fill(&format!("enum E {{ A = '{}' }}", half(bytes)), "enum F% { B = E.A }", "return 1", bytes)
    }),
    ("a long text in a template of an enum", |bytes| {
        fill(&format!("enum E {{ A = '{}',", half(bytes)), "B% = `${A}${E.A}${E['A']}`,", "} return 1", bytes)
    }),
    ("a long member of an enum", |bytes| {
        fill(&format!("enum E {{ '{}' = f(), ", half(bytes)), "A%,", "} return 1", bytes)
    }),
    ("texts that double", |bytes| fill("enum E { A = 'xxxxxxxx', ", "A = A + A, ", "} return 1", bytes)),
    ("declared texts that double", |bytes| {
        fill("enum F { B } declare enum E { A = 'xxxxxxxx', ", "A = A + A, ", "} return 1", bytes)
    }),
    ("texts that double in another enum", |bytes| {
        fill("enum E { A = 'xxxxxxxx' } ", "enum E { B% = `${E.A}`, A = B% + B% } ", " return 1", bytes)
    }),
    ("a long key", |bytes| fill(&format!("return external_getTeam({{ {}: [", half(bytes)), "1,", "] })", bytes)),
    ("a long key of computed values", |bytes| {
        fill(&format!("return external_getTeam({{ {}: [", half(bytes)), "a,", "] })", bytes)
    }),
    ("long names that are like a tool", |bytes| {
        fill("", "await external_getUserGetUserGetUserGetUserGetUserGetUser%({});\n", "", bytes)
    }),
    ("names of many words", |bytes| {
        fill("", "await external_aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgHiJkLmNoPqRsTuVwXyZ%({});\n", "", bytes)
    }),
    ("one line of members", |bytes| fill("", "a.b;", "", bytes)),
    ("one line of calls", |bytes| fill("", "a.b(c);", "", bytes)),
    ("one wide line", |bytes| fill("enum E { A } ", "f('😀漢', ö%);", "", bytes)),
    ("one wide line of parameters", |bytes| fill("class A { constructor(", "public ö%,", ") {} } return 1", bytes)),
    ("a long line before fences", |bytes| fill(&format!("{} /*", half(bytes)), "\n```\n", "", bytes)),
    ("a comment before fences", |bytes| fill("/* globs: a */ /*", "\n```x\n```\n", "", bytes)),
    ("slashes that begin nothing", |bytes| fill("return [a", ", a /[\\]", "]", bytes)),
    ("slashes that may begin something", |bytes| fill("f()", " {}/[\\]", "/", bytes)),
    ("slashes before a class", |bytes| fill("return [a", ", /\\/[\\/]", "]", bytes)),
    ("an unclosed class", |bytes| fill("return [a", ", a / b[0]", "/[", bytes)),
    ("declared names of many uses", |bytes| fill("var q, r;", "declare var q: number; f(q, q, q);", "", bytes)),
    ("merged names of many uses", |bytes| {
        fill("", "interface Q { a: 1 } function Q(): void; Q(); external_a(Q);", "function Q() {} return 1", bytes)
    }),
    ("lines printed deep", |bytes| deep("enum E { A } {", "}", "f();", bytes)),
    ("names in blocks", |bytes| deep("{", "}", "f(a%);", bytes)),
    ("names in functions", |bytes| deep("(function () {", "});", "f(a%, %);", bytes)),
    ("names in arrow functions", |bytes| deep("(() => {", "});", "f(a%, this.b);", bytes)),
    ("declarations in blocks", |bytes| deep("{", "}", "let a% = 1; f(a%);", bytes)),
    ("variables in blocks", |bytes| deep("{", "}", "var a% = 1;", bytes)),
    ("one variable in blocks", |bytes| deep("{", "}", "var a = 1;", bytes)),
    ("labels around continues", |bytes| deep("a%: for (;;) {", "}", "continue a0;", bytes)),
    ("labels around labels", |bytes| deep("a%: for (;;) {", "}", "b%: for (;;) break b%;", bytes)),
    ("classes around private names", |bytes| deep("class A { #a%; static {", "} }", "f.#a0;", bytes)),
    ("classes around undeclared private names", |bytes| deep("class A { #a%; static {", "} }", "f.#b%;", bytes)),
    ("tries around calls", |bytes| deep("try {", "} catch {}", "external_getTeam({});", bytes)),
    ("blocks around calls", |bytes| deep("if (a) {", "}", "external_getTeam({});", bytes)),
    ("calls around calls", |bytes| deep("f(", ")", "external_getTeam({}),", bytes)),
    ("awaits around awaits", |bytes| deep("await f(", ")", "await a,", bytes)),
    ("arrays around numbers", |bytes| deep("[", "]", "1,", bytes)),
    ("templates around templates", |bytes| deep("`${", "}`", "a,", bytes)),
    ("conditionals around calls", |bytes| deep("a ? f() : (", ")", "external_getTeam({}),", bytes)),
    ("classes around decorators", |bytes| deep("class A { static {", "} }", "f(class { @d a });", bytes)),
    ("namespaces around exports", |bytes| deep("namespace A% {", "}", "export const a% = 1;", bytes)),
    ("exported namespaces around exports", |bytes| deep("export namespace A% {", "}", "export const a% = 1;", bytes)),
    ("classes around parameters", |bytes| {
        deep("class A { constructor(public a: T) {", "} }", "f(class { constructor(public b%) {} });", bytes)
    }),
    ("types around types", |bytes| deep("type A = {", "}", "a%: T;", bytes)),
    ("supers", |bytes| {
        fill("class A extends B { constructor(public a: T) {", "if (a) super();", "} } return 1", bytes)
    }),
    ("supers in lists", |bytes| {
        fill("class A extends B { constructor(public a: T) { f(", "super(),", ") } } return 1", bytes)
    }),
    ("long keys inside one another", |bytes| {
        fill("return external_getTeam(", &format!("{{ {}: ", "n".repeat(100)), "1", bytes)
    }),
    ("long names that are nearly known", |bytes| {
        let name = "n".repeat(100);
        let declared = fill("", &format!("let {name}% = 1;\n"), "", bytes * 3 / 4);
        fill(&declared, &format!("f({name}_%x%);\n"), "", bytes)
    }),
    ("spaces behind errors", |bytes| fill("", "let z = 1;\n", &" ".repeat(bytes / 2), bytes)),
    ("a comment behind errors", |bytes| fill("", "let z = 1;\n", &format!("/*{}*/", half(bytes)), bytes)),
    ("generics around generics", |bytes| format!("let a: {};", deep("A<", ">", "B,", bytes).replace(",>", ",C>"))),
];
