//! Guards around natives whose work is not bounded by what the program already holds: nothing can interrupt them, so
//! they reserve memory before they begin. What could not fit the heap ends the program as out of memory. A few natives are
//! replaced altogether, where Boa's own panics, is wrong, or takes a thousand times too long.

use boa_engine::{
    Context, JsNativeError, JsObject, JsResult, JsStr, JsString, JsValue, js_string,
    object::builtins::{JsArray, JsFunction},
    property::{PropertyDescriptor, PropertyKey},
    string::JsStrVariant,
    value::IntegerOrInfinity,
};

use crate::{
    json, keys, links,
    natives::{self, Guard, Guarded, Special},
    regex,
    revive::revive,
    sort, stringify, symbols,
};

/// What stands in the place of natives that need more than a look at the budget. Walks over a `length` are the prelude's,
/// which asks `reserve` before them.
pub(crate) fn specials(context: &mut Context) -> JsResult<Special> {
    let mut special = Special::new();
    let prototypes: [(&str, &str, Guarded); 11] = [
        ("Array", "join", join),
        ("Array", "sort", sort),
        ("Array", "toSorted", to_sorted),
        ("String", "concat", concat),
        ("String", "repeat", repeat),
        ("String", "padStart", pad),
        ("String", "padEnd", pad),
        ("Function", "apply", apply),
        ("Function", "call", apply),
        ("Number", "toPrecision", to_precision),
        ("RegExp", "exec", exec),
    ];
    for (holder, name, call) in prototypes {
        add(&mut special, &prototype(holder, context)?, JsString::from(name).into(), call);
    }
    let statics: [(&str, &str, Guarded); 8] = [
        ("JSON", "parse", parse_json),
        ("JSON", "stringify", stringify::stringify),
        ("Reflect", "setPrototypeOf", links::set_prototype_of),
        ("Object", "setPrototypeOf", links::set_prototype_of),
        ("Proxy", "revocable", links::revocable),
        ("Symbol", "for", symbols::registered),
        ("Symbol", "keyFor", symbols::key),
        ("globalThis", "Proxy", links::proxy),
    ];
    for (holder, name, call) in statics {
        add(&mut special, &global(holder, context)?, JsString::from(name).into(), call);
    }
    for (holder, names) in keys::NATIVES {
        let holder = global(holder, context)?;
        for name in names {
            add(&mut special, &holder, JsString::from(*name).into(), keys::listing);
        }
    }
    let proto = prototype("Object", context)?.borrow().properties().get(&js_string!("__proto__").into());
    if let Some(setter) = proto.as_ref().and_then(PropertyDescriptor::set).and_then(JsValue::as_object) {
        special.insert(setter, links::set_proto);
    }
    Ok(special)
}

/// Not every build of Boa has them all.
fn add(special: &mut Special, holder: &JsObject, key: PropertyKey, call: Guarded) {
    special.extend(natives::own(holder, &key).as_ref().and_then(JsValue::as_object).map(|native| (native, call)));
}

/// The layer of the prelude calls this for true arrays alone; their texts are not counted there.
fn join(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut bytes = 0_usize;
    if let Some(object) = this.as_object() {
        let separator = args.first().and_then(JsValue::as_string).map_or(1, |text| text.len());
        let length = claimed_length(this);
        bytes = length.saturating_mul(separator.max(1));
        let object = object.borrow();
        for index in 0..u32::try_from(length).unwrap_or(0) {
            let item = object.properties().get(&index.into());
            let text = item.as_ref().and_then(PropertyDescriptor::value).and_then(JsValue::as_string);
            bytes = bytes.saturating_add(text.map_or(0, |text| text.len() * 2));
        }
    }
    guard.budget.reserve(bytes)?;
    guard.original.call(this, args, context)
}

fn concat(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if this.is_null_or_undefined() {
        return guard.original.call(this, args, context);
    }
    let text = this.to_string(context)?;
    let mut bytes = text.len();
    let mut texts: Vec<JsValue> = Vec::with_capacity(args.len());
    for arg in args {
        let text = arg.to_string(context)?;
        bytes = bytes.saturating_add(text.len());
        texts.push(text.into());
    }
    guard.budget.reserve(bytes.saturating_mul(2))?;
    guard.original.call(&text.into(), &texts, context)
}

/// Boa writes what is not a function into its error, with everything in it.
fn apply(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    if !this.is_callable() {
        return Err(JsNativeError::typ().with_message("the value is not a function").into());
    }
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
    regex::before(guard, this, &text, context)?;
    guard.original.call(this, &[text.into()], context)
}

fn parse_json(guard: &Guard, _: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.first().cloned().unwrap_or_default().to_string(context)?;
    guard.budget.reserve(text.len().saturating_mul(2))?;
    let value = json::parse(&text, &guard.budget, context)?;
    match args.get(1).and_then(JsValue::as_function) {
        Some(reviver) => revive(guard, value, &reviver, context),
        None => Ok(value),
    }
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

fn global(name: &str, context: &mut Context) -> JsResult<JsObject> {
    context.global_object().get(JsString::from(name), context)?.to_object(context)
}

fn prototype(name: &str, context: &mut Context) -> JsResult<JsObject> {
    global(name, context)?.get(js_string!("prototype"), context)?.to_object(context)
}

/// Bytes of one element of an array.
const SLOT: usize = 16;
