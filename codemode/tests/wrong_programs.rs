//! Wrong programs of the kinds that models really write, and the exact text each gets back.
//!
//! The texts are a reviewed snapshot. The question for each is: would a model put its program right in one try?
//! `INSTA_UPDATE=always cargo test -p codemode-sdk --test wrong_programs` writes the snapshot anew; read the difference.
#![cfg(feature = "quickjs")]

mod programs;

use std::{fmt::Write as _, time::Duration};

use codemode::{CodeMode, ExecuteOptions, Limits, OutputCheck, Tool, ToolContext, ToolError};
use serde_json::{Value, json};

use programs::{LIMITED, PROGRAMS};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_wrong_program_gets_a_text_that_puts_it_right() {
    let code_mode = code_mode(Limits::default().timeout(Duration::from_secs(10)));
    let limited = code_mode_with_small_limits();
    let mut text = String::new();
    for (title, program) in PROGRAMS {
        show(&code_mode, title, program, &mut text).await;
    }
    for (title, program) in LIMITED {
        show(&limited, title, program, &mut text).await;
    }
    assert!(PROGRAMS.len() + LIMITED.len() >= 60);
    insta::assert_snapshot!("wrong_programs", text);
}

async fn show(code_mode: &CodeMode, title: &str, program: &str, text: &mut String) {
    let options = ExecuteOptions::default().seed(1).epoch_ms(0);
    let reply = code_mode.call(&json!({ "typescriptCode": program }), options).await;
    let reply: Value = serde_json::to_value(&reply).expect("a reply is JSON");
    let _infallible = writeln!(text, "━━━ {title}\n{}\n──▶", program.trim_end());
    // The code frame and the stack read better with their lines apart.
    for (key, value) in flat(&reply) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _infallible = match value.contains('\n') {
            true => writeln!(text, "{key}:\n    {}", value.replace('\n', "\n    ")),
            false => writeln!(text, "{key}: {value}"),
        };
    }
    text.push('\n');
}

/// The members of the reply, those of `error` in their place.
fn flat(reply: &Value) -> Vec<(String, &Value)> {
    let mut out = Vec::new();
    for (key, value) in reply.as_object().into_iter().flatten() {
        match value.as_object().filter(|_| key == "error") {
            Some(error) => out.extend(error.iter().map(|(inner, value)| (format!("error.{inner}"), value))),
            None => out.push((key.clone(), value)),
        }
    }
    out
}

fn code_mode_with_small_limits() -> CodeMode {
    let limits = Limits::default().timeout(Duration::from_millis(400)).calls(5).heap_bytes(16 << 20);
    code_mode(limits.result_bytes(2_000).console_bytes(700).answer_bytes(3_000).source_bytes(2_000))
}

fn code_mode(limits: Limits) -> CodeMode {
    CodeMode::builder()
        .driver(codemode::quickjs())
        .tools(tools())
        .limits(limits)
        .on_warning(|_| {})
        .build()
        .expect("the tools are right")
}

fn tools() -> Vec<Tool> {
    let object = |properties: Value, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let user = object(
        json!({ "id": { "type": "integer" }, "name": { "type": "string" }, "email": { "type": "string" } }),
        &["id", "name"],
    );
    let order = object(
        json!({ "id": { "type": "integer" }, "total": { "type": "number" }, "status": { "enum": ["open", "paid"] } }),
        &["id", "total"],
    );
    vec![
        tool(
            "getUser",
            "Finds a user by id.",
            object(json!({ "id": { "type": "integer", "minimum": 1 } }), &["id"]),
            Some(user),
            |input| match input["id"].as_i64() {
                Some(1) => Ok(json!({ "id": 1, "name": "Ada", "email": "ada@example.com" })),
                Some(2) => Ok(json!({ "id": 2, "name": "Bob" })),
                id => Err(ToolError::new(format!("there is no user {}", id.unwrap_or_default())).code("NOT_FOUND")),
            },
        ),
        tool(
            "listOrders",
            "Lists the orders of a user.",
            object(
                json!({
                    "userId": { "type": "integer" },
                    "status": { "enum": ["open", "paid"] },
                    "limit": { "type": "integer", "maximum": 100 },
                    "filter": { "type": "object", "properties": { "minTotal": { "type": "number" } }, "additionalProperties": false }
                }),
                &["userId"],
            ),
            Some(json!({ "type": "array", "items": order })),
            |_| Ok(json!([{ "id": 10, "total": 20.5, "status": "open" }, { "id": 11, "total": 5, "status": "paid" }])),
        ),
        tool(
            "send-email",
            "Sends an email.",
            object(
                json!({ "to": { "type": "string" }, "subject": { "type": "string" }, "body": { "type": "string" } }),
                &["to", "subject"],
            ),
            None,
            |_| Ok(json!({ "sent": true })),
        ),
        tool(
            "searchDocs",
            "Searches the documentation.",
            object(json!({ "query": { "type": "string" } }), &["query"]),
            None,
            |input| {
                Ok(json!({ "hits": [{ "title": input["query"], "url": "/a" }, { "title": "Other", "url": "/b" }] }))
            },
        ),
        tool(
            "chargeCard",
            "Charges a card.",
            object(json!({ "amount": { "type": "number" } }), &["amount"]),
            None,
            |input| {
                Err(ToolError::new("the card was declined; use another card")
                    .code("CARD_DECLINED")
                    .data(json!({ "amount": input["amount"] })))
            },
        ),
        tool(
            "exportAll",
            "Exports everything as one text.",
            object(json!({}), &[]),
            Some(json!({ "type": "string" })),
            |_| Ok(json!("x".repeat(10_000))),
        ),
        Tool::from_schema("waitForApproval", "Waits until a person approves.", object(json!({}), &[]), None, |_, _| {
            std::future::pending()
        }),
    ]
}

fn tool(
    name: &str,
    description: &str,
    input: Value,
    output: Option<Value>,
    run: fn(Value) -> Result<Value, ToolError>,
) -> Tool {
    let tool =
        Tool::from_schema(name, description, input, output, move |input, _: ToolContext| async move { run(input) });
    tool.output_check(OutputCheck::Off)
}
