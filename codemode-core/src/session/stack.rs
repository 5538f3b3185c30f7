//! Reads the stack texts of all engines into one list of frames, the program's own.
//!
//! Formats read: `    at name (file:line:column)` and `    at file:line:column`, with or without a header line. Stack
//! text comes from the guest and may be forged; it is only ever shown to the author of the program.

use std::borrow::Cow;

use crate::{
    engine::PROGRAM_FILE,
    types::{Frame, Position},
};

/// The frames of the program in an engine's stack text, innermost first.
pub fn parse_stack(text: &str) -> Vec<Frame> {
    text.lines().filter_map(parse_frame).take(MAX_FRAMES).collect()
}

fn parse_frame(line: &str) -> Option<Frame> {
    let rest = line.trim_start().strip_prefix("at ")?;
    let (function, place) = match rest.rsplit_once(" (") {
        Some((function, place)) => (function, place.strip_suffix(')')?),
        None => ("", rest),
    };
    let (before, column) = place.rsplit_once(':')?;
    let (file, line) = before.rsplit_once(':')?;
    if file != PROGRAM_FILE {
        return None;
    }
    let position = Position { line: line.parse().ok()?, column: column.parse().ok()? };
    Some(Frame { function: plain_name(function).into_owned(), position })
}

/// Takes away what engines add to a function's name, so that all engines show the same.
fn plain_name(function: &str) -> Cow<'_, str> {
    let name = function.strip_prefix("async ").or(function.strip_prefix("new ")).unwrap_or(function);
    // `Class.method [as alias]`: V8 says on what a method was called, and how.
    let name = name.split_once(" [as ").map_or(name, |(name, _)| name);
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
    match name {
        "<anonymous>" | "<main>" | "<eval>" | "eval" | "anonymous" => Cow::Borrowed(""),
        _ if name.chars().count() > MAX_NAME => Cow::Owned(name.chars().take(MAX_NAME).chain(['…']).collect()),
        _ => Cow::Borrowed(name),
    }
}

const MAX_FRAMES: usize = 16;
const MAX_NAME: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formats_of_all_engines_give_the_same_frames() {
        let quickjs =
            "    at inner (program.ts:4:13)\n    at <anonymous> (program.ts:9:1)\n    at run (codemode:prelude:7:2)\n";
        let v8 = "Error: x\n    at inner (program.ts:4:13)\n    at program.ts:9:1\n    at run (codemode:prelude:7:2)";
        let boa = "    at inner (program.ts:4:13)\n    at <main> (program.ts:9:1)";
        for text in [quickjs, v8, boa] {
            let shown: Vec<String> = parse_stack(text).iter().map(Frame::to_string).collect();
            assert_eq!(shown, ["    at inner (program.ts:4:13)", "    at program.ts:9:1"], "{text}");
        }
    }

    #[test]
    fn what_a_method_was_called_on_is_not_part_of_its_name() {
        let v8 = "    at async Outer.run [as go] (program.ts:5:1)\n    at new Outer (program.ts:6:1)\n    at Proxy.<anonymous> (program.ts:7:1)";
        let shown: Vec<String> = parse_stack(v8).into_iter().map(|frame| frame.function).collect();
        assert_eq!(shown, ["run", "Outer", ""]);
    }

    #[test]
    fn forged_and_broken_lines_are_passed_over() {
        for text in [
            "at",
            "at (",
            "at x (program.ts)",
            "at program.ts:1",
            "at program.ts:x:1",
            "at a (program.ts:99999999999:1)",
            "at file:///etc/passwd:1:1",
        ] {
            assert_eq!(parse_stack(text), [], "{text}");
        }
        assert_eq!(parse_stack(&"at program.ts:1:1\n".repeat(1000)).len(), MAX_FRAMES);
    }
}
