//! The reviver of `JSON.parse`. Boa's own goes down by recursion, as deep as the text does.

use std::collections::VecDeque;

use boa_engine::{
    Context, JsObject, JsResult, JsString, JsValue, js_string, object::builtins::JsFunction, property::PropertyKey,
};

use crate::{natives::Guard, stringify};

/// What the reviver makes of a parsed value.
pub(crate) fn revive(guard: &Guard, value: JsValue, reviver: &JsFunction, context: &mut Context) -> JsResult<JsValue> {
    let root = JsObject::with_object_proto(context.intrinsics());
    root.create_data_property_or_throw(js_string!(), value, context)?;
    let mut open: Vec<Open> = Vec::new();
    // The property whose value is read next.
    let (mut holder, mut key) = (root, js_string!());
    loop {
        guard.budget.reserve(0)?;
        let value = holder.get(key.clone(), context)?;
        if let Some(object) = value.as_object() {
            let keys = keys(guard, &object, context)?;
            open.push(Open { holder, key, value, object, keys });
        } else {
            let revived = call(reviver, &holder, &key, value, context)?;
            if open.is_empty() {
                return Ok(revived);
            }
            put(&holder, key, revived, context)?;
        }
        // Whatever ends here goes through the reviver.
        loop {
            let Some(top) = open.last_mut() else { return Ok(JsValue::undefined()) };
            if let Some(next) = top.keys.pop_front() {
                (holder, key) = (top.object.clone(), next);
                break;
            }
            let Some(top) = open.pop() else { return Ok(JsValue::undefined()) };
            let revived = call(reviver, &top.holder, &top.key, top.value, context)?;
            if open.is_empty() {
                return Ok(revived);
            }
            put(&top.holder, top.key, revived, context)?;
        }
    }
}

/// An object whose properties are being revived.
struct Open {
    holder: JsObject,
    key: JsString,
    value: JsValue,
    object: JsObject,
    keys: VecDeque<JsString>,
}

fn keys(guard: &Guard, object: &JsObject, context: &mut Context) -> JsResult<VecDeque<JsString>> {
    if !stringify::is_array(guard, object, context)? {
        return Ok(stringify::keys(guard, object, context)?.into_iter().rev().collect());
    }
    let length = object.get(js_string!("length"), context)?.to_length(context)?;
    // The reviver may have put another array here.
    guard.budget.reserve(usize::try_from(length).unwrap_or(usize::MAX).saturating_mul(SLOT))?;
    Ok((0..length).map(|index| JsString::from(index.to_string())).collect())
}

fn call(
    reviver: &JsFunction,
    holder: &JsObject,
    key: &JsString,
    value: JsValue,
    context: &mut Context,
) -> JsResult<JsValue> {
    reviver.call(&holder.clone().into(), &[key.clone().into(), value], context)
}

fn put(holder: &JsObject, key: JsString, value: JsValue, context: &mut Context) -> JsResult<()> {
    let key = PropertyKey::from(key);
    if value.is_undefined() {
        // What cannot be deleted stays.
        return match holder.delete_property_or_throw(key.clone(), context) {
            Err(error) if holder.has_own_property(key, context)? && error.as_native().is_none() => Err(error),
            _ => Ok(()),
        };
    }
    holder.create_data_property(key, value, context)?;
    Ok(())
}

/// Bytes of the name of one element, and of its place in the list.
const SLOT: usize = 48;
