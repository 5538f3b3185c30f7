//! What a stranger's text of any shape costs: a full size of every construct, alone and mixed, in time that grows evenly.
//!
//! `SHAPE=name cargo test … shapes -- --nocapture` shows the times of the shapes whose names hold `name`.

mod built;
mod table;

use std::time::{Duration, Instant};

use super::super::{EngineError, InputProblem, LiteralInput, code_frame, explain};
use super::{Strategy, compile_by, with_options};
use built::BUILT;
use table::{LISTS, STATEMENTS, Shape};

/// The longest program that a host accepts, unless it says otherwise.
const FULL: usize = 256 * 1024;

/// More than this is too much, on a machine of any speed.
pub(super) const LIMIT: Duration = Duration::from_millis(if cfg!(debug_assertions) { 2500 } else { 500 });

/// What errors of engines say, each of another kind.
const MESSAGES: [&str; 5] = [
    "not a function",
    "a is not iterable",
    "Cannot read properties of undefined (reading 'b')",
    "a is not initialized",
    "Unexpected token 'o', \"[object Object]\" is not valid JSON",
];

/// Items of all the shapes in turn, between the head and the foot of the first.
fn text(shapes: &[Shape], bytes: usize) -> String {
    let (head, foot) = shapes.first().map_or(("", ""), |first| (first.head, first.foot));
    let mut text = String::from(head);
    for (number, shape) in shapes.iter().cycle().enumerate() {
        let item = shape.item.replace('%', &number.to_string());
        if text.len() + item.len() + foot.len() > bytes {
            break;
        }
        text.push_str(&item);
    }
    text + foot
}

/// Everything that is ever done with a program, once.
fn handle(source: &str, turn: usize) {
    let check = |_: &str, _: Option<&LiteralInput>| match turn % 4 {
        0 => vec![InputProblem::new("/a", "it is wrong")],
        _ => Vec::new(),
    };
    let compiled = with_options(|options| {
        let options = options.ticks(turn % 2 == 1).check_input(&check);
        compile_by(source, &options, Strategy::InPlace)
    });
    if let Ok(compiled) = &compiled {
        let lines = compiled.javascript.lines().count() as u32;
        for line in [1, lines / 2, lines] {
            for column in [1, 50, compiled.javascript.len() as u32 / 2] {
                compiled.positions.locate(line, column);
            }
            compiled.positions.locate_line(line);
        }
    }
    let lines = source.lines().count() as u32;
    let column = if lines < 3 { source.len() as u32 / 2 } else { 5 };
    for message in [MESSAGES[turn % MESSAGES.len()], MESSAGES[(turn + 2) % MESSAGES.len()]] {
        let error = EngineError::new(message, lines / 2 + 1, column);
        explain(source, &error, &|_| Some("of type { id: number }".to_owned()));
    }
    code_frame(source, lines / 2 + 1, column, 3);
}

/// What `work` takes: of the processor, where the system tells, because tests run side by side.
pub(super) fn time(work: impl FnOnce()) -> Duration {
    let processor = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    };
    let (before, start) = (processor(), Instant::now());
    work();
    let spent = processor().zip(before).map(|(now, before)| now.saturating_sub(before));
    spent.unwrap_or_else(|| start.elapsed())
}

/// Makes a text of so many bytes.
type Text = Box<dyn Fn(usize) -> String>;

/// Handles texts of a full size, and says which took too long, or far more than four times as long as a quarter.
fn slow(texts: Vec<(String, Text)>) -> Vec<String> {
    let only = std::env::var("SHAPE").ok();
    let mut slow = Vec::new();
    for (turn, (name, text)) in texts.into_iter().enumerate() {
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let source = text(FULL);
        assert!(source.len() > FULL / 3, "{name}: {} bytes", source.len());
        let measured = || {
            let full = time(|| handle(&source, turn));
            let quarter = (full > LIMIT / 8).then(|| {
                let source = text(FULL / 4);
                time(|| handle(&source, turn))
            });
            if only.is_some() {
                println!("{name}: {full:?}, a quarter {quarter:?}");
            }
            let is_slow = full > LIMIT || quarter.is_some_and(|quarter| full > quarter * 9);
            is_slow.then(|| format!("{name}: {full:?}, a quarter {quarter:?}"))
        };
        // The time that a virtual machine is not given counts as well: what is slow is so every time.
        let times: Option<Vec<String>> = (0..4).map(|_| measured()).collect();
        slow.extend(times.and_then(|mut times| times.pop()));
    }
    slow
}

fn one(shape: Shape) -> (String, Text) {
    (shape.name.to_owned(), Box::new(move |bytes| text(&[shape], bytes)))
}

#[test]
fn every_statement_at_full_size() {
    assert_eq!(slow(STATEMENTS.iter().copied().map(one).collect()), Vec::<String>::new());
}

#[test]
fn every_list_at_full_size() {
    assert_eq!(slow(LISTS.iter().copied().map(one).collect()), Vec::<String>::new());
}

#[test]
fn statements_of_several_kinds_at_full_size() {
    let mut state: u64 = 0x5DEE_CE66;
    let mut pick = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        STATEMENTS[(state >> 33) as usize % STATEMENTS.len()]
    };
    let pairs = std::env::var("SHAPE_PAIRS").ok().and_then(|count| count.parse().ok()).unwrap_or(60);
    let mixed = (0..pairs).map(|_| {
        let shapes = [pick(), pick()];
        let name = format!("{}, {}", shapes[0].name, shapes[1].name);
        let text: Text = Box::new(move |bytes| text(&shapes, bytes));
        (name, text)
    });
    assert_eq!(slow(mixed.collect()), Vec::<String>::new());
}

#[test]
fn every_part_beside_every_other_at_full_size() {
    let texts = BUILT.iter().map(|(name, text)| ((*name).to_owned(), Box::new(*text) as Text));
    assert_eq!(slow(texts.collect()), Vec::<String>::new());
}
