//! The event loop over all orders of small sets of inputs, and the rules that only show in a certain order.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use proptest::prelude::*;

use super::{
    Action, EventLoop, Input, Mode, Start,
    message::{CONSOLE_FULL, GuestMessage, Problem, Thrown},
};
use crate::{
    engine::Stop,
    types::{Event, EventKind, Failure, FailureKind, Json, Level, Limits, Progress, ToolNames},
};

const MS: Duration = Duration::from_millis(1);

fn start(limits: Limits) -> (EventLoop, VecDeque<Action>) {
    let mut actions = VecDeque::new();
    let event_loop = EventLoop::start(
        Start {
            tool_call_id: "t".into(),
            limits,
            tools: Arc::new(ToolNames::new([("external_a", "a"), ("external_b", "b")])),
            functions: None,
            epoch_ms: 1_000,
            seed: 7,
            code_length: 3,
            mode: Mode::Live,
        },
        &mut actions,
    );
    (event_loop, actions)
}

/// An event loop whose program has begun.
fn running(limits: Limits) -> EventLoop {
    let (event_loop, actions) = start(limits);
    assert_eq!(kinds(&actions), ["emit started", "run"]);
    event_loop
}

fn say(event_loop: &mut EventLoop, said: GuestMessage<'_>) -> Option<String> {
    event_loop.on(MS, Input::Message(said), &mut VecDeque::new())
}

fn call(id: u64) -> GuestMessage<'static> {
    GuestMessage::Call { id, function: "external_a", input: None }
}

/// Gives the event loop an input, and its own failure back when it asks for an explanation.
fn on(event_loop: &mut EventLoop, input: Input<'_>) -> VecDeque<Action> {
    let mut actions = VecDeque::new();
    event_loop.on(MS, input, &mut actions);
    if let Some(Action::Explain(failure)) = actions.pop_back_if(|last| matches!(last, Action::Explain(_))) {
        event_loop.on(MS, Input::Explained(failure), &mut actions);
    }
    actions
}

fn answer(id: u64) -> Input<'static> {
    Input::Answered(id, Ok(Json::from_text(id.to_string()).ok()))
}

/// A short name for each action.
fn kinds(actions: &VecDeque<Action>) -> Vec<String> {
    let kind = |action: &Action| match action {
        Action::Emit(event) => {
            format!("emit {}", event.name().trim_start_matches("code_mode:").trim_start_matches("execution_"))
        }
        Action::Deliver(text) => format!("deliver {}", text.split(['\n', ' ']).next().unwrap_or_default()),
        Action::Run(_) => "run".into(),
        Action::Start(call) => format!("start {}", call.id),
        Action::Interrupt => "interrupt".into(),
        Action::Explain(failure) => format!("explain {}", failure.kind.as_str()),
        Action::Wait(None) => "wait".into(),
        Action::Wait(Some(until)) => format!("wait {}", until.as_millis()),
        Action::Finish(ending) => match &ending.result {
            Ok(_) => "finish ok".into(),
            Err(failure) => format!("finish {}", failure.kind.as_str()),
        },
    };
    actions.iter().map(kind).collect()
}

fn delivered(actions: &VecDeque<Action>) -> Vec<&str> {
    actions
        .iter()
        .filter_map(|action| if let Action::Deliver(text) = action { Some(text.as_str()) } else { None })
        .collect()
}

#[test]
fn calls_start_together_when_the_engine_rests_and_settle_in_the_order_of_their_answers() {
    let mut event_loop = running(Limits::default());
    assert_eq!(say(&mut event_loop, call(1)), None);
    assert_eq!(say(&mut event_loop, call(2)), None);
    let actions = on(&mut event_loop, Input::Idle);
    assert_eq!(kinds(&actions), ["emit external_call", "start 1", "emit external_call", "start 2", "wait"]);
    let actions = on(&mut event_loop, answer(2));
    assert_eq!(delivered(&actions), ["a 2 1001\n2"]);
    // The other answer comes while the engine works on the first: it waits for the engine to rest.
    assert_eq!(kinds(&on(&mut event_loop, answer(1))), ["emit external_result"]);
    assert_eq!(delivered(&on(&mut event_loop, Input::Idle)), ["a 1 1001\n1"]);
    say(&mut event_loop, GuestMessage::Done(None));
    assert_eq!(kinds(&on(&mut event_loop, Input::Idle)), ["emit finished", "finish ok"]);
}

#[test]
fn over_parallel_calls_they_wait_in_order_and_over_calls_they_are_refused() {
    let mut event_loop = running(Limits { parallel_calls: 1, calls: 2, ..Limits::default() });
    assert_eq!(say(&mut event_loop, call(1)), None);
    assert_eq!(say(&mut event_loop, call(2)), None);
    let refusal = say(&mut event_loop, call(3)).expect("refused");
    assert!(refusal.starts_with("!over 2 tool calls"), "{refusal}");
    assert_eq!(kinds(&on(&mut event_loop, Input::Idle)), ["emit external_call", "start 1", "wait"]);
    assert_eq!(kinds(&on(&mut event_loop, answer(1))), ["emit external_result", "deliver a"]);
    assert_eq!(kinds(&on(&mut event_loop, Input::Idle)), ["emit external_call", "start 2", "wait"]);
}

#[test]
fn a_program_that_nothing_can_wake_is_asked_where_it_is_and_ends_at_once() {
    let mut event_loop = running(Limits::default());
    assert_eq!(kinds(&on(&mut event_loop, Input::Idle)), ["deliver w"]);
    say(&mut event_loop, GuestMessage::Waiting { line: 4 });
    let mut actions = on(&mut event_loop, Input::Idle);
    assert_eq!(kinds(&actions), ["emit finished", "finish stalled"]);
    let Some(Action::Finish(ending)) = actions.pop_back() else { panic!("it ended") };
    assert_eq!(ending.result.map_err(|failure| failure.position.map(|at| at.line)), Err(Some(4)));
}

#[test]
fn timers_and_answers_come_in_the_order_of_their_times() {
    let mut event_loop = running(Limits::default());
    say(&mut event_loop, GuestMessage::Timer { id: 1, delay: 5 * MS });
    say(&mut event_loop, GuestMessage::Timer { id: 2, delay: 2 * MS });
    say(&mut event_loop, GuestMessage::Timer { id: 3, delay: 2 * MS });
    say(&mut event_loop, GuestMessage::Untimer { id: 3 });
    say(&mut event_loop, call(1));
    assert_eq!(kinds(&on(&mut event_loop, Input::Idle)), ["emit external_call", "start 1", "wait 2"]);
    let mut actions = VecDeque::new();
    event_loop.on(4 * MS, answer(1), &mut actions);
    assert_eq!(delivered(&actions), ["t 2 1004"]);
    let mut actions = VecDeque::new();
    event_loop.on(9 * MS, Input::Idle, &mut actions);
    assert_eq!(delivered(&actions), ["a 1 1009\n1"]);
    let mut actions = VecDeque::new();
    event_loop.on(9 * MS, Input::Idle, &mut actions);
    assert_eq!(delivered(&actions), ["t 1 1009"]);
}

#[test]
fn timers_set_in_one_turn_fire_by_their_delays_however_long_the_turn_takes() {
    let mut event_loop = running(Limits::default());
    for (at, id, delay) in [(1, 1, 24), (2, 2, 8), (30, 3, 16)] {
        event_loop.on(at * MS, Input::Message(GuestMessage::Timer { id, delay: delay * MS }), &mut VecDeque::new());
    }
    for expected in ["t 2 1040", "t 3 1040", "t 1 1040"] {
        let mut actions = VecDeque::new();
        event_loop.on(40 * MS, Input::Idle, &mut actions);
        assert_eq!(delivered(&actions), [expected]);
    }
}

#[test]
fn a_stop_while_running_interrupts_and_names_the_end_whatever_the_engine_says() {
    for (input, kind) in [(Input::Deadline, "finish timeout"), (Input::Cancel, "finish cancelled")] {
        let mut event_loop = running(Limits::default());
        assert_eq!(kinds(&on(&mut event_loop, input)), ["interrupt"]);
        let forged = Stop::Threw(crate::engine::ScriptError { name: "X".into(), message: "mine".into(), stack: None });
        assert_eq!(kinds(&on(&mut event_loop, Input::Stopped(forged))).last().map(String::as_str), Some(kind));
    }
}

#[test]
fn a_stop_that_races_with_rest_still_counts_and_one_after_the_result_does_not() {
    let mut event_loop = running(Limits::default());
    on(&mut event_loop, Input::Deadline);
    assert_eq!(kinds(&on(&mut event_loop, Input::Idle)), ["emit finished", "finish timeout"]);

    let mut event_loop = running(Limits::default());
    say(&mut event_loop, GuestMessage::Done(None));
    on(&mut event_loop, Input::Deadline);
    assert_eq!(kinds(&on(&mut event_loop, Input::Stopped(Stop::Interrupted))), ["emit finished", "finish ok"]);
}

#[test]
fn nothing_is_believed_after_the_end() {
    let mut event_loop = running(Limits::default());
    let mut actions = VecDeque::new();
    event_loop.on(MS, Input::Message(GuestMessage::Done(Json::from_text("1").ok())), &mut actions);
    assert_eq!(kinds(&actions), ["interrupt"]);
    for said in [GuestMessage::Done(None), call(1), GuestMessage::Console { level: Level::Log, text: "late" }] {
        let mut actions = VecDeque::new();
        assert_eq!(event_loop.on(MS, Input::Message(said), &mut actions), None);
        assert_eq!(kinds(&actions), Vec::<String>::new());
    }
    let mut actions = on(&mut event_loop, Input::Idle);
    let Some(Action::Finish(ending)) = actions.pop_back() else { panic!("it ended") };
    assert_eq!(ending.result, Ok(Json::from_text("1").ok()));
    assert_eq!(ending.console, []);
}

#[test]
fn calls_left_open_are_reported_and_named() {
    let mut event_loop = running(Limits { parallel_calls: 1, ..Limits::default() });
    say(&mut event_loop, call(1));
    say(&mut event_loop, call(2));
    on(&mut event_loop, Input::Idle);
    let mut actions = on(&mut event_loop, Input::Cancel);
    assert_eq!(kinds(&actions), ["emit external_error", "emit finished", "finish cancelled"]);
    let Some(Action::Finish(ending)) = actions.pop_back() else { panic!("it ended") };
    let dropped: Vec<_> = ending.dropped_calls.iter().map(|call| (call.call_id, call.started)).collect();
    assert_eq!(dropped, [(1, true), (2, false)]);
}

#[test]
fn forged_calls_are_refused_and_counted() {
    let mut event_loop = running(Limits::default());
    for said in [
        call(0),
        call(2),
        call(u64::MAX),
        GuestMessage::Call { id: 1, function: "external_nothing", input: None },
        GuestMessage::Call { id: 1, function: "toString", input: None },
    ] {
        assert!(say(&mut event_loop, said).is_some_and(|refusal| refusal.starts_with('!')));
    }
    say(&mut event_loop, GuestMessage::Done(None));
    let mut actions = on(&mut event_loop, Input::Idle);
    let Some(Action::Finish(ending)) = actions.pop_back() else { panic!("it ended") };
    assert_eq!((ending.stats.refused_messages, ending.stats.calls), (5, 0));
}

#[test]
fn the_console_says_once_that_it_is_full() {
    let console_bytes = 5 + Limits::LINE_BYTES;
    let mut event_loop = running(Limits { console_bytes, ..Limits::default() });
    let log = |text| GuestMessage::Console { level: Level::Log, text };
    assert_eq!(say(&mut event_loop, log("12345")), None);
    assert_eq!(say(&mut event_loop, log("6")).as_deref(), Some(CONSOLE_FULL));
    assert_eq!(say(&mut event_loop, log("7")).as_deref(), Some(CONSOLE_FULL));
    say(&mut event_loop, GuestMessage::Done(None));
    let mut actions = on(&mut event_loop, Input::Idle);
    let Some(Action::Finish(ending)) = actions.pop_back() else { panic!("it ended") };
    let lines: Vec<&str> = ending.console.iter().map(|line| &*line.text).collect();
    assert_eq!(lines, ["12345", &format!("console output over {console_bytes} bytes is not kept")]);
}

#[test]
fn a_line_without_text_is_not_free() {
    let mut event_loop = running(Limits::default());
    let mut kept = 0;
    while say(&mut event_loop, GuestMessage::Console { level: Level::Log, text: "" }).is_none() {
        kept += 1;
        assert!(kept < 10_000);
    }
    assert!(kept > 4_000);
}

#[test]
fn the_inputs_of_unanswered_calls_are_bounded_together() {
    let mut event_loop = running(Limits { input_bytes: 10, parallel_calls: 1, ..Limits::default() });
    let input = |id, text: &str| {
        let input = Some(Json::from_text(text).expect("JSON"));
        GuestMessage::Call { id, function: "external_a", input }
    };
    let refused = say(&mut event_loop, input(1, r#""123456789""#)).expect("it is too large");
    assert_eq!(refused, "!the input has 11 bytes of JSON; at most 10 are taken. Send less in one call");
    assert_eq!(say(&mut event_loop, input(1, "123456")), None);
    let refused = say(&mut event_loop, input(2, "12345")).expect("together they are too large");
    assert!(refused.contains("those of unanswered calls have 6; at most 10"), "{refused}");
    assert_eq!(say(&mut event_loop, input(2, "1234")), None);
    // Started and answered, it still counts: only what was delivered decides what fits.
    assert!(kinds(&on(&mut event_loop, Input::Idle)).contains(&"start 1".to_owned()));
    on(&mut event_loop, answer(1));
    assert_eq!(say(&mut event_loop, input(3, "123456")), None);
}

/// Inputs of the exhaustive test, by number, so that orders are lists of numbers.
fn nth(n: u8) -> Input<'static> {
    match n {
        0 => Input::Message(call(1)),
        1 => Input::Message(GuestMessage::Done(None)),
        2 => Input::Idle,
        3 => answer(1),
        4 => Input::Deadline,
        5 => Input::Cancel,
        6 => Input::Message(GuestMessage::Timer { id: 1, delay: MS }),
        7 => Input::Tick,
        8 => Input::Stopped(Stop::OutOfMemory),
        9 => Input::Message(GuestMessage::Failed(Box::new(Thrown {
            thrown: "error".into(),
            name: "E".into(),
            message: "m".into(),
            stack: None,
            code: None,
            data: None,
            fields: None,
            cause: None,
            errors: Vec::new(),
        }))),
        _ => Input::Message(GuestMessage::Unserializable(Problem { path: "$".into(), reason: "a function".into() })),
    }
}

#[test]
fn a_failure_is_explained_once_and_the_last_event_and_the_end_carry_the_same() {
    let mut event_loop = running(Limits::default());
    let mut actions = VecDeque::new();
    event_loop.on(MS, Input::Stopped(Stop::OutOfMemory), &mut actions);
    assert_eq!(kinds(&actions), ["explain outOfMemory"]);
    let Some(Action::Explain(mut failure)) = actions.pop_back() else { panic!("it asks") };
    // Nothing else counts meanwhile.
    for input in [Input::Idle, Input::Deadline, Input::Cancel, Input::Tick, answer(1)] {
        event_loop.on(MS, input, &mut actions);
    }
    assert!(actions.is_empty() && !event_loop.finished());
    failure.hint = Some("explained".into());
    event_loop.on(MS, Input::Explained(failure), &mut actions);
    assert_eq!(kinds(&actions), ["emit finished", "finish outOfMemory"]);
    let hints: Vec<Option<String>> = actions
        .into_iter()
        .filter_map(|action| match action {
            Action::Emit(Event { kind: EventKind::Finished { error, .. }, .. }) => error.map(|failure| failure.hint),
            Action::Finish(ending) => ending.result.err().map(|failure| failure.hint),
            _ => None,
        })
        .collect();
    assert_eq!(hints, [Some("explained".into()), Some("explained".into())]);
    assert!(on(&mut event_loop, Input::Stopped(Stop::Interrupted)).is_empty());
}

#[test]
fn an_explanation_that_does_not_come_is_done_without() {
    let mut event_loop = running(Limits::default());
    let mut actions = VecDeque::new();
    event_loop.on(MS, Input::Stopped(Stop::OutOfMemory), &mut actions);
    actions.clear();
    // The engine's thread may come back while another one explains.
    event_loop.on(MS, Input::Stopped(Stop::Interrupted), &mut actions);
    assert!(actions.is_empty() && event_loop.is_explaining());
    event_loop.on(MS, Input::Unexplained, &mut actions);
    assert_eq!(kinds(&actions), ["emit finished", "finish outOfMemory"]);
}

#[test]
fn a_rejected_program_begins_and_ends_in_its_events() {
    let mut actions = VecDeque::new();
    let start = Start {
        tool_call_id: "t".into(),
        limits: Limits::default(),
        tools: Arc::default(),
        functions: None,
        epoch_ms: 1_000,
        seed: 7,
        code_length: 3,
        mode: Mode::Live,
    };
    let event_loop = EventLoop::reject(start, Failure::new(FailureKind::Syntax, "SyntaxError", "no"), &mut actions);
    assert_eq!(kinds(&actions), ["emit started", "emit finished", "finish syntax"]);
    assert!(event_loop.finished());
}

#[test]
fn progress_counts_while_its_call_is_open() {
    let mut event_loop = running(Limits::default());
    let progress = |event_loop: &mut EventLoop| kinds(&on(event_loop, Input::Progress(1, Progress::default())));
    say(&mut event_loop, call(1));
    assert!(progress(&mut event_loop).is_empty());
    on(&mut event_loop, Input::Idle);
    assert_eq!(progress(&mut event_loop), ["emit external_progress"]);
    on(&mut event_loop, answer(1));
    assert!(progress(&mut event_loop).is_empty());
}

/// What holds in every order: events are well formed, the engine is never asked to work while it works, and after the
/// end there is silence.
struct Watcher {
    busy: bool,
    finished: bool,
    open: Vec<u64>,
}

impl Watcher {
    fn watch(&mut self, order: &[u8], actions: VecDeque<Action>) {
        for action in actions {
            assert!(!self.finished, "{order:?}: {action:?} after the end");
            match action {
                Action::Run(_) | Action::Deliver(_) => {
                    assert!(!self.busy, "{order:?}: asked to work while it works");
                    self.busy = true;
                }
                Action::Finish(ending) => {
                    self.finished = true;
                    assert!(self.open.is_empty(), "{order:?}: {:?} have no end", self.open);
                    assert!(ending.dropped_calls.len() <= 1);
                }
                Action::Emit(event) => match event.kind {
                    EventKind::Call { call_id, .. } => self.open.push(call_id),
                    EventKind::CallResult { call_id, .. } | EventKind::CallError { call_id, .. } => {
                        let at = self.open.iter().position(|open| *open == call_id);
                        self.open.remove(at.expect("an end has a beginning"));
                    }
                    _ => {}
                },
                Action::Wait(_) => assert!(!self.busy, "{order:?}: waits while the engine works"),
                Action::Start(_) | Action::Interrupt | Action::Explain(_) => {}
            }
        }
    }
}

fn play(order: &[u8]) {
    let (mut event_loop, actions) = start(Limits::default());
    let mut watcher = Watcher { busy: false, finished: false, open: Vec::new() };
    assert_eq!(kinds(&actions), ["emit started", "run"]);
    watcher.watch(order, actions);
    for n in order.iter().chain(&[2, 5, 2]) {
        // A real engine says things and comes to rest only while it works.
        if matches!(n, 0 | 1 | 2 | 6 | 8 | 9 | 10) && !watcher.busy {
            continue;
        }
        if matches!(n, 2 | 8) {
            watcher.busy = false;
        }
        let actions = on(&mut event_loop, nth(*n));
        if matches!(n, 0 | 1 | 6 | 9 | 10) {
            // Whoever passes the guest's messages on has neither the engine nor the tools.
            let alone = |action: &Action| matches!(action, Action::Emit(_) | Action::Interrupt);
            assert!(actions.iter().all(alone), "{order:?}: {actions:?} after a message");
        }
        watcher.watch(order, actions);
    }
    // The stall question keeps the engine at work once more.
    if watcher.busy {
        watcher.busy = false;
        watcher.watch(order, on(&mut event_loop, Input::Idle));
    }
    assert!(watcher.finished && event_loop.finished(), "{order:?} never ended");
}

#[test]
fn every_order_of_five_inputs_ends_well() {
    const INPUTS: u8 = 11;
    let mut order = [0; 5];
    for n in 0..u32::from(INPUTS).pow(5) {
        let mut rest = n;
        for place in &mut order {
            *place = u8::try_from(rest % u32::from(INPUTS)).unwrap_or_default();
            rest /= u32::from(INPUTS);
        }
        play(&order);
    }
}

proptest! {
    #[test]
    fn long_orders_end_well(order in prop::collection::vec(0u8..11, 0..60)) {
        play(&order);
    }

    #[test]
    fn arbitrary_texts_of_the_guest_never_panic(texts in prop::collection::vec(
        "(call|timer|untimer|log|done|fail|waiting|unserializable|url)? ?[0-9]{0,20} ?(external_a|log|5)?(\n(\\PC{0,20}|\\{\"name\":\"a\",\"message\":\"b\"\\}|[0-9]{1,5}))?", 0..30
    )) {
        let mut event_loop = running(Limits { console_bytes: 50, timers: 2, calls: 2, ..Limits::default() });
        let mut actions = VecDeque::new();
        for text in &texts {
            match GuestMessage::parse(text) {
                Ok(said) => drop(event_loop.on(MS, Input::Message(said), &mut actions)),
                Err(_) => drop(event_loop.refuse()),
            }
        }
        event_loop.on(MS, Input::Cancel, &mut actions);
        on(&mut event_loop, Input::Idle);
        prop_assert!(event_loop.finished());
    }
}
