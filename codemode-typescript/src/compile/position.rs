//! Lines and columns, and the mapping from the generated script back to the model's text.
//!
//! Lines end where JavaScript ends them: `\n`, `\r\n`, `\r`, U+2028, U+2029. Lines and columns count from 1; columns
//! count UTF-16 code units, which is what engines print in stacks.

use std::sync::OnceLock;

use super::edit::Piece;

/// Finds the model's position for a position in [`super::compiled::Compiled::javascript`].
///
/// Nothing is computed before the first question, which costs one pass over both texts; further ones cost little.
#[derive(Debug, Clone)]
pub struct Positions {
    javascript: String,
    source: String,
    /// From the script to the source, in this order.
    pub(super) steps: Vec<Step>,
    /// Lines of the script and of the source.
    lines: OnceLock<(Lines, Lines)>,
}

/// One stage of rewriting, seen backwards: from offsets in its output to offsets in its input.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// An edit table was applied.
    Edits(Vec<Piece>),
    /// Text was put in front and behind; the offset is where the inner text begins.
    Inside {
        /// Offset of the inner text.
        start: u32,
        /// Its length in bytes.
        bytes: u32,
    },
    /// The text was printed anew from its syntax tree: (output, input) offsets of printed nodes, ascending.
    Printed(Vec<(u32, u32)>),
}

impl Positions {
    pub(super) fn new(javascript: String, source: String, steps: Vec<Step>) -> Self {
        Self { javascript, source, steps, lines: OnceLock::new() }
    }

    fn lines(&self) -> &(Lines, Lines) {
        self.lines.get_or_init(|| (Lines::new(&self.javascript), Lines::new(&self.source)))
    }

    /// The model's (line, column) of a (line, column) of the script; `None` where the text is not the model's.
    pub fn locate(&self, line: u32, column: u32) -> Option<(u32, u32)> {
        let (script, source) = self.lines();
        let offset = script.offset(&self.javascript, line, column)?;
        Some(source.position(&self.source, self.offset_in_source(offset)?))
    }

    /// The model's line of a line of the script: for engines whose columns cannot be trusted.
    pub fn locate_line(&self, line: u32) -> Option<u32> {
        let (lines, source) = self.lines();
        let start = lines.offset(&self.javascript, line, 1)?;
        let end = lines.offset(&self.javascript, line, u32::MAX)?;
        let text = self.javascript.get(start as usize..end as usize)?;
        // A printed line starts with indentation and may start with generated text: take the first place that maps.
        let mapped = |(index, _): (usize, char)| self.offset_in_source(start + index as u32);
        let offset = text.char_indices().filter(|(_, c)| !c.is_whitespace()).find_map(mapped);
        let offset = offset.or_else(|| text.char_indices().chain([(text.len(), ' ')]).find_map(mapped))?;
        Some(source.line(offset))
    }

    fn offset_in_source(&self, offset: u32) -> Option<u32> {
        trace(&self.steps, offset)
    }
}

/// Follows an offset back through `steps`.
pub(super) fn trace(steps: &[Step], offset: u32) -> Option<u32> {
    steps.iter().try_fold(offset, |offset, step| step.back(offset))
}

impl Step {
    fn back(&self, offset: u32) -> Option<u32> {
        match self {
            Self::Edits(pieces) => {
                let index = pieces.partition_point(|piece| piece.output <= offset).checked_sub(1)?;
                let piece = pieces.get(index)?;
                let into = offset - piece.output;
                // The end of the last piece counts as its own: an error at the end of the program is the model's.
                let is_last = index + 1 == pieces.len();
                (into < piece.bytes || (is_last && into == piece.bytes)).then(|| piece.input + into)
            }
            Self::Inside { start, bytes } => {
                let into = offset.checked_sub(*start)?;
                (into <= *bytes).then_some(into)
            }
            Self::Printed(tokens) => {
                let index = tokens.partition_point(|(output, _)| *output <= offset).checked_sub(1)?;
                tokens.get(index).map(|(_, input)| *input)
            }
        }
    }
}

/// Byte offsets at which the lines of a text begin.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    starts: Vec<u32>,
}

impl Lines {
    /// Reads `text` once.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (index, byte) in bytes.iter().enumerate() {
            let after = match byte {
                b'\n' => 1,
                b'\r' if bytes.get(index + 1) != Some(&b'\n') => 1,
                0xE2 if matches!(bytes.get(index + 1..index + 3), Some([0x80, 0xA8 | 0xA9])) => 3,
                _ => continue,
            };
            starts.push(index as u32 + after);
        }
        Self { starts }
    }

    /// 1-based line of a byte offset.
    pub fn line(&self, offset: u32) -> u32 {
        self.starts.partition_point(|start| *start <= offset) as u32
    }

    /// 1-based line and column of a byte offset of `text`.
    pub fn position(&self, text: &str, offset: u32) -> (u32, u32) {
        let line = self.line(offset);
        let start = self.starts.get(line as usize - 1).copied().unwrap_or(0);
        let before = text.get(start as usize..offset as usize).unwrap_or("");
        (line, before.chars().map(|c| c.len_utf16() as u32).sum::<u32>() + 1)
    }

    /// Byte offset of a 1-based line and column; a column past the end of its line means that end.
    pub fn offset(&self, text: &str, line: u32, column: u32) -> Option<u32> {
        let index = (line as usize).checked_sub(1)?;
        let start = *self.starts.get(index)?;
        let end = self.starts.get(index + 1).map_or(text.len(), |next| *next as usize);
        let content = text.get(start as usize..end)?.trim_end_matches(is_line_break);
        // Nearly every line is ASCII up to where somebody looks, and then its columns are its bytes.
        let before = column.saturating_sub(1);
        if content.as_bytes().get(..before as usize).is_some_and(<[u8]>::is_ascii) {
            return Some(start + before);
        }
        let mut units = 1;
        for (at, c) in content.char_indices() {
            if units >= column {
                return Some(start + at as u32);
            }
            units += c.len_utf16() as u32;
        }
        Some(start + content.len() as u32)
    }
}

/// Lines and columns of a text about which many questions come: an answer never reads a whole line.
pub(super) struct Columns<'t> {
    text: &'t str,
    lines: Lines,
    /// UTF-16 units of the characters that begin before each multiple of [`BLOCK`] bytes; none for ASCII, where each
    /// byte is a unit.
    units: Vec<u32>,
}

const BLOCK: usize = 64;

impl<'t> Columns<'t> {
    /// Reads `text` twice.
    pub fn new(text: &'t str) -> Self {
        let mut units = Vec::new();
        if !text.is_ascii() {
            let mut total = 0;
            for block in text.as_bytes().chunks(BLOCK) {
                units.push(total);
                total += block.iter().map(|byte| utf16_units(*byte)).sum::<u32>();
            }
        }
        Self { text, lines: Lines::new(text), units }
    }

    /// Byte offset of a 1-based line and column.
    pub fn offset(&self, line: u32, column: u32) -> Option<u32> {
        let index = (line as usize).checked_sub(1)?;
        let start = *self.lines.starts.get(index)?;
        let end = self.lines.starts.get(index + 1).copied().unwrap_or(self.text.len() as u32);
        let into = column.saturating_sub(1);
        let offset =
            if self.units.is_empty() { start.saturating_add(into) } else { self.seek(self.count(start) + into) };
        Some(offset.min(end))
    }

    /// UTF-16 units before an offset.
    fn count(&self, offset: u32) -> u32 {
        let block = offset as usize / BLOCK;
        let bytes = self.text.as_bytes().get(block * BLOCK..offset as usize).unwrap_or_default();
        self.units.get(block).copied().unwrap_or(0) + bytes.iter().map(|byte| utf16_units(*byte)).sum::<u32>()
    }

    /// Offset of the first character with at least so many UTF-16 units before it.
    fn seek(&self, wanted: u32) -> u32 {
        let block = self.units.partition_point(|units| *units <= wanted).saturating_sub(1);
        let mut units = self.units.get(block).copied().unwrap_or(0);
        for (at, byte) in self.text.as_bytes().iter().enumerate().skip(block * BLOCK) {
            if units >= wanted && utf16_units(*byte) > 0 {
                return at as u32;
            }
            units += utf16_units(*byte);
        }
        self.text.len() as u32
    }
}

/// UTF-16 units of the character that begins with this byte of UTF-8; 0 for the bytes inside of one.
fn utf16_units(byte: u8) -> u32 {
    match byte {
        0x80..=0xBF => 0,
        0xF0.. => 2,
        _ => 1,
    }
}

/// Whether JavaScript ends a line at `c`.
pub(super) fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_leads_to_its_offset_and_back() {
        let text = "ab c\né😀x\u{2028}xyé😀\r\n\n漢 last";
        for repeated in [text.to_owned(), text.repeat(20), "abc\n".repeat(70)] {
            leads_back(&repeated);
        }
        let lines = Lines::new(text);
        // A column inside of a character that counts twice leads behind it, one past the end to the end.
        assert_eq!(lines.offset(text, 2, 3), Some(11));
        assert_eq!(
            (lines.offset(text, 1, 0), lines.offset(text, 1, 1), lines.offset(text, 1, 99)),
            (Some(0), Some(0), Some(4))
        );
        assert_eq!((lines.offset(text, 0, 1), lines.offset(text, 6, 1)), (None, None));
    }

    fn leads_back(text: &str) {
        let (lines, columns) = (Lines::new(text), Columns::new(text));
        for (offset, c) in text.char_indices() {
            let (line, column) = lines.position(text, offset as u32);
            let at = lines.offset(text, line, column);
            // Past the end of a line means its end: the line feed of `\r\n` has no place of its own.
            let place = if c == '\n' && text[..offset].ends_with('\r') { offset - 1 } else { offset };
            assert_eq!(at, Some(place as u32), "{line}:{column}");
            assert_eq!(columns.offset(line, column), Some(offset as u32), "{line}:{column}");
        }
    }
}
