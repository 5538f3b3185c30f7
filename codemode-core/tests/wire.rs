//! What goes over a wire or into a file: each type against its golden file, and back.
//!
//! A golden file changes only with intent: other processes and stored records speak this form. Run with
//! `CODEMODE_BLESS=1` to write them anew.

use std::{fmt::Debug, fs, path::Path, sync::Arc, time::Duration};

use codemode_core::{
    Call, CallError, ContextConfig, Event, EventKind, Failure, FailureKind, Json, Level, Limits, Outcome, Program,
    Progress, Recording, Stats, ToolNames,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Compares the JSON of `value` with its golden file and reads it back from there.
fn golden<T: Serialize + DeserializeOwned>(name: &str, value: &T) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("golden").join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(value).expect("it has a JSON form") + "\n";
    if std::env::var_os("CODEMODE_BLESS").is_some() {
        fs::write(&path, &text).expect("the folder is there");
    }
    let stored = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(text, stored, "{name}");
    serde_json::from_str(&stored).unwrap_or_else(|error| panic!("{name} does not read back: {error}"))
}

fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    assert_eq!(golden(name, value), *value, "{name}");
}

fn json(value: Value) -> Option<Json> {
    Some(Json::from(value))
}

fn failure() -> Failure {
    let text = json!({
        "kind": "threw", "name": "TypeError", "message": "user.name is not a function",
        "position": { "line": 3, "column": 14 },
        "frames": [{ "function": "load", "line": 3, "column": 14 }, { "function": "", "line": 7, "column": 1 }],
        "hint": "user.name is a string", "codeFrame": "> 3 | user.name()", "code": "E1", "data": { "id": 7 }
    });
    serde_json::from_value(text).expect("a failure")
}

#[test]
fn limits() {
    same("limits", &Limits::default());
    let few = Limits::default().timeout(Duration::from_millis(1_500)).heap_bytes(4 << 20).calls(0);
    same("limits-set", &few);
}

#[test]
fn failures() {
    same("failure", &failure());
    same("failure-bare", &Failure::new(FailureKind::Timeout, "Timeout", "too long"));
}

#[test]
fn outcomes() {
    let mut returned = Outcome::new(Ok(json(json!({ "sum": 3 }))));
    returned.warnings = vec!["line 1: not awaited".into()];
    returned.stats = serde_json::from_value::<Stats>(json!({
        "startupMs": 0.25, "runMs": 12.5, "calls": 2, "heapPeakBytes": 4096, "refusedMessages": 0, "seed": 7
    }))
    .expect("stats");
    returned.console = serde_json::from_value(json!([{ "level": "warn", "text": "low" }])).expect("lines");
    returned.dropped_calls =
        serde_json::from_value(json!([{ "callId": 2, "function": "external_b", "started": true }])).expect("calls");
    same("outcome", &returned);
    same("outcome-undefined", &Outcome::new(Ok(None)));
    same("outcome-null", &Outcome::new(Ok(json(Value::Null))));
    same("outcome-failed", &Outcome::new(Err(failure())));
    for broken in
        [r#"{"success":true,"failure":{"kind":"threw","name":"E","message":"m"}}"#, r#"{"success":false}"#, "{}"]
    {
        assert!(serde_json::from_str::<Outcome>(broken).is_err(), "{broken}");
    }
}

#[test]
fn stats() {
    same("stats", &Stats::default());
}

#[test]
fn events() {
    let (function, tool): (Arc<str>, Arc<str>) = ("external_get_user".into(), "get-user".into());
    let error = CallError::new("ToolError", "no such user").code("NOT_FOUND").data(json!({ "id": 7 }));
    let progress = Progress::new(1.0).total(3.0).message("reading");
    let call = (1, function, tool);
    let duration = Duration::from_micros(1_500);
    let at = |(call_id, function, tool): &(u64, Arc<str>, Arc<str>)| (*call_id, function.clone(), tool.clone());
    let mut kinds = vec![
        EventKind::Started { code_length: 120 },
        EventKind::Console { level: Level::Info, message: "hi\nthere".into() },
    ];
    for args in [json(json!({ "id": 7 })), json(Value::Null), None] {
        let (call_id, function, tool) = at(&call);
        kinds.push(EventKind::Call { call_id, function, tool, args });
    }
    let (call_id, function, tool) = at(&call);
    kinds.push(EventKind::Progress { call_id, function, tool, progress });
    for result in [json(json!("x")), None] {
        let (call_id, function, tool) = at(&call);
        kinds.push(EventKind::CallResult { call_id, function, tool, result, duration });
    }
    let (call_id, function, tool) = at(&call);
    kinds.push(EventKind::CallError { call_id, function, tool, error, duration });
    kinds.push(EventKind::Finished { success: true, error: None, duration });
    kinds.push(EventKind::Finished { success: false, error: Some(Box::new(failure())), duration });
    let events: Vec<Event> =
        kinds.into_iter().map(|kind| Event::new("call_1".into(), 1_700_000_000_000, kind)).collect();
    same("events", &events);
    for event in &events {
        assert_eq!(event.to_json()["type"], event.name());
        assert_eq!(event.to_json(), serde_json::to_value(event).expect("JSON"));
    }
    for broken in [
        json!({ "type": "code_mode:other", "toolCallId": "t", "timestamp": 1 }),
        json!({ "type": "code_mode:external_call", "toolCallId": "t", "timestamp": 1, "callId": 1 }),
        json!({ "type": "code_mode:execution_finished", "toolCallId": "t", "timestamp": 1, "success": true, "duration": -1 }),
    ] {
        assert!(serde_json::from_value::<Event>(broken.clone()).is_err(), "{broken}");
    }
}

#[test]
fn a_value_nested_too_deeply_to_be_parsed_is_carried_as_its_text() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    let kind = EventKind::Call {
        call_id: 1,
        function: "external_a".into(),
        tool: "a".into(),
        args: Json::from_text(deep.as_str()).ok(),
    };
    let event = Event::new("t".into(), 0, kind);
    assert_eq!(event.to_json()["args"], deep);
    let text = serde_json::to_string(&event).expect("JSON");
    assert!(text.contains(&format!("\"args\":{deep}")), "{text}");
}

#[test]
fn calls() {
    same("call", &Call::new(1, 4, "external_get_user", json(json!({ "id": 7 }))));
    same("call-without-input", &Call::new(2, 4, "external_get_user", None));
    same("call-error", &CallError::new("ToolError", "no such user").code("NOT_FOUND").data(json!({ "id": 7 })));
}

#[test]
fn programs() {
    let program = Program::new("(async () => {})", "call_1")
        .code_length(20)
        .functions(Some(vec!["external_a".into()]))
        .seed(Some(u64::MAX))
        .epoch_ms(Some(1_700_000_000_000));
    let read = golden("program", &program);
    assert_eq!(serde_json::to_value(&read).expect("JSON"), serde_json::to_value(&program).expect("JSON"));
    assert!(read.journal.is_none());
}

#[test]
fn context_configs() {
    let tools = Arc::new(ToolNames::new([("external_get_user", "get-user"), ("external_list", "list")]));
    let config = ContextConfig::new(Limits::default(), tools);
    let read = golden("context-config", &config);
    assert_eq!(read.limits, config.limits);
    assert_eq!(read.tools.functions(), config.tools.functions());
}

#[test]
fn a_record_of_before_the_renaming_reads() {
    let text = concat!(
        r#"{"journal":1,"javascript":"x","typescript":"y","tools":[["external_a","a"]],"limits":{"wallMs":250,"#,
        r#""heapBytes":4194304,"stackBytes":524288,"calls":1000,"parallelCalls":32,"timers":1000,"consoleBytes":262144,"#,
        r#""resultBytes":1048576,"answerBytes":4194304}}"#,
        "\n{\"delivered\":\"s 5 7\\n[]\"}\n",
        r#"{"end":{"failure":{"kind":"threw","name":"Error","message":"m"}}}"#,
        "\n"
    );
    let recording = Recording::read(text.as_bytes()).expect("a journal");
    assert_eq!(recording.header.limits.timeout, Duration::from_millis(250));
    let failure = recording.end.and_then(|end| end.failure).expect("it failed");
    assert_eq!(failure, Failure::new(FailureKind::Threw, "Error", "m"));
}

#[test]
fn null_is_not_undefined_and_what_no_json_can_say_does_not_break_an_event() {
    let error = CallError::new("E", "m").code(Value::Null).data(Value::Null);
    let text = serde_json::to_string(&error).expect("JSON");
    assert_eq!(serde_json::from_str::<CallError>(&text).expect("it reads back"), error);
    let progress = Progress::new(f64::NAN).total(f64::INFINITY);
    let kind = EventKind::Progress { call_id: 1, function: "external_a".into(), tool: "a".into(), progress };
    let text = serde_json::to_string(&Event::new("t".into(), 0, kind)).expect("JSON");
    let read: Event = serde_json::from_str(&text).expect("it reads back");
    assert!(matches!(read.kind, EventKind::Progress { progress, .. } if progress == Progress::new(0.0)));
}
