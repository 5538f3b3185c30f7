//! A record is not trusted: whatever was altered in it is named, and it can ask for nothing that the host did not grant.
#![cfg(feature = "quickjs")]

use std::time::{Duration, Instant};

use codemode::{
    CodeMode, ErrorKind, ExecuteOptions, Failure, FailureKind, Limits, Recorder, Tool,
    journal::{Line, RecordedEnd, Recording},
};
use serde_json::{Value, json};

const PROGRAM: &str = r#"
const [a, b] = await Promise.all([external_echo({ n: 1 }), external_echo({ n: 2 })]);
console.log("sum", a.n + b.n);
await new Promise((resolve) => setTimeout(resolve, 1));
return a.n + b.n"#;

fn code_mode() -> CodeMode {
    let schema = json!({ "type": "object" });
    let echo = Tool::from_schema("echo", "Gives back.", schema, None, |input: Value, _| async move { Ok(input) });
    CodeMode::builder().driver(codemode::quickjs()).tool(echo).build().expect("the tool is right")
}

async fn recorded(program: &str, limits: Limits) -> Recording {
    let recorder = Recorder::default();
    let options = ExecuteOptions::default().journal(recorder.clone()).limits(limits);
    let _ = code_mode().execute(program, options).await.expect("the host is fine");
    let mut recording = recorder.take();
    recording.header.typescript = Some(program.to_owned());
    recording
}

#[tokio::test]
async fn every_line_that_was_altered_is_named() {
    let whole = recorded(PROGRAM, Limits::default()).await;
    let again = code_mode().replay(PROGRAM, whole.clone()).await.expect("it is equal");
    assert_eq!(again.result.expect("it returns").map(|json| json.text().to_owned()).as_deref(), Some("3"));

    let mut altered: Vec<(String, Recording)> = Vec::new();
    let mut alter = |what: String, change: &dyn Fn(&mut Recording)| {
        let mut recording = whole.clone();
        change(&mut recording);
        altered.push((what, recording));
    };
    for at in 0..whole.lines.len() {
        alter(format!("line {at} removed"), &|recording| drop(recording.lines.remove(at)));
        alter(format!("line {at} twice"), &|recording| recording.lines.insert(at, recording.lines[at].clone()));
        alter(format!("line {at} changed"), &|recording| {
            let (Line::Posted(text) | Line::Delivered(text)) = &mut recording.lines[at] else { return };
            text.push(' ');
        });
        alter(format!("lines from {at} cut"), &|recording| {
            recording.lines.truncate(at);
            recording.end = None;
        });
        alter(format!("lines from {at} left out"), &|recording| recording.lines.truncate(at));
        alter(format!("an answer inserted at {at}"), &|recording| {
            recording.lines.insert(at, Line::Delivered("a 77 1\n5".into()));
        });
        alter(format!("a timer inserted at {at}"), &|recording| {
            recording.lines.insert(at, Line::Delivered("t 77 1".into()));
        });
    }
    for at in 1..whole.lines.len() {
        // Answers could have come in another order as well.
        let answers = matches!((&whole.lines[at - 1], &whole.lines[at]), (Line::Delivered(_), Line::Delivered(_)));
        if !answers {
            alter(format!("lines {at} and before swapped"), &|recording| recording.lines.swap(at - 1, at));
        }
    }
    alter("no end".into(), &|recording| recording.end = None);
    alter("another script".into(), &|recording| recording.header.javascript = "async () => 42".into());
    alter("no script".into(), &|recording| recording.header.javascript.clear());
    alter("nothing but the header".into(), &|recording| recording.lines.clear());
    for (what, recording) in altered {
        let error = code_mode().replay(PROGRAM, recording).await.map(|outcome| outcome.result).expect_err(&what);
        assert!(matches!(error.kind, ErrorKind::Diverged | ErrorKind::BadJournal), "{what}: {error}");
    }
}

#[tokio::test]
async fn the_limits_of_a_record_are_granted_as_far_as_the_hosts_go() {
    let mut endless = recorded("for (;;);", Limits::default().timeout(Duration::from_millis(50))).await;
    endless.header.limits = Limits::default().timeout(Duration::from_secs(3_600)).heap_bytes(1 << 40);
    let host = CodeMode::builder()
        .driver(codemode::quickjs())
        .limits(Limits::default().timeout(Duration::from_millis(200)))
        .build()
        .expect("a driver");
    let begun = Instant::now();
    let outcome = host.replay("for (;;);", endless).await.expect("it ended as recorded");
    assert_eq!(outcome.result.expect_err("it ran too long").kind, FailureKind::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_journal_that_is_full_ends_the_execution_and_replays_to_the_same_end() {
    let limits = Limits::default().journal_bytes(100_000).timeout(Duration::from_secs(60));
    for program in [
        "for (let i = 0; i < 2 ** 30; i++) clearTimeout(setTimeout(() => {}, 1e6))",
        "const s = 'x'.repeat(1e4); for (;;) URL.canParse('http://a/' + s)",
        "const text = 'x'.repeat(1e4); for (;;) await external_echo({ text })",
    ] {
        let recorder = Recorder::default();
        let options = ExecuteOptions::default().journal(recorder.clone()).limits(limits.clone());
        let outcome = code_mode().execute(program, options).await.expect("the host is fine");
        let failure = outcome.result.expect_err("the journal is full");
        assert_eq!((failure.kind, failure.name.as_str()), (FailureKind::LimitReached, "JournalFull"), "{program}");
        let recording = recorder.take();
        let bytes: usize = recording.posted().chain(recording.delivered()).map(str::len).sum();
        assert!(bytes <= 100_000, "{bytes}");
        let again = code_mode().replay(program, recording).await.expect("it came out the same");
        assert_eq!(again.result.expect_err("as recorded").name, "JournalFull", "{program}");
    }
}

#[tokio::test]
async fn what_the_host_is_said_to_have_ended_is_compared_as_well() {
    const WAITS: &str = "for (let i = 0; i < 5; i++) console.log(i); await external_echo({}); await new Promise(() => setTimeout(() => {}, 1e6))";
    let limits = Limits::default().timeout(Duration::from_millis(100));
    let whole = recorded(WAITS, limits).await;
    let again = code_mode().replay(WAITS, whole.clone()).await.expect("it is equal");
    assert_eq!(again.result.expect_err("it waited too long").kind, FailureKind::Timeout);
    let failed =
        |name: &str, kind: FailureKind, message: &str| Some(RecordedEnd::new(Some(Failure::new(kind, name, message))));
    type Forge<'a> = &'a dyn Fn(&mut Recording);
    let forged: [(&str, Forge<'_>); 11] = [
        ("a line too many", &|it| it.lines.push(Line::Posted("log\ninfo\nforged".into()))),
        ("an answer too many", &|it| it.lines.push(Line::Delivered("a 77 1\n5".into()))),
        ("a longer time", &|it| it.header.limits.timeout = Duration::from_millis(150)),
        ("other words", &|it| it.end = failed("Timeout", FailureKind::Timeout, "the program ran longer than 3s")),
        ("out of memory", &|it| it.end = failed("OutOfMemory", FailureKind::OutOfMemory, "the program was greedy")),
        ("cancelled", &|it| it.end = failed("Cancelled", FailureKind::Cancelled, "somebody was cross")),
        ("a stall", &|it| it.end = failed("Stalled", FailureKind::Stalled, "the program waits for nothing")),
        ("an error", &|it| it.end = failed("TypeError", FailureKind::Threw, "x is not a function")),
        ("success", &|it| it.end = Some(RecordedEnd::new(None))),
        ("a full journal", &|it| it.end = failed("JournalFull", FailureKind::LimitReached, "the journal is full")),
        ("a full journal, cut", &|it| {
            it.lines.truncate(3);
            it.end = failed("JournalFull", FailureKind::LimitReached, "the journal of this execution is full");
        }),
    ];
    for (what, forge) in forged {
        let mut recording = whole.clone();
        forge(&mut recording);
        let error = code_mode().replay(WAITS, recording).await.map(|outcome| outcome.result).expect_err(what);
        assert!(matches!(error.kind, ErrorKind::Diverged | ErrorKind::BadJournal), "{what}: {error}");
    }
}

#[tokio::test]
async fn a_replay_that_is_stopped_before_the_end_of_its_record_does_not_call_it_equal() {
    const COUNTS: &str = "for (let i = 0; i < 3; i++) console.log(i); for (;;);";
    let mut recording = recorded(COUNTS, Limits::default().timeout(Duration::from_millis(100))).await;
    code_mode().replay(COUNTS, recording.clone()).await.expect("it is equal");
    recording.lines.push(Line::Posted("log\ninfo\nforged".into()));
    let error = code_mode().replay(COUNTS, recording).await.expect_err("a line is left over");
    assert_eq!(error.kind, ErrorKind::Diverged);
    assert!(error.to_string().contains("1 more of the record were not reached"), "{error}");
}
