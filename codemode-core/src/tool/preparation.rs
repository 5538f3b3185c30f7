//! [`Prepared`]: the validator of a schema, and how much work it is to make it, estimated before that begins.
//!
//! To know what is left over, a schema with `unevaluatedProperties` or `unevaluatedItems` is compiled with everything that
//! speaks of the same value, references followed, and nothing of that is shared: two references to one part make it twice.
//! To tell alternatives apart, what each of them asks for is looked up in the same way.

use std::collections::HashMap;

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    budget::{BACKTRACK_LIMIT, Size},
    mismatch::{path_text, short},
    references::References,
};

/// A schema whose values can be checked.
pub(super) enum Prepared {
    Kept(Validator, #[expect(dead_code, reason = "it gives its room back")] SemaphorePermit<'static>),
    /// It takes much, and all room for such is taken: it is made for each check.
    MadeEachTime {
        stack: usize,
    },
}

impl Prepared {
    /// Prepares a schema of at most `depth` levels.
    ///
    /// # Errors
    /// What is wrong with the schema, and where in it.
    pub(super) fn of(schema: &Value, size: &Size, depth: usize) -> Result<Self, String> {
        if size.references() > MAX_REFERENCES {
            return Err(format!("it has more than {MAX_REFERENCES} references"));
        }
        let patterns = size.patterns();
        if patterns.bytes > MAX_PATTERN_BYTES {
            return Err("its regular expressions are too large together; repeat less in them, classes such as \\p{L} \
                        most of all"
                .to_owned());
        }
        // One reference leads to the next, each with frames of its own.
        let stack = depth.saturating_add(size.references()).saturating_mul(BUILD_BYTES);
        stacker::maybe_grow(stack, stack, || {
            let again = if size.references() > 0 { Preparation::of(schema) } else { Preparation::default() };
            if again.compiled > MAX_COMPILED_AGAIN || again.looked_at > MAX_LOOKED_AT_AGAIN {
                return Err("its references lead to the same parts too often, or in circles".to_owned());
            }
            let validator = validator(schema)?;
            let searched = patterns.count.saturating_mul(2 * SEARCH_BYTES as u64);
            let bytes = patterns.bytes.saturating_add(searched).saturating_add(again.compiled * COMPILED_BYTES);
            let room = u32::try_from(bytes >> 10).ok().and_then(|room| ROOM.try_acquire_many(room).ok());
            Ok(room.map_or(Self::MadeEachTime { stack }, |room| Self::Kept(validator, room)))
        })
    }

    /// Runs a check. The schema must be the one that this was made of.
    ///
    /// # Errors
    /// What is wrong with the schema.
    pub(super) fn with<R>(&self, schema: &Value, check: impl FnOnce(&Validator) -> R) -> Result<R, String> {
        match self {
            Self::Kept(validator, _) => Ok(check(validator)),
            Self::MadeEachTime { stack } => {
                stacker::maybe_grow(*stack, *stack, || validator(schema)).map(|validator| check(&validator))
            }
        }
    }
}

fn validator(schema: &Value) -> Result<Validator, String> {
    let patterns = PatternOptions::fancy_regex()
        .backtrack_limit(BACKTRACK_LIMIT)
        .size_limit(MAX_PATTERN_BYTES as usize)
        .dfa_size_limit(SEARCH_BYTES);
    jsonschema::options().offline().with_pattern_options(patterns).build(schema).map_err(|error| {
        let path = path_text(&error);
        let at = if path == "$" { String::new() } else { format!(" at {path}") };
        format!("it is not a valid JSON Schema{at}: {}", short(&error.to_string()))
    })
}

/// What is done beyond one look at each part of the schema. Both saturate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Preparation {
    /// Parts that are compiled once more.
    compiled: u64,
    /// Parts that are looked at once more.
    looked_at: u64,
}

impl Preparation {
    fn of(schema: &Value) -> Self {
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

/// References in one schema, and the stack that preparing each may take, for one may lead to the next.
const MAX_REFERENCES: usize = 10_000;
const BUILD_BYTES: usize = if cfg!(debug_assertions) { 24 << 10 } else { 6 << 10 };
/// Parts of a schema that are compiled once more, and the bytes of each, or looked at.
const MAX_COMPILED_AGAIN: u64 = 50_000;
const COMPILED_BYTES: u64 = 300;
const MAX_LOOKED_AT_AGAIN: u64 = 500_000;
/// Bytes of the patterns of a schema when they are compiled: about a third of a second.
const MAX_PATTERN_BYTES: u64 = 16 << 20;
/// What a search may remember of its pattern, for each of its two directions.
const SEARCH_BYTES: usize = 64 << 10;
/// KiB for all that the validators of the process keep beside what the texts of their schemas take.
static ROOM: Semaphore = Semaphore::const_new(256 << 10);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tool::schema::{Effort, Schema, Unchecked};

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
            let check = |n| Schema::new(schema(n)).check(&json!("x"), Effort::Full);
            assert!(check(6).is_ok());
            let Err(Unchecked::Broken(why)) = check(40) else { panic!("it is refused") };
            assert!(why.contains("too often, or in circles"), "{why}");
        }
        assert!(begun.elapsed().as_secs() < 10);
    }
}
