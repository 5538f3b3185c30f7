//! Texts of strangers (programs, schemas) do not hold up the host: what is read of them counts to the deadline, runs where
//! it may block, and has a bound.
#![cfg(feature = "quickjs")]

use std::time::{Duration, Instant};

use codemode::{CodeMode, ExecuteOptions, FailureKind, Limits, Outcome, Tool};
use serde_json::{Map, Value, json};

fn code_mode(tools: Vec<Tool>) -> CodeMode {
    CodeMode::builder().driver(codemode::quickjs()).tools(tools).on_warning(|_| {}).build().expect("it builds")
}

/// Two hundred kilobytes of statements.
fn large_program(last: &str) -> String {
    let mut text = String::new();
    for n in 0..8_000 {
        text.push_str(&format!("const v{n}: number = {n};\n"));
    }
    text + last
}

async fn run(code_mode: &CodeMode, program: &str, timeout: Duration) -> Outcome {
    let options = ExecuteOptions::default().limits(Limits::default().timeout(timeout));
    code_mode.execute(program, options).await.expect("the host is fine")
}

#[tokio::test]
async fn reading_a_program_counts_to_its_deadline() {
    let code_mode = code_mode(Vec::new());
    let program = large_program("return 1");
    let begun = Instant::now();
    let failure = run(&code_mode, &program, Duration::from_millis(1)).await.result.expect_err("there is no time");
    assert_eq!((failure.kind, failure.name.as_str()), (FailureKind::Timeout, "Timeout"));
    assert!(failure.message.contains("was not read within 1ms"), "{}", failure.message);
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    let outcome = run(&code_mode, &program, Duration::from_secs(60)).await;
    assert_eq!(outcome.result.expect("it runs").map(|json| json.text().to_owned()).as_deref(), Some("1"));
}

#[tokio::test]
async fn reading_large_programs_holds_up_nobody_else() {
    // One thread serves everybody here.
    let code_mode = code_mode(Vec::new());
    let large = large_program("return 1");
    let (mut longest, begun) = (Duration::ZERO, Instant::now());
    let readers = async {
        let one = || run(&code_mode, &large, Duration::from_secs(60));
        tokio::join!(one(), one(), one(), one());
    };
    let ticker = async {
        loop {
            let before = Instant::now();
            tokio::time::sleep(Duration::from_millis(1)).await;
            longest = longest.max(before.elapsed());
        }
    };
    tokio::select! { () = readers => {}, () = ticker => {} }
    assert!(longest < begun.elapsed() / 3 + Duration::from_millis(50), "{longest:?} of {:?}", begun.elapsed());
}

fn tool(name: &str, input: Value, output: Option<Value>) -> Tool {
    Tool::from_schema(name.to_owned(), "Gives back.", input, output, |input: Value, _| async move { Ok(input) })
}

/// Schemas of a few kilobytes that make a validator work without end.
fn hostile_schemas() -> Vec<(&'static str, Value, Value)> {
    let chained = |n: usize, link: &dyn Fn(Value) -> Value, last: Value| {
        let mut definitions = Map::new();
        for i in 0..n {
            definitions.insert(format!("a{i}"), link(json!({ "$ref": format!("#/$defs/a{}", i + 1) })));
        }
        definitions.insert(format!("a{n}"), last);
        json!({ "type": "object", "properties": { "v": { "$ref": "#/$defs/a0" } }, "$defs": definitions })
    };
    let twice = |keyword: &'static str| move |next: Value| json!({ keyword: [next, next] });
    let text = || json!({ "type": "string" });
    let five = json!({ "v": 5 });
    let mut deep = json!(5);
    for _ in 0..100 {
        deep = json!({ "x": deep });
    }
    let again = json!({ "properties": { "x": { "$ref": "#/properties/v" } } });
    vec![
        ("anyOf", chained(60, &twice("anyOf"), text()), five.clone()),
        ("oneOf", chained(60, &twice("oneOf"), text()), five.clone()),
        ("allOf", chained(60, &twice("allOf"), json!({ "type": "number" })), five.clone()),
        ("not", chained(60, &|next| json!({ "not": next, "anyOf": [next, { "not": next }] }), text()), five.clone()),
        ("if", chained(60, &|next| json!({ "if": next, "then": next, "else": next }), text()), five.clone()),
        ("a chain of references", chained(4_000, &|next| next, text()), five),
        (
            "a value that doubles",
            json!({ "type": "object", "properties": { "v": { "anyOf": [again, again, { "type": "string" }] } } }),
            json!({ "v": deep }),
        ),
        (
            "unevaluated",
            chained(60, &|next| json!({ "allOf": [next], "unevaluatedProperties": false }), text()),
            json!({ "v": { "a": 1 } }),
        ),
    ]
}

#[tokio::test]
async fn no_schema_takes_the_time_or_the_memory_of_the_host() {
    for (what, schema, value) in hostile_schemas() {
        let begun = Instant::now();
        let code_mode = code_mode(vec![
            tool("input", schema.clone(), None),
            tool("output", json!({ "type": "object" }), Some(schema.clone())),
            tool("other", json!({ "type": "object" }), None),
        ]);
        // As a literal, as a value of run time, and as an answer.
        for program in [
            format!("return await external_input({value})"),
            format!("return await external_input(JSON.parse({}))", Value::from(value.to_string())),
            format!("return await external_output(JSON.parse({}))", Value::from(value.to_string())),
        ] {
            let outcome = run(&code_mode, &program, Duration::from_secs(10)).await;
            if let Err(failure) = outcome.result {
                assert_ne!(failure.kind, FailureKind::Timeout, "{what}: {}", failure.message);
            }
        }
        let other = run(&code_mode, "return await external_other({ n: 1 })", Duration::from_secs(10)).await;
        assert!(other.result.is_ok(), "{what}: its neighbour is hurt");
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {:?}", begun.elapsed());
    }
}
