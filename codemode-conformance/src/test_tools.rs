//! The tools that cases call: a fixed library by name, and tools that a case describes itself.
//!
//! A tool of a case never sleeps. Where the order of answers matters it waits at a gate.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use codemode_core::{OutputCheck, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::gates::{Gate, Gates};

/// The tools of one execution. `count` counts from 1 again in each.
#[derive(Debug, Clone)]
pub struct TestTools {
    gates: Gates,
}

/// The names of the library, each with what it does.
pub const NAMES: &[(&str, &str)] = &[
    ("echo", "gives back its input, of any type"),
    ("add", "{ a, b } → a + b; integers of 32 bits"),
    ("count", "1, 2, 3 with each call"),
    ("fail", "{ message, name?, code?, data? } → fails so"),
    ("boom", "panics"),
    ("gated", "{ gate, value? } → waits at the gate, then gives the value or null"),
    ("gated_fail", "{ gate, message } → waits at the gate, then fails"),
    ("text", "{ length } → so many letters x"),
    ("find_user", "{ id } → { id, name, manager? }; users 1 to 3, others fail with the code NOT_FOUND"),
    ("search", "{ query, filter: { tags, limit? } } → the filter; a strict nested schema"),
    ("list_products", "{ page? } → { products: [{ id, name, price }], next? }; 3 pages of 2"),
    ("get_ratings", "{ productId } → [{ stars }]"),
];

impl TestTools {
    /// Tools whose gates open in this order.
    pub fn new(gates: &[Gate]) -> Self {
        Self { gates: Gates::new(gates) }
    }

    pub(crate) fn gates(&self) -> Gates {
        self.gates.clone()
    }

    /// The tool of the library with this name.
    pub fn get(&self, name: &str) -> Option<Tool> {
        let (name, does) = NAMES.iter().find(|(known, _)| *known == name)?;
        let gates = self.gates.clone();
        Some(match *name {
            "echo" => Tool::from_schema(*name, *does, json!({}), None, |input, _| async move { Ok(input) }),
            "add" => Tool::typed(*name, *does, |Add { a, b }, _| async move {
                a.checked_add(b).ok_or_else(|| ToolError::new("the sum does not fit").code("OVERFLOW"))
            }),
            "count" => {
                let calls = Arc::new(AtomicU64::new(0));
                Tool::from_schema(*name, *does, json!({}), None, move |_, _| {
                    let n = calls.fetch_add(1, Ordering::Relaxed) + 1;
                    async move { Ok(json!(n)) }
                })
            }
            "fail" => Tool::typed(*name, *does, |failure: ToolFailure, _| async move { Err::<(), _>(failure.error()) }),
            "boom" => Tool::from_schema(*name, *does, json!({}), None, |_, _| async move { panic!("{PANIC}: boom") }),
            "gated" => Tool::typed(*name, *does, move |input: Gated, context| {
                let gates = gates.clone();
                async move {
                    gates.pass(&input.gate, context.call_id).await;
                    Ok(input.value)
                }
            }),
            "gated_fail" => Tool::typed(*name, *does, move |input: GatedFail, context| {
                let gates = gates.clone();
                async move {
                    gates.pass(&input.gate, context.call_id).await;
                    Err::<(), _>(ToolError::new(input.message))
                }
            }),
            "text" => Tool::typed(*name, *does, |Text { length }, _| async move { Ok("x".repeat(length)) }),
            "find_user" => Tool::typed(*name, *does, |FindUser { id }, _| async move { user(id) }),
            "search" => Tool::typed(*name, *does, |Search { query, filter }, _| async move {
                Ok(Found { query, tags: filter.tags, limit: filter.limit.unwrap_or(10) })
            }),
            "list_products" => Tool::typed(*name, *does, |Page { page }, _| async move { products(page.unwrap_or(1)) }),
            "get_ratings" => Tool::typed(*name, *does, |Product { product_id }, _| async move {
                let stars = |n: u32| Rating { stars: (product_id * 7 + n * 3) % 5 + 1 };
                Ok((0..product_id % 3 + 1).map(stars).collect::<Vec<_>>())
            }),
            _ => return None,
        })
    }

    /// The tool that a case describes.
    ///
    /// # Errors
    /// What is wrong with the description.
    pub fn make(&self, inline: &InlineTool) -> Result<Tool, String> {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).map_err(|e| format!("tool {}: {e}", inline.name));
        let input = inline.input.as_deref().map_or(Ok(json!({})), parsed)?;
        let output = inline.output.as_deref().map(parsed).transpose()?;
        let answer = inline.answer.as_deref().map(parsed).transpose()?;
        let (gates, shared) = (self.gates.clone(), Arc::new(inline.clone()));
        let run = move |input: Value, context: codemode_core::ToolContext| {
            let (gates, inline, answer) = (gates.clone(), shared.clone(), answer.clone());
            async move {
                if let Some(gate) = &inline.gate {
                    gates.pass(gate, context.call_id).await;
                }
                if let Some(text) = &inline.panic {
                    panic!("{PANIC}: {text}");
                }
                match &inline.error {
                    Some(failure) => Err(failure.clone().error()),
                    None => Ok(answer.unwrap_or(input)),
                }
            }
        };
        let description = inline.description.clone().unwrap_or_default();
        let mut tool = Tool::from_schema(inline.name.as_str(), description, input, output, run);
        tool = match inline.output_check.as_deref() {
            None => tool,
            Some("warn") => tool.output_check(OutputCheck::Warn),
            Some("fail") => tool.output_check(OutputCheck::Fail),
            Some("off") => tool.output_check(OutputCheck::Off),
            Some(other) => return Err(format!("tool {}: output_check is {other:?}", inline.name)),
        };
        if let Some(timeout) = inline.timeout_ms {
            tool = tool.timeout(Duration::from_millis(timeout));
        }
        if let Some(max) = inline.concurrency {
            tool = tool.concurrency(max);
        }
        Ok(tool)
    }
}

/// What the panics of these tools begin with; the runner keeps them out of its output.
pub(crate) const PANIC: &str = "test tool";

/// A tool that a case describes: `[[case.tool]]`. Without `answer`, `error` and `panic` it gives back its input.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct InlineTool {
    /// Its own name, as odd as the case wants.
    pub name: String,
    /// For the prompt.
    pub description: Option<String>,
    /// JSON Schema of the input; anything when absent.
    pub input: Option<String>,
    /// JSON Schema of the answer.
    pub output: Option<String>,
    /// JSON text that it answers.
    pub answer: Option<String>,
    /// How it fails.
    pub error: Option<ToolFailure>,
    /// The text it panics with.
    pub panic: Option<String>,
    /// It waits at this gate first.
    pub gate: Option<String>,
    /// [`Tool::timeout`]
    pub timeout_ms: Option<u64>,
    /// [`Tool::concurrency`]
    pub concurrency: Option<usize>,
    /// `warn`, `fail` or `off`: [`Tool::output_check`]
    pub output_check: Option<String>,
}

/// How a tool fails.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // Named and documented as in `CallError`.
#[non_exhaustive]
pub struct ToolFailure {
    pub message: String,
    pub name: Option<String>,
    pub code: Option<Value>,
    pub data: Option<Value>,
}

impl ToolFailure {
    fn error(self) -> ToolError {
        let mut error = ToolError::new(self.message);
        if let Some(name) = self.name {
            error = error.named(name);
        }
        if let Some(code) = self.code {
            error = error.code(code);
        }
        match self.data {
            Some(data) => error.data(data),
            None => error,
        }
    }
}

#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i32,
    b: i32,
}

#[derive(Deserialize, JsonSchema)]
struct Gated {
    gate: String,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize, JsonSchema)]
struct GatedFail {
    gate: String,
    message: String,
}

#[derive(Deserialize, JsonSchema)]
struct Text {
    length: usize,
}

#[derive(Deserialize, JsonSchema)]
struct FindUser {
    id: u32,
}

#[derive(Serialize, JsonSchema)]
struct User {
    id: u32,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    manager: Option<u32>,
}

fn user(id: u32) -> Result<User, ToolError> {
    let (name, manager) = match id {
        1 => ("Ada", None),
        2 => ("Grace", Some(1)),
        3 => ("Edsger", Some(2)),
        _ => return Err(ToolError::new(format!("there is no user {id}")).code("NOT_FOUND").data(json!({ "id": id }))),
    };
    Ok(User { id, name, manager })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    #[schemars(length(min = 2))]
    query: String,
    filter: Filter,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Filter {
    tags: Vec<String>,
    #[schemars(range(min = 1, max = 50))]
    limit: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
struct Found {
    query: String,
    tags: Vec<String>,
    limit: u32,
}

#[derive(Deserialize, JsonSchema)]
struct Page {
    page: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
struct Products {
    products: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
struct Item {
    id: u32,
    name: String,
    price: f64,
}

fn products(page: u32) -> Result<Products, ToolError> {
    if !(1..=3).contains(&page) {
        return Err(ToolError::new(format!("there is no page {page}")).code("NO_SUCH_PAGE"));
    }
    let item = |id: u32| Item { id, name: format!("Product {id}"), price: f64::from(id) * 2.5 };
    let products = [page * 2 - 1, page * 2].map(item).into();
    Ok(Products { products, next: (page < 3).then_some(page + 1) })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Product {
    product_id: u32,
}

#[derive(Serialize, JsonSchema)]
struct Rating {
    stars: u32,
}
