//! Every model gives its expected answer on every driver of this build, before anybody times it.

use codemode_benches::{
    drivers,
    models::models,
    tools::{self, Gate},
    workload::{Expected, execute},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn every_model_answers_right_on_every_driver() {
    for name in drivers::names() {
        let driver = drivers::open(&name).expect("it was compiled in");
        for model in models().into_iter().filter(|model| !model.heavy) {
            let code_mode = model.workload.code_mode(&driver, &Gate::default()).expect("the tools are there");
            let value = execute(&code_mode, &model.workload.program).await.unwrap_or_else(|problem| {
                panic!("{name}, {}: {problem}", model.workload.id);
            });
            model.workload.check(&value).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        }
    }
}

#[test]
fn a_wrong_answer_is_found() {
    let mut workload = models().swap_remove(0).workload;
    assert!(workload.check(&json!(2)).is_ok());
    assert!(workload.check(&json!(3)).is_err());
    // SHA-256 of {"a":[1],"b":"x"}
    let sum = "9fae53c0de2a098ff740e77894a456809d4cbd144fc6d283e76e1b695964a7d8";
    workload.expected = Expected::Sha256(sum.to_owned());
    assert!(workload.check(&json!({ "b": "x", "a": [1] })).is_ok(), "keys come in any order");
    assert!(workload.check(&json!({ "b": "x", "a": [2] })).is_err());
}

#[test]
fn there_is_a_tool_behind_every_name_and_no_other() {
    let gate = Gate::default();
    assert!(models().iter().flat_map(|model| &model.workload.tools).all(|name| tools::tool(name, &gate).is_some()));
    assert!(tools::tool("none", &gate).is_none());
}
