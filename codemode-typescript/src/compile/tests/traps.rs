//! The traps of blanking types in place, one by one; `fuzz.rs` looks for those nobody thought of.

use super::{accept, body, both_ways, refuse, was_printed};

/// Source and what must be left of it, with runs of spaces as one.
const BLANKED: &[(&str, &str)] = &[
    // What a blanked statement kept apart stays apart.
    ("const a = b\ntype T = 1\n(c)()", "const a = b\n; \nreturn $done($at(3), await (c)());"),
    ("const a = b\ninterface I {}\n[c].d", "const a = b\n; \nreturn [c].d"),
    ("const a = b\ndeclare const c: 1\n`d`", "const a = b\n; \nreturn `d`"),
    // A type may end a statement where an expression goes on.
    ("const a = b as T\n(c)\nreturn 1", "const a = b ;\n(c)\nreturn 1"),
    ("const a = b as T\n[c] = d\nreturn 1", "const a = b ;\n[c] = d\nreturn 1"),
    ("const a = b satisfies T\n`c`\nreturn 1", "const a = b ;\n`c`\nreturn 1"),
    ("const f = () => a as T\n(b)\nreturn 1", "const f = () => a ;\n(b)\nreturn 1"),
    ("f(a as T)\n(b)\nreturn 1", "f(a )\n(b)\nreturn 1"),
    ("for (let i = 0 as number; i < 2; i++);\nreturn 1", "for (let i = 0 ; i < 2; i++);\nreturn 1"),
    // No line break before `=>`, after `async`, after `return`.
    ("const f = (\n  a: A\n):\n  B => a\nreturn 1", "const f = (\n a \n \n ) => a\nreturn 1"),
    ("return async <\n  T,\n>(a: T) => a", "return async (\n \n a ) => a"),
    ("return <\n  T\n>(a: T) => a", "return (\n \n a ) => a"),
    ("return <T>\n  a", "return ( \n a)"),
    ("const f = () => <T>{}\nreturn 1", "const f = () => ( {})\nreturn 1"),
    // Members of classes.
    ("class A { get: string\n  b() {} }\nreturn 1", "class A { get; \n b() {} }\nreturn 1"),
    ("class A { static?\n  b() {} }\nreturn 1", "class A { static;\n b() {} }\nreturn 1"),
    ("class A { a = 1\n  public [b] = 2 }\nreturn 1", "class A { a = 1\n ; [b] = 2 }\nreturn 1"),
    ("class A { a = 1\n  public *b() {} }\nreturn 1", "class A { a = 1\n ; *b() {} }\nreturn 1"),
    ("class A { a = 1 as T\n  ['b'] = 2 }\nreturn 1", "class A { a = 1 ;\n ['b'] = 2 }\nreturn 1"),
    (
        "class A { static readonly a: B = 1; private static b; declare c: D; d!: E }\nreturn 1",
        "class A { static a = 1; ; static b; ; d; }\nreturn 1",
    ),
    (
        "abstract class A<T> extends B<T> implements C, D<T> { abstract a(): void; abstract b: T; c(): void; c() {} }\nreturn 1",
        " class A extends B { ; ; ; c() {} }\nreturn 1",
    ),
    ("class A { [key: string]: any; a?(): void; b?() {} }\nreturn 1", "class A { ; ; b () {} }\nreturn 1"),
    ("const A = class implements B {}\nreturn 1", "const A = class {}\nreturn 1"),
    (
        "class A { async<T>() {} static async *[b]?<T>(this: A, c?: T) {} }\nreturn 1",
        "class A { async () {} static async *[b] ( c ) {} }\nreturn 1",
    ),
    // Parameters and variables.
    (
        "function f(this: A, b?: B, { c }: C = {}, ...d: D[]): asserts b is B {}\nreturn 1",
        "function f( b , { c } = {}, ...d ) {}\nreturn 1",
    ),
    ("function f(this: A) {}\nreturn 1", "function f( ) {}\nreturn 1"),
    ("let a!: A, b: B\n[c] = d\nreturn 1", "let a , b \n[c] = d\nreturn 1"),
    ("try {} catch (e: unknown) {}\nreturn 1", "try {} catch (e ) {}\nreturn 1"),
    // Expressions.
    ("return a!.b![0]!(c!)!", "return $done($at(1), await a .b [0] (c ) );"),
    ("return new A<B>(c<D>(), e<F>`g`, h<I>)", "return $done($at(1), await new A (c (), e `g`, h ));"),
    ("(a as B) = 1; (<C>d).e++; f!++\nreturn 1", "(a ) = 1; (( d)).e++; f ++\nreturn 1"),
    // Ambiguous, and a call to TypeScript.
    ("return a < b, c > (d)", "return $done($at(1), await a (d));"),
    ("return a < b, c > d", "return a < b, c > d"),
    ("return a ? (b) : (c: D) => e", "return a ? (b) : (c ) => e"),
    // Modules.
    (
        "import type A from 'a'\nimport { type B } from 'b'\nimport type { C } from 'c'\nreturn 1",
        "; \n; \n; \nreturn 1",
    ),
    ("import { A } from 'a'\nconst b: A = 1\nreturn b", "; \nconst b = 1\nreturn b"),
    (
        "export type A = 1\nexport interface B {}\nexport {}\nexport type { A }\nexport const a = 1\nreturn a",
        "; \n; \n; \n; \n const a = 1\nreturn a",
    ),
    // What is dropped at the end does not count as visited.
    ("const a = f<`x${string}`> (/re/g)\nexport type B = 1\nreturn a", "const a = f (/re/g)\n; \nreturn a"),
    (
        "declare global { interface A {} }\ndeclare module 'x' { export default 1 }\ndeclare enum E { A }\nreturn 1",
        "; \n; \n; \nreturn 1",
    ),
];

fn squeeze(text: &str) -> String {
    let mut squeezed = String::new();
    for c in text.chars() {
        if !(c == ' ' && squeezed.ends_with(' ')) {
            squeezed.push(c);
        }
    }
    squeezed
}

#[test]
fn what_is_left() {
    for (source, left) in BLANKED {
        assert_eq!(squeeze(&body(source)), *left, "{source}");
        assert!(both_ways(source), "{source}\nshould not need the printer");
    }
}

#[test]
fn what_has_a_value_at_run_time_is_printed() {
    for source in [
        "enum A { B }\nreturn A.B",
        "const enum A { B = 'b' }\nreturn A.B",
        "namespace A { export const b = 1 }\nreturn A.b",
        "class A { constructor(private a: number, readonly b = 2) {} }\nreturn new A(1)",
        "namespace A { export namespace B { export const c = 1 } }\nimport C = A.B\nreturn C.c",
        "export enum A { B }\nreturn A.B",
        "const a = 1 | 2 + 3 as number ** 2\nreturn a",
    ] {
        assert!(was_printed(&accept(source)), "{source}");
    }
}

#[test]
fn line_breaks_in_types_stay() {
    let source = "const a: {\n  b: string\r\n  // c\n} = d;\r\nreturn a";
    let (left, given) = (body(source), source);
    assert_eq!(left.matches('\n').count(), given.matches('\n').count());
    assert_eq!(left.matches("\r\n").count(), given.matches("\r\n").count());
}

#[test]
fn lines_are_the_same_for_engines_that_know_fewer_line_breaks() {
    let source = "const a = 'x\u{2028}y';\u{2029}const b = `p\u{2028}q`, c = String.raw`r\u{2028}s`;\u{2028}return a";
    let left = body(source);
    assert_eq!(left, "const a = 'x\\u2028y';\n  const b = `p\\u2028q`, c = String.raw`r\u{2028}s`;\n  return a");
}

#[test]
fn a_script_reads_like_the_module_it_was() {
    assert_eq!(body("return a<!--b\n"), "return a< !--b\n");
    assert_eq!(body("return a --> b"), "return a --> b");
    assert_eq!(body("return '<!--' + `<!--${a}` // <!--"), "return '<!--' + `<!--${a}` // <!--");
}

#[test]
fn what_is_dropped_hides_nothing_before_it() {
    let source = "const a = await external_getUsr({ id: 1 });\nexport type B = 1;\nreturn a;";
    assert_eq!(refuse(source).len(), 1, "{:?}", refuse(source));
}
