//! Cells of a database as JSON, so that no value changes silently: what a JavaScript number cannot hold becomes text.

use rusqlite::types::ValueRef;
use serde_json::Value;

/// A cell as JSON, and how many bytes its text takes.
pub(super) struct Cell {
    pub(super) json: Value,
    pub(super) bytes: usize,
    /// Whether text was not UTF-8 and has replacement characters now.
    pub(super) repaired: bool,
}

impl Cell {
    /// The JSON of a cell.
    pub(super) fn of(value: ValueRef<'_>) -> Self {
        let mut repaired = false;
        let json = match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) if (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).contains(&integer) => integer.into(),
            ValueRef::Integer(integer) => integer.to_string().into(),
            // A float that is a whole number is written like one, as JavaScript does.
            ValueRef::Real(real) if real.fract() == 0.0 && real.abs() <= MAX_SAFE_INTEGER as f64 => {
                (real as i64).into()
            }
            ValueRef::Real(real) => serde_json::Number::from_f64(real).map_or_else(|| infinite(real), Value::Number),
            ValueRef::Text(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                repaired = matches!(text, std::borrow::Cow::Owned(_));
                text.into_owned().into()
            }
            ValueRef::Blob(bytes) => base64(bytes).into(),
        };
        let bytes = match &json {
            Value::String(text) => text_bytes(text),
            // The longest number has 24 characters.
            _ => 24,
        };
        Self { json, bytes, repaired }
    }
}

/// Bytes of a string's JSON text.
pub(super) fn text_bytes(text: &str) -> usize {
    text.bytes()
        .map(|byte| {
            if byte < 0x20 {
                6
            } else if matches!(byte, b'"' | b'\\') {
                2
            } else {
                1
            }
        })
        .sum::<usize>()
        + 2
}

/// SQLite stores no NaN: it turns it into NULL.
fn infinite(real: f64) -> Value {
    if real > 0.0 { "Infinity".into() } else { "-Infinity".into() }
}

/// Standard base64 with padding, as `atob` reads it.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|i| u32::from(chunk.get(i).copied().unwrap_or(0)));
        let bits = a << 16 | b << 8 | c;
        for i in 0..4 {
            let six = (bits >> (18 - 6 * i) & 63) as usize;
            out.push(if i > chunk.len() { '=' } else { char::from(ALPHABET[six]) });
        }
    }
    out
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// `Number.MAX_SAFE_INTEGER`
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_the_text_that_atob_reads() {
        for (bytes, text) in
            [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (&[0xff, 0xfe, 0, 0], "//4AAA==")]
        {
            assert_eq!(base64(bytes), text);
        }
    }

    #[test]
    fn numbers_keep_their_value() {
        let json = |value| Cell::of(value).json.to_string();
        assert_eq!(json(ValueRef::Integer(MAX_SAFE_INTEGER)), "9007199254740991");
        assert_eq!(json(ValueRef::Integer(MAX_SAFE_INTEGER + 1)), "\"9007199254740992\"");
        assert_eq!(json(ValueRef::Integer(i64::MIN)), "\"-9223372036854775808\"");
        assert_eq!(json(ValueRef::Real(2.0)), "2");
        assert_eq!(json(ValueRef::Real(0.1)), "0.1");
        assert_eq!(json(ValueRef::Real(f64::NEG_INFINITY)), "\"-Infinity\"");
        assert!(Cell::of(ValueRef::Text(b"a\xff")).repaired);
    }

    #[test]
    fn lengths_are_those_of_the_json_text() {
        for text in ["", "a\"b", "\u{1}\n", "é日\u{7f}"] {
            assert!(text_bytes(text) >= serde_json::to_string(text).expect("a string").len());
        }
    }
}
