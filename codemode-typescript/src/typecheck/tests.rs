//! The type check with the real compiler, and what never reaches it.

use std::time::Instant;

use super::*;

const TOOLS: &str = "declare function external_getUser(input: { id: number }): Promise<{ id: number; name: string; email?: string }>;\n\
                     declare function external_search(input: { query: string }): Promise<unknown>;";

/// The compiler of `cargo xtask setup`, or a loud word that it is missing.
fn checker() -> Option<TypeChecker> {
    match TypeChecker::find() {
        Ok(checker) => Some(checker.deadline(Duration::from_secs(60))),
        Err(why) => {
            assert!(env::var_os("CODEMODE_REQUIRE_ALL").is_none(), "{why}");
            println!("THE TYPESCRIPT COMPILER IS MISSING: THE TYPE CHECK WAS NOT TESTED ({why})");
            None
        }
    }
}

fn errors(checker: &TypeChecker, code: &str) -> Vec<String> {
    let found = checker.check(code, TOOLS).expect("the compiler answers");
    found.iter().map(|error| format!("{}:{} {}", error.line, error.column, error.message)).collect()
}

#[test]
fn errors_have_the_positions_of_the_program() {
    let Some(checker) = checker() else { return };
    for (code, expected) in [
        ("const user = await external_getUser({ id: 1 });\nreturn user.name.length;", vec![]),
        (
            "const user = await external_getUser({ id: 1 });\nreturn user.nmae;",
            vec![
                "2:13 Property 'nmae' does not exist on type '{ id: number; name: string; email?: string | undefined; }' (TS2339)",
            ],
        ),
        (
            "return external_getUser({ id: '1' });",
            vec!["1:27 Type 'string' is not assignable to type 'number' (TS2322)"],
        ),
        (
            "const user = await external_getUser({ id: 1 });\n\nreturn user.email.length;",
            vec!["3:8 'user.email' is possibly 'undefined' (TS18048)"],
        ),
        // What nobody declared may be anything, and a type that a model leaves out is not a mistake.
        ("const found = await external_search({ query: 'a' });\nreturn found.hits.map((hit) => hit.title);", vec![]),
        (
            "```ts\nconst n: number = 'x';\nreturn n\n```",
            vec!["2:7 Type 'string' is not assignable to type 'number' (TS2322)"],
        ),
        ("{ total: await external_getUser({ id: 1 }) }", vec![]),
        ("export default async function main() {\n  return (await external_getUser({ id: 1 })).name;\n}", vec![]),
        ("console.log(new URL('https://a.b').host); return new Map([[1, 2]]).get(1);", vec![]),
    ] {
        assert_eq!(errors(&checker, code), expected, "{code}");
    }
}

#[test]
fn nothing_of_the_host_is_read() {
    let checker = TypeChecker::new("/nowhere/tsc");
    for code in [
        "import x from '/etc/passwd'; return x",
        "return (await import('/etc/passwd'))",
        "let x: import('/etc/passwd').A; return x",
        "/// <reference path=\"/etc/passwd\" />\nreturn 1",
        "//<reference path=\"/etc/passwd\" />\nreturn 1",
        "// @ts-nocheck\nreturn 1",
        "import x = require('/etc/passwd'); return x",
        "export * from '/etc/passwd'",
        "declare module '/etc/passwd' {}",
    ] {
        let error = checker.check(code, TOOLS).expect_err(code);
        assert_eq!(error.kind, TypeCheckErrorKind::Unsupported, "{code}: {error}");
    }
    let error = checker.check("return 1", TOOLS).expect_err("there is no compiler");
    assert_eq!(error.kind, TypeCheckErrorKind::NotStarted);
}

#[test]
fn a_compiler_that_dies_is_started_again_and_one_that_hangs_is_given_up() {
    let Some(checker) = checker() else { return };
    assert_eq!(errors(&checker, "return 1"), Vec::<String>::new());
    if let Some(server) = checker.server.lock().expect("nobody panicked").as_mut() {
        server.end();
    }
    assert_eq!(errors(&checker, "return 1 + null").len(), 1);
    if cfg!(unix) {
        let hangs = TypeChecker::new("/bin/cat").deadline(Duration::from_millis(200));
        let began = Instant::now();
        assert!(hangs.check("return 1", TOOLS).is_err());
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn a_warm_check_is_quick() {
    let Some(checker) = checker() else { return };
    let program = "const users = await Promise.all([1, 2, 3].map((id) => external_getUser({ id })));\n".to_owned();
    let lines: String =
        (0..27).map(|n| format!("const name{n} = users[{}]?.name.toUpperCase() ?? 'none';\n", n % 3)).collect();
    let program = format!("{program}{lines}return [name1, name26];");
    let mut times: Vec<Duration> = (0..21)
        .map(|n| {
            let changed = format!("{program}\n// {n}");
            let began = Instant::now();
            assert_eq!(errors(&checker, &changed), Vec::<String>::new());
            began.elapsed()
        })
        .collect();
    times.sort();
    println!("warm check of 30 lines: {:?} median, {:?} at most", times[10], times[20]);
    assert!(times[10] < Duration::from_secs(2), "{:?}", times[10]);
}
