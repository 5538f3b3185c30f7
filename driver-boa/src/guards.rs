//! Guards around natives whose work is not bounded by what the program already holds: nothing can interrupt them, so
//! they reserve memory before they begin. What could not fit the heap ends the program as out of memory. A few natives are
//! replaced altogether, where Boa's own panics, is wrong, or takes a thousand times too long.

use std::rc::Rc;

use boa_engine::{
    Context, Finalize, JsObject, JsResult, JsStr, JsString, JsSymbol, JsValue, NativeFunction, Trace, js_string,
    object::{
        FunctionObjectBuilder,
        builtins::{JsArray, JsFunction},
    },
    property::{PropertyDescriptor, PropertyKey},
    string::JsStrVariant,
    value::IntegerOrInfinity,
};

use crate::{budget::Budget, json, regex, sort};

/// What a guarded native does instead of, or before, the original.
type Guarded = fn(&Guard, &JsValue, &[JsValue], &mut Context) -> JsResult<JsValue>;

#[derive(Clone, Trace, Finalize)]
struct Guard {
    original: JsFunction,
    #[unsafe_ignore_trace]
    budget: Rc<Budget>,
    #[unsafe_ignore_trace]
    call: Guarded,
}

/// Replaces the natives of a fresh context, before the prelude captures them.
pub(crate) fn install(budget: &Rc<Budget>, context: &mut Context) -> JsResult<()> {
    let arrays = prototype("Array", context)?;
    for key in arrays.own_property_keys(context)? {
        let PropertyKey::String(name) = &key else { continue };
        match name.to_std_string_lossy().as_str() {
            // `toString` calls `join`, and is one function with that of typed arrays.
            "constructor" | "length" | "at" | "push" | "pop" | "toString" => continue,
            "join" => guard(&arrays, key, join, budget, context)?,
            "sort" => guard(&arrays, key, sort, budget, context)?,
            "toSorted" => guard(&arrays, key, to_sorted, budget, context)?,
            _ => guard(&arrays, key, over_receiver, budget, context)?,
        }
    }
    // Spread of an array is a loop inside of Boa.
    let values = arrays.get(js_string!("values"), context)?;
    define(&arrays, JsSymbol::iterator().into(), values, context)?;
    let strings = prototype("String", context)?;
    guard(&strings, js_string!("repeat").into(), repeat, budget, context)?;
    guard(&strings, js_string!("padStart").into(), pad, budget, context)?;
    guard(&strings, js_string!("padEnd").into(), pad, budget, context)?;
    guard(&prototype("Function", context)?, js_string!("apply").into(), over_arguments, budget, context)?;
    guard(&prototype("Number", context)?, js_string!("toPrecision").into(), to_precision, budget, context)?;
    guard(&prototype("RegExp", context)?, js_string!("exec").into(), exec, budget, context)?;
    guard(&global("JSON", context)?, js_string!("parse").into(), parse_json, budget, context)?;
    for (holder, name) in [("Reflect", "apply"), ("Reflect", "construct"), ("Array", "from")] {
        guard(&global(holder, context)?, JsString::from(name).into(), over_arguments, budget, context)?;
    }
    Ok(())
}

/// `[].fill` and all its neighbours, which walk from 0 to any `length` that an object claims to have.
fn over_receiver(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    guard.budget.reserve(claimed_length(this).saturating_mul(SLOT))?;
    guard.original.call(this, args, context)
}

/// Functions that make a list of whatever has a `length`.
fn over_arguments(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    // A callback, as of Array.from, ticks by itself; then time is what runs out.
    if !args.iter().any(|arg| arg.as_object().is_some_and(|object| object.is_callable()) && args.len() == 2) {
        let length = args.iter().map(claimed_length).max().unwrap_or(0);
        guard.budget.reserve(length.saturating_mul(SLOT))?;
    }
    guard.original.call(this, args, context)
}

fn join(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let separator = args.first().and_then(JsValue::as_string).map_or(1, |text| text.len());
    guard.budget.reserve(claimed_length(this).saturating_mul(separator.max(1)))?;
    guard.original.call(this, args, context)
}

fn sort(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(compare) = comparator(args) else { return guard.original.call(this, args, context) };
    let object = this.to_object(context)?;
    let length = length_of(guard, &object, context)?;
    sort::in_place(&object, length, compare.as_ref(), &guard.budget, context)?;
    Ok(object.into())
}

fn to_sorted(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(compare) = comparator(args) else { return guard.original.call(this, args, context) };
    let object = this.to_object(context)?;
    let mut items = Vec::new();
    for index in 0..length_of(guard, &object, context)? {
        items.push(object.get(index, context)?);
    }
    let sorted = sort::sorted(items, compare.as_ref(), &guard.budget, context)?;
    Ok(JsArray::from_iter(sorted, context).into())
}

/// `None` for a value that cannot be a comparator, which the original rejects in its own words.
fn comparator(args: &[JsValue]) -> Option<Option<JsFunction>> {
    match args.first() {
        None => Some(None),
        Some(value) if value.is_undefined() => Some(None),
        Some(value) => value.as_function().map(Some),
    }
}

fn length_of(guard: &Guard, object: &JsObject, context: &mut Context) -> JsResult<usize> {
    let length = object.get(js_string!("length"), context)?.to_length(context)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    guard.budget.reserve(length.saturating_mul(SLOT))?;
    Ok(length)
}

/// All methods that match come through `exec`.
fn exec(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.first().cloned().unwrap_or_default().to_string(context)?;
    regex::before(&guard.original, this, &text, &guard.budget, context)?;
    guard.original.call(this, &[text.into()], context)
}

fn parse_json(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.first().cloned().unwrap_or_default().to_string(context)?;
    guard.budget.reserve(text.len().saturating_mul(2))?;
    let value = json::parse(&text, &guard.budget, context)?;
    if !args.get(1).is_some_and(JsValue::is_callable) {
        return Ok(value);
    }
    let mut args = args.to_vec();
    args[0] = text.into();
    guard.original.call(this, &args, context)
}

/// Boa's own puts the text together unit by unit.
fn repeat(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if this.is_null_or_undefined() {
        return guard.original.call(this, args, context);
    }
    let text = this.to_string(context)?;
    let count = args.first().cloned().unwrap_or_default().to_integer_or_infinity(context)?;
    match count {
        IntegerOrInfinity::Integer(count) if count >= 0 => {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            guard.budget.reserve(text.len().saturating_mul(unit_bytes(&text)).saturating_mul(count))?;
            Ok(match text.as_str().variant() {
                JsStrVariant::Latin1(units) => JsString::from(JsStr::latin1(&units.repeat(count))).into(),
                JsStrVariant::Utf16(units) => JsString::from(units.repeat(count).as_slice()).into(),
            })
        }
        // Refused there, in its own words.
        IntegerOrInfinity::NegativeInfinity | IntegerOrInfinity::Integer(_) => {
            guard.original.call(&text.into(), &[JsValue::from(-1)], context)
        }
        IntegerOrInfinity::PositiveInfinity => {
            guard.original.call(&text.into(), &[JsValue::from(f64::INFINITY)], context)
        }
    }
}

/// Boa 0.22 writes the smallest numbers as 0.
fn to_precision(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let digits = args.first().and_then(JsValue::as_number).filter(|digits| (1.0..=100.0).contains(digits));
    match (this.as_number().filter(|number| *number != 0.0 && number.abs() < 1e-6), digits) {
        (Some(number), Some(digits)) => Ok(JsString::from(format!("{number:.*e}", digits as usize - 1)).into()),
        _ => guard.original.call(this, args, context),
    }
}

fn pad(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if this.is_null_or_undefined() {
        return guard.original.call(this, args, context);
    }
    let text = this.to_string(context)?;
    let length = args.first().cloned().unwrap_or_default().to_length(context)?;
    guard.budget.reserve(usize::try_from(length).unwrap_or(usize::MAX).saturating_mul(2))?;
    let mut args = args.to_vec();
    if let Some(first) = args.first_mut() {
        *first = JsValue::from(length);
    }
    guard.original.call(&text.into(), &args, context)
}

/// The `length` of an array or plain object, read without asking the program.
fn claimed_length(value: &JsValue) -> usize {
    let Some(object) = value.as_object() else { return 0 };
    if !object.is_array() && !object.is_ordinary() {
        return 0;
    }
    let length = object.borrow().properties().get(&js_string!("length").into());
    // Saturates; NaN becomes 0.
    length.as_ref().and_then(PropertyDescriptor::value).and_then(JsValue::as_number).map_or(0, |length| length as usize)
}

fn unit_bytes(text: &JsString) -> usize {
    if matches!(text.as_str().variant(), JsStrVariant::Latin1(_)) { 1 } else { 2 }
}

fn guard(
    holder: &JsObject,
    key: PropertyKey,
    call: Guarded,
    budget: &Rc<Budget>,
    context: &mut Context,
) -> JsResult<()> {
    // Not every build of Boa has them all.
    let Some(original) = holder.get(key.clone(), context)?.as_function() else { return Ok(()) };
    let name = original.get(js_string!("name"), context)?.to_string(context)?;
    let length = original.get(js_string!("length"), context)?.to_length(context)?;
    let native = NativeFunction::from_copy_closure_with_captures(
        |this, args, guard: &Guard, context| (guard.call)(guard, this, args, context),
        Guard { original, budget: budget.clone(), call },
    );
    let guarded = FunctionObjectBuilder::new(context.realm(), native)
        .name(name)
        .length(usize::try_from(length).unwrap_or(0))
        .constructor(false)
        .build();
    define(holder, key, guarded.into(), context)
}

fn define(holder: &JsObject, key: PropertyKey, value: JsValue, context: &mut Context) -> JsResult<()> {
    let property = PropertyDescriptor::builder().value(value).writable(true).enumerable(false).configurable(true);
    holder.define_property_or_throw(key, property, context)?;
    Ok(())
}

fn global(name: &str, context: &mut Context) -> JsResult<JsObject> {
    context.global_object().get(JsString::from(name), context)?.to_object(context)
}

fn prototype(name: &str, context: &mut Context) -> JsResult<JsObject> {
    global(name, context)?.get(js_string!("prototype"), context)?.to_object(context)
}

/// Bytes of one element of an array.
const SLOT: usize = 16;
