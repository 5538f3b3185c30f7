//! Text for people: safe for a terminal, on one line, and sizes. A program, a tool or a file name may hold escape
//! sequences that move the cursor, change the title or hide what was printed before.

use std::borrow::Cow;

/// The text with control characters, also those that reorder a line, written out as `\x1b` or `\u{202e}`. Newlines
/// and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| is_hidden(c) && c != '\n' && c != '\t') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => out.push_str("\\r"),
            c if !is_hidden(c) => out.push(c),
            c if u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        }
    }
    Cow::Owned(out)
}

/// The beginning of the text on one line, at most `width` columns wide.
pub fn one_line(text: &str, width: usize) -> String {
    // No more characters than columns can be shown; the rest of five megabytes is not looked at.
    let cut: String =
        text.chars().take(width.saturating_add(1)).map(|c| if c == '\n' || c == '\t' { ' ' } else { c }).collect();
    let (mut out, mut used) = (String::new(), 0);
    for c in visible(&cut).chars() {
        // Most characters beyond ASCII that are wide are above U+1100; too narrow a line does no harm, too wide a one breaks.
        used += if u32::from(c) < 0x1100 { 1 } else { 2 };
        if used > width {
            out.pop();
            out.push('…');
            break;
        }
        out.push(c);
    }
    out
}

/// A number of bytes for people: `512 B`, `1.5 MiB`.
pub fn format_bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if unit == "B" || value.fract() == 0.0 { format!("{value} {unit}") } else { format!("{value:.1} {unit}") }
}

/// Whether a terminal may act on the character instead of showing it.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_shown_and_do_nothing() {
        assert_eq!(visible("a\tb\nc é 日本 😀"), "a\tb\nc é 日本 😀");
        assert_eq!(visible("\x1b[2J\u{9b}31m\u{7f}\r\0\u{202e}"), "\\x1b[2J\\x9b31m\\x7f\\r\\x00\\u{202e}");
    }

    #[test]
    fn long_text_is_cut_to_its_line() {
        assert_eq!(one_line("a\nb", 10), "a b");
        assert_eq!(one_line("abcdef", 6), "abcdef");
        assert_eq!(one_line("abcdefg", 6), "abcde…");
        assert_eq!(one_line("日本語日本語", 7), "日本…");
        assert_eq!(one_line("abc", 0), "…");
    }

    #[test]
    fn people_read_short_sizes() {
        assert_eq!(format_bytes(128 << 20), "128 MiB");
        assert_eq!(format_bytes(1_500_000), "1.4 MiB");
        assert_eq!(format_bytes(7), "7 B");
    }
}
