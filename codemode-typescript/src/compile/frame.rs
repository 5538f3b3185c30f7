//! Code frames: the lines around a position with a caret under it, for a model to read.
//!
//! All lines of a frame show the same window of columns, so that the caret stays true when long lines are clipped.

use super::position::is_line_break;

const LINES_AROUND: u32 = 2;
/// Characters of a line that a frame shows.
const SHOWN: usize = 100;

/// The lines around (`line`, `column`) of `source`, with `width` carets under what begins there.
///
/// ```text
///   1 | const user = await external_getUser({ id: 7 });
/// > 2 | return user.nmae.length;
///     |             ^^^^
/// ```
///
/// Lines and columns as everywhere in this module: from 1, UTF-16. Long lines are clipped around the column. Tabs stay;
/// other control characters and the invisible ones that reorder text appear as `\u{FFFD}`.
pub fn code_frame(source: &str, line: u32, column: u32, width: u32) -> String {
    let line = line.max(1);
    let first = line.saturating_sub(LINES_AROUND).max(1);
    let shown: Vec<(u32, &str)> = split_lines(source)
        .zip(1..)
        .map(|(text, number)| (number, text))
        .skip(first as usize - 1)
        .take((line - first + LINES_AROUND) as usize + 1)
        .collect();
    let Some((_, target)) = shown.iter().find(|(number, _)| *number == line) else { return String::new() };
    let caret = chars_before(target, column);
    let skipped = (caret + SHOWN / 4 + 1).saturating_sub(SHOWN);
    let behind = chars_before(target, column.saturating_add(width)).clamp(caret + 1, (skipped + SHOWN).max(caret + 1));
    let last = shown.last().map_or(line, |(number, _)| *number);
    let digits = last.to_string().len();
    // Blank lines at the end of the frame say nothing.
    let useful = shown.iter().rposition(|(number, text)| *number <= line || !text.trim().is_empty());
    let mut frame = String::new();
    for (number, text) in shown.iter().take(useful.map_or(0, |index| index + 1)) {
        let mark = if *number == line { '>' } else { ' ' };
        let visible = clip(text, skipped);
        frame.push_str(format!("{mark} {number:digits$} | {visible}").trim_end());
        frame.push('\n');
        if *number == line {
            let lead = visible.chars().chain(std::iter::repeat(' ')).take(caret - skipped);
            let lead: String = lead.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            frame.push_str(&format!("  {:digits$} | {lead}{}\n", "", "^".repeat(behind - caret)));
        }
    }
    frame.pop();
    frame
}

/// The part of a line that is shown, with an ellipsis where it is cut.
fn clip(text: &str, skipped: usize) -> String {
    let mut visible: String = text.chars().skip(skipped).take(SHOWN).map(printable).collect();
    if skipped > 0 && !visible.is_empty() {
        visible = std::iter::once('…').chain(visible.chars().skip(1)).collect();
    }
    if text.chars().nth(skipped + SHOWN).is_some() {
        visible.pop();
        visible.push('…');
    }
    visible
}

/// How many characters stand before a 1-based UTF-16 column.
fn chars_before(text: &str, column: u32) -> usize {
    let mut units = 1;
    text.chars()
        .take_while(|c| {
            let before = units < column;
            units += c.len_utf16() as u32;
            before
        })
        .count()
}

fn printable(c: char) -> char {
    match c {
        '\t' => c,
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{FEFF}' => '\u{FFFD}',
        c if c.is_control() => '\u{FFFD}',
        c => c,
    }
}

/// Lines without their ends, as JavaScript counts them.
fn split_lines(source: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(source);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = text.find(is_line_break) else {
            rest = None;
            return Some(text);
        };
        let (line, tail) = text.split_at(at);
        let end = if tail.starts_with("\r\n") { 2 } else { tail.chars().next().map_or(0, char::len_utf8) };
        rest = tail.get(end..);
        Some(line)
    })
}
