//! Natives that list the keys of what they are given. Those of texts, typed arrays and dense arrays stand nowhere until they
//! are listed, and then take many times what the value does, in one piece that nothing can refuse.

use boa_engine::{Context, JsResult, JsString, JsValue, object::builtins::JsTypedArray};

use crate::natives::{Guard, pass};

/// Ends the program if its heap cannot hold the list.
pub(crate) fn listing(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    for value in args {
        guard.budget.reserve(count(value, context)?.saturating_mul(KEY))?;
    }
    pass(guard, this, args, context)
}

/// How many indices a value has, as far as they are not the program's own doing, one by one.
fn count(value: &JsValue, context: &mut Context) -> JsResult<usize> {
    if let Some(text) = value.as_string() {
        return Ok(text.len());
    }
    let Some(object) = value.as_object() else { return Ok(0) };
    if let Some(text) = object.downcast_ref::<JsString>() {
        return Ok(text.len());
    }
    if let Ok(array) = JsTypedArray::from_object(object.clone()) {
        return array.length(context);
    }
    Ok(object.borrow().properties().index_property_keys().len())
}

/// By the global that holds them.
pub(crate) const NATIVES: [(&str, &[&str]); 2] = [
    (
        "Object",
        &[
            "assign",
            "defineProperties",
            "entries",
            "freeze",
            "getOwnPropertyDescriptors",
            "getOwnPropertyNames",
            "getOwnPropertySymbols",
            "isFrozen",
            "isSealed",
            "keys",
            "seal",
            "values",
        ],
    ),
    ("Reflect", &["ownKeys"]),
];
/// Bytes of one key in a list: it is a text, beside a number and a value.
const KEY: usize = 96;
