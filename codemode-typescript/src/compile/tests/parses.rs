//! How often the text of a program is parsed: parsing is most of what the front end costs.

use super::super::parse::counts::{PROGRAMS, SCRIPTS};
use super::super::{EngineError, explain};
use super::accept;

/// How often `work` parses a program, and how often a script.
fn parses(work: impl FnOnce()) -> (u32, u32) {
    let before = (PROGRAMS.get(), SCRIPTS.get());
    work();
    (PROGRAMS.get() - before.0, SCRIPTS.get() - before.1)
}

/// The script is another text than the program: it is what an engine will get, so it is parsed, as plain JavaScript,
/// after the program is rewritten. That is counted apart.
#[test]
fn compiling_parses_the_program_once_and_explaining_once_more() {
    let source = "const user: User = await external_getUser({ id: 1 });\nreturn user.getName();";
    let compiled = parses(|| drop(accept(source)));
    assert_eq!(compiled, (1, 1));
    let error = EngineError::new("user.getName is not a function", 2, 13);
    let explained = parses(|| assert!(explain(source, &error, &|_| None).message.is_some()));
    assert_eq!(explained, (1, 0));
}

/// The printer parses for itself: again another text, in which all changes but the types are made.
#[test]
fn a_program_that_is_printed_anew_is_still_parsed_once() {
    assert_eq!(parses(|| drop(accept("enum Color { Red }\nreturn Color.Red;"))), (1, 1));
}

#[test]
fn an_error_that_no_program_explains_parses_nothing() {
    let error = EngineError::new("Out of stock", 1, 1);
    assert_eq!(parses(|| drop(explain("throw new Error('Out of stock')", &error, &|_| None))), (0, 0));
}
