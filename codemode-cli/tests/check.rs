//! `codemode check`: nothing runs, everything is named.
#![cfg(unix)]

mod support;

use std::path::Path;

use serde_json::json;
use support::{Folder, Ran};

fn check(program: &str, types: &str, compiler: Option<&Path>) -> Ran {
    let folder = Folder::new();
    let input = json!({ "type": "object", "properties": { "id": { "type": "integer" } }, "required": ["id"] });
    let output = json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
    // It would leave a mark if it ran.
    let tool = json!({ "name": "getUser", "description": "d", "inputSchema": input, "outputSchema": output, "command": ["touch", "ran"] });
    folder.file("tools.json", json!([tool]).to_string()).file("p.ts", program);
    let mut command = folder.command(&["check", "p.ts", "--tools", "tools.json", "--types", types]);
    match compiler {
        Some(compiler) => command.env("CODEMODE_TSC", compiler),
        None => command.env_remove("CODEMODE_TSC"),
    };
    let ran = support::finish(command);
    assert_eq!(folder.names(), ["p.ts", "tools.json"], "something ran");
    ran
}

#[test]
fn errors_and_warnings_have_their_places() {
    let ran = check("const user = await external_getUsr({ id: 1 });\nreturn user.name;", "skip", None);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for part in ["external_getUsr is not defined", "p.ts:1:20", "did you mean external_getUser?"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    let ran = check("const user = external_getUser({ id: 1 });\nreturn user.name;", "skip", None);
    assert_eq!(ran.code, Some(0), "a warning alone: {}", ran.stderr);
    assert!(ran.stderr.contains("write `const user = await external_getUser(…)`"), "{}", ran.stderr);
    let ran = check("return (await external_getUser({ id: 1 })).name;", "skip", None);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn types_are_checked_if_there_is_a_compiler() {
    let program = "return (await external_getUser({ id: 1 })).nmae;";
    let ran = check(program, "auto", None);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.contains("types are not checked"), "{}", ran.stderr);
    assert_eq!(check(program, "require", None).code, Some(2));
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("tools").join("typescript");
    let found = std::fs::read_dir(tools.join("node_modules").join("@typescript")).ok().and_then(|mut all| all.next());
    let Some(Ok(package)) = found else {
        assert!(std::env::var_os("CODEMODE_REQUIRE_ALL").is_none(), "the TypeScript compiler is missing");
        return println!("THE TYPESCRIPT COMPILER IS MISSING: TYPES WERE NOT CHECKED; run `cargo xtask setup`");
    };
    let ran = check(program, "require", Some(&package.path().join("lib").join("tsc")));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("Property 'nmae' does not exist on type '{ name: string; }'"), "{}", ran.stderr);
}
