//! How much work it is to prepare a validator, estimated before it begins.
//!
//! To know what is left over, a schema with `unevaluatedProperties` or `unevaluatedItems` is compiled with everything that
//! speaks of the same value, references followed, and nothing of that is shared: two references to one part make it twice.
//! To tell alternatives apart, what each of them asks for is looked up in the same way.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::references::References;

/// What is done beyond one look at each part of the schema. Both saturate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Preparation {
    /// Parts that are compiled once more.
    pub compiled: u64,
    /// Parts that are looked at once more.
    pub looked_at: u64,
}

impl Preparation {
    pub(super) fn of(schema: &Value) -> Self {
        let references = References::of(schema);
        let mut compiled = Walk { references: &references, follows: Follows::All, known: HashMap::new() };
        let mut looked_at = Walk { references: &references, follows: Follows::Certain, known: HashMap::new() };
        let mut sum = Self::default();
        find(schema, &mut |members| {
            if is_compiled_again(members) {
                sum.compiled = sum.compiled.saturating_add(compiled.parts_of(members));
            }
            for alternatives in ["anyOf", "oneOf"].iter().filter_map(|keyword| members.get(*keyword)?.as_array()) {
                for alternative in alternatives {
                    sum.looked_at = sum.looked_at.saturating_add(looked_at.parts(alternative));
                }
            }
        });
        sum
    }
}

fn find<'a>(schema: &'a Value, visit: &mut impl FnMut(&'a Map<String, Value>)) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| find(item, visit)),
        Value::Object(members) => {
            visit(members);
            members.values().for_each(|member| find(member, visit));
        }
        _ => {}
    }
}

fn is_compiled_again(members: &Map<String, Value>) -> bool {
    members.contains_key("unevaluatedProperties") || members.contains_key("unevaluatedItems")
}

/// Which of the parts that speak of the same value are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follows {
    All,
    /// Those that hold whatever the value is.
    Certain,
}

struct Walk<'w, 'a> {
    references: &'w References<'a>,
    follows: Follows,
    /// What each part is made of; `None` while it is being counted.
    known: HashMap<*const Value, Option<u64>>,
}

impl<'a> Walk<'_, 'a> {
    /// The parts that speak of the same value as `schema`, each as often as it is asked for.
    fn parts(&mut self, schema: &'a Value) -> u64 {
        let Value::Object(members) = schema else { return 1 };
        match self.known.get(&std::ptr::from_ref(schema)) {
            Some(Some(parts)) => return *parts,
            // A circle, which is gone through in every way there is.
            Some(None) => return CIRCLE,
            None => {}
        }
        self.known.insert(schema, None);
        let parts = self.parts_of(members);
        self.known.insert(schema, Some(parts));
        parts
    }

    fn parts_of(&mut self, members: &'a Map<String, Value>) -> u64 {
        let all = self.follows == Follows::All;
        let named = members.get("properties").and_then(Value::as_object).map_or(0, Map::len);
        let mut parts = if all { 1 + named as u64 } else { 1 };
        for (keyword, inner) in members {
            let mut add = |schema| parts = parts.saturating_add(self.parts(schema));
            match keyword.as_str() {
                "allOf" => inner.as_array().into_iter().flatten().for_each(add),
                "anyOf" | "oneOf" if all => inner.as_array().into_iter().flatten().for_each(add),
                "dependentSchemas" | "dependencies" if all => {
                    inner.as_object().into_iter().flat_map(Map::values).for_each(add);
                }
                "if" | "then" | "else" | "not" if all => add(inner),
                "$ref" | "$dynamicRef" | "$recursiveRef" => {
                    parts = parts.saturating_add(self.references.lookup_steps());
                    let targets = self.references.targets(inner.as_str().unwrap_or("#"));
                    targets.into_iter().for_each(|schema| parts = parts.saturating_add(self.parts(schema)));
                }
                _ => {}
            }
        }
        if all && is_compiled_again(members) { parts.saturating_mul(2) } else { parts }
    }
}

/// What a circle counts: one or two may be there by mistake, a net of them costs more than any time.
const CIRCLE: u64 = 1_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tool::schema::Schema;

    #[test]
    fn a_schema_that_grows_when_it_is_prepared_is_refused() {
        let begun = std::time::Instant::now();
        let kinds = [json!({ "allOf": ["next", "next"] }), json!({ "if": "next", "then": "next" })];
        for (kind, word) in kinds
            .into_iter()
            .flat_map(|kind| ["unevaluatedProperties", "unevaluatedItems"].map(|word| (kind.clone(), word)))
        {
            let schema = |n: usize| {
                let mut definitions = Map::new();
                for i in 0..n {
                    let next = format!("{{\"$ref\":\"#/$defs/a{}\"}}", i + 1);
                    let text = kind.to_string().replace("\"next\"", &next);
                    definitions.insert(format!("a{i}"), serde_json::from_str(&text).expect("it is JSON"));
                }
                definitions.insert(format!("a{n}"), json!({ "type": "string" }));
                json!({ word: false, "$ref": "#/$defs/a0", "$defs": definitions })
            };
            assert!(Schema::new(&schema(6)).is_ok());
            let refused = Schema::new(&schema(40)).err().expect("it is refused");
            assert!(refused.contains("too often, or in circles"), "{refused}");
        }
        assert!(begun.elapsed().as_secs() < 10);
    }
}
