//! Small readings of text at an offset, where a whole parser would be too much.

/// Offset of the first byte at or after `at` that is neither white space nor comment.
pub(super) fn skip_trivia(text: &str, at: usize) -> usize {
    let mut at = at;
    loop {
        let Some(rest) = text.get(at..) else { return text.len() };
        let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}');
        at += rest.len() - trimmed.len();
        at += if trimmed.starts_with("//") {
            trimmed.find(super::position::is_line_break).unwrap_or(trimmed.len())
        } else if trimmed.starts_with("/*") {
            trimmed.find("*/").map_or(trimmed.len(), |end| end + 2)
        } else {
            return at;
        };
    }
}

/// The token that begins at `at`: a word or number, a string, or one punctuator character.
pub(super) fn token_at(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or("");
    let Some(first) = rest.chars().next() else { return "" };
    let length = if is_word_start(first) || first.is_ascii_digit() {
        rest.find(|c: char| !(is_word_start(c) || c.is_ascii_digit())).unwrap_or(rest.len())
    } else if matches!(first, '"' | '\'') {
        let body = rest.get(1..).unwrap_or("");
        body.find([first, '\n']).map_or(rest.len(), |end| end + 2)
    } else {
        first.len_utf8()
    };
    rest.get(..length).unwrap_or(rest)
}

/// `token` for a message: in backticks, clipped, on one line.
pub(super) fn quoted(token: &str) -> String {
    let mut shown: String = token.chars().take(40).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
    if shown.len() < token.len() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Whether an identifier may begin with `c`.
pub(super) fn is_word_start(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '_' | '$')
}
