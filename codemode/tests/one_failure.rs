//! A failing program through everything that reports it: the last event, the journal, the outcome and the model's reply
//! carry the same failure in the same words.

use std::sync::{Arc, Mutex};

use codemode::{CodeMode, EventKind, ExecuteOptions, Failure, Recorder, Reply, Tool};
use serde_json::{Value, json};

fn code_mode() -> CodeMode {
    let schema = json!({ "type": "object" });
    let tool = Tool::from_schema("getUser", "Finds a user", schema, None, |_: Value, _| async {
        Ok(json!({ "name": "Ada" }))
    });
    // A driver chosen by name at run time is a driver like any other.
    let driver = codemode::driver("quickjs").expect("it is compiled in");
    CodeMode::builder().driver(driver).tool(tool).build().expect("it builds")
}

#[tokio::test]
async fn event_journal_outcome_and_reply_say_the_same() {
    for program in [
        "const user = await external_getUser({});\nreturn user.name();",
        "const user = await external_getUser({});\nreturn user.address.street;",
        "return missing + 1;",
        "throw new Error('on purpose');",
        "await new Promise(() => {});",
        "return 1n;",
        "const x: number = ;",
    ] {
        let (recorder, told) = (Recorder::default(), Arc::new(Mutex::new(None::<Failure>)));
        let last = told.clone();
        let options = ExecuteOptions::default().journal(recorder.clone()).on_event(move |event| {
            if let EventKind::Finished { error, .. } = event.kind {
                *last.lock().expect("no test panics here") = error.map(|failure| *failure);
            }
        });
        let outcome = code_mode().execute(program, options).await.expect("the host works");
        let failure = outcome.result.clone().expect_err(program);
        assert_eq!(told.lock().expect("no test panics here").as_ref(), Some(&failure), "{program}");
        // A program that was rejected before it ran leaves no record.
        if let Some(end) = recorder.take().end {
            assert_eq!(end.failure.as_ref(), Some(&failure), "{program}");
        }
        let reply = serde_json::to_value(Reply::of(&outcome)).expect("a reply is JSON");
        assert_eq!(reply["error"]["message"], failure.message, "{program}");
        assert_eq!(reply["error"]["hint"].as_str(), failure.hint.as_deref(), "{program}");
        assert_eq!(reply["error"]["line"].as_u64(), failure.position.map(|at| u64::from(at.line)), "{program}");
    }
}
