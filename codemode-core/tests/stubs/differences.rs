//! Everything in which a stub and its schema differ on purpose, as rewritings of the schema.
//!
//! A value must be assignable to the stub exactly when the rewritten schema takes it. So what is not listed here is the
//! same in both, and what is listed is what a model can get wrong without being told by the type.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The differences: name and reason. `rewrite` counts which of them it met.
pub const DIFFERENCES: &[(&str, &str)] = &[
    ("bounds", "TypeScript has no bounds, patterns, formats or counts; they stand in the comment"),
    ("integer", "TypeScript has one type of numbers; @integer stands in the comment"),
    ("not", "TypeScript has no negation of types; the rule stands in the comment"),
    ("one of", "TypeScript's union takes a value that fits several members"),
    ("nullable", "OpenAPI's nullable is read as what it means, which plain JSON Schema does not know"),
    ("implied type", "properties without a type mean an object, items mean an array"),
    ("tuple", "a tuple that does not say its length has its own, and no further items"),
    ("pattern keys", "TypeScript has no patterns of keys: any key may have the type of any pattern"),
    ("closed parts", "closed objects joined by allOf are taken to mean the properties of all"),
    ("condition", "if/then/else is a union where both branches are there, and a comment else"),
    ("listed keys", "propertyNames with a list is read as properties"),
    ("long list", "more than 200 values, or a text of over 500 bytes, are shown as their types"),
    ("reference alone", "drafts up to 7 ignore what stands beside a $ref"),
    ("unknown type", "a type that does not exist says nothing"),
    ("inherited keys", "every object has constructor, toString and their like: TypeScript wants them overwritten"),
    ("values of a type", "values of an enum that its own type excludes are left out"),
];

pub struct Rewriting {
    pub met: BTreeMap<&'static str, usize>,
    ignores_siblings: bool,
}

/// The schema as its stub says it.
pub fn rewrite(schema: &Value) -> (Value, Rewriting) {
    let dialect = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
    let ignores_siblings = ["draft-04", "draft-06", "draft-07"].iter().any(|draft| dialect.contains(draft));
    let mut rewriting = Rewriting { met: BTreeMap::new(), ignores_siblings };
    let mut rewritten = rewriting.schema(schema);
    if let Value::Object(keywords) = &mut rewritten {
        keywords.remove("$schema");
    }
    (rewritten, rewriting)
}

impl Rewriting {
    fn meet(&mut self, name: &'static str) {
        assert!(DIFFERENCES.iter().any(|(known, _)| *known == name), "{name} is not listed");
        *self.met.entry(name).or_default() += 1;
    }

    fn schema(&mut self, schema: &Value) -> Value {
        let Value::Object(keywords) = schema else {
            return if schema.is_boolean() { schema.clone() } else { json!(true) };
        };
        let mut out: Map<String, Value> =
            keywords.iter().map(|(key, value)| (key.clone(), self.keyword(key, value))).collect();
        self.reference(&mut out);
        self.types(&mut out);
        self.values(&mut out);
        self.conditions(&mut out);
        self.objects(&mut out);
        self.arrays(&mut out);
        self.bounds(&mut out);
        if let Some(members) = out.remove("oneOf") {
            self.meet("one of");
            let union = json!({ "anyOf": members });
            match out.get_mut("allOf").and_then(Value::as_array_mut) {
                Some(all) => all.push(union),
                None => drop(out.insert("allOf".into(), json!([union]))),
            }
        }
        if out.remove("nullable").or(out.remove("x-nullable")) == Some(json!(true)) {
            self.meet("nullable");
            // Definitions stay where references look for them.
            let kept: Map<String, Value> = ["$defs", "definitions", "components", "$id", "$anchor"]
                .iter()
                .filter_map(|key| Some(((*key).to_owned(), out.remove(*key)?)))
                .collect();
            let mut whole = json!({ "anyOf": [out, { "type": "null" }] });
            if let Value::Object(whole) = &mut whole {
                whole.extend(kept);
            }
            return whole;
        }
        Value::Object(out)
    }

    fn keyword(&mut self, key: &str, value: &Value) -> Value {
        match (key, value) {
            ("properties" | "patternProperties" | "$defs" | "definitions" | "schemas", Value::Object(schemas)) => {
                schemas.iter().map(|(name, schema)| (name.clone(), self.schema(schema))).collect()
            }
            ("components", Value::Object(parts)) => {
                parts.iter().map(|(name, part)| (name.clone(), self.keyword(name, part))).collect()
            }
            ("allOf", Value::Array(members)) => members
                .iter()
                .map(|member| {
                    let mut member = self.schema(member);
                    if member.get("additionalProperties") == Some(&json!(false)) {
                        self.meet("closed parts");
                        member.as_object_mut().expect("it has a member").remove("additionalProperties");
                    }
                    member
                })
                .collect(),
            ("anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(members)) => {
                members.iter().map(|member| self.schema(member)).collect()
            }
            (
                "items"
                | "additionalItems"
                | "unevaluatedItems"
                | "additionalProperties"
                | "unevaluatedProperties"
                | "not"
                | "if"
                | "then"
                | "else",
                schema,
            ) => self.schema(schema),
            _ => value.clone(),
        }
    }

    fn reference(&mut self, out: &mut Map<String, Value>) {
        if self.ignores_siblings && out.contains_key("$ref") {
            self.meet("reference alone");
            out.retain(|key, _| ["$ref", "$defs", "definitions", "components"].contains(&key.as_str()));
        }
    }

    fn types(&mut self, out: &mut Map<String, Value>) {
        let names: Vec<Value> = match out.get("type") {
            Some(Value::Array(names)) => names.clone(),
            Some(name) => vec![name.clone()],
            None if out.contains_key("const") || out.contains_key("enum") => return,
            None => {
                let implied = if OBJECT_KEYWORDS.iter().any(|keyword| out.contains_key(*keyword)) {
                    "object"
                } else if ["items", "prefixItems"].iter().any(|keyword| out.contains_key(*keyword)) {
                    "array"
                } else {
                    return;
                };
                self.meet("implied type");
                vec![json!(implied)]
            }
        };
        let known = |name: &&Value| TYPES.contains(&name.as_str().unwrap_or_default());
        if names.iter().any(|name| !known(&name)) {
            self.meet("unknown type");
            out.remove("type");
            return;
        }
        out.insert("type".into(), names.into());
    }

    /// `enum` and `const`, which leave nothing for `type` to say.
    fn values(&mut self, out: &mut Map<String, Value>) {
        let names = out.get("type").and_then(Value::as_array).cloned().unwrap_or_default();
        if let Some(only) = out.remove("const") {
            out.retain(|key, _| NOT_OF_VALUES.contains(&key.as_str()));
            out.insert("enum".into(), json!([only]));
        } else if let Some(Value::Array(values)) = out.get("enum").cloned() {
            out.remove("type");
            let count = values.len();
            let fitting: Vec<Value> = values
                .into_iter()
                .filter(|value| names.is_empty() || names.iter().any(|name| is_of(value, name)))
                .collect();
            if fitting.len() < count {
                self.meet("values of a type");
            }
            out.insert("enum".into(), fitting.into());
        } else {
            if names.iter().any(|name| name == "integer") {
                self.meet("integer");
                let names = names.iter().map(|name| if name == "integer" { json!("number") } else { name.clone() });
                // The list of types may not name one twice.
                let mut unique: Vec<Value> = Vec::new();
                names.for_each(|name| {
                    if !unique.contains(&name) {
                        unique.push(name)
                    }
                });
                out.insert("type".into(), unique.into());
            }
            return;
        }
        let values = out.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
        let many = values.len() > 200;
        let long = |value: &&Value| many || value.as_str().is_some_and(|text| text.len() > 500);
        let (long, short): (Vec<&Value>, Vec<&Value>) = values.iter().partition(long);
        if !long.is_empty() {
            self.meet("long list");
            let kinds = long.iter().map(|value| json!({ "type": kind(value) }));
            let members: Vec<Value> = kinds.chain([json!({ "enum": short })]).collect();
            out.remove("enum");
            out.insert("anyOf".into(), members.into());
        }
    }

    fn conditions(&mut self, out: &mut Map<String, Value>) {
        let (condition, then, otherwise) = (out.remove("if"), out.remove("then"), out.remove("else"));
        let Some(condition) = condition else { return };
        self.meet("condition");
        if let (Some(then), Some(otherwise)) = (then, otherwise) {
            let union = json!({ "anyOf": [{ "allOf": [condition, then] }, otherwise] });
            match out.get_mut("allOf").and_then(Value::as_array_mut) {
                Some(all) => all.push(union),
                None => drop(out.insert("allOf".into(), json!([union]))),
            }
        }
    }

    fn objects(&mut self, out: &mut Map<String, Value>) {
        if let Some(schema) = out.remove("unevaluatedProperties").filter(|_| !out.contains_key("additionalProperties"))
        {
            out.insert("additionalProperties".into(), schema);
        }
        if let Some(Value::Object(patterns)) = out.remove("patternProperties").filter(|patterns| patterns != &json!({}))
        {
            self.meet("pattern keys");
            let mut members: Vec<Value> = patterns.into_iter().map(|(_, schema)| schema).collect();
            members.extend(out.remove("additionalProperties").filter(|schema| *schema != json!(false)));
            out.insert("additionalProperties".into(), json!({ "anyOf": members }));
        }
        let names = out.remove("propertyNames").and_then(|names| names.get("enum")?.as_array().cloned());
        let others = out.get("additionalProperties").cloned();
        if let (Some(names), Some(others)) =
            (names, others.filter(|others| !others.is_boolean() && *others != json!({})))
        {
            self.meet("listed keys");
            out.insert("additionalProperties".into(), json!(false));
            let properties = out.entry("properties").or_insert_with(|| json!({}));
            for name in names.iter().filter_map(Value::as_str) {
                properties.as_object_mut().expect("properties are an object").entry(name).or_insert(others.clone());
            }
        }
        // Draft 3.
        if out.get("required").is_some_and(|required| !required.is_array()) {
            out.remove("required");
        }
        let properties = out.get("properties").and_then(Value::as_object);
        let has = |key: &&&str| properties.is_some_and(|properties| properties.contains_key(**key));
        let inherited: Vec<&str> = INHERITED.iter().filter(has).copied().collect();
        let required = out.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let missing: Vec<Value> =
            inherited.iter().filter(|key| !required.iter().any(|have| have == **key)).map(|key| json!(key)).collect();
        if !missing.is_empty() {
            self.meet("inherited keys");
            out.insert("required".into(), required.into_iter().chain(missing).collect());
        }
    }

    fn arrays(&mut self, out: &mut Map<String, Value>) {
        let bound = |name: &str| out.get(name).and_then(Value::as_u64);
        let (least, most) = (bound("minItems"), bound("maxItems"));
        if let Some(schema) = out.remove("unevaluatedItems").filter(|_| !out.contains_key("items")) {
            out.insert("items".into(), schema);
        }
        if let Some(Value::Array(_)) = out.get("items") {
            let items = out.remove("items").unwrap_or_default();
            out.insert("prefixItems".into(), items);
            if let Some(rest) = out.remove("additionalItems") {
                out.insert("items".into(), rest);
            }
        }
        out.remove("additionalItems");
        if let Some(Value::Array(items)) = out.get("prefixItems").cloned() {
            self.meet("tuple");
            let shown = items.len().min(most.map_or(usize::MAX, |most| most as usize));
            out.insert("prefixItems".into(), items.get(..shown).unwrap_or_default().into());
            out.insert("minItems".into(), json!(least.unwrap_or(shown as u64).min(shown as u64)));
            if most.is_some_and(|most| most as usize <= shown) || !out.contains_key("items") {
                out.insert("items".into(), json!(false));
            }
            out.remove("maxItems");
        } else if !(least == most && least.is_some_and(|least| (1..=8).contains(&least)) && out.contains_key("type")) {
            for bound in ["minItems", "maxItems"] {
                if out.remove(bound).is_some() {
                    self.meet("bounds");
                }
            }
        }
    }

    fn bounds(&mut self, out: &mut Map<String, Value>) {
        for keyword in BOUNDS {
            if out.remove(*keyword).is_some() {
                self.meet("bounds");
            }
        }
        if out.get("not").is_some_and(|not| *not != json!(true) && *not != json!({})) {
            self.meet("not");
            out.remove("not");
        }
    }
}

fn is_of(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap_or_default() {
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        name => kind(value) == name,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

const TYPES: &[&str] = &["null", "boolean", "number", "integer", "string", "array", "object"];
const OBJECT_KEYWORDS: &[&str] =
    &["properties", "required", "additionalProperties", "patternProperties", "propertyNames"];
const INHERITED: &[&str] = &[
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
];
/// Keywords that hold beside `const` all the same.
const NOT_OF_VALUES: &[&str] =
    &["$defs", "definitions", "components", "$id", "$anchor", "allOf", "anyOf", "oneOf", "nullable"];
const BOUNDS: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
];
