//! Instruction counts of the paths that only compute, under callgrind: they come out the same on a busy machine.
//!
//! `cargo xtask bench --check` compares them with `benches/instructions.json`.

#![allow(missing_docs, reason = "the macros of gungraun make items without documentation")]

use std::{collections::VecDeque, hint::black_box, sync::Arc, time::Duration};

use codemode::{
    CodeMode, Json, Limits, Threaded, Tool, ToolNames,
    typescript::{CompileOptions, Compiled, compile},
};
use codemode_benches::tools;
use codemode_core::{
    session::{
        Action, EventLoop, Input, Start,
        message::{GuestMessage, HostMessage},
    },
    testing::{ScriptedEngine, ScriptedOptions},
};
use gungraun::{library_benchmark, library_benchmark_group, main};

main!(library_benchmark_groups = front_end, bridge);
library_benchmark_group!(name = front_end; benchmarks = compile_program, catalog);
library_benchmark_group!(name = bridge; benchmarks = read_call, write_answer, session_of_calls);

const PROGRAM: &str = include_str!("../programs/thirty_lines.ts");
/// In the order in which the program mentions them.
const EXTERNALS: [&str; 3] = ["external_getProductRatings", "external_getTopProducts", "external_saveReport"];

// A program of thirty lines, from the model's text to a script.
#[library_benchmark]
#[bench::lines30(externals())]
fn compile_program(externals: Vec<Arc<str>>) -> Compiled {
    let known = |name: &str| externals.iter().any(|external| **external == *name) || codemode::names::is_global(name);
    let options = CompileOptions::new(1 << 20, &known, &externals);
    let compiled = compile(black_box(PROGRAM), &options).expect("it compiles");
    assert_eq!(compiled.externals, EXTERNALS);
    compiled
}

fn externals() -> Vec<Arc<str>> {
    EXTERNALS.map(Arc::from).to_vec()
}

// Names, declarations and prompt of a hundred tools.
#[library_benchmark]
#[bench::tools100(tools::many(100))]
fn catalog(tools: Vec<Tool>) -> CodeMode {
    let code_mode = CodeMode::builder().driver(scripted()).tools(tools).build().expect("they are accepted");
    assert!(code_mode.problems().is_empty());
    code_mode
}

fn scripted() -> Threaded<ScriptedEngine> {
    Threaded::pooled(ScriptedOptions::default())
}

// A call with an input of a kilobyte, as the guest posts it.
#[library_benchmark]
#[bench::kilobyte(format!("call 7 external_save\n{}", kilobyte()))]
fn read_call(text: String) -> bool {
    matches!(
        GuestMessage::parse(black_box(&text)),
        Ok(GuestMessage::Call { id: 7, function: "external_save", input: Some(_) })
    )
}

// An answer of a kilobyte, as it is delivered.
#[library_benchmark]
#[bench::kilobyte(kilobyte())]
fn write_answer(json: Json) -> String {
    HostMessage::Answer { id: 7, now: 1_700_000_000_000, answer: Ok(Some(json)) }.text()
}

fn kilobyte() -> Json {
    Json::from(serde_json::json!({ "rows": vec!["0123456789abcdef 0123456789abcdef"; 28] }))
}

// A hundred calls one after the other, as the session sees them.
#[library_benchmark]
#[bench::calls100(start())]
fn session_of_calls(start: Start) -> bool {
    let mut actions = VecDeque::new();
    let mut session = EventLoop::start(start, &mut actions);
    for id in 1..=100 {
        let now = Duration::from_millis(id);
        let input = Json::from_text("{\"n\":1}").ok();
        assert_eq!(
            session.on(now, Input::Message(GuestMessage::Call { id, function: EXTERNALS[1], input }), &mut actions),
            None
        );
        session.on(now, Input::Idle, &mut actions);
        assert!(actions.drain(..).any(|action| matches!(action, Action::Start(call) if call.id == id)));
        session.on(now, Input::Answered(id, Ok(Json::from_text("{\"n\":2}").ok())), &mut actions);
        assert!(actions.drain(..).any(|action| matches!(action, Action::Deliver(_))));
    }
    let now = Duration::from_secs(1);
    session.on(now, Input::Message(GuestMessage::Done(None)), &mut actions);
    session.on(now, Input::Idle, &mut actions);
    session.finished()
}

fn start() -> Start {
    let tools = Arc::new(ToolNames::new(EXTERNALS.map(|name| (name, name))));
    let mut start = Start::new("bench", Limits::default(), tools);
    (start.epoch_ms, start.seed, start.code_length) = (1_700_000_000_000, 1, PROGRAM.len());
    start
}
