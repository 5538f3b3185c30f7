//! [`sample`]: a small valid input for a schema, for the example in the prompt.
//!
//! It prefers what the schema's author wrote (`const`, `examples`, `default`, `enum`) and makes up the rest. Where it cannot
//! know that the value is valid (a pattern, a `not`), it says so, and the prompt takes another tool.

use serde_json::{Map, Number, Value};

use super::{
    escape::{property_key, string_literal},
    resolve::{Document, Place, base_within},
};

/// A value for a schema.
pub(crate) struct Sample {
    pub(crate) value: Value,
    /// False when the value may break a rule that was not looked at.
    pub(crate) is_sure: bool,
}

/// Makes a value with only what is required.
pub(crate) fn sample(schema: &Value) -> Sample {
    let document = Document::new(schema);
    let mut sampler = Sampler { document: &document, steps: MAX_STEPS, is_sure: true };
    let value = sampler.value(document.root(), None, 0);
    Sample { value, is_sure: sampler.is_sure }
}

/// The value as a TypeScript expression.
pub(crate) fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => string_literal(text),
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members = members.iter().map(|(key, member)| {
                // `{ __proto__: x }` would set the prototype.
                let key = if key == "__proto__" { "[\"__proto__\"]".to_owned() } else { property_key(key) };
                format!("{key}: {}", literal(member))
            });
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

struct Sampler<'d, 'a> {
    document: &'d Document<'a>,
    steps: usize,
    is_sure: bool,
}

/// Schemas that one value must all fit, each with the base of its references.
type Parts<'a> = Vec<(&'a Map<String, Value>, &'a Value)>;

impl<'a> Sampler<'_, 'a> {
    fn value(&mut self, place: Place<'a>, key: Option<&str>, depth: usize) -> Value {
        let mut parts = Vec::new();
        self.collect(place, depth, &mut parts);
        if depth > MAX_DEPTH || self.steps == 0 {
            self.is_sure = false;
            return Value::Null;
        }
        let given = |keyword: &str| parts.iter().find_map(|(part, _)| part.get(keyword));
        if let Some(written) = written(&parts) {
            return written;
        }
        if UNCHECKED.iter().any(|keyword| given(keyword).is_some()) {
            self.is_sure = false;
        }
        let name = type_name(&parts);
        self.is_sure &= parts.iter().all(|(part, _)| allows(part, name));
        match name {
            "string" => self.string(&parts, key),
            "number" => number(&parts, false),
            "integer" => number(&parts, true),
            "boolean" => Value::Bool(true),
            "null" => Value::Null,
            "array" => self.array(&parts, key, depth),
            "object" => self.object(&parts, depth),
            _ if depth == 0 => Value::Object(Map::new()),
            _ => Value::String(format!("<{}>", key.unwrap_or("value"))),
        }
    }

    /// The schema, what it refers to, all of `allOf`, and the first member of `anyOf` and `oneOf` that is not `null`.
    fn collect(&mut self, place: Place<'a>, depth: usize, parts: &mut Parts<'a>) {
        if self.steps == 0 || depth > MAX_DEPTH {
            self.is_sure = false;
            return;
        }
        self.steps -= 1;
        let Value::Object(keywords) = place.schema else {
            self.is_sure &= *place.schema == Value::Bool(true);
            return;
        };
        let base = base_within(place.schema, place.base);
        parts.push((keywords, base));
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            match self.document.resolve(reference, base) {
                Ok(place) => self.collect(place, depth + 1, parts),
                Err(_) => self.is_sure = false,
            }
        }
        for schema in keywords.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.collect(Place { schema, base }, depth + 1, parts);
        }
        for keyword in ["anyOf", "oneOf"] {
            let members = keywords.get(keyword).and_then(Value::as_array).into_iter().flatten();
            let is_null = |member: &&Value| member.get("type").and_then(Value::as_str) == Some("null");
            // Deep inside, `null` ends a recursive type.
            let wanted = members.clone().find(|member| is_null(member) == (depth > SHALLOW));
            if let Some(schema) = wanted.or_else(|| members.clone().next()) {
                self.collect(Place { schema, base }, depth + 1, parts);
            }
        }
    }

    fn string(&mut self, parts: &Parts<'a>, key: Option<&str>) -> Value {
        let keyword = |name: &str| parts.iter().find_map(|(part, _)| part.get(name));
        self.is_sure &= keyword("pattern").is_none();
        let format = keyword("format").and_then(Value::as_str).unwrap_or_default();
        if let Some((_, example)) = FORMATS.iter().find(|(name, _)| *name == format) {
            return Value::String((*example).to_owned());
        }
        let mut text = format!("<{}>", key.unwrap_or("text"));
        let length = |name: &str| keyword(name).and_then(Value::as_u64).and_then(|length| usize::try_from(length).ok());
        match length("minLength").unwrap_or(0) {
            least if least > MAX_STRING_BYTES => self.is_sure = false,
            least => text.extend(std::iter::repeat_n('.', least.saturating_sub(text.chars().count()))),
        }
        if let Some(most) = length("maxLength") {
            text = text.chars().take(most).collect();
        }
        Value::String(text)
    }

    fn array(&mut self, parts: &Parts<'a>, key: Option<&str>, depth: usize) -> Value {
        let find = |name: &str| parts.iter().find_map(|(part, base)| Some((part.get(name)?, *base)));
        let length = |name: &str| find(name).and_then(|(length, _)| length.as_u64());
        let tuple = ["prefixItems", "items"].iter().find_map(|name| find(name).filter(|(items, _)| items.is_array()));
        if let Some((items, base)) = tuple {
            let items = items.as_array().into_iter().flatten().take(MAX_ITEMS);
            return items.map(|schema| self.value(Place { schema, base }, key, depth + 1)).collect();
        }
        let usual = u64::from(depth <= SHALLOW);
        let least = length("minItems").unwrap_or(usual).min(length("maxItems").unwrap_or(u64::MAX));
        let count = usize::try_from(least).unwrap_or(usize::MAX);
        self.is_sure &= count <= MAX_ITEMS && (count <= 1 || find("uniqueItems").is_none());
        let Some((schema, base)) = find("items").filter(|(items, _)| **items != Value::Bool(false)) else {
            self.is_sure &= length("minItems").unwrap_or(0) == 0;
            return Value::Array(Vec::new());
        };
        (0..count.min(MAX_ITEMS)).map(|_| self.value(Place { schema, base }, key, depth + 1)).collect()
    }

    fn object(&mut self, parts: &Parts<'a>, depth: usize) -> Value {
        let mut object = Map::new();
        let required = parts.iter().filter_map(|(part, _)| part.get("required")?.as_array()).flatten();
        for key in required.filter_map(Value::as_str).take(MAX_MEMBERS) {
            let declared = parts.iter().find_map(|(part, base)| Some((part.get("properties")?.get(key)?, *base)));
            let value = match declared {
                Some((schema, base)) => self.value(Place { schema, base }, Some(key), depth + 1),
                None => {
                    self.is_sure = false;
                    Value::Null
                }
            };
            object.insert(key.to_owned(), value);
        }
        let least = parts.iter().find_map(|(part, _)| part.get("minProperties")?.as_u64()).unwrap_or(0);
        self.is_sure &= object.len() as u64 >= least;
        Value::Object(object)
    }
}

/// A value that the schema's author wrote, if a short one is there.
fn written(parts: &Parts<'_>) -> Option<Value> {
    let found = |keyword: &str| parts.iter().find_map(|(part, _)| part.get(keyword));
    let first = |keyword: &str| found(keyword).and_then(Value::as_array).and_then(|values| values.first());
    let candidates =
        [found("const"), first("examples"), found("example"), found("default").filter(|value| !value.is_null())];
    let fits = |value: &Value| match type_name(parts) {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    let choices = found("enum").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let usable = |value: &&Value| fits(value) && is_short(value, 0);
    let candidate = candidates.into_iter().flatten().filter(usable);
    let mut candidate = candidate.filter(|value| choices.is_empty() || choices.contains(value));
    candidate.next().or_else(|| choices.iter().find(usable)).cloned()
}

fn is_short(value: &Value, depth: usize) -> bool {
    match value {
        Value::String(text) => text.len() <= MAX_STRING_BYTES,
        _ if depth > 3 => false,
        Value::Array(items) => items.len() <= MAX_ITEMS && items.iter().all(|item| is_short(item, depth + 1)),
        Value::Object(members) => {
            members.len() <= MAX_ITEMS && members.values().all(|member| is_short(member, depth + 1))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn type_name<'a>(parts: &Parts<'a>) -> &'a str {
    let names = parts.iter().find_map(|(part, _)| match part.get("type")? {
        Value::String(name) => Some(name.as_str()),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    });
    let has =
        |keywords: &[&str]| parts.iter().any(|(part, _)| keywords.iter().any(|keyword| part.contains_key(*keyword)));
    names.unwrap_or(if has(&["properties", "required"]) {
        "object"
    } else if has(&["items", "prefixItems"]) {
        "array"
    } else {
        ""
    })
}

/// Whether a schema says nothing against values of a type.
fn allows(schema: &Map<String, Value>, name: &str) -> bool {
    let same = |other: &str| other == name || (other == "number" && name == "integer");
    match schema.get("type") {
        Some(Value::String(only)) => same(only),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(same),
        _ => true,
    }
}

/// The smallest number from 1 up that the bounds allow, or the one nearest to it.
fn number(parts: &Parts<'_>, is_integer: bool) -> Value {
    let bound = |name: &str| parts.iter().find_map(|(part, _)| part.get(name)?.as_f64());
    let is_open = |name: &str| parts.iter().any(|(part, _)| part.get(name) == Some(&Value::Bool(true)));
    let step = bound("multipleOf").filter(|step| *step > 0.0);
    let unit = step.unwrap_or(if is_integer { 1.0 } else { 0.5 });
    let least = bound("exclusiveMinimum")
        .map(|least| least + unit)
        .or_else(|| bound("minimum").map(|least| if is_open("exclusiveMinimum") { least + unit } else { least }));
    let most = bound("exclusiveMaximum")
        .map(|most| most - unit)
        .or_else(|| bound("maximum").map(|most| if is_open("exclusiveMaximum") { most - unit } else { most }));
    let mut value = 1.0_f64.max(least.unwrap_or(1.0)).min(most.unwrap_or(f64::MAX));
    if let Some(step) = step {
        value = (value / step).ceil() * step;
    }
    if is_integer {
        value = if most.is_some_and(|most| value.ceil() > most) { value.floor() } else { value.ceil() };
    }
    // 9e15 is where whole numbers stop being exact.
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return Value::Number((value as i64).into());
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

const MAX_DEPTH: usize = 8;

/// Deeper than this, lists are left empty.
const SHALLOW: usize = 2;

const MAX_STEPS: usize = 500;
const MAX_ITEMS: usize = 4;
const MAX_MEMBERS: usize = 12;
const MAX_STRING_BYTES: usize = 60;

/// Rules a made-up value may break.
const UNCHECKED: &[&str] =
    &["$dynamicRef", "$recursiveRef", "not", "if", "contains", "dependentRequired", "dependencies", "dependentSchemas"];

const FORMATS: &[(&str, &str)] = &[
    ("date", "2025-01-31"),
    ("date-time", "2025-01-31T12:00:00Z"),
    ("time", "12:00:00Z"),
    ("duration", "P1D"),
    ("email", "ada@example.com"),
    ("hostname", "example.com"),
    ("ipv4", "192.0.2.1"),
    ("ipv6", "2001:db8::1"),
    ("uri", "https://example.com/"),
    ("url", "https://example.com/"),
    ("uuid", "123e4567-e89b-42d3-a456-426614174000"),
];
