//! How much work it is to check a value against a schema, estimated before it begins.
//!
//! A validator follows every branch of a schema for every part of a value. A schema of two kilobytes can double that work
//! twenty times over, one of a megabyte can send the validator a hundred thousand references deep. Neither the schema nor
//! the value can be trusted, and the validator has no bound of its own. So what is small by its size is checked straight;
//! for the rest [`Estimate`] walks over schema and value as the validator would, without judging anything.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{patterns::Patterns, references::References};

/// What a check takes, at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Work {
    /// Evaluations, each as often as it is asked for: the validator remembers none of them. Saturates.
    pub(super) steps: u64,
    /// Evaluations inside of each other.
    levels: usize,
}

impl Work {
    fn add(&mut self, inner: Self) {
        self.steps = self.steps.saturating_add(inner.steps);
        self.levels = self.levels.max(inner.levels + 1);
    }
}

/// The size of a schema, taken once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    nodes: usize,
    /// Places that refer to another one.
    references: usize,
    depth: usize,
    /// Whether parts are evaluated again to see what they cover, or patterns may be tried over and over.
    repeats: bool,
    patterns: Patterns,
}

impl Size {
    pub(super) fn of(schema: &Value) -> Self {
        let mut size = Self::default();
        size.add(schema, 1);
        size
    }

    fn add(&mut self, value: &Value, depth: usize) {
        self.nodes += 1;
        self.depth = self.depth.max(depth);
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.add(item, depth + 1)),
            Value::Object(members) => {
                for (key, member) in members {
                    self.references += usize::from(key.ends_with("Ref") || key == "$ref");
                    match key.as_str() {
                        "unevaluatedProperties" | "unevaluatedItems" | "$dynamicRef" | "$recursiveRef" => {
                            self.repeats = true;
                        }
                        "pattern" => member.as_str().into_iter().for_each(|pattern| self.add_pattern(pattern)),
                        "patternProperties" => {
                            let patterns = member.as_object().into_iter().flat_map(Map::keys);
                            patterns.for_each(|pattern| self.add_pattern(pattern));
                        }
                        // The value is compiled as an expression.
                        "format" => self.repeats |= member == "regex",
                        _ => {}
                    }
                    self.add(member, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn add_pattern(&mut self, pattern: &str) {
        self.repeats |= is_backtracking(pattern);
        self.patterns += Patterns::of(pattern);
    }

    pub(super) fn references(&self) -> usize {
        self.references
    }

    pub(super) fn patterns(&self) -> Patterns {
        self.patterns
    }

    /// Whether to look at all of it takes no longer than a millisecond or two.
    pub(super) fn is_light(&self) -> bool {
        self.nodes <= LIGHT_NODES && self.patterns.bytes <= LIGHT_PATTERNS
    }

    /// What it takes at most to check a value of this size, where that can be said without an estimate.
    pub(super) fn steps_if_small(&self, value: Measure) -> Option<u64> {
        if self.repeats {
            return None;
        }
        // A reference leads to any depth of the schema, and each may double the work, once for each level of the value.
        let (times, levels) = match self.references {
            0 => (1, self.depth),
            references => {
                let followed = references.saturating_mul(value.depth);
                let doubled = u32::try_from(followed).ok().and_then(|followed| 2_u64.checked_pow(followed));
                (doubled.unwrap_or(u64::MAX), self.depth.saturating_mul(followed + value.depth))
            }
        };
        let once = (self.nodes.saturating_mul(value.nodes) as u64).saturating_add(self.patterns.steps(value.bytes));
        (levels <= MAX_STRAIGHT_LEVELS).then(|| once.saturating_mul(times))
    }
}

/// The size of a value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measure {
    nodes: usize,
    depth: usize,
    /// Of its texts and names.
    bytes: u64,
}

impl Measure {
    pub(super) fn of(value: &Value) -> Self {
        let mut measure = Self { nodes: 1, depth: 1, bytes: 0 };
        let mut add = |part: &Value, name: usize| {
            let inner = Self::of(part);
            measure.nodes += inner.nodes;
            measure.depth = measure.depth.max(inner.depth + 1);
            measure.bytes += inner.bytes + name as u64;
        };
        match value {
            Value::String(text) => measure.bytes = text.len() as u64,
            Value::Array(items) => items.iter().for_each(|item| add(item, 0)),
            Value::Object(members) => members.iter().for_each(|(name, member)| add(member, name.len())),
            _ => {}
        }
        measure
    }
}

/// A walk over a schema and a value.
pub(super) struct Estimate<'a> {
    references: References<'a>,
    /// By target of a reference and value: what it takes. `None` while it is being counted.
    known: HashMap<(*const Value, *const Value), Option<Work>>,
    visits_left: u64,
}

impl<'a> Estimate<'a> {
    /// What it takes to check `value`; `None` when that is more than `max_steps`, more than an estimate may take itself, or
    /// too deep. Needs [`STACK_BYTES`] of stack.
    pub(super) fn of(schema: &'a Value, value: &'a Value, max_steps: u64) -> Option<Work> {
        let visits_left = max_steps.min(MAX_VISITS);
        let mut walk = Self { references: References::of(schema), known: HashMap::new(), visits_left };
        walk.visit(schema, value, 0).filter(|work| work.steps <= max_steps)
    }

    /// What a reference leads to, counted once for each value. One that leads back to where it came from, for the same
    /// value, means nothing, and a validator may go every way there is through a net of them: it is refused where it is
    /// `certain` that this is its target.
    fn follow(&mut self, schema: &'a Value, value: &'a Value, level: usize, certain: bool) -> Option<Work> {
        // What is known is looked up as well: a name can stand for thousands of parts.
        self.visits_left = self.visits_left.checked_sub(1)?;
        let key = (std::ptr::from_ref(schema), std::ptr::from_ref(value));
        match self.known.get(&key) {
            Some(Some(work)) => return Some(*work),
            Some(None) => return (!certain).then_some(Work { steps: 1, levels: 1 }),
            None => {}
        }
        self.known.insert(key, None);
        let work = self.visit(schema, value, level)?;
        self.known.insert(key, Some(work));
        Some(work)
    }

    fn visit(&mut self, schema: &'a Value, value: &'a Value, level: usize) -> Option<Work> {
        self.visits_left = self.visits_left.checked_sub(1)?;
        let Value::Object(keywords) = schema else { return Some(Work { steps: 1, levels: 1 }) };
        if level >= MAX_LEVELS {
            return None;
        }
        let mut work = Work { steps: own_steps(keywords, value), levels: 1 };
        for (keyword, inner) in keywords {
            self.keyword(keyword, inner, keywords, value, level, &mut work)?;
        }
        if keywords.contains_key("unevaluatedProperties") || keywords.contains_key("unevaluatedItems") {
            // What it covers is evaluated again.
            work.steps = work.steps.saturating_mul(2);
        }
        Some(work)
    }

    fn keyword(
        &mut self,
        keyword: &str,
        inner: &'a Value,
        keywords: &'a Map<String, Value>,
        value: &'a Value,
        level: usize,
        work: &mut Work,
    ) -> Option<()> {
        match keyword {
            "allOf" | "anyOf" | "oneOf" => {
                for schema in inner.as_array().into_iter().flatten() {
                    self.add(schema, value, level, work)?;
                }
            }
            "not" | "if" | "then" | "else" => self.add(inner, value, level, work)?,
            "dependentSchemas" | "dependencies" => {
                for schema in inner.as_object().into_iter().flat_map(Map::values) {
                    self.add(schema, value, level, work)?;
                }
            }
            "$ref" | "$dynamicRef" | "$recursiveRef" => {
                self.visits_left = self.visits_left.checked_sub(self.references.lookup_steps())?;
                let targets = self.references.targets(inner.as_str().unwrap_or("#"));
                let alone = targets.len() == 1;
                for schema in targets {
                    let inner = self.follow(schema, value, level + 1, alone)?;
                    work.add(inner);
                }
            }
            "properties" => {
                let members = value.as_object();
                for (name, schema) in inner.as_object().into_iter().flatten() {
                    if let Some(member) = members.and_then(|members| members.get(name)) {
                        self.add(schema, member, level, work)?;
                    }
                }
            }
            "patternProperties" => {
                for schema in inner.as_object().into_iter().flat_map(Map::values) {
                    self.add_members(schema, value, level, work)?;
                }
            }
            "additionalProperties" | "unevaluatedProperties" => {
                let named = keywords.get("properties").and_then(Value::as_object);
                for (name, member) in value.as_object().into_iter().flatten() {
                    if keyword == "unevaluatedProperties" || named.is_none_or(|named| !named.contains_key(name)) {
                        self.add(inner, member, level, work)?;
                    }
                }
            }
            "prefixItems" => self.add_pairwise(inner, value, level, work)?,
            "items" if inner.is_array() => self.add_pairwise(inner, value, level, work)?,
            "items" | "additionalItems" | "unevaluatedItems" | "contains" => {
                self.add_members(inner, value, level, work)?;
            }
            // The names are texts of their own; one without letters stands for all of them.
            "propertyNames" => {
                let names = value.as_object().into_iter().flat_map(Map::keys);
                let (count, bytes) = names.fold((0, 0), |(count, bytes), name| (count + 1, bytes + name.len() as u64));
                let one = self.visit(inner, &NAME, level + 1)?;
                let steps = one.steps.saturating_mul(count + bytes / 32);
                work.add(Work { steps, ..one });
            }
            _ => {}
        }
        Some(())
    }

    fn add(&mut self, schema: &'a Value, value: &'a Value, level: usize, work: &mut Work) -> Option<()> {
        work.add(self.visit(schema, value, level + 1)?);
        Some(())
    }

    fn add_members(&mut self, schema: &'a Value, value: &'a Value, level: usize, work: &mut Work) -> Option<()> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.add(schema, item, level, work)),
            Value::Object(members) => members.values().try_for_each(|item| self.add(schema, item, level, work)),
            _ => Some(()),
        }
    }

    fn add_pairwise(&mut self, schemas: &'a Value, value: &'a Value, level: usize, work: &mut Work) -> Option<()> {
        let (schemas, items) = (schemas.as_array().into_iter().flatten(), value.as_array().into_iter().flatten());
        schemas.zip(items).try_for_each(|(schema, item)| self.add(schema, item, level, work))
    }
}

/// What a schema does by itself with a value.
fn own_steps(keywords: &Map<String, Value>, value: &Value) -> u64 {
    let of = |keyword: &str, steps: &dyn Fn(&Value) -> u64| keywords.get(keyword).map_or(0, steps);
    let length = |list: &Value| list.as_array().map_or(1, Vec::len) as u64;
    let text = value.as_str().map_or(0, str::len) as u64;
    let items = value.as_array().map_or(0, Vec::len) as u64;
    let members = value.as_object().map_or(0, Map::len) as u64;
    let names = || value.as_object().map_or(0, |members| members.keys().map(|name| name.len() as u64).sum());
    1 + of("enum", &length)
        + of("required", &length)
        + of("properties", &|named| named.as_object().map_or(0, Map::len) as u64 / 8)
        + of("uniqueItems", &|_| items.saturating_mul(8))
        + of("pattern", &|pattern| pattern.as_str().map_or(1, |pattern| search_steps(pattern, 1, text)))
        + of("patternProperties", &|patterns| {
            let patterns = patterns.as_object().into_iter().flat_map(Map::keys);
            patterns.map(|pattern| search_steps(pattern, members, names())).fold(0, u64::saturating_add)
        })
        + of("format", &|format| if format == "regex" { text.saturating_mul(FORMAT_STEPS) } else { text / 32 })
}

/// What it takes to search for a pattern in several texts of so many bytes together.
fn search_steps(pattern: &str, texts: u64, bytes: u64) -> u64 {
    if is_backtracking(pattern) {
        // It is tried over and over, up to the limit of the expression's engine.
        return texts.saturating_mul(BACKTRACK_LIMIT as u64 / 8);
    }
    texts.saturating_mul(2).saturating_add(Patterns::of(pattern).steps(bytes))
}

fn is_backtracking(pattern: &str) -> bool {
    pattern.contains("(?") || pattern.contains('\\') && pattern.contains(|c: char| c.is_ascii_digit() || c == 'k')
}

/// How often an expression that looks around or back may be tried at one text.
pub(super) const BACKTRACK_LIMIT: usize = 20_000;
/// What a byte of an expression takes, a class by property in the worst case.
const FORMAT_STEPS: u64 = 40;
/// Parts of a schema, and bytes of its patterns, that are looked at and prepared within a millisecond or two.
const LIGHT_NODES: usize = 5_000;
const LIGHT_PATTERNS: u64 = 256 << 10;
static NAME: Value = Value::String(String::new());
/// Evaluations inside of each other that an estimate follows.
const MAX_LEVELS: usize = 1_000;
/// The stack that an estimate, and a check of what it lets pass, needs.
pub(super) const STACK_BYTES: usize = MAX_LEVELS * if cfg!(debug_assertions) { 24 << 10 } else { 6 << 10 };
/// Levels that fit any thread.
const MAX_STRAIGHT_LEVELS: usize = 100;
/// Parts of a schema that an estimate looks at; a quarter of a second.
const MAX_VISITS: u64 = 2_000_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn estimate(schema: &Value, value: &Value) -> Option<Work> {
        stacker::maybe_grow(STACK_BYTES, STACK_BYTES, || Estimate::of(schema, value, 100_000))
    }

    #[test]
    fn branches_that_double_are_counted_as_often_as_they_are_evaluated() {
        let doubling = |n: usize| {
            let mut definitions = Map::new();
            for i in 0..n {
                let next = json!({ "$ref": format!("#/$defs/a{}", i + 1) });
                definitions.insert(format!("a{i}"), json!({ "anyOf": [next, next] }));
            }
            definitions.insert(format!("a{n}"), json!({ "type": "string" }));
            json!({ "$ref": "#/$defs/a0", "$defs": definitions })
        };
        let work = estimate(&doubling(10), &json!(5)).expect("it is little");
        assert!(work.steps > 1_000 && work.steps < 10_000, "{work:?}");
        assert_eq!(estimate(&doubling(40), &json!(5)), None);
        assert!(Size::of(&doubling(20)).steps_if_small(Measure::of(&json!(5))).is_none_or(|steps| steps > 10_000_000));
        // A recursive schema doubles with the depth of the value.
        let twice = json!({ "anyOf": [{ "properties": { "x": { "$ref": "#" } } }, { "properties": { "x": { "$ref": "#" } } }] });
        let mut value = json!(1);
        for _ in 0..60 {
            value = json!({ "x": value });
        }
        assert!(Size::of(&twice).steps_if_small(Measure::of(&value)).is_none_or(|steps| steps > 10_000_000));
        assert_eq!(estimate(&twice, &value), None);
    }

    #[test]
    fn a_value_is_followed_as_deep_as_the_schema_leads() {
        let schema = json!({ "type": "array", "items": { "$ref": "#" } });
        let mut value = json!([]);
        for _ in 0..50 {
            value = json!([value]);
        }
        let work = estimate(&schema, &value).expect("it is small");
        assert!(work.levels > 100 && work.levels < 200, "{work:?}");
        assert!(work.steps < 200, "{work:?}");
    }

    #[test]
    fn too_many_steps_and_too_many_levels_have_no_estimate() {
        let wide = json!({ "items": { "anyOf": vec![json!({ "type": "string" }); 1_000] } });
        assert_eq!(estimate(&wide, &json!(vec![5; 1_000])), None);
        let chain: Map<String, Value> =
            (0..5_000).map(|i| (format!("a{i}"), json!({ "$ref": format!("#/$defs/a{}", i + 1) }))).collect();
        assert_eq!(estimate(&json!({ "$ref": "#/$defs/a0", "$defs": chain }), &json!(5)), None);
    }
}
