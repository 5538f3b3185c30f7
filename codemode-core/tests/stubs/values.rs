//! Values for a schema: some made to fit, and each of these spoilt in a few places. Whether one really fits is asked of
//! the validator, so a value that misses its aim is still a test.

use serde_json::{Map, Value, json};

pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }

    fn pick<'v, T>(&mut self, from: &'v [T]) -> Option<&'v T> {
        let index = self.below(from.len());
        from.get(index)
    }
}

/// A dozen or so different values.
pub fn candidates(schema: &Value, random: &mut Random) -> Vec<Value> {
    let mut values: Vec<Value> = Vec::new();
    let mut add = |value: Value| {
        if !values.contains(&value) && value.to_string().len() < MAX_JSON_BYTES {
            values.push(value);
        }
    };
    for _ in 0..4 {
        let good = fitting(schema, schema, 0, random);
        add(good.clone());
        for _ in 0..3 {
            let mut bad = good.clone();
            spoil(&mut bad, random);
            add(bad);
        }
    }
    values
}

fn fitting(schema: &Value, root: &Value, depth: usize, random: &mut Random) -> Value {
    let Value::Object(keywords) = schema else { return json!("any") };
    if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
        let pointer = reference.trim_start_matches('#').replace("%20", " ");
        return match root.pointer(&pointer) {
            Some(target) if depth < MAX_DEPTH => {
                joined(fitting(target, root, depth + 1, random), own(keywords, root, depth, random))
            }
            _ => Value::Null,
        };
    }
    if let Some(only) = keywords.get("const") {
        return only.clone();
    }
    if let Some(Value::Array(values)) = keywords.get("enum") {
        return random.pick(values).cloned().unwrap_or_default();
    }
    if keywords.get("nullable") == Some(&json!(true)) && random.below(4) == 0 {
        return Value::Null;
    }
    let mut value = own(keywords, root, depth, random);
    if let Some(Value::Array(all)) = keywords.get("allOf") {
        for member in all {
            value = joined(fitting(member, root, depth + 1, random), value);
        }
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(member) = keywords.get(keyword).and_then(Value::as_array).and_then(|members| random.pick(members)) {
            value = joined(fitting(member, root, depth + 1, random), value);
        }
    }
    value
}

/// What `type` and its keywords ask for; `null` where they ask for nothing.
fn own(keywords: &Map<String, Value>, root: &Value, depth: usize, random: &mut Random) -> Value {
    let name = match keywords.get("type") {
        Some(Value::String(name)) => name.as_str(),
        Some(Value::Array(names)) => random.pick(names).and_then(Value::as_str).unwrap_or_default(),
        _ if keywords.contains_key("properties") || keywords.contains_key("required") => "object",
        _ if keywords.contains_key("items") || keywords.contains_key("prefixItems") => "array",
        _ => "",
    };
    match name {
        "string" => json!("text"),
        "integer" => json!(3 + random.below(3)),
        "number" => json!(1.5),
        "boolean" => json!(random.below(2) == 0),
        "object" => object(keywords, root, depth, random),
        "array" => array(keywords, root, depth, random),
        _ => Value::Null,
    }
}

fn object(keywords: &Map<String, Value>, root: &Value, depth: usize, random: &mut Random) -> Value {
    let required: Vec<&str> =
        keywords.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = keywords.get("properties").and_then(Value::as_object);
    let mut out = Map::new();
    for (key, schema) in properties.into_iter().flatten() {
        if required.contains(&key.as_str()) || (depth < MAX_DEPTH && random.below(2) == 0) {
            out.insert(key.clone(), fitting(schema, root, depth + 1, random));
        }
    }
    for key in required {
        out.entry(key).or_insert_with(|| json!("any"));
    }
    let names = keywords.get("propertyNames").and_then(|names| names.get("enum")).and_then(Value::as_array);
    if let Some(others) = keywords.get("additionalProperties").filter(|others| **others != json!(false))
        && depth < MAX_DEPTH
        && random.below(2) == 0
    {
        let name = names.and_then(|names| random.pick(names)).and_then(Value::as_str);
        let key = name.unwrap_or(if properties.is_some() { UNNAMED } else { "other" });
        out.entry(key).or_insert_with(|| fitting(others, root, depth + 1, random));
    }
    for (pattern, schema) in keywords.get("patternProperties").and_then(Value::as_object).into_iter().flatten() {
        if random.below(2) == 0 {
            let key = format!("{}1", pattern.trim_start_matches('^').trim_end_matches('$'));
            out.insert(key, fitting(schema, root, depth + 1, random));
        }
    }
    Value::Object(out)
}

fn array(keywords: &Map<String, Value>, root: &Value, depth: usize, random: &mut Random) -> Value {
    let mut out = Vec::new();
    let items = keywords.get("items");
    let first = keywords.get("prefixItems").or(items).and_then(Value::as_array);
    let rest = if items.is_some_and(Value::is_array) { keywords.get("additionalItems") } else { items };
    for schema in first.into_iter().flatten() {
        out.push(fitting(schema, root, depth + 1, random));
    }
    let least = keywords.get("minItems").and_then(Value::as_u64).unwrap_or(0) as usize;
    let most = keywords.get("maxItems").and_then(Value::as_u64).unwrap_or(9) as usize;
    let wanted = if depth < MAX_DEPTH { least.max(out.len() + random.below(3)).min(most) } else { least };
    if rest != Some(&json!(false)) && (first.is_none() || rest.is_some()) {
        while out.len() < wanted.min(10) {
            out.push(fitting(rest.unwrap_or(&json!(true)), root, depth + 1, random));
        }
    }
    Value::Array(out)
}

/// Both objects in one, else the one that says something.
fn joined(one: Value, two: Value) -> Value {
    match (one, two) {
        (Value::Object(one), Value::Object(mut two)) => {
            two.extend(one);
            Value::Object(two)
        }
        (Value::Null, two) => two,
        (one, _) => one,
    }
}

/// Changes one place: a value becomes another, or a property is left out.
fn spoil(value: &mut Value, random: &mut Random) {
    match value {
        Value::Object(members) if !members.is_empty() && random.below(5) > 0 => {
            let keys: Vec<String> = members.keys().filter(|key| *key != UNNAMED).cloned().collect();
            let Some(key) = random.pick(&keys) else { return };
            if random.below(3) == 0 {
                members.remove(key);
            } else if let Some(member) = members.get_mut(key) {
                spoil(member, random);
            }
        }
        Value::Array(items) if !items.is_empty() && random.below(5) > 0 => {
            let index = random.below(items.len());
            if random.below(4) == 0 {
                items.remove(index);
            } else if let Some(item) = items.get_mut(index) {
                spoil(item, random);
            }
        }
        other => {
            let others = [json!(null), json!(true), json!(12.5), json!("no such value"), json!([]), json!({})];
            *other = random.pick(&others).cloned().unwrap_or_default();
        }
    }
}

/// A key that only an index signature takes, in an object with named properties. TypeScript widens that signature until it
/// takes every property, so such a value is not spoilt.
const UNNAMED: &str = "unnamed key";

const MAX_DEPTH: usize = 5;
const MAX_JSON_BYTES: usize = 20_000;
