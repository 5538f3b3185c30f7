//! The models: what the criterion groups, the record and the growth curves time, each at several sizes.

use serde_json::{Value, json};

use crate::workload::{Expected, Workload};

/// One kind of work at one size.
#[derive(Debug, Clone)]
pub struct Model {
    /// The group, such as `calls_serial`.
    pub model: &'static str,
    /// The size within the group, such as `1000`.
    pub size: String,
    /// What runs.
    pub workload: Workload,
    /// Seconds of work where an engine only interprets: few samples are taken of it.
    pub heavy: bool,
}

/// All models, in the order of reports.
pub fn models() -> Vec<Model> {
    let mut all = vec![first()];
    all.extend([1, 10, 100, 1_000].map(calls_serial));
    all.extend([10, 100, 1_000].map(calls_parallel));
    let sizes = [(1 << 10, "1KB"), (64 << 10, "64KB"), (1 << 20, "1MB"), (5 << 20, "5MB")];
    all.extend(sizes.map(|(bytes, size)| payload_in(bytes, size)));
    all.extend(sizes.map(|(bytes, size)| payload_out(bytes, size)));
    all.extend([compute("fannkuch7", 7, json!([228, 16])), compute("fannkuch9", 9, json!([8629, 30]))]);
    let small = json!({
        "length": 71_572, "first": 709, "last": 655, "groups": {
            "t0": 7_041_819, "t1": 6_647_705, "t2": 7_137_638, "t3": 7_009_245, "t4": 7_262_540, "t5": 7_228_116,
            "t6": 6_915_234,
        },
    });
    let large = json!({
        "length": 873_192, "first": 3_565, "last": 1_434, "groups": {
            "t0": 83_727_666, "t1": 85_744_235, "t2": 85_278_796, "t3": 86_209_607, "t4": 86_657_182,
            "t5": 86_296_803, "t6": 86_092_022,
        },
    });
    all.extend([json_text("70KB", 1_000, small), json_text("870KB", 12_000, large)]);
    all.push(top_products());
    all.extend([64, 1_000].map(in_flight));
    all
}

fn model(model: &'static str, size: impl ToString, program: String, tools: &[&str], expected: Value) -> Model {
    let size = size.to_string();
    let workload = Workload {
        id: format!("{model}/{size}"),
        program,
        tools: tools.iter().map(|tool| (*tool).to_owned()).collect(),
        expected: Expected::Value(expected),
        concurrency: None,
    };
    Model { model, size, workload, heavy: false }
}

fn first() -> Model {
    model("first", 1, "return 1 + 1".into(), &["echo"], json!(2))
}

/// One awaited call after the other.
pub fn calls_serial(calls: u32) -> Model {
    let program = format!(
        "let n: number = 0\nfor (let i: number = 0; i < {calls}; i++) {{\n  const answer: {{ n: number }} = await external_inc({{ n }})\n  n = answer.n\n}}\nreturn n"
    );
    model("calls_serial", calls, program, &["inc"], json!(calls))
}

fn calls_parallel(calls: u32) -> Model {
    let program = format!(
        "const ids: number[] = Array.from({{ length: {calls} }}, (_, i) => i)\nconst items = await Promise.all(ids.map((id: number) => external_item({{ id }})))\nreturn items.reduce((sum: number, item) => sum + item.value + item.pad.length, 0)"
    );
    let n = u64::from(calls);
    model("calls_parallel", calls, program, &["item"], json!(3 * (n * (n - 1) / 2) + n + 960 * n))
}

/// A text of so many bytes from a tool; its length back.
pub fn payload_in(bytes: usize, size: &str) -> Model {
    let program = format!(
        "const answer: {{ text: string }} = await external_text({{ bytes: {bytes} }})\nreturn answer.text.length"
    );
    model("payload_in", size, program, &["text"], json!(bytes))
}

/// A text of so many bytes to a tool; what the tool counted back.
pub fn payload_out(bytes: usize, size: &str) -> Model {
    let program = format!(
        "const text: string = \"abcdefghijklmnopqrstuvwxyz012345\".repeat({bytes} / 32)\nreturn (await external_length({{ text }})).bytes"
    );
    model("payload_out", size, program, &["length"], json!(bytes))
}

fn compute(size: &str, n: u32, expected: Value) -> Model {
    let program = format!("{}\nreturn fannkuch({n})", include_str!("../programs/fannkuch.ts"));
    Model { heavy: n > 8, ..model("compute", size, program, &[], expected) }
}

fn json_text(size: &str, rows: u32, expected: Value) -> Model {
    let program = format!("const count: number = {rows}\n{}", include_str!("../programs/json.ts"));
    Model { heavy: rows > 10_000, ..model("json", size, program, &[], expected) }
}

fn top_products() -> Model {
    let expected = json!([
        { "name": "Product 1", "sales": 5000, "averageRating": 1.9 },
        { "name": "Product 2", "sales": 4863, "averageRating": 3.25 },
        { "name": "Product 3", "sales": 4726, "averageRating": 3.15 },
        { "name": "Product 4", "sales": 4589, "averageRating": 2.95 },
        { "name": "Product 5", "sales": 4452, "averageRating": 2.25 },
    ]);
    let tools = ["getTopProducts", "getProductRatings"];
    model("top_products", 5, include_str!("../programs/top_products.ts").into(), &tools, expected)
}

fn in_flight(executions: usize) -> Model {
    let program = "const ids: number[] = []\nfor (let i: number = 0; i < 10; i++) ids.push((await external_sleep({ id: i })).id)\nreturn ids";
    let mut model = model("in_flight", executions, program.into(), &["sleep"], json!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    model.workload.concurrency = Some(executions);
    model
}
