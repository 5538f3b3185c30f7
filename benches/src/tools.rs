//! The host tools of the workloads. Their answers are fixed by the table in the README of the harness that runs the
//! other sandboxes, so that every program gets the same data everywhere.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use codemode::{Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

/// A door at which executions wait until the host opens it.
#[derive(Debug, Clone)]
pub struct Gate {
    arrived: Arc<AtomicUsize>,
    open: Arc<watch::Sender<bool>>,
}

impl Gate {
    /// How many calls have come to the door since it was last closed.
    pub fn arrived(&self) -> usize {
        self.arrived.load(Ordering::SeqCst)
    }

    /// Closes the door and counts from 0.
    pub fn close(&self) {
        self.arrived.store(0, Ordering::SeqCst);
        self.open.send_replace(false);
    }

    /// Lets everybody through.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    async fn pass(self) {
        let mut open = self.open.subscribe();
        self.arrived.fetch_add(1, Ordering::SeqCst);
        // The sender lives in `self`.
        let _ = open.wait_for(|open| *open).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self { arrived: Arc::default(), open: Arc::new(watch::Sender::new(false)) }
    }
}

/// The tool called `name`, or `None` when the workloads have no such tool.
pub fn tool(name: &str, gate: &Gate) -> Option<Tool> {
    Some(match name {
        "echo" => {
            let any = json!({ "type": "object" });
            Tool::from_schema("echo", "Gives back its input", any, None, |input: Value, _| async move { Ok(input) })
        }
        "inc" => Tool::typed("inc", "Adds one", |input: Count, _| async move { Ok(Count { n: input.n + 1 }) }),
        "item" => Tool::typed("item", "One item of about 1 KB", |Id { id }: Id, _| async move { Ok(item(id)) }),
        "sleep" => Tool::typed("sleep", "Takes 5 ms", |input: Id, _| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok(input)
        }),
        "big" => {
            let big = big();
            Tool::typed("big", "About 5 MB of rows", move |_: Nothing, _| {
                let big = big.clone();
                async move { Ok(big) }
            })
        }
        "getTopProducts" => Tool::typed("getTopProducts", "The products that sell most", |input: Top, _| async move {
            let all = (1..=12).map(|i| Product {
                id: format!("p{i}"),
                name: format!("Product {i}"),
                total_sales: 5000 - 137 * (i - 1),
            });
            Ok(Products { products: all.take(input.limit).collect() })
        }),
        "getProductRatings" => {
            Tool::typed("getProductRatings", "All ratings of one product", |input: ProductId, _| async move {
                let k: i64 = input.product_id.trim_start_matches('p').parse()?;
                let ratings = (0..40).map(|i| Rating { score: (i * i + k * 7) % 11 % 5 + 1 }).collect();
                Ok::<_, ToolError>(Ratings { ratings })
            })
        }
        "gate" => {
            let gate = gate.clone();
            Tool::typed("gate", "Waits until the host lets it through", move |_: Nothing, _| {
                let gate = gate.clone();
                async move {
                    gate.pass().await;
                    Ok(Nothing {})
                }
            })
        }
        "text" => Tool::typed("text", "Text of so many bytes", |input: Bytes, _| async move {
            Ok(Text { text: "abcdefghijklmnopqrstuvwxyz012345".repeat(input.bytes / 32) })
        }),
        "length" => {
            Tool::typed(
                "length",
                "Bytes of a text",
                |input: Text, _| async move { Ok(Bytes { bytes: input.text.len() }) },
            )
        }
        _ => return None,
    })
}

/// `count` tools with the schemas of a middling real one, for what grows with the number of tools.
pub fn many(count: usize) -> Vec<Tool> {
    let make = |i: usize| {
        let name = format!("service{}.lookup_record_{i}", i % 17);
        Tool::typed(name, "Looks up one record by its key", |input: Lookup, _| async move {
            Ok(Record { key: input.key, score: 1.0, tags: input.tags.unwrap_or_default() })
        })
    };
    (0..count).map(make).collect()
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Nothing {}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Count {
    n: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Id {
    id: usize,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Bytes {
    bytes: usize,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Text {
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Item {
    id: usize,
    value: usize,
    name: String,
    pad: &'static str,
}

fn item(id: usize) -> Item {
    Item { id, value: 3 * id + 1, name: format!("item-{id}"), pad: pad().get(..960).unwrap_or_default() }
}

fn pad() -> &'static str {
    static PAD: OnceLock<String> = OnceLock::new();
    PAD.get_or_init(|| "abcdefghijklmnopqrstuvwxyz0123456789".repeat(40))
}

#[derive(Serialize, JsonSchema)]
struct Big {
    rows: Vec<Row>,
}

#[derive(Serialize, JsonSchema)]
struct Row {
    id: usize,
    name: String,
    body: &'static str,
    tags: [String; 3],
}

fn big() -> Arc<Big> {
    static BIG: OnceLock<Arc<Big>> = OnceLock::new();
    let row = |i: usize| Row {
        id: i,
        name: format!("row-{i}"),
        body: pad().get(i % 36..i % 36 + 180).unwrap_or_default(),
        tags: [format!("a{}", i % 10), format!("b{}", i % 100), format!("c{}", i % 1000)],
    };
    BIG.get_or_init(|| Arc::new(Big { rows: (0..20_000).map(row).collect() })).clone()
}

#[derive(Deserialize, JsonSchema)]
struct Top {
    limit: usize,
}

#[derive(Serialize, JsonSchema)]
struct Products {
    products: Vec<Product>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Product {
    id: String,
    name: String,
    total_sales: i64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ProductId {
    product_id: String,
}

#[derive(Serialize, JsonSchema)]
struct Ratings {
    ratings: Vec<Rating>,
}

#[derive(Serialize, JsonSchema)]
struct Rating {
    score: i64,
}

#[derive(Deserialize, JsonSchema)]
struct Lookup {
    /// The record's key
    key: String,
    /// Only these tags
    tags: Option<Vec<String>>,
    /// At most so many
    #[allow(dead_code, reason = "it is there to be declared")]
    limit: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
struct Record {
    key: String,
    score: f64,
    tags: Vec<String>,
}
