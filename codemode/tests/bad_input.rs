//! Input that nobody should send: bounded time and memory, and a text that says what is wrong.
#![cfg(feature = "quickjs")]

use std::time::{Duration, Instant};

use codemode::{CodeMode, ExecuteOptions, FailureKind, Limits, Tool, ToolContext};
use serde_json::{Value, json};

/// Unoptimised, on a machine that does other things too. Optimised, each takes well under a second.
const BOUND: Duration = Duration::from_secs(30);

fn tool(name: &str, input: Value) -> Tool {
    Tool::from_schema(name, "A tool.", input, None, |input, _: ToolContext| async move { Ok(input) })
}

fn build(tools: impl IntoIterator<Item = Tool>, limits: Limits) -> CodeMode {
    let builder = CodeMode::builder().driver(codemode::quickjs()).tools(tools).limits(limits).on_warning(|_| {});
    builder.build().expect("a bad tool spoils no catalog")
}

/// Runs a program; its failure's kind and message, and the hint.
async fn refused(limits: Limits, program: &str) -> (FailureKind, String, String) {
    let code_mode = build([], limits);
    let began = Instant::now();
    let outcome = code_mode.execute(program, ExecuteOptions::default()).await.expect("the host is well");
    assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
    let failure = outcome.result.expect_err("it is no good program");
    (failure.kind, failure.message, failure.hint.unwrap_or_default())
}

#[tokio::test]
async fn ten_megabytes_of_source() {
    let large = "const a = 1;\n".repeat(10 << 20 >> 4);
    let (kind, message, hint) = refused(Limits::default(), &large).await;
    assert_eq!(kind, FailureKind::LimitReached);
    assert_eq!(message, format!("The program is {} bytes long; at most 262144 are accepted", large.len()));
    assert!(hint.starts_with("leave data out of the program"), "{hint}");
    // Also where the host lets it in.
    let roomy = Limits::default().source_bytes(64 << 20).timeout(Duration::from_secs(60));
    let large = format!("{}return 'x' +", "// words\n".repeat((10 << 20) / 9));
    let (kind, ..) = refused(roomy, &large).await;
    assert_eq!(kind, FailureKind::Syntax);
}

#[tokio::test]
async fn brackets_without_end() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("{a:", "}"), ("`${", "}`"), ("<T>", ""), ("!", ""), ("f(", ")"), ("a=>", "")]
    {
        let program = format!("return {}1{}", open.repeat(100_000), close.repeat(100_000));
        let roomy = Limits::default().source_bytes(1 << 20);
        let (kind, message, hint) = refused(roomy, &program).await;
        assert_eq!(kind, FailureKind::LimitReached, "{open}");
        assert!(message.contains("more than"), "{message}");
        assert!(hint.starts_with("split it into statements"), "{hint}");
    }
}

#[tokio::test]
async fn a_program_that_is_no_text() {
    let code_mode = build([], Limits::default());
    for input in [json!(null), json!({}), json!({ "typescriptCode": ["return 1"] }), json!({ "typescriptCode": 5 })] {
        let reply = code_mode.call(&input, ExecuteOptions::default()).await;
        let error = reply.error.expect("no program");
        assert_eq!(error.hint.as_deref(), Some("call execute_typescript with {\"typescriptCode\": \"…\"}"), "{input}");
    }
    // What is left of half a pair, control characters, and marks of the reading direction.
    for program in [
        "return '\u{fffd}'.length",
        "// \u{0}\nreturn '\u{0}\\\u{0}\u{1b}\u{202e}' === '\\0\\0\\x1b\\u202e' && /\u{0}/.test(`\u{0}`) || null",
        "\u{feff}return 1",
    ] {
        let reply = code_mode.call(&json!({ "typescriptCode": program }), ExecuteOptions::default()).await;
        assert!(reply.success && reply.result.is_some_and(|result| result.text() != "null"), "{program:?}");
    }
}

#[tokio::test]
async fn five_thousand_tools() {
    let input = json!({ "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] });
    for lazy in [false, true] {
        let tools = (0..5_000).map(|n| {
            let tool = tool(&format!("tool-number.{n}"), input.clone());
            if lazy { tool.lazy() } else { tool }
        });
        let began = Instant::now();
        let code_mode = build(tools, Limits::default());
        let program = "return await external_tool_number_4999({ id: 'a' })";
        let outcome = code_mode.execute(program, ExecuteOptions::default()).await.expect("the host is well");
        assert!(outcome.result.is_ok(), "{:?}", outcome.result);
        let outcome =
            code_mode.execute("external_tol_number_7()", ExecuteOptions::default()).await.expect("the host is well");
        let hint = outcome.result.expect_err("it is misspelt").hint.unwrap_or_default();
        assert!(hint.contains("external_tool_number_7"), "{hint}");
        assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
        assert_eq!(lazy, code_mode.system_prompt().len() < 20_000);
    }
}

#[tokio::test]
async fn schemas_that_are_none() {
    // By hand: `json!` would copy what is inside at every level.
    let around = |key: &str, inner: Value| Value::Object([(key.to_owned(), inner)].into_iter().collect());
    let deep = (0..1_000).fold(json!({}), |inner, _| around("properties", around("a", inner)));
    let wide: serde_json::Map<String, Value> = (0..200_000)
        .map(|n| (format!("property{n}"), json!({ "type": "string", "description": "x".repeat(60) })))
        .collect();
    let schemas = [
        ("list", json!([1, 2])),
        ("number", json!(5)),
        ("text", json!("object")),
        ("null", Value::Null),
        (
            "cyclic",
            json!({ "$ref": "#/$defs/A", "$defs": { "A": { "$ref": "#/$defs/B" }, "B": { "$ref": "#/$defs/A" } } }),
        ),
        ("outside", json!({ "$ref": "https://example.com/schema.json" })),
        ("type", json!({ "type": 7, "properties": [], "required": "a" })),
        ("deep", deep),
        ("large", json!({ "type": "object", "properties": wide })),
    ];
    let began = Instant::now();
    let bad = schemas.map(|(name, schema)| tool(name, schema));
    let code_mode = build(bad.into_iter().chain([tool("good", json!({ "type": "object" }))]), Limits::default());
    for name in ["list", "number", "text", "null", "cyclic", "outside", "type", "deep", "large"] {
        let named = code_mode.problems().iter().any(|problem| problem.starts_with(&format!("{name}: ")));
        assert!(named, "{name}: {:?}", code_mode.problems());
    }
    assert!(code_mode.system_prompt().len() < 200_000, "{}", code_mode.system_prompt().len());
    let program = "const good = await external_good({ a: 1 });
        const bad = await external_list({}).catch((error: Error) => error.message);
        return { good, bad };";
    let outcome = code_mode.execute(program, ExecuteOptions::default()).await.expect("the host is well");
    let result = outcome.result.expect("one tool is good").expect("a value").value().expect("JSON");
    assert_eq!(result["good"], json!({ "a": 1 }));
    assert!(result["bad"].as_str().is_some_and(|text| text.contains("Do without this tool")), "{result}");
    assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
}
