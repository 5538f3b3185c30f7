//! What a program came to, laid out for the person who ran it.

use codemode::{Failure, Json, Position, tools::text::visible};

use crate::output::{paint::Paint, pretty};

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
