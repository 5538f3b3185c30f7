//! `JSON.stringify`. Boa's own goes down by recursion, and copies the text of each value into that of the one around it,
//! which for a value that refers to itself many times over is more than any heap, before anybody can look.

use std::collections::HashSet;

use boa_engine::{
    Context, JsBigInt, JsNativeError, JsObject, JsResult, JsString, JsValue,
    builtins::proxy::Proxy,
    js_string,
    object::builtins::JsFunction,
    property::{PropertyDescriptor, PropertyKey},
};

use crate::{json::narrow, links, natives::Guard};

/// `JSON.stringify(value, replacer, space)`
pub(crate) fn stringify(guard: &Guard, _: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut writer =
        Writer { guard, out: Vec::new(), replacer: None, names: None, gap: Vec::new(), inside: HashSet::new() };
    if let Some(replacer) = args.get(1).and_then(JsValue::as_object) {
        if replacer.is_callable() {
            writer.replacer = JsFunction::from_object(replacer);
        } else if is_array(guard, &replacer, context)? {
            writer.names = Some(names(guard, &replacer, context)?);
        }
    }
    writer.gap = gap(args.get(2), context)?;
    let value = args.first().cloned().unwrap_or_default();
    writer.write(value, context)
}

struct Writer<'a> {
    guard: &'a Guard,
    out: Vec<u16>,
    replacer: Option<JsFunction>,
    names: Option<Vec<JsString>>,
    gap: Vec<u16>,
    /// The objects that are being written.
    inside: HashSet<JsObject>,
}

/// An object that is being written.
struct Open {
    object: JsObject,
    /// Of what is to come, the last first; `None` for an array.
    keys: Option<Vec<JsString>>,
    next: u64,
    length: u64,
    is_empty: bool,
}

impl Writer<'_> {
    fn write(&mut self, value: JsValue, context: &mut Context) -> JsResult<JsValue> {
        let holder = JsObject::with_object_proto(context.intrinsics());
        holder.create_data_property_or_throw(js_string!(), value.clone(), context)?;
        let value = self.prepare(&holder, &js_string!(), value, context)?;
        if !is_written(&value) {
            return Ok(JsValue::undefined());
        }
        let mut open: Vec<Open> = Vec::new();
        open.extend(self.begin(value, context)?);
        while let Some(mut top) = open.pop() {
            // Also after a long walk over what is not written.
            self.reserve(0)?;
            match self.advance(&mut top, open.len() + 1, context)? {
                None => {
                    if !top.is_empty {
                        self.indent(open.len());
                    }
                    self.inside.remove(&top.object);
                    self.push(if top.keys.is_some() { "}" } else { "]" });
                }
                Some(value) => {
                    open.push(top);
                    open.extend(value.map(|value| self.begin(value, context)).transpose()?.flatten());
                }
            }
        }
        // The text is twice in memory now.
        self.reserve(self.out.len() * 2)?;
        Ok(narrow(&self.out).into())
    }

    /// The next value of `top`, after what stands before it; inner `None` if it is not written.
    fn advance(&mut self, top: &mut Open, depth: usize, context: &mut Context) -> JsResult<Option<Option<JsValue>>> {
        let key = match &mut top.keys {
            Some(keys) => match keys.pop() {
                None => return Ok(None),
                Some(key) => key,
            },
            None if top.next == top.length => return Ok(None),
            None => {
                top.next += 1;
                JsString::from((top.next - 1).to_string())
            }
        };
        let value = top.object.get(key.clone(), context)?;
        let value = self.prepare(&top.object, &key, value, context)?;
        if top.keys.is_some() && !is_written(&value) {
            return Ok(Some(None));
        }
        if !top.is_empty {
            self.push(",");
        }
        top.is_empty = false;
        self.indent(depth);
        if top.keys.is_some() {
            self.quote(&key)?;
            self.push(if self.gap.is_empty() { ":" } else { ": " });
        }
        Ok(Some(Some(value)))
    }

    /// What `toJSON`, the replacer and the wrappers of primitive values make of it.
    fn prepare(
        &self,
        holder: &JsObject,
        key: &JsString,
        mut value: JsValue,
        context: &mut Context,
    ) -> JsResult<JsValue> {
        if value.is_object() || value.is_bigint() {
            let to_json = match value.as_object() {
                Some(object) => object.get(js_string!("toJSON"), context)?,
                None => value.to_object(context)?.get(js_string!("toJSON"), context)?,
            };
            if let Some(to_json) = to_json.as_function() {
                value = to_json.call(&value, &[key.clone().into()], context)?;
            }
        }
        if let Some(replacer) = &self.replacer {
            value = replacer.call(&holder.clone().into(), &[key.clone().into(), value], context)?;
        }
        let Some(object) = value.as_object() else { return Ok(value) };
        if object.is::<f64>() {
            return Ok(value.to_number(context)?.into());
        }
        if object.is::<JsString>() {
            return Ok(value.to_string(context)?.into());
        }
        if let Some(boolean) = object.downcast_ref::<bool>() {
            return Ok((*boolean).into());
        }
        if let Some(number) = object.downcast_ref::<JsBigInt>() {
            return Ok(number.clone().into());
        }
        Ok(value)
    }

    /// Writes a value, or the beginning of one that contains others.
    fn begin(&mut self, value: JsValue, context: &mut Context) -> JsResult<Option<Open>> {
        if let Some(object) = value.as_object().filter(|object| !object.is_callable()) {
            return self.open(object, context);
        }
        if let Some(text) = value.as_string() {
            self.quote(&text)?;
        } else if value.is_bigint() {
            return Err(JsNativeError::typ().with_message("cannot serialize bigint to JSON").into());
        } else if let Some(truth) = value.as_boolean() {
            self.push(if truth { "true" } else { "false" });
        } else if value.as_number().is_some_and(f64::is_finite) {
            self.out.extend(value.to_string(context)?.iter());
        } else {
            self.push("null");
        }
        Ok(None)
    }

    fn open(&mut self, object: JsObject, context: &mut Context) -> JsResult<Option<Open>> {
        if !self.inside.insert(object.clone()) {
            return Err(JsNativeError::typ().with_message("cyclic object value").into());
        }
        let (keys, length) = if is_array(self.guard, &object, context)? {
            (None, object.get(js_string!("length"), context)?.to_length(context)?)
        } else {
            let keys = match &self.names {
                Some(names) => names.iter().rev().cloned().collect(),
                None => keys(self.guard, &object, context)?,
            };
            (Some(keys), 0)
        };
        self.push(if keys.is_some() { "{" } else { "[" });
        Ok(Some(Open { object, keys, next: 0, length, is_empty: true }))
    }

    fn indent(&mut self, depth: usize) {
        if !self.gap.is_empty() {
            self.out.push(b'\n'.into());
            for _ in 0..depth {
                self.out.extend_from_slice(&self.gap);
            }
        }
    }

    fn push(&mut self, text: &str) {
        self.out.extend(text.encode_utf16());
    }

    /// Before `more` units are written: a vector that grows has three times its new length for a moment.
    fn reserve(&self, more: usize) -> JsResult<()> {
        let grows = self.out.capacity() - self.out.len() < more;
        let bytes = if grows { (self.out.capacity() * 2).max(self.out.len() + more) * 2 } else { 0 };
        self.guard.budget.reserve(bytes)
    }

    fn quote(&mut self, text: &JsString) -> JsResult<()> {
        self.reserve(text.len() + 2)?;
        self.out.push(b'"'.into());
        let mut units = text.iter().peekable();
        while let Some(unit) = units.next() {
            let escaped = match unit {
                0x08 => b'b',
                0x09 => b't',
                0x0a => b'n',
                0x0c => b'f',
                0x0d => b'r',
                0x22 | 0x5c => unit as u8,
                0xd800..=0xdbff => match units.next_if(|low| (0xdc00..=0xdfff).contains(low)) {
                    Some(low) => {
                        self.out.extend([unit, low]);
                        continue;
                    }
                    None => b'u',
                },
                0x00..=0x1f | 0xdc00..=0xdfff => b'u',
                _ => {
                    self.out.push(unit);
                    continue;
                }
            };
            self.out.extend([u16::from(b'\\'), escaped.into()]);
            if escaped == b'u' {
                self.push(&format!("{unit:04x}"));
                self.reserve(0)?;
            }
        }
        self.out.push(b'"'.into());
        Ok(())
    }
}

/// Whether a property with this value is written at all.
fn is_written(value: &JsValue) -> bool {
    !value.is_undefined() && !value.is_symbol() && !value.is_callable()
}

/// `IsArray`, which goes through proxies.
pub(crate) fn is_array(guard: &Guard, object: &JsObject, context: &mut Context) -> JsResult<bool> {
    let mut object = object.clone();
    while object.is::<Proxy>() {
        let Some(target) = links::target(guard, &object, context)? else { return Ok(false) };
        object = target;
    }
    Ok(object.is_array())
}

/// The names of the properties that count, the last first.
pub(crate) fn keys(guard: &Guard, object: &JsObject, context: &mut Context) -> JsResult<Vec<JsString>> {
    let mut keys: Vec<JsString> = Vec::new();
    if object.is_ordinary() {
        let all = object.own_property_keys(context)?;
        let object = object.borrow();
        for key in all {
            let name = match &key {
                PropertyKey::String(name) => name.clone(),
                PropertyKey::Index(index) => JsString::from(index.get().to_string()),
                PropertyKey::Symbol(_) => continue,
            };
            if object.properties().get(&key).as_ref().and_then(PropertyDescriptor::enumerable) == Some(true) {
                keys.push(name);
            }
        }
    } else {
        // Proxies answer themselves, and typed arrays and strings have properties that are nowhere kept.
        let list = guard.shared.keys.call(&JsValue::undefined(), &[object.clone().into()], context)?;
        let list = list.to_object(context)?;
        for index in 0..list.get(js_string!("length"), context)?.to_length(context)? {
            keys.push(list.get(index, context)?.to_string(context)?);
        }
    }
    keys.reverse();
    Ok(keys)
}

/// The names in a replacer that is an array, each once.
fn names(guard: &Guard, list: &JsObject, context: &mut Context) -> JsResult<Vec<JsString>> {
    let (mut names, mut seen) = (Vec::new(), HashSet::new());
    for index in 0..list.get(js_string!("length"), context)?.to_length(context)? {
        guard.budget.reserve(0)?;
        let item = list.get(index, context)?;
        let is_name = item.is_string()
            || item.is_number()
            || item.as_object().is_some_and(|object| object.is::<JsString>() || object.is::<f64>());
        if is_name {
            let name = item.to_string(context)?;
            if seen.insert(name.clone()) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

fn gap(space: Option<&JsValue>, context: &mut Context) -> JsResult<Vec<u16>> {
    let mut space = space.cloned().unwrap_or_default();
    if let Some(object) = space.as_object() {
        if object.is::<f64>() {
            space = space.to_number(context)?.into();
        } else if object.is::<JsString>() {
            space = space.to_string(context)?.into();
        }
    }
    if let Some(text) = space.as_string() {
        return Ok(text.iter().take(MAX_GAP).collect());
    }
    // Saturates; NaN becomes 0.
    let spaces = space.as_number().map_or(0, |spaces| spaces as usize);
    Ok(vec![b' '.into(); spaces.min(MAX_GAP)])
}

const MAX_GAP: usize = 10;
