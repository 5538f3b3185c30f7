//! How much room a value takes, for bounds on what waits.

use serde_json::{Map, Value};

/// About how many bytes of memory an object takes.
pub(crate) fn weight(object: &Map<String, Value>) -> usize {
    EMPTY + object.iter().map(|(name, value)| 120 + name.len() + of(value)).sum::<usize>()
}

/// Values nest no deeper than the parser lets them.
fn of(value: &Value) -> usize {
    match value {
        Value::String(text) => VALUE + text.len(),
        Value::Array(items) => EMPTY + items.iter().map(of).sum::<usize>(),
        Value::Object(object) => weight(object),
        _ => VALUE,
    }
}

const VALUE: usize = 80;
/// A list has room for four items as soon as it has one.
const EMPTY: usize = 320;
