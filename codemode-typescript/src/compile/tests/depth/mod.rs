//! How much stack a program takes, against what its nesting is given, and that no nesting takes long to read.

mod table;

use std::time::{Duration, Instant};

use super::super::nesting::{self, Nesting};
use super::super::stack;
use super::shapes::{LIMIT, time};
use super::{Strategy, compile_by, with_options};
use table::{HALVES, HEADS, NESTED, REREAD, STATEMENTS, TYPES};

/// Share of its room that a program may take. The parser is optimised in our own tests, the room is for one that is not.
const MAX_SHARE: f64 = if cfg!(debug_assertions) { 0.3 } else { 0.75 };

/// Names that stand before and behind the nested, and where it stands.
const PLACES: [(&str, &str, &str); 4] = [
    ("expression", "x=", ""),
    ("returned", "return ", ";"),
    ("argument", "f(a,", ",b)"),
    ("printed", "enum E{A}x=", ";return 1"),
];

const TYPE_PLACES: [(&str, &str, &str); 5] = [
    ("type", "type X=", ";"),
    ("annotation", "let x:", "=1;"),
    ("as", "f(a as ", ")"),
    ("type argument", "f<", ">(1)"),
    ("printed", "enum E{A};var x:", ";"),
];

const STATEMENT_PLACES: [(&str, &str, &str); 2] = [("statement", "", ""), ("printed", "enum E{A};", "")];

const PATTERN_PLACES: [(&str, &str, &str); 2] = [("pattern", "var ", "=a;"), ("parameter", "f((", ")=>1)")];

const PATTERNS: [(&str, &str, &str, &str); 4] = [
    ("objects", "{a:", "b", "}"),
    ("arrays", "[", "a", "]"),
    ("defaults", "[a=", "b", "]"),
    ("rest", "[...", "a", "]"),
];

type Text = Box<dyn Fn(usize) -> String>;

fn texts() -> Vec<(String, Text)> {
    let tables = [
        (&PLACES[..], NESTED),
        (&STATEMENT_PLACES, STATEMENTS),
        (&TYPE_PLACES, TYPES),
        (&PATTERN_PLACES, &PATTERNS),
        (&[("namespace", "namespace A.", "{export const a=1}")], &[("dots", "A.", "B", "")]),
    ];
    let mut texts: Vec<(String, Text)> = Vec::new();
    for (places, table) in tables {
        for (place, head, foot) in places {
            for &(name, open, core, close) in table {
                let text = move |depth: usize| {
                    let open: String = (0..depth).map(|level| open.replace('%', &level.to_string())).collect();
                    format!("{head}{open}{core}{}{foot}", close.repeat(depth))
                };
                texts.push((format!("{place}: {name}"), Box::new(text)));
            }
        }
    }
    texts
}

/// The deepest that the scan lets through, if it bounds the depth at all below `most`.
fn deepest(text: &dyn Fn(usize) -> String, most: usize) -> (usize, Option<Nesting>) {
    let measured = |depth| nesting::measure(&text(depth)).ok();
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if measured(middle).is_some() { low = middle } else { high = middle - 1 }
    }
    (low, measured(low))
}

/// Compiles on a thread that has room for any depth; the bytes of its stack that this touched, and how long it took.
fn compile_on_a_thread(source: String, ticks: bool) -> (usize, Duration) {
    let thread = std::thread::Builder::new().stack_size(1 << 30).spawn(move || {
        let here = 0_u8;
        let before = resident(&raw const here as usize);
        let start = Instant::now();
        let _ = with_options(|options| compile_by(&source, &options.ticks(ticks), Strategy::InPlace));
        (resident(&raw const here as usize) - before, start.elapsed())
    });
    thread.expect("the system has a thread to give").join().expect("nothing overflows")
}

/// Bytes in memory of the mapping around an address; 0 where the system does not tell.
fn resident(address: usize) -> usize {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let mut inside = false;
    for line in maps.lines() {
        if let Some(("Rss", kilobytes)) = line.split_once(':') {
            if inside {
                return kilobytes
                    .trim()
                    .trim_end_matches(" kB")
                    .parse::<usize>()
                    .map_or(0, |kilobytes| kilobytes * 1024);
            }
        } else if let Some((start, rest)) = line.split_once('-')
            && let (Ok(start), Some((end, _))) = (usize::from_str_radix(start, 16), rest.split_once(' '))
            && let Ok(end) = usize::from_str_radix(end, 16)
        {
            inside = start <= address && address < end;
        }
    }
    0
}

#[test]
fn the_deepest_of_each_kind_has_room() {
    for (turn, (name, text)) in texts().into_iter().enumerate() {
        let (depth, nesting) = deepest(&text, 5_000);
        let nesting = nesting.unwrap_or_else(|| panic!("{name} is refused"));
        assert!(depth < 5_000, "the depth of {name} is not bounded");
        let (bytes, took) = compile_on_a_thread(text(depth), turn % 2 == 1);
        let share = bytes as f64 / stack::room(nesting) as f64;
        assert!(share < MAX_SHARE, "{name} takes {bytes} bytes, {share:.2} of its room");
        assert!(took < Duration::from_secs(5), "{name} takes {took:?}");
    }
}

/// Rows of halves at random, each repeated: what the scan counts too low would overflow the stack of a program, and
/// what the parser tries twice at each level would never end.
#[test]
fn whatever_is_repeated_has_room_and_ends() {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let first: u64 = number("DEPTH_FIRST", 0);
    for seed in first..first + number("DEPTH_SEEDS", 150) {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x2545_F491;
        let mut below = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        let (head, foot) = HEADS[below(HEADS.len())];
        let parts: Vec<(&str, &str)> = (0..1 + below(5)).map(|_| HALVES[below(HALVES.len())]).collect();
        let core = ["a", "B", "", ";", "1", "{}", "()=>1"][below(7)];
        let open: String = parts.iter().map(|part| part.0).collect();
        let close: String = parts.iter().rev().map(|part| part.1).collect();
        let closed = below(4) > 0;
        let text = |depth: usize| {
            let close = if closed { close.repeat(depth) } else { String::new() };
            format!("{head}{}{core}{close}{foot}", open.repeat(depth))
        };
        let (most, _) = deepest(&text, 10_000);
        // Deeper step by step: what doubles with each level shows before it never ends.
        let steps = (4..).map(|power| most.min(1 << power)).take_while(|depth| *depth < most).chain([most]);
        for depth in steps {
            let source = text(depth);
            let Ok(nesting) = nesting::measure(&source) else { break };
            let (bytes, took) = compile_on_a_thread(source, seed % 2 == 0);
            let share = bytes as f64 / stack::room(nesting) as f64;
            let shown = text(2);
            assert!(
                share < MAX_SHARE,
                "seed {seed}, {depth} levels of {shown:?} take {bytes} bytes, {share:.2} of their room"
            );
            assert!(took < Duration::from_secs(5), "seed {seed}, {depth} levels of {shown:?} take {took:?}");
        }
    }
}

/// What the parser tries as one thing first, and reads again as another: as much of it as the scan lets through.
#[test]
fn what_is_read_again_is_bounded() {
    for (open, core, close) in REREAD {
        let one = format!("x={}{core}{};\n", open.repeat(40), close.repeat(40));
        let text = |count: usize| one.repeat(count);
        let (count, _) = deepest(&text, 64 * 1024 / one.len());
        let took = time(|| drop(super::compile(&text(count))));
        assert!(took < LIMIT, "{count} times 40 levels of {open}…{close} take {took:?}");
    }
}

/// Heads behind which a parser reads other tokens than the scan may think: what follows is hidden from it in a string, a
/// template or a regular expression. Whatever it thinks, nothing overflows and no engine is given the depth.
#[test]
fn nothing_hides_its_depth() {
    let heads = [
        "return \"\\\r\n\"+",
        "const s=\"\\\r\n\";x=",
        "return `\\\r\n`+",
        "a.while(1)/\"/;\"+",
        "a.if(1)/\"/;\"+",
        "yield /\"/;\"+",
        "function f(){ await /\"/;\"+",
        "x = a as void /\"/;\"+",
        "let a\n/\"/;x=",
        "let a: number\n/\"/;x=",
        "var a, b\n/`/;x=",
        "import \"x\"\n/\"/;x=",
        "export * from \"x\"\n/\"/;x=",
        "type A = B\n/\"/;x=",
        "declare function f(): void\n/\"/;x=",
        "for (;;) { continue a\n/\"/;x=",
        "#!`\nx=",
        "#! \"\nx=",
        "x = /\"\u{2028}/;x=",
        "x = a as ? /\"/;\"+",
        "x = a as * /\"/;\"+",
        "let a: B? /\"/;\"+",
        "let a: ? /\"/;\"+",
        "x = a<!--\"\n+",
        "x\n--> \"\n+",
        "x = { return /\"/;\"+",
        "x = { typeof /\"/;\"+",
        "class A { delete /\"/;\"+",
        "class A { new\n/\"/;x=",
        "class A { if(a)\n/\"/;x=",
        "enum A { default /\"/;\"+",
        "@if(a) /\"/;\"+",
        "import { default /\"/;\"+",
        "x = <a>\"</a>",
        "x = <a>`{",
        "x = <a>'{",
        "x = <a b=\"\\\" c={",
        "return <a>{/*</a>*/}\"",
    ];
    let mut told = Vec::new();
    for head in heads {
        for (open, close) in
            [("(", ")"), ("[", "]"), ("{a:", "}"), ("!", ""), ("f(", ")"), ("()=>{", "}"), ("<a>", "</a>")]
        {
            let many = if close.is_empty() { 45_000 } else { 20_000 };
            let (open, close) = (open.repeat(many), close.repeat(many));
            let source = format!("{head}{open}1{close}");
            let begun = Instant::now();
            let compiled = with_options(|options| compile_by(&source, options, Strategy::InPlace));
            let took = begun.elapsed();
            let shown: String = source.chars().take(head.len() + 6).collect();
            assert!(took < Duration::from_secs(5), "{shown:?} takes {took:?}");
            match compiled {
                Err(errors) => told.push(format!("{shown:?} {took:?}: {}", errors[0].message)),
                Ok(_) => panic!("{shown:?} compiles"),
            }
        }
    }
    println!("{}", told.join("\n"));
}
