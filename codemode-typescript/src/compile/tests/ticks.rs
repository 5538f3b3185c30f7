//! Where ticks are put, and that they change nothing else.

use super::programs::PROGRAMS;
use super::{Strategy, canonical, compile_by, with_options};

/// The script with ticks, without its wrapper.
fn ticked(source: &str, strategy: Strategy) -> String {
    let compiled = with_options(|options| compile_by(source, &options.ticks(true), strategy));
    compiled.unwrap_or_else(|errors| panic!("{source}\nwas refused: {errors:#?}")).javascript
}

fn body(source: &str) -> String {
    let script = ticked(source, Strategy::InPlace);
    let body = script
        .strip_prefix("(async ($at, $done, $tick) => {\"use strict\";")
        .and_then(|text| text.strip_suffix("\n})"));
    body.expect("the wrapper stands around every script").to_owned()
}

#[test]
fn loops_and_functions_tick() {
    for (source, expected) in [
        ("for (;;) {}\nreturn 1", "for (;;) {$tick();}\nreturn 1"),
        ("while (x) f()\nreturn 1", "while (x) {$tick();f()}\nreturn 1"),
        ("while (x);\nreturn 1", "while (x){$tick();;}\nreturn 1"),
        ("do x++; while (x < 9)\nreturn 1", "do {$tick();x++;} while (x < 9)\nreturn 1"),
        (
            "for (const a of b) for (const c in a) f(c); return 1",
            "for (const a of b) {$tick();for (const c in ((v)=>(typeof v===\"string\"&&v in{},v))((a))) {$tick();f(c);}} return 1",
        ),
        ("function f() { return 1 } return 1", "function f() {$tick(); return 1 } return 1"),
        ("const f = (a) => a + 1; return 1", "const f = (a) => ($tick(),a + 1); return 1"),
        ("const f = () => ({ a: 1 }); return 1", "const f = () => ($tick(),({ a: 1 })); return 1"),
        ("const f = (a: any) => a as number; return 1", "const f = (a     ) => ($tick(),a          ); return 1"),
        ("const f = (a) => (b) => b; return 1", "const f = (a) => ($tick(),(b) => ($tick(),b)); return 1"),
        (
            "class A { get x() { return 1 } static { f() } } return 1",
            "class A { get x() {$tick(); return 1 } static { f() } } return 1",
        ),
        ("const f = async () => await x; return 1", "const f = async () => ($tick(),$done($at(1), await x)); return 1"),
    ] {
        assert_eq!(body(source), expected, "{source}");
    }
}

#[test]
fn a_tick_has_a_name_of_its_own() {
    assert!(ticked("const $tick = 1; for (;;) f($tick)", Strategy::InPlace).contains("{$tick1();f($tick)}"));
}

#[test]
fn every_program_can_tick_on_both_ways() {
    for (source, _) in PROGRAMS {
        let (fast, printed) = (ticked(source, Strategy::InPlace), ticked(source, Strategy::Printed));
        assert_eq!(canonical(&fast), canonical(&printed), "of\n{source}");
    }
}
