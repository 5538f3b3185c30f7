//! `--tools`: commands as tools, with every way in which a command and its declaration can be wrong.
#![cfg(unix)]

mod support;

use serde_json::{Value, json};
use support::{Alive, Folder, SOON};

/// A tool that is a shell text.
fn shell(name: &str, text: &str) -> Value {
    json!({ "name": name, "description": "d", "inputSchema": {}, "command": ["sh", "-c", text] })
}

fn with(mut tool: Value, field: &str, value: Value) -> Value {
    tool[field] = value;
    tool
}

/// A program that gives what the function answers, or the error's name, code, message and data.
fn call(function: &str, input: &str) -> String {
    format!(
        "try {{ return await external_{function}({input}) }}
         catch (error: any) {{ return [error.name, error.code, error.message, error.data] }}"
    )
}

#[test]
fn a_command_reads_json_and_writes_json() {
    let folder = Folder::new();
    let word = json!({ "type": "object", "properties": { "word": { "type": "string" } }, "required": ["word"] });
    let echo = json!({ "name": "echo-it", "description": "Says it again", "inputSchema": word, "outputSchema": word, "command": ["cat"] });
    let env = with(
        shell("env", r#"printf '["%s","%s","%s"]' "$GIVEN" "$PASSED" "$SECRET""#),
        "env",
        json!({ "GIVEN": "a b", "PASSED": null }),
    );
    // No shell sees the arguments, and the program is found beside the file.
    let plain = json!({ "name": "plain", "description": "d", "inputSchema": {}, "command": ["echo", "[\"$HOME; `ls` * \\\"\"]"] });
    let script = json!({ "name": "script", "description": "d", "inputSchema": {}, "command": ["./bin/answer", "7"] });
    std::fs::create_dir_all(folder.path("sub/bin")).expect("a folder");
    folder.file("sub/bin/answer", "#!/bin/sh\necho $1\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path("sub/bin/answer"), mode).expect("a program");
    folder.file("sub/tools.json", json!([echo, env, plain, script]).to_string());

    let run = |args: &[&str]| {
        let mut command = folder.command(args);
        command.env("PASSED", "on").env("SECRET", "key");
        support::finish(command)
    };
    let stubs = run(&["stubs", "--tools", "sub/tools.json"]).ends(0).stdout;
    assert!(
        stubs.contains("declare function external_echo_it(input: { word: string }): Promise<{ word: string }>"),
        "{stubs}"
    );
    folder.file(
        "p.ts",
        "const words = await Promise.all([1, 2, 3].map((n) => external_echo_it({ word: 'é' + n })));
         return [words.map(({ word }) => word), await external_env({}), await external_plain({}), await external_script({})];",
    );
    let result = run(&["run", "p.ts", "--tools", "sub/tools.json"]).result();
    assert_eq!(result, json!([["é1", "é2", "é3"], ["a b", "on", ""], ["$HOME; `ls` * \""], 7]));
    folder.file("refused.ts", call("echo_it", "{ word: 5 } as any"));
    let refused = run(&["run", "refused.ts", "--tools", "sub/tools.json"]).result();
    assert_eq!((&refused[0], &refused[1]), (&json!("ToolInputError"), &json!("INVALID_INPUT")));
}

#[test]
fn a_command_that_fails_is_an_error_in_the_program() {
    let folder = Folder::new();
    let number = json!({ "type": "number" });
    let tools = [
        (
            shell("fails", "echo 'no such order' >&2; exit 3"),
            "COMMAND_FAILED",
            "fails failed with exit code 3: no such order",
        ),
        (shell("killed", "kill -9 $$"), "COMMAND_FAILED", "killed failed with signal 9"),
        (shell("talks", "echo hello; echo why >&2"), "COMMAND_BAD_ANSWER", "talks answered with text that is not JSON"),
        (shell("two", "echo 1; echo 2"), "COMMAND_BAD_ANSWER", "not JSON (trailing characters"),
        (shell("silent", "cat > /dev/null"), "COMMAND_BAD_ANSWER", "silent answered nothing"),
        (shell("binary", "printf '\\377\\376'"), "COMMAND_BAD_ANSWER", "not UTF-8 (byte 0)"),
        (
            shell("floods", "yes | head -c 1000000000"),
            "COMMAND_BAD_ANSWER",
            "the command's answer is longer than 16 MiB",
        ),
        (shell("wails", "yes wail | head -c 1000000 >&2; exit 1"), "COMMAND_FAILED", "exit code 1: …"),
        (with(shell("hangs", "sleep 600"), "timeoutMs", json!(200)), "TOOL_TIMEOUT", "did not answer within 200ms"),
    ];
    let file: Vec<&Value> = tools.iter().map(|(tool, ..)| tool).collect();
    folder.file("t.json", json!(file).to_string());
    for (tool, code, said) in &tools {
        let name = tool["name"].as_str().expect("a name");
        let ran = folder.program(call(name, "{}"), &["--tools", "t.json"]);
        assert!(ran.took < SOON, "{ran:#?}");
        let answer = ran.result();
        let message = answer[2].as_str().unwrap_or_default();
        assert!(answer[1] == *code && message.contains(said) && message.len() < 5_000, "{name}: {answer}");
    }
    let failed = folder.program(call("fails", "{}"), &["--tools", "t.json"]).result();
    assert_eq!(failed[3], json!({ "exitCode": 3, "stderr": "no such order" }));

    // An answer that does not fit its schema is passed on, with a word.
    folder.file("t.json", json!([with(shell("odd", "echo '\"text\"'"), "outputSchema", number)]).to_string());
    let ran = folder.program(call("odd", "{}"), &["--tools", "t.json"]).says("does not fit its output schema");
    assert_eq!(ran.result(), "text");
}

#[test]
fn a_command_may_close_its_input_and_leave_children() {
    let folder = Folder::new();
    let alive = Alive::watch(&folder);
    let leaves = shell("leaves", &format!("{} exec <&-; sleep 600 & echo 5", Alive::HOLD));
    folder.file("t.json", json!([leaves]).to_string());
    let ran = folder.program(call("leaves", "{ text: 'x'.repeat(2_000_000) }"), &["--tools", "t.json"]);
    assert!(ran.took < SOON, "{ran:#?}");
    assert_eq!(ran.result(), 5);
    alive.ends();
}

#[test]
fn nothing_of_a_command_outlives_its_execution() {
    let folder = Folder::new();
    let hangs = shell("hangs", &format!("{} trap '' TERM INT; sleep 600 & sleep 600; sleep 600", Alive::HOLD));
    for (tool, source, args) in [
        (hangs.clone(), "await external_hangs({})", &["--timeout", "1s"][..]),
        (with(hangs.clone(), "timeoutMs", json!(1_000)), "await external_hangs({})", &[]),
        // The program ends first.
        (
            hangs.clone(),
            "external_hangs({}); await new Promise((go) => setTimeout(go, 1000)); throw Error('enough')",
            &[],
        ),
        // The engine is busy when the deadline comes.
        (
            hangs,
            "external_hangs({}); await new Promise((go) => setTimeout(go, 1000)); for (;;) {}",
            &["--timeout", "1500ms"],
        ),
    ] {
        folder.file("t.json", json!([tool]).to_string());
        let alive = Alive::watch(&folder);
        let ran = folder.program(source, &[args, &["--tools", "t.json"]].concat()).ends(1);
        assert!(ran.took < SOON, "{ran:#?}");
        alive.ends();
        std::fs::remove_file(folder.path("alive")).expect("the pipe");
    }
}

#[test]
fn a_session_of_its_own_outlives_no_call() {
    let folder = Folder::new();
    let leaves = |rest: &str| {
        shell("leaves", &format!("{} setsid sleep 600 & (setsid setsid sleep 600 &) & {rest}", Alive::HOLD))
    };
    // Without an environment it is found only while its parent lives.
    let bare = "setsid env -i sh -c 'sleep 600 & sleep 600' & sleep 600";
    let hangs = |rest| with(leaves(rest), "timeoutMs", json!(1_000));
    for (tool, code) in [(leaves("echo 5"), 0), (leaves("exit 3"), 1), (hangs("sleep 600"), 1), (hangs(bare), 1)] {
        folder.file("t.json", json!([tool]).to_string());
        let alive = Alive::watch(&folder);
        let ran = folder.program("return await external_leaves({})", &["--tools", "t.json"]).ends(code);
        assert!(ran.took < SOON, "{ran:#?}");
        alive.ends();
        std::fs::remove_file(folder.path("alive")).expect("the pipe");
    }
}

#[test]
fn max_concurrency_bounds_calls_at_once() {
    let folder = Folder::new();
    let alone = shell("alone", "mkdir lock || exit 1; sleep 0.05; rmdir lock; echo 1");
    folder.file("t.json", json!([with(alone, "maxConcurrency", json!(1))]).to_string());
    let source = "return (await Promise.all(Array.from({ length: 6 }, () => external_alone({})))).length";
    assert_eq!(folder.program(source, &["--tools", "t.json"]).result(), 6);
}

#[test]
fn a_wrong_file_of_tools_is_named_by_line_and_field() {
    let folder = Folder::new();
    let tool =
        |rest: &str| format!("[\n  {{\"name\": \"a\", \"description\": \"d\", \"inputSchema\": {{}},\n   {rest}}}\n]");
    let text = |text: &str| text.to_owned();
    for (file, said) in [
        (text(""), "t.json:1:1: EOF while parsing a value"),
        (text("[{]"), "t.json:1:3: [0]: key must be a string"),
        (text("{}"), "t.json:1:1: invalid type: object, expected an array"),
        (text("[1]"), "t.json:1:2: [0]: invalid type: integer `1`, expected a tool"),
        (text("[{\"name\": \"a\"}]"), "t.json:1:2: [0]: missing field `description`"),
        (text("[] []"), "t.json:1:4: there is more after the array"),
        (tool("\"comand\": []"), "t.json:3:14: [0].comand: unknown field `comand`, expected one of `name`"),
        (tool("\"command\": \"ls -l\""), "t.json:3:15: [0].command: invalid type: string \"ls -l\", expected an array"),
        (tool("\"command\": []"), "t.json:3:15: [0].command: it must be [\"program\", \"argument\", …]"),
        (
            tool("\"command\": [\"no-such-program\"]"),
            "t.json:3:16: [0].command[0]: there is no program \"no-such-program\" in PATH",
        ),
        (tool("\"command\": [\"./gone\"]"), "gone is no program that can be run"),
        (tool("\"command\": [\"./t.json\"]"), "t.json is no program that can be run"),
        (tool("\"command\": [\"ls\", \"\\u0000\"]"), "t.json:3:22: [0].command[1]: a command cannot hold a NUL"),
        (
            tool("\"command\": [\"ls\"], \"timeoutMs\": 0"),
            "[0].timeoutMs: invalid value: integer `0`, expected a whole number over 0",
        ),
        (tool("\"command\": [\"ls\"], \"maxConcurrency\": -1"), "[0].maxConcurrency: invalid value"),
        (tool("\"command\": [\"ls\"], \"env\": {\"A\": 1}"), "[0].env.A: invalid type: integer `1`, expected a string"),
        (
            tool("\"command\": [\"ls\"], \"env\": {\"A=B\": \"\"}"),
            "[0].env.A=B: this cannot be an environment variable",
        ),
        (
            tool("\"command\": [\"ls\"], \"env\": {\"NOT_SET_HERE\": null}"),
            "t.json:3:47: [0].env.NOT_SET_HERE: null passes on",
        ),
        (tool("\"command\": [\"ls\"], \"outputSchema\": 5"), "[0].outputSchema: this must be a JSON Schema"),
        (
            tool("\"command\": [\"ls\"], \"outputSchema\": {\"type\": \"objct\"}"),
            "[0].outputSchema: it is not a valid JSON Schema",
        ),
        (json!([shell("a", ""), shell("a", "")]).to_string(), "[1].name: [0] has the name \"a\" already"),
        (json!([shell("", "")]).to_string(), "[0].name: the name of a tool"),
    ] {
        let ran = folder.file("t.json", &file).run(&["stubs", "--tools", "t.json"]).ends(2).says(said);
        assert_eq!(ran.stdout, "", "{file}");
    }
    folder.file("bytes.json", b"[\n\xff").run(&["stubs", "--tools", "bytes.json"]).ends(2).says("byte 0xff on line 2");
    folder.file("s.sql", "").file("t.json", json!([shell("querySql", "")]).to_string());
    folder
        .run(&["stubs", "--tools", "t.json", "--sqlite", "s.db"])
        .ends(2)
        .says("--sqlite has a tool \"querySql\" as well");
}
