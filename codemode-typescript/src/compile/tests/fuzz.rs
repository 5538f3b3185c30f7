//! Random TypeScript, made of everything that can be erased, in every place and with line breaks anywhere.
//!
//! Deterministic: a failure names its seed.

use super::{Strategy, both_ways, compile_by, with_options};

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'s>(&mut self, from: &[&'s str]) -> &'s str {
        from[self.below(from.len())]
    }

    /// White space in a place where a line break may stand.
    fn gap(&mut self) -> &'static str {
        self.pick(&[" ", " ", " ", "\n", " /* c */ ", " // c\n", "\r\n", "\t"])
    }

    /// White space in a place where no line break may stand.
    fn space(&mut self) -> &'static str {
        self.pick(&[" ", " ", " /* c */ "])
    }

    fn name(&mut self) -> &'static str {
        self.pick(&["a", "b", "c", "d", "foo", "bar", "größe", "x1", "of", "get", "type", "as"])
    }

    fn ty(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self
                .pick(&["string", "number", "any", "T", "'lit'", "1", "unknown[]", "A.B", "typeof a", "this", "é"])
                .into();
        }
        let d = depth - 1;
        match self.below(14) {
            0 => format!("{}{}|{}{}", self.ty(d), self.gap(), self.gap(), self.ty(d)),
            1 => format!("{}&{}", self.ty(d), self.ty(d)),
            2 => format!("Map<{},{}{}>", self.ty(d), self.gap(), self.ty(d)),
            3 => format!(
                "{{{}a?:{}{};{}readonly b: {}{}}}",
                self.gap(),
                self.gap(),
                self.ty(d),
                self.gap(),
                self.ty(d),
                self.gap()
            ),
            4 => format!("({}: {}) => {}", self.name(), self.ty(d), self.ty(d)),
            5 => format!("[{}, ...{}[]]", self.ty(d), self.pick(&["A", "(string)", "B"])),
            6 => format!("Array<{}>", self.ty(d)),
            7 => format!("keyof {}", self.pick(&["A", "typeof b", "this"])),
            8 => format!("(A extends {} ? {} : {})", self.ty(0), self.ty(d), self.ty(d)),
            9 => format!("{{ [k: string]: {} }}", self.ty(d)),
            10 => "`x${string}`".into(),
            11 => format!("(new () => {})", self.ty(d)),
            12 => format!("({})", self.ty(d)),
            _ => self.ty(0),
        }
    }

    fn annotation(&mut self, depth: usize) -> String {
        match self.below(3) {
            0 => String::new(),
            _ => format!("{}:{}{}", self.space(), self.gap(), self.ty(depth)),
        }
    }

    fn parameters(&mut self, depth: usize) -> String {
        let mut list: Vec<String> = Vec::new();
        for index in 0..self.below(4) {
            let name = format!("p{index}");
            list.push(match self.below(6) {
                0 => format!("{name}?:{}{}", self.gap(), self.ty(depth)),
                1 => format!("{name}?"),
                2 => format!("{{ {name} }}: {{ {name}: {} }}", self.ty(depth)),
                3 => format!("{name}{} ={}{}", self.annotation(depth), self.gap(), self.operand(0)),
                _ => format!("{name}{}", self.annotation(depth)),
            });
        }
        if self.one_in(5) {
            list.push(format!("...rest{}", self.annotation(0)));
        }
        list.join(&format!(",{}", self.gap()))
    }

    fn arrow(&mut self, depth: usize) -> String {
        let generics =
            if self.one_in(4) { format!("<{}T,{}>{}", self.gap(), self.gap(), self.gap()) } else { String::new() };
        let result = match self.below(3) {
            0 => format!("{}:{}{}", self.gap(), self.gap(), self.ty(1)),
            _ => String::new(),
        };
        let asynchronous = self.pick(&["", "", "async "]);
        let parameters = self.parameters(1);
        let body = match self.below(3) {
            0 => format!("{{ {} }}", self.statement(depth.saturating_sub(1), false)),
            _ => self.operand(depth.saturating_sub(1)),
        };
        format!("{asynchronous}{generics}({parameters}){result} => {body}")
    }

    fn operand(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self
                .pick(&["a", "b", "foo", "1", "'s'", "`t${a}`", "null", "/re/g", "this", "({})", "[1]", "(a)"])
                .into();
        }
        let d = depth - 1;
        match self.below(16) {
            0 => format!("{}!", self.operand(0)),
            1 => format!(
                "foo{}<{}>{}({})",
                self.pick(&["", ".bar", "?.bar"]),
                self.ty(1),
                self.pick(&["", " "]),
                self.expression(d)
            ),
            2 => format!("new Foo<{}>({})", self.ty(1), self.expression(d)),
            3 => format!("({})", self.expression(d)),
            4 => format!("({})", self.arrow(d)),
            5 => format!("[{}, {}]", self.expression(d), self.expression(d)),
            6 => format!(
                "({{ a: {}, m{}({}){} {{}} }})",
                self.expression(d),
                self.pick(&["", "<T>"]),
                self.parameters(0),
                self.annotation(0)
            ),
            7 => format!("({}).x", self.expression(d)),
            8 => format!("a[{}]", self.expression(d)),
            9 => format!("`a${{{}}}b`", self.expression(d)),
            10 => format!("<{}>{}{}", self.ty(0), self.gap(), self.operand(d)),
            11 => format!("a!.b!{}", self.pick(&["", ".c", "[0]", "()"])),
            12 => format!("foo<{}>`x`", self.ty(0)),
            13 => format!(
                "(function <T>({}){} {{ {} }})",
                self.parameters(0),
                self.annotation(1),
                self.statement(d, false)
            ),
            14 => format!("{}{}", self.pick(&["-", "!", "typeof ", "void ", "+", "await "]), self.operand(d)),
            _ => self.operand(0),
        }
    }

    fn expression(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.operand(0);
        }
        let d = depth - 1;
        match self.below(8) {
            0 | 1 => format!("{}{}as{}{}", self.expression(d), self.space(), self.gap(), self.ty(1)),
            2 => format!("{}{}satisfies{}{}", self.expression(d), self.space(), self.gap(), self.ty(1)),
            3 | 4 => {
                let operator =
                    self.pick(&["+", "*", "<", "===", "&&", "||", "??", "<<", "**", "in", "instanceof", "-", "|", ","]);
                let (left, right) = (self.expression(d), self.expression(d));
                let text = format!("{left} {operator}{}{right}", self.gap());
                if operator == "," { format!("({text})") } else { text }
            }
            5 => format!("{} ? {} : {}", self.operand(d), self.operand(d), self.expression(d)),
            _ => self.operand(d),
        }
    }

    fn end(&mut self) -> &'static str {
        self.pick(&[";\n", "\n", "\n", " // c\n", ";"])
    }

    fn member(&mut self, depth: usize) -> String {
        let accessibility = self.pick(&["", "", "public ", "private\n", "protected "]);
        let is_static = self.pick(&["", "", "static "]);
        let readonly = self.pick(&["", "", "readonly ", "readonly\n"]);
        let key = self
            .pick(&["a", "b", "get", "set", "static", "async", "[a]", "'s'", "#p", "1", "in", "readonly", "declare"]);
        let end = self.end();
        match self.below(10) {
            0 => format!("{accessibility}{is_static}{readonly}{key}{}{end}", self.annotation(1)),
            1 => format!(
                "{accessibility}{is_static}{readonly}{key}{} = {}{end}",
                self.annotation(1),
                self.expression(depth)
            ),
            2 => format!("{accessibility}{is_static}{readonly}{key}?{}{end}", self.annotation(1)),
            3 => format!(
                "{accessibility}{is_static}{}[foo]({}){} {{}}\n",
                self.pick(&["*", "async *", "", "get ", "async "]),
                "",
                self.annotation(1)
            ),
            4 => format!(
                "{accessibility}m({}){}{end}{accessibility}m() {{ {} }}\n",
                self.parameters(0),
                self.annotation(1),
                self.statement(depth, false)
            ),
            5 => format!("declare {key}{}{end}", self.annotation(1)),
            6 => format!("[k: string]: {}{end}", self.ty(1)),
            7 => format!("abstract {key}{}{end}", self.annotation(1)),
            8 => format!("{accessibility}{is_static}n?<T>(this: Foo, {}){} {{}}\n", "q?: T", self.annotation(1)),
            _ => format!("{key}!: {}{end}", self.ty(1)),
        }
    }

    fn statement(&mut self, depth: usize, top: bool) -> String {
        let d = depth.saturating_sub(1);
        let end = self.end();
        match self.below(if top { 20 } else { 12 }) {
            0 | 1 => format!("{}{end}", self.expression(depth)),
            2 => format!(
                "var v{}{}{end}",
                self.pick(&["", "!: any", ": any"]),
                if self.one_in(2) { format!(" = {}", self.expression(depth)) } else { String::new() }
            ),
            3 => format!("var w{} = {}{end}", self.annotation(1), self.expression(depth)),
            4 => format!("type X{} = {}{end}", self.below(1 << 30), self.ty(2)),
            5 => format!("if ({}) {}{end}", self.expression(d), self.expression(d)),
            6 => format!("for (const q of {}) {{ {} }}\n", self.expression(d), self.statement(d, false)),
            7 => format!("return {}{end}", self.expression(d)),
            8 => format!("var h = {}{end}", self.arrow(d)),
            9 => format!(
                "try {{ {} }} catch (e{}) {{}}\n",
                self.statement(d, false),
                self.pick(&["", ": unknown", ": any"])
            ),
            10 => format!("[a, b] = {}{end}", self.expression(d)),
            11 => format!("`x`{end}"),
            12 => format!(
                "interface I{}{} {{ a: {}{end} }}\n",
                self.below(1 << 30),
                self.pick(&["", "<T>", " extends A, B<C>"]),
                self.ty(1)
            ),
            13 => format!(
                "function f{}<T>({}){} {{ {} }}\n",
                self.below(1 << 30),
                self.parameters(1),
                self.annotation(1),
                self.statement(d, false)
            ),
            14 => {
                let n = self.below(1 << 30);
                format!("function g{n}({}){}{end}function g{n}() {{}}\n", self.parameters(1), self.annotation(1))
            }
            15 => format!(
                "declare {}{end}",
                self.pick(&[
                    "const dd: number",
                    "function de(): void",
                    "let df",
                    "class Dg { x: 1 }",
                    "enum Dh { A }",
                    "global {}",
                    "module 'x' { export const a: 1 }",
                    "namespace Di { const b: 1 }"
                ])
            ),
            16 => format!(
                "export {}{end}",
                self.pick(&["type Et = 1", "interface Ei {}", "const ec = 1", "{}", "declare const ed: 1"])
            ),
            17 | 18 => {
                let members: String = (0..self.below(5)).map(|_| self.member(d)).collect();
                let head = self.pick(&["class", "abstract class", "abstract /* class */ class"]);
                let heritage = self.pick(&[
                    "",
                    " extends Foo",
                    " extends Foo<A, B>",
                    " implements A, B",
                    "<T> extends Foo<T> implements B<T>",
                ]);
                format!("{head} C{}{heritage} {{ {members} }}\n", self.below(1 << 30))
            }
            _ => format!("import type Q{} from 'q'{end}", self.below(1 << 30)),
        }
    }
}

fn program(seed: u64) -> String {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x1234_5678);
    (0..=random.below(4)).map(|_| random.statement(3, true)).collect()
}

fn run(seeds: std::ops::Range<u64>) -> (usize, usize) {
    let (mut fast, mut printed) = (0, 0);
    for seed in seeds {
        let source = program(seed);
        // Random text is often no program; what counts is what is.
        if with_options(|options| compile_by(&source, options, Strategy::Printed)).is_err() {
            continue;
        }
        if both_ways(&source) {
            fast += 1;
        } else {
            printed += 1;
            if std::env::var_os("SHOW_PRINTED").is_some() {
                println!("printed, seed {seed}:\n{source}\n");
            }
        }
    }
    (fast, printed)
}

#[test]
fn blanking_equals_printing() {
    let seeds = std::env::var("FUZZ_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1500);
    let (fast, printed) = run(0..seeds);
    println!("{fast} blanked, {printed} printed");
    assert!(fast > 50 * printed && fast as u64 > seeds / 5, "{fast} blanked, {printed} had to be printed");
}
