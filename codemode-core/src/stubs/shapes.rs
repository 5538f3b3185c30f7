//! The types of values themselves: `type`, `enum`, `const`, objects, arrays and tuples.
//!
//! Where JSON Schema and what its writers mean differ, the meaning wins: `properties` without `type` is an object,
//! `prefixItems` without `minItems` is a whole tuple, and an object that says nothing of other properties has none worth
//! showing.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{
    docs::Doc,
    escape::{prose, short_json, string_literal},
    lower::{At, Lowering, Step, kind},
    types::{Object, Others, Primitive, Property, Type, TypeId, UNKNOWN},
};

impl<'a> Lowering<'_, 'a> {
    /// The type that the keywords about the value itself describe; `unknown` when there are none.
    pub(super) fn own_type(&mut self, keywords: &'a Map<String, Value>, at: At<'a>, doc: &mut Doc) -> TypeId {
        if let Some(only) = keywords.get("const") {
            return self.literal_type(only, 0);
        }
        let names = self.type_names(keywords, doc);
        if let Some(allowed) = keywords.get("enum") {
            match allowed {
                Value::Array(allowed) => return self.enum_type(allowed, &names, doc),
                other => {
                    let message = format!("enum is a list of values, not {}", kind(other));
                    *doc = doc.and(&self.problem(&[Step::Key("enum")], message));
                }
            }
        }
        let members: Vec<TypeId> = names.into_iter().map(|name| self.type_of(name, keywords, at, doc)).collect();
        if members.is_empty() { UNKNOWN } else { self.types.union(members) }
    }

    /// The names in `type`, or the one that the other keywords are about.
    fn type_names(&mut self, keywords: &'a Map<String, Value>, doc: &mut Doc) -> Vec<&'a str> {
        let wrong = match keywords.get("type") {
            Some(Value::String(name)) => return vec![name],
            Some(Value::Array(names)) => match names.iter().map(Value::as_str).collect() {
                Some(names) => return names,
                None => "a list with something else than names",
            },
            Some(other) => kind(other),
            None if OBJECT_KEYWORDS.iter().any(|keyword| keywords.contains_key(*keyword)) => return vec!["object"],
            None if ARRAY_KEYWORDS.iter().any(|keyword| keywords.contains_key(*keyword)) => return vec!["array"],
            None => return Vec::new(),
        };
        let message = format!("type is a name or a list of names, not {wrong}");
        *doc = doc.and(&self.problem(&[Step::Key("type")], message));
        Vec::new()
    }

    fn type_of(&mut self, name: &str, keywords: &'a Map<String, Value>, at: At<'a>, doc: &mut Doc) -> TypeId {
        match name {
            "string" => self.types.add(Type::String),
            "number" | "integer" => self.types.add(Type::Number),
            "boolean" => self.types.add(Type::Boolean),
            "null" => self.types.add(Type::Null),
            "object" => self.object_type(keywords, at, doc),
            "array" => self.array_type(keywords, at),
            "any" => UNKNOWN,
            other => {
                let other = string_literal(other);
                let message =
                    format!("{other} is no type; there are string, number, integer, boolean, null, array, object");
                *doc = doc.and(&self.problem(&[Step::Key("type")], message));
                UNKNOWN
            }
        }
    }

    fn enum_type(&mut self, allowed: &'a [Value], names: &[&str], doc: &mut Doc) -> TypeId {
        let fitting: Vec<&Value> = allowed.iter().filter(|value| is_of_a_type(value, names)).collect();
        if fitting.is_empty() && !allowed.is_empty() {
            let message = "no value of enum has the type that is asked for".to_owned();
            *doc = doc.and(&self.problem(&[Step::Key("enum")], message));
        }
        if fitting.len() <= MAX_MEMBERS {
            let members: Vec<TypeId> = fitting.into_iter().map(|value| self.literal_type(value, 0)).collect();
            return self.types.union(members);
        }
        let shown: Vec<String> = fitting.iter().take(10).map(|value| short_json(value, 40)).collect();
        let text = format!("(one of {} values: {}, …)", fitting.len(), shown.join(", "));
        *doc = doc.and(&Doc::of([text]));
        let kinds: Vec<TypeId> = fitting.into_iter().map(|value| self.kind_type(value)).collect();
        self.types.union(kinds)
    }

    /// The type of exactly this value.
    fn literal_type(&mut self, value: &'a Value, depth: usize) -> TypeId {
        if depth > MAX_LITERAL_DEPTH || !self.types.spend(1) {
            return UNKNOWN;
        }
        match value {
            Value::Null => self.types.add(Type::Null),
            Value::Bool(yes) => self.types.literal(Primitive::Boolean, yes.to_string()),
            Value::Number(number) => self.types.literal(Primitive::Number, number.to_string()),
            Value::String(text) if text.len() > MAX_LITERAL_BYTES => self.types.add(Type::String),
            Value::String(text) => self.types.literal(Primitive::String, string_literal(text)),
            Value::Array(items) => {
                let items: Vec<TypeId> = items.iter().map(|item| self.literal_type(item, depth + 1)).collect();
                self.types.add(Type::Tuple { required: items.len(), items, rest: None })
            }
            Value::Object(members) => {
                let properties = members
                    .iter()
                    .map(|(key, member)| Property {
                        key: key.as_str().into(),
                        required: true,
                        doc: Doc::default(),
                        of: self.literal_type(member, depth + 1),
                    })
                    .collect();
                self.types.add(Type::Object(Object { properties, others: Others::Forbidden }))
            }
        }
    }

    fn kind_type(&mut self, value: &Value) -> TypeId {
        self.types.add(match value {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Boolean,
            Value::Number(_) => Type::Number,
            Value::String(_) => Type::String,
            Value::Array(_) => Type::Array(UNKNOWN),
            Value::Object(_) => Type::Object(Object::default()),
        })
    }

    fn object_type(&mut self, keywords: &'a Map<String, Value>, at: At<'a>, doc: &mut Doc) -> TypeId {
        if self.is_cut(at) {
            return self.types.add(Type::Object(Object::default()));
        }
        let required_keys = self.required_keys(keywords, doc);
        let required: HashSet<&str> = required_keys.iter().copied().collect();
        let mut properties = Vec::new();
        let mut have = HashSet::new();
        for (key, schema) in self.schemas(keywords, "properties", doc).into_iter().flatten() {
            let lowered = self.below(&[Step::Key("properties"), Step::Key(key)], schema, at.inside(Some(key)));
            // Draft 3 says `required: true` in the property itself.
            let required = required.contains(&key.as_str()) || schema.get("required") == Some(&Value::Bool(true));
            have.insert(key.as_str());
            properties.push(Property { key: key.as_str().into(), required, doc: lowered.doc, of: lowered.of });
        }
        let mut others = self.others(keywords, at, doc);
        let of = match others {
            Others::Of(of) => of,
            Others::Unsaid | Others::Forbidden => UNKNOWN,
        };
        // Keys that come from a list, as in `Record<"a" | "b", T>`, are properties in all but name.
        let names = keywords.get("propertyNames").and_then(|names| names.get("enum")).and_then(Value::as_array);
        let names = names.into_iter().flatten().take(MAX_MEMBERS).filter_map(Value::as_str);
        let names: Vec<&str> = if of == UNKNOWN { Vec::new() } else { names.collect() };
        if !names.is_empty() {
            others = Others::Forbidden;
        }
        for key in names.iter().chain(&required_keys) {
            if have.insert(*key) && self.types.spend(1) {
                let required = required.contains(key);
                properties.push(Property { key: (*key).into(), required, doc: Doc::default(), of });
            }
        }
        self.types.add(Type::Object(Object { properties, others }))
    }

    fn required_keys(&mut self, keywords: &'a Map<String, Value>, doc: &mut Doc) -> Vec<&'a str> {
        match keywords.get("required") {
            None | Some(Value::Bool(_)) => Vec::new(),
            Some(Value::Array(keys)) if !self.types.spend(keys.len()) => Vec::new(),
            Some(Value::Array(keys)) => keys.iter().filter_map(Value::as_str).collect(),
            Some(other) => {
                let message = format!("required is a list of keys, not {}", kind(other));
                *doc = doc.and(&self.problem(&[Step::Key("required")], message));
                Vec::new()
            }
        }
    }

    /// The members of a keyword that holds schemas by name.
    fn schemas(
        &mut self,
        keywords: &'a Map<String, Value>,
        keyword: &'static str,
        doc: &mut Doc,
    ) -> Option<&'a Map<String, Value>> {
        match keywords.get(keyword)? {
            // Paid for in advance: a list that cannot be afforded is not begun.
            Value::Object(schemas) => self.types.spend(schemas.len()).then_some(schemas),
            other => {
                let message = format!("{keyword} is an object of schemas, not {}", kind(other));
                *doc = doc.and(&self.problem(&[Step::Key(keyword)], message));
                None
            }
        }
    }

    /// What the schema says of keys it does not name. Patterns count as "any key": TypeScript has no regular expressions.
    fn others(&mut self, keywords: &'a Map<String, Value>, at: At<'a>, doc: &mut Doc) -> Others {
        let mut members = Vec::new();
        let mut patterns = Vec::new();
        for (pattern, schema) in self.schemas(keywords, "patternProperties", doc).into_iter().flatten() {
            members.push(self.type_below(
                &[Step::Key("patternProperties"), Step::Key(pattern)],
                schema,
                at.inside(None),
            ));
            patterns.push(prose(pattern, 80));
        }
        if !patterns.is_empty() {
            patterns.truncate(4);
            *doc = doc.and(&Doc::of([format!("(keys match {})", patterns.join(" or "))]));
        }
        for keyword in ["additionalProperties", "unevaluatedProperties"] {
            match keywords.get(keyword) {
                None => continue,
                Some(Value::Bool(false)) if members.is_empty() => return Others::Forbidden,
                Some(Value::Bool(false)) => {}
                Some(schema) => members.push(self.type_below(&[Step::Key(keyword)], schema, at.inside(None))),
            }
            break;
        }
        if members.is_empty() { Others::Unsaid } else { Others::Of(self.types.union(members)) }
    }

    fn array_type(&mut self, keywords: &'a Map<String, Value>, at: At<'a>) -> TypeId {
        if self.is_cut(at) {
            return self.types.add(Type::Array(UNKNOWN));
        }
        let bound = |keyword: &str| {
            keywords.get(keyword).and_then(Value::as_u64).map(|n| usize::try_from(n).unwrap_or(usize::MAX))
        };
        let (least, most) = (bound("minItems"), bound("maxItems"));
        let tuple =
            ["prefixItems", "items"].iter().find_map(|keyword| Some((*keyword, keywords.get(*keyword)?.as_array()?)));
        if let Some((keyword, schemas)) = tuple.filter(|(_, schemas)| !schemas.is_empty()) {
            let rest = if keyword == "prefixItems" { "items" } else { "additionalItems" };
            let affordable = if self.types.spend(schemas.len()) { schemas.as_slice() } else { &[] };
            let items: Vec<TypeId> = affordable
                .iter()
                .take(most.unwrap_or(usize::MAX))
                .enumerate()
                .map(|(index, item)| self.type_below(&[Step::Key(keyword), Step::Index(index)], item, at.inside(None)))
                .collect();
            let rest =
                [rest, "unevaluatedItems"].into_iter().find_map(|keyword| Some((keyword, keywords.get(keyword)?)));
            let rest = rest
                .filter(|(_, schema)| **schema != Value::Bool(false) && most.is_none_or(|most| most > items.len()))
                .map(|(keyword, schema)| self.type_below(&[Step::Key(keyword)], schema, at.inside(None)));
            let required = least.unwrap_or(items.len()).min(items.len());
            return self.types.add(Type::Tuple { items, required, rest });
        }
        let of = ["items", "unevaluatedItems"].into_iter().find_map(|keyword| {
            let schema = keywords.get(keyword).filter(|schema| !schema.is_array())?;
            Some(self.type_below(&[Step::Key(keyword)], schema, at.inside(None)))
        });
        let of = of.unwrap_or(UNKNOWN);
        if matches!(*self.types.get(of), Type::Never) {
            return self.types.add(Type::Tuple { items: Vec::new(), required: 0, rest: None });
        }
        match least.filter(|least| most == Some(*least) && (1..=MAX_TUPLE).contains(least)) {
            Some(length) => {
                // The first item carries the comment for all.
                let mut items = vec![self.types.bare(of); length];
                items.splice(..1, [of]);
                self.types.add(Type::Tuple { items, required: length, rest: None })
            }
            None => self.types.add(Type::Array(of)),
        }
    }
}

/// Whether a value of `enum` has one of the types asked for.
fn is_of_a_type(value: &Value, names: &[&str]) -> bool {
    let fits = |name: &&str| match value {
        Value::Null => *name == "null",
        Value::Bool(_) => *name == "boolean",
        Value::Number(number) => {
            *name == "number" || (*name == "integer" && number.as_f64().is_some_and(|n| n.fract() == 0.0))
        }
        Value::String(_) => *name == "string",
        Value::Array(_) => *name == "array",
        Value::Object(_) => *name == "object",
    };
    names.is_empty() || names.contains(&"any") || names.iter().any(fits)
}

const OBJECT_KEYWORDS: &[&str] =
    &["properties", "required", "additionalProperties", "patternProperties", "propertyNames"];
const ARRAY_KEYWORDS: &[&str] = &["items", "prefixItems"];

/// Longer lists of values are shown as their types and the first ten.
const MAX_MEMBERS: usize = 200;
const MAX_LITERAL_BYTES: usize = 500;
const MAX_LITERAL_DEPTH: usize = 16;

/// `[number, number]` is clearer than `number[]` with a length in its comment, up to here.
const MAX_TUPLE: usize = 8;
