//! `run`, `replay`, `prompt`, `stubs`, `drivers` and `help`, as a person or a script uses them.

mod support;

use std::{fs, process::Stdio, thread};

use serde_json::{Value, json};
use support::{Folder, SOON, finish, root};

#[test]
fn the_main_job_gives_what_one_sql_statement_gives() {
    let folder = Folder::with_shop();
    let ran = folder.run(&["run", "top-products.ts", "--sqlite", "shop.db"]).ends(0);
    let ran = ran.says("codemode: made shop.db from shop.sql\n").says("93 ratings read\n").says("\n6 calls in ");
    let connection = rusqlite::Connection::open(folder.path("shop.db")).expect("a database");
    let sql = "SELECT json_group_array(json(one)) FROM (
        SELECT json_object('name', name, 'sales', sum(quantity), 'averageRating',
            (SELECT round(avg(stars), 2) FROM ratings WHERE product_id = products.id)) AS one
        FROM products JOIN sales ON product_id = products.id WHERE returned = 0
        GROUP BY products.id ORDER BY sum(quantity) DESC, name LIMIT 5)";
    let expected: String = connection.query_row(sql, [], |row| row.get(0)).expect("the statement runs");
    assert_eq!(ran.json(), serde_json::from_str::<Value>(&expected).expect("JSON"));
    assert_eq!(ran.json().as_array().map(Vec::len), Some(5));

    let again = folder.run(&["run", "top-products.ts", "--sqlite", "shop.db"]).ends(0);
    assert_eq!(again.stdout, ran.stdout);
    assert!(!again.stderr.contains("made"), "{again:#?}");

    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    assert!(readme.contains(&ran.stdout), "the README shows another output than\n{}", ran.stdout);
}

#[test]
fn several_first_runs_at_once_make_one_database() {
    let folder = Folder::with_shop();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| folder.run(&["run", "top-products.ts", "--sqlite", "shop.db", "--json"]).ends(0));
        }
    });
    assert_eq!(folder.names(), ["shop.db", "shop.sql", "top-products.ts"]);
}

#[test]
fn exit_codes_and_texts_tell_how_a_program_ended() {
    let folder = Folder::new();
    for (source, args, code, said) in [
        ("return 1", &[][..], 0, "0 calls in "),
        ("console.log(1)", &[], 0, "the program returned nothing"),
        ("throw new TypeError('boom')", &[], 1, "TypeError: boom\n  at standard input:1:"),
        ("return (", &[], 1, "SyntaxError: "),
        ("import 'fs'", &[], 1, "UnsupportedSyntax: "),
        ("return external_nope({})", &[], 1, "external_nope is not defined"),
        ("for (;;) {}", &["--timeout", "200ms"], 1, "Timeout: the program ran longer than 200ms"),
        ("const a = []; for (;;) a.push(Array(9999).fill(1))", &["--memory", "16MiB"], 1, "OutOfMemory: "),
        ("await new Promise(() => {})", &[], 1, "Stalled: "),
        ("return 1n", &[], 1, "NotSerializable: "),
    ] {
        let ran = folder.program(source, args).ends(code).says(said);
        assert_eq!(ran.stdout, if source == "return 1" { "1\n" } else { "" }, "{source}");
    }
    folder.file("deep.ts", "function f(): never {\n  throw Error('x');\n}\nf();");
    let ran = folder.run(&["run", "deep.ts"]).ends(1);
    let ran = ran.says("Error: x\n  at f (deep.ts:2:").says("\n  at deep.ts:4:1\n");
    ran.says("\n> 2 |   throw Error('x');\n");
}

#[test]
fn json_is_one_object_whatever_happens() {
    let folder = Folder::new();
    let json = |source: &str, code| folder.program(source, &["--json", "--timeout", "5s"]).ends(code).json();
    assert_eq!(json("return { a: [1] }", 0), json!({ "success": true, "result": { "a": [1] } }));
    assert_eq!(json("console.log('é'); console.warn(2)", 0), json!({ "success": true, "logs": ["é", "[warn] 2"] }));
    let failed = json("console.log(1);\nthrow new RangeError('no')", 1);
    assert_eq!((&failed["success"], &failed["logs"]), (&json!(false), &json!(["1"])));
    assert_eq!((&failed["error"]["name"], &failed["error"]["line"]), (&json!("RangeError"), &json!(2)));
    assert_eq!(json("return (", 1)["error"]["kind"], "syntax");
    let ran = folder.program("console.log('x'); return 1", &["--json"]).ends(0);
    assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (1, ""));
}

#[test]
fn events_are_lines_of_json_in_order() {
    let folder = Folder::with_shop();
    let args = ["run", "top-products.ts", "--sqlite", "shop.db", "--events"];
    let ran = folder.run(&[&args[..], &["-"]].concat()).ends(0).says("\"Enamel mug\"");
    folder.run(&[&args[..], &["events.jsonl"]].concat()).result();
    for text in [ran.stdout, folder.read("events.jsonl")] {
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
        let count = |kind: &str| types.iter().filter(|it| **it == format!("code_mode:{kind}")).count();
        assert_eq!(types.first(), Some(&"code_mode:execution_started"));
        assert_eq!(types.last(), Some(&"code_mode:execution_finished"));
        assert_eq!((count("external_call"), count("external_result"), count("console"), types.len()), (6, 6, 2, 16));
        let id = &events[0]["toolCallId"];
        assert!(id.is_string() && events.iter().all(|event| event["toolCallId"] == *id), "{text}");
        let calls: Vec<&Value> = events.iter().filter(|event| event.get("callId").is_some()).collect();
        assert!(calls.len() == 12 && calls.iter().all(|call| call["function"] == "external_querySql"), "{text}");
    }
}

#[test]
fn a_seed_makes_randomness_repeatable() {
    let folder = Folder::new();
    let random = |args: &[&str]| folder.program("return [Math.random(), crypto.randomUUID()]", args).result();
    assert_eq!(random(&["--seed", "7"]), random(&["--seed", "7"]));
    assert_ne!(random(&["--seed", "7"]), random(&["--seed", "8"]));
    assert_ne!(random(&[]), random(&[]));
}

#[test]
fn max_calls_counts_calls() {
    let folder = Folder::with_shop();
    let source = "let n = 0; try { for (;;) { await external_querySql({ sql: 'SELECT 1' }); n++ } } \
                  catch (error: any) { return [n, error.message] }";
    let answer = folder.program(source, &["--sqlite", "shop.db", "--max-calls", "3"]).result();
    assert_eq!(answer[0], 3, "{answer}");
    assert!(answer[1].as_str().is_some_and(|message| message.contains('3')), "{answer}");
}

#[test]
fn a_journal_replays_without_its_tools_and_shows_the_first_difference() {
    let folder = Folder::with_shop();
    folder.run(&["run", "top-products.ts", "--sqlite", "shop.db", "--journal", "j"]).result();
    fs::remove_file(folder.path("shop.db")).expect("a database");
    let ran = folder.run(&["replay", "j"]).ends(0);
    assert!(ran.stdout.starts_with("equal: 9 messages and 7 deliveries came out the same"), "{ran:#?}");
    let reply = folder.run(&["replay", "j", "--json"]).ends(0).json();
    assert_eq!((&reply["equal"], &reply["reply"]["result"][0]["name"]), (&json!(true), &json!("Enamel mug")));

    let changed = folder.read("top-products.ts").replace("ratings read", "RATINGS");
    folder.file("changed.ts", changed);
    let ran = folder.run(&["replay", "j", "--program", "changed.ts"]).ends(1);
    assert!(ran.stdout.contains("diverged") && ran.stdout.contains("93 RATINGS"), "{ran:#?}");
    let reply = folder.run(&["replay", "j", "--program", "changed.ts", "--json"]).ends(1).json();
    assert_eq!(reply["equal"], false);

    // What failed when it was recorded fails the same way again, and that is equality.
    for (source, args) in [
        ("console.log(Math.random()); throw Error('x')", &[][..]),
        ("return (", &[]),
        ("for (;;) {}", &["--timeout", "100ms"]),
        ("await new Promise(() => {})", &[]),
    ] {
        folder.program(source, &[args, &["--journal", "failed"]].concat()).ends(1);
        folder.run(&["replay", "failed"]).ends(0);
    }
}

#[test]
fn what_is_no_journal_is_refused_with_its_line() {
    let folder = Folder::new();
    folder.program("console.log(1); return 2", &["--journal", "j"]).ends(0);
    let good = folder.read("j");
    let (cut, _) = good.split_at(good.len() / 2);
    let odd = format!("{{\"shouted\":1}}\n{good}");
    let inside = good.replacen("{\"posted\"", "{\"shouted\"", 1);
    for (bytes, said) in [
        (b"".as_slice(), "is empty"),
        (b"hello", "is not a journal"),
        (b"\x00\xff\x80", "is not a journal"),
        (b"{\"a\"", "line: 1"),
        (odd.as_bytes(), "line: 1"),
        (inside.as_bytes(), "line: 3"),
        (cut.as_bytes(), "(line: 1)"),
    ] {
        folder.file("bad", bytes).run(&["replay", "bad"]).ends(2).says(said).says("bad");
    }
    folder.run(&["replay", "nope"]).ends(2).says("nope does not exist");
    folder.run(&["replay", "."]).ends(2).says(". is a directory");
}

#[test]
fn a_program_that_cannot_be_read_is_a_problem_of_its_file() {
    let folder = Folder::new();
    for (name, bytes, said) in [
        ("empty.ts", b" \n".as_slice(), "empty.ts is empty"),
        ("utf16.ts", b"\xff\xfer\0", "utf16.ts is UTF-16 text"),
        ("latin1.ts", b"// ok\nreturn '\xe9'", "latin1.ts is not UTF-8 text: byte 0xe9 on line 2 (offset 14)"),
        ("large.ts", &[b' '; 300_000], "large.ts holds 293.0 KiB; at most 256 KiB are read"),
    ] {
        folder.file(name, bytes).run(&["run", name]).ends(2).says(said);
    }
    folder.run(&["run", "nope.ts"]).ends(2).says("error: nope.ts does not exist\n");
    folder.run(&["run", "."]).ends(2).says("is a directory");
    folder.program([b' '; 300_000], &[]).ends(2).says("standard input holds more than 256 KiB");
    folder.program("", &[]).ends(2).says("standard input is empty");
    assert_eq!(folder.program("\u{feff}return 'mark'", &[]).result(), "mark");
}

#[test]
fn wrong_usage_is_named() {
    let folder = Folder::new();
    folder.file("p.ts", "return 1");
    for (args, said) in [
        (&["run"][..], "<FILE>"),
        (&["walk"], "'walk'"),
        (&["run", "p.ts", "--fast"], "'--fast'"),
        (&["run", "p.ts", "--timeout", "5"], "the unit is missing"),
        (&["run", "p.ts", "--timeout", "-5s"], "500ms, 30s"),
        (&["run", "p.ts", "--timeout", "0s"], "--timeout is 0"),
        (&["run", "p.ts", "--timeout", "9999h"], "--timeout is"),
        (&["run", "p.ts", "--memory", "128M"], "no unit"),
        (&["run", "p.ts", "--memory", "1KiB"], "--memory is 1024 bytes"),
        (&["run", "p.ts", "--max-calls", "-1"], "from 0 to 4294967295"),
        (&["run", "p.ts", "--seed", "1.5"], "from 0 to 18446744073709551615"),
        (&["run", "p.ts", "--driver", "spidermonkey"], "no driver \"spidermonkey\""),
        (&["run", "p.ts", "--json", "--events", "-"], "--json and --events -"),
        (&["run", "p.ts", "--events", "p.ts"], "--events would overwrite p.ts"),
        (&["run", "p.ts", "--journal", "./p.ts"], "--journal would overwrite p.ts"),
        (&["run", "p.ts", "--journal", "-"], "--journal wants a file"),
        (&["run", "p.ts", "--journal", "x", "--events", "x"], "both name x"),
        (&["run", "p.ts", "--events", "no/where"], "no/where cannot be written"),
        (&["run", "p.ts", "--sqlite", "no.db"], "no.db does not exist"),
        (&["run", "p.ts", "--tools", "no.json"], "no.json does not exist"),
    ] {
        let ran = folder.run(args).ends(2).says(said);
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    let mut command = folder.command(&["run", "p.ts"]);
    command.env("CODEMODE_DRIVER", "spidermonkey");
    finish(command).ends(2).says("CODEMODE_DRIVER");
    assert_eq!(folder.read("p.ts"), "return 1");
}

#[test]
fn commands_that_tell_write_to_standard_output() {
    let folder = Folder::with_shop();
    let help = folder.run(&["help"]).ends(0).stdout;
    for word in ["run", "replay", "prompt", "stubs", "drivers", "Exit codes", "NO_COLOR"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    let help = folder.run(&["help", "run"]).ends(0).stdout;
    let options = "--driver --sqlite --tools --timeout --memory --max-calls --seed --json --events --journal";
    assert!(options.split(' ').all(|option| help.contains(option)), "{help}");

    let stubs = folder.run(&["stubs", "--sqlite", "shop.db"]).ends(0).stdout;
    assert!(stubs.contains("declare function external_querySql(input: {") && stubs.contains("price_cents"), "{stubs}");
    let prompt = folder.run(&["prompt", "--sqlite", "shop.db", "--timeout", "7s"]).ends(0).stdout;
    assert!(prompt.contains(stubs.trim()) && prompt.contains("execute_typescript") && prompt.contains("7 s"));

    let (listed, shown) = (drivers(&folder), folder.run(&["drivers"]).ends(0).stdout);
    assert!(listed.iter().any(|driver| driver["name"] == "quickjs"), "{listed:?}");
    for driver in &listed {
        for field in ["name", "engine", "deadline", "memory", "isolation"] {
            assert!(shown.contains(driver[field].as_str().expect("a text")), "{field}");
        }
    }
}

#[test]
fn nobody_reading_is_no_failure_and_a_full_disk_is_one() {
    let folder = Folder::new();
    folder.file("p.ts", "console.log('x'.repeat(9999)); return 'y'.repeat(500_000)");
    // The reader is gone before the program starts.
    let mut command = folder.command(&["run", "p.ts", "--events", "-"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    command.stdout(writer.try_clone().expect("its end")).stderr(Stdio::from(writer));
    finish(command).ends(0);

    if cfg!(target_os = "linux") {
        let full = || fs::File::options().write(true).open("/dev/full").expect("a full disk");
        let mut command = folder.command(&["run", "p.ts"]);
        command.stdout(full());
        finish(command).ends(2).says("standard output cannot be written: No space left");
        folder.run(&["run", "p.ts", "--events", "/dev/full"]).ends(2).says("/dev/full: No space left");
        folder.run(&["run", "p.ts", "--journal", "/dev/full"]).ends(2).says("/dev/full cannot be written");
    }
}

#[test]
fn text_of_strangers_does_nothing_to_a_terminal() {
    let folder = Folder::new();
    let ran = folder.program("console.log('\\x1b[2J\\u202e'); return '\\x9b31m\\x7f'", &[]).ends(0);
    assert_eq!(ran.stdout, "\"\\u009b31m\\u007f\"\n");
    let ran = ran.says("\\x1b[2J\\u{202e}\n");
    assert!(!ran.stderr.contains('\x1b'), "no colours where there is no terminal: {ran:#?}");
    let ran = folder.program("throw Error('\\x1b]0;title\\x07')", &[]).ends(1).says("Error: \\x1b]0;title\\x07");
    assert!(!ran.stderr.contains('\x1b'));
}

#[test]
fn a_deadline_holds_from_outside_as_well() {
    let ran = Folder::new().program("for (;;) { try { for (;;) {} } finally { continue } }", &["--timeout", "300ms"]);
    assert!(ran.took < SOON, "{ran:#?}");
    ran.ends(1).says("Timeout: ");
}

/// What `codemode drivers --json` lists.
fn drivers(folder: &Folder) -> Vec<Value> {
    folder.run(&["drivers", "--json"]).ends(0).json().as_array().expect("a list").clone()
}

#[test]
fn every_driver_gives_the_same_answer() {
    let folder = Folder::with_shop();
    folder.file(
        "p.ts",
        "const rows = (await external_querySql({ sql: 'SELECT id FROM products ORDER BY id LIMIT 3' })).rows;\n\
         console.log(rows);\n\
         return { sum: rows.reduce((sum, row) => sum + Number(row.id), 0), text: new Date(0).toISOString() };",
    );
    let listed = drivers(&folder);
    let names: Vec<&str> = listed.iter().map(|driver| driver["name"].as_str().expect("a name")).collect();
    let run = ["run", "p.ts", "--sqlite", "shop.db", "--json"];
    for name in &names {
        let by_argument = folder.run(&[&run[..], &["--driver", name]].concat()).ends(0);
        let mut command = folder.command(&run);
        command.env("CODEMODE_DRIVER", name);
        let by_variable = finish(command).ends(0);
        let expected = json!({ "sum": 6, "text": "1970-01-01T00:00:00.000Z" });
        assert_eq!(by_argument.json()["result"], expected, "{name}");
        assert_eq!(by_argument.stdout, by_variable.stdout, "{name}");
    }
    let refused = folder.run(&[&run[..], &["--driver", "nope"]].concat()).ends(2);
    names.iter().fold(refused, |refused, name| refused.says(name));
}
