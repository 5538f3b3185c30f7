//! How much room a value takes, for bounds on what waits.

use serde_json::{Map, Value};

/// About how many bytes an object has as JSON.
pub(crate) fn weight(object: &Map<String, Value>) -> usize {
    object.iter().map(|(name, value)| 4 + name.len() + of(value)).sum()
}

/// Values nest no deeper than the parser lets them.
fn of(value: &Value) -> usize {
    match value {
        Value::String(text) => 2 + text.len(),
        Value::Array(items) => items.iter().map(|item| 1 + of(item)).sum(),
        Value::Object(object) => weight(object),
        _ => 8,
    }
}
