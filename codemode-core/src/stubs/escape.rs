//! Untrusted text made into TypeScript: string literals, property keys, short JSON, and one-line prose.
//!
//! Nothing here can break out of where it stands: prose never contains `*/` or a line break of any kind, and letters that
//! a person cannot see (controls, text-direction marks, tag letters that smuggle words past a reader) are left out.

use serde_json::Value;

/// A double-quoted TypeScript string.
pub(crate) fn string_literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if unseen(letter) || letter.is_control() || letter == '\u{2028}' || letter == '\u{2029}' => {
                let mut units = [0; 2];
                for unit in letter.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// A property key as it stands in a type or an object literal: quoted only when it must be.
pub(crate) fn property_key(key: &str) -> String {
    if is_identifier(key) { key.to_owned() } else { string_literal(key) }
}

pub(crate) fn is_identifier(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$';
    text.bytes().next().is_some_and(letter) && text.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

/// Puts prose on one line that can stand in a comment, cut at `most` letters.
pub(super) fn prose(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most * 2));
    let mut letters = 0;
    let mut space = false;
    for letter in text.chars() {
        if letter.is_whitespace() || letter == '\u{2028}' || letter == '\u{2029}' {
            space = letters > 0;
            continue;
        }
        if letter.is_control() || unseen(letter) {
            continue;
        }
        if letters + usize::from(space) >= most {
            out.push('…');
            break;
        }
        if std::mem::take(&mut space) {
            out.push(' ');
            letters += 1;
        }
        if letter == '/' && out.ends_with('*') {
            out.push('\\');
        }
        out.push(letter);
        letters += 1;
    }
    out
}

/// The first sentence of a description, for a list.
pub(crate) fn summary(description: &str, most: usize) -> String {
    let text = prose(description, most);
    match text.split_once(". ") {
        Some((sentence, _)) => sentence.to_owned(),
        None => text.trim_end_matches('.').to_owned(),
    }
}

/// A value as JSON, except that one longer than about `most` bytes or deeper than 16 levels ends in `…`.
pub(super) fn short_json(value: &Value, most: usize) -> String {
    let mut out = String::new();
    if !write_json(value, most, 16, &mut out) {
        out.push('…');
    }
    out
}

/// Returns false where it stopped early.
fn write_json(value: &Value, most: usize, depth: usize, out: &mut String) -> bool {
    if out.len() > most || depth == 0 {
        return false;
    }
    match value {
        Value::String(text) => {
            let room = most.saturating_sub(out.len());
            if text.chars().nth(room).is_some() {
                let kept: String = text.chars().take(room).collect();
                let literal = string_literal(&kept);
                out.push_str(literal.strip_suffix('"').unwrap_or(&literal));
                return false;
            }
            out.push_str(&string_literal(text));
            true
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                if !write_json(item, most, depth - 1, out) {
                    return false;
                }
            }
            out.push(']');
            true
        }
        Value::Object(members) => {
            out.push('{');
            for (at, (key, member)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                if key.len() > most {
                    return false;
                }
                out.push_str(&string_literal(key));
                out.push(':');
                if !write_json(member, most, depth - 1, out) {
                    return false;
                }
            }
            out.push('}');
            true
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            out.push_str(&value.to_string());
            true
        }
    }
}

/// Letters that show nothing or turn the reading direction of what follows.
fn unseen(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' | '\u{fffe}'
        | '\u{ffff}')
}
