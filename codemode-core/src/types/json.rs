//! [`Json`]: a JSON text that was checked once and then moves without being parsed or copied again.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};

/// A valid JSON text. Cloning is cheap: a tool's answer of five megabytes exists once.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Arc<Box<RawValue>>);

impl Json {
    /// Checks `text` and keeps it as it is, except that an escape of half a surrogate pair (`"\ud800"`), which
    /// JavaScript writes and Rust strings cannot hold, becomes U+FFFD.
    pub fn from_text(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        let mut text = text.into();
        if let Some(whole) = replace_lone_surrogates(&text) {
            text = whole;
        }
        RawValue::from_string(text).map(|raw| Self(Arc::new(raw)))
    }

    /// The JSON of any value that serde can write.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(|raw| Self(Arc::new(raw)))
    }

    /// The JSON text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Parses the text. Fails over 128 levels of nesting.
    pub fn value(&self) -> Result<Value, serde_json::Error> {
        self.parse()
    }

    /// Parses the text into a type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.text())
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        let text = value.to_string();
        Self(Arc::new(RawValue::from_string(text).expect("a Value prints as valid JSON")))
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// For optional fields: one that is there has a value, `null` too; one that is not is `undefined`.
pub(crate) fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(input: D) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}

/// Why a stranger's JSON text is not to be parsed into a [`Value`], if its values would take more than `max_bytes` of
/// memory. `[[0],[0],…]` takes a hundred times as much as its text has bytes, so that a bound of the text is none of what is
/// made of it.
///
/// What counts is an estimate by brackets, commas and colons; a text that is not JSON has one as well. A text too short to
/// pass `max_bytes`, were it all brackets, is not looked at.
pub fn too_many_values(text: &[u8], max_bytes: usize) -> Option<String> {
    if text.len() <= max_bytes / CONTAINER_BYTES {
        return None;
    }
    let bytes = memory_of_values(text);
    (bytes > max_bytes).then(|| {
        format!(
            "its values would take about {} MiB of memory; at most {} are given to them",
            bytes >> 20,
            max_bytes >> 20
        )
    })
}

/// The bytes of memory that the [`Value`] of a JSON text takes: the estimate of [`too_many_values`].
pub fn memory_of_values(text: &[u8]) -> usize {
    let (mut bytes, mut in_text, mut escaped) = (text.len(), false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => bytes += CONTAINER_BYTES,
            b',' => bytes += ITEM_BYTES,
            b':' => bytes += MEMBER_BYTES,
            _ => {}
        }
    }
    bytes
}

/// A list has room for four items as soon as it has one; a table of members has more.
const CONTAINER_BYTES: usize = 400;
/// A [`Value`], in a list that grows by doubling.
const ITEM_BYTES: usize = 110;
/// A name, its hash and its place.
const MEMBER_BYTES: usize = 60;

/// Whether a value has more than `most` levels, found without recursion.
pub(crate) fn is_deeper(value: &Value, most: usize) -> bool {
    let mut open = vec![(value, 0)];
    while let Some((value, level)) = open.pop() {
        if level > most {
            return true;
        }
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, level + 1))),
            Value::Object(members) => open.extend(members.values().map(|member| (member, level + 1))),
            _ => {}
        }
    }
    false
}

/// Returns the text with each escape of half a surrogate pair replaced, or `None` when there is nothing to replace.
fn replace_lone_surrogates(text: &str) -> Option<String> {
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return None;
    }
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\\')) {
        let escape = at + found;
        match surrogate(bytes, escape) {
            Some(Half::High) if surrogate(bytes, escape + 6) == Some(Half::Low) => at = escape + 12,
            Some(_) => {
                out.push_str(text.get(copied..escape)?);
                out.push('\u{fffd}');
                at = escape + 6;
                copied = at;
            }
            // Skips the backslash and what it escapes, so that `\\ud800` is left alone. An escape is ASCII in valid
            // JSON; in invalid text `get` above ends the loop and the parser refuses it afterwards.
            None => at = escape + 2,
        }
    }
    out.push_str(text.get(copied..)?);
    Some(out)
}

#[derive(PartialEq)]
enum Half {
    High,
    Low,
}

/// Which half of a pair the escape at `at` writes, if it is the escape of a surrogate.
fn surrogate(bytes: &[u8], at: usize) -> Option<Half> {
    let escape = bytes.get(at..at + 6)?;
    let hex = escape.strip_prefix(b"\\u")?;
    let code = u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?;
    match code {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}

/// About how many bytes a value prints to; exact enough for a limit of megabytes.
pub(crate) fn json_size(value: &Value) -> usize {
    let of_map = |map: &Map<String, Value>| map.iter().map(|(key, value)| key.len() + 4 + json_size(value)).sum();
    match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| json_size(item) + 1).sum(),
        Value::Object(map) => of_map(map),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_pairs_are_replaced_and_everything_else_is_kept() {
        for (text, kept) in [
            (r#""\ud800""#, "\"\u{fffd}\""),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""a\uDC00b\ud800\ud83d\ude00\udfffc""#, "\"a\u{fffd}b\u{fffd}\\ud83d\\ude00\u{fffd}c\""),
            (r#""\\ud800""#, r#""\\ud800""#),
            (r#""\\\ud800""#, "\"\\\\\u{fffd}\""),
            (r#"{"k\udabc":[1,2]}"#, "{\"k\u{fffd}\":[1,2]}"),
            (r#""\u00e9 \ud""#, r#""\u00e9 \ud""#),
        ] {
            assert_eq!(replace_lone_surrogates(text).as_deref().unwrap_or(text), kept);
        }
    }

    #[test]
    fn text_that_is_not_json_is_refused() {
        for text in ["", "{", "undefined", "\"\\ud", "\"é\\", "[1,]", "1 2", "\u{0}"] {
            assert!(Json::from_text(text).is_err(), "{text:?}");
        }
        assert!(Json::from_text("[".repeat(100_000)).is_err());
    }

    #[test]
    fn deep_nesting_is_carried_but_not_parsed() {
        let text = "[".repeat(5_000) + &"]".repeat(5_000);
        let json = Json::from_text(text.clone()).expect("valid JSON");
        assert_eq!(json.text(), text);
        assert!(json.value().is_err());
    }

    #[test]
    fn many_small_values_are_told_from_much_text() {
        let list = |item: &str, count: usize| format!("[{}0]", format!("{item},").repeat(count));
        let max = 16 << 20;
        for (text, refused) in [
            (list("[0]", 100_000), true),
            (list("{\"a\":0}", 100_000), true),
            (list("0", 1_000_000), true),
            (list("0", 100_000), false),
            (list("[0]", 10_000), false),
            (format!("[\"{}\"]", "[,{:".repeat(1_000_000)), false),
            (format!("[\"{}\"]", "\\\"[[".repeat(1_000_000)), false),
        ] {
            assert_eq!(too_many_values(text.as_bytes(), max).is_some(), refused, "{}", &text[..20]);
        }
    }
}
