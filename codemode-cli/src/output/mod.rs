//! What people see. The one thing to keep: standard output is for the result, everything else goes to standard error.
//!
//! A reader that goes away (`codemode run … | head -1`) never ends a program half-way: its tools may have effects. It
//! runs to its end, unheard. Any other failure to write is reported.

mod brief;
pub mod listener;
pub mod paint;
mod pretty;
pub mod screen;
pub mod text;
mod tokens;

use std::io::{self, IsTerminal, Write};

use codemode::{Failure, Json, Position};

use crate::{
    output::{paint::Paint, text::visible},
    problem::Problem,
};

/// Says what is wrong on standard error.
pub fn report(problem: &Problem) {
    let paint = Paint::stderr();
    let mut text = format!("{}: {}\n", paint.error("error"), visible(&problem.message));
    if let Some(help) = &problem.help {
        text.push_str(&format!("{}: {}\n", paint.hint("help"), visible(help)));
    }
    say(&text);
}

/// Says something that is no error, on standard error.
pub fn note(message: &str) {
    say(&format!("{}: {}\n", Paint::stderr().dim("codemode"), visible(message)));
}

/// Says something that may be an error, on standard error.
pub fn warning(message: &str) {
    say(&format!("{}: {}\n", Paint::stderr().warn("warning"), visible(message)));
}

/// Writes to standard error as it is.
pub fn say(text: &str) {
    let mut stderr = io::stderr().lock();
    // Where standard error is gone there is no place left to say so.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Writes to standard output, whole.
///
/// # Errors
/// When it cannot take the text, a full disk for example. That its reader went away is no error.
pub fn print(text: &str) -> Result<(), Problem> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::new(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// A program's result, as JSON for people: indented, coloured on a terminal.
pub fn result(json: &Json, paint: Paint) -> String {
    pretty::pretty(json.text(), paint)
}

/// A program's failure, for the person who runs it.
pub fn failure(failure: &Failure, program: &str) -> String {
    let paint = Paint::stderr();
    let mut text = format!("{}: {}\n", paint.error(&visible(&failure.name)), visible(&failure.message));
    let place = |at: Position| format!("{}:{}:{}", visible(program), at.line, at.column);
    let at = |what: String| format!("  {} {what}\n", paint.dim("at"));
    // The first frame is the place itself.
    match failure.frames.as_slice() {
        [_, _, ..] => text.extend(failure.frames.iter().map(|frame| match frame.function.as_str() {
            "" => at(place(frame.position)),
            function => at(format!("{} ({})", visible(function), place(frame.position))),
        })),
        _ => text.extend(failure.position.map(|position| at(place(position)))),
    }
    if let Some(frame) = &failure.code_frame {
        text.push_str(&format!("{}\n", visible(frame.trim_end_matches('\n'))));
    }
    if let Some(hint) = &failure.hint {
        text.push_str(&format!("{}: {}\n", paint.hint("help"), visible(hint)));
    }
    text
}

/// How wide lines on standard error may be; `None` when it is no terminal.
pub fn terminal_width() -> Option<usize> {
    let stderr = io::stderr();
    if !stderr.is_terminal() {
        return None;
    }
    #[cfg(unix)]
    let columns = rustix::termios::tcgetwinsize(&stderr).map_or(0, |size| usize::from(size.ws_col));
    #[cfg(not(unix))]
    let columns = 0;
    Some(if columns < NARROWEST { DEFAULT_WIDTH } else { columns })
}

const NARROWEST: usize = 20;
const DEFAULT_WIDTH: usize = 80;
