//! Checks values against JSON Schemas and says what is wrong: path, expected, found.

use jsonschema::{
    PatternOptions, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
    paths::LocationSegment,
};
use serde::Serialize;
use serde_json::Value;

use codemode_typescript::{InputProblem, LiteralInput};

use super::{
    budget::{BACKTRACK_LIMIT, Estimate, Measure, STACK_BYTES, Size},
    preparation::Preparation,
};
use crate::types::is_deeper;

/// A schema ready to check values. References to other documents are never followed.
pub(crate) struct Schema {
    validator: Validator,
    size: Size,
}

/// A value cannot be checked: that would take more work than a check may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMuchWork;

/// One thing that is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Mismatch {
    /// Where, such as `$.filter.limit`.
    pub path: String,
    /// What the schema wants there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: expected {}, found {}", self.path, self.expected, self.found)
    }
}

impl Schema {
    /// Prepares a schema.
    ///
    /// # Errors
    /// What is wrong with the schema, and where in it.
    pub(crate) fn new(schema: &Value) -> Result<Self, String> {
        if is_deeper(schema, MAX_SCHEMA_DEPTH) {
            return Err(format!("it is nested deeper than {MAX_SCHEMA_DEPTH} levels"));
        }
        let size = Size::of(schema);
        if size.references() > MAX_REFERENCES {
            return Err(format!("it has more than {MAX_REFERENCES} references"));
        }
        let options = jsonschema::options()
            .offline()
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_LIMIT));
        // One reference leads to the next, each with frames of its own.
        let stack = MAX_SCHEMA_DEPTH.saturating_add(size.references()).saturating_mul(BUILD_BYTES);
        let validator = stacker::maybe_grow(stack, stack, || {
            if size.references() > 0 {
                let Preparation { compiled, looked_at } = Preparation::of(schema);
                if compiled > MAX_COMPILED_AGAIN || looked_at > MAX_LOOKED_AT_AGAIN {
                    return Err("its references lead to the same parts too often, or in circles".to_owned());
                }
            }
            Ok(options.build(schema))
        })?;
        validator.map(|validator| Self { validator, size }).map_err(|error| {
            let path = path_text(&error);
            let at = if path == "$" { String::new() } else { format!(" at {path}") };
            format!("it is not a valid JSON Schema{at}: {}", short(&error.to_string()))
        })
    }

    /// The first few mismatches, none when the value fits. `schema` is what this was made of.
    pub(crate) fn check(&self, schema: &Value, value: &Value) -> Result<Vec<Mismatch>, TooMuchWork> {
        self.with_room(schema, value, MAX_STEPS, || {
            if self.validator.is_valid(value) {
                return Vec::new();
            }
            // The errors of every branch are made before the first is seen.
            match Estimate::of(schema, value, MAX_ERROR_STEPS) {
                Some(_) => self
                    .validator
                    .iter_errors(value)
                    .flat_map(|error| mismatches(&error))
                    .take(MAX_MISMATCHES)
                    .collect(),
                None => vec![Mismatch {
                    path: "$".into(),
                    expected: "a value that fits the schema (it has too many alternatives to say where it does not)"
                        .into(),
                    found: found_text(value),
                }],
            }
        })
    }

    /// The mismatches of an input that no value of its computed parts can mend; none where looking takes long, for the
    /// call looks again.
    pub(crate) fn check_literal(&self, schema: &Value, input: &LiteralInput) -> Vec<InputProblem> {
        let check = || {
            if self.validator.is_valid(&input.value) {
                return Vec::new();
            }
            match Estimate::of(schema, &input.value, MAX_LITERAL_STEPS) {
                Some(_) => self.literal_problems(input),
                None => Vec::new(),
            }
        };
        self.with_room(schema, &input.value, MAX_LITERAL_STEPS, check).unwrap_or_default()
    }

    /// Runs a check of `value` if it takes at most `max_steps`, on a stack that it cannot exhaust.
    fn with_room<R>(
        &self,
        schema: &Value,
        value: &Value,
        max_steps: u64,
        check: impl FnOnce() -> R,
    ) -> Result<R, TooMuchWork> {
        if self.size.is_small_with(Measure::of(value), max_steps) {
            return Ok(check());
        }
        stacker::maybe_grow(STACK_BYTES, STACK_BYTES, || {
            Estimate::of(schema, value, max_steps).ok_or(TooMuchWork)?;
            Ok(check())
        })
    }

    fn literal_problems(&self, input: &LiteralInput) -> Vec<InputProblem> {
        let certain = self.validator.iter_errors(&input.value).filter(|error| is_certain(error, input));
        let problems = certain.flat_map(|error| {
            let pointer = error.instance_path().as_str().to_owned();
            // An unknown property stands below the place of its error.
            let unexpected = match error.kind() {
                ValidationErrorKind::AdditionalProperties { unexpected } => unexpected.as_slice(),
                _ => &[],
            };
            let of = |(index, mismatch): (usize, Mismatch)| {
                let place = unexpected.get(index).map_or_else(|| pointer.clone(), |name| format!("{pointer}/{name}"));
                InputProblem::new(place, mismatch.to_string())
            };
            mismatches(&error).into_iter().enumerate().map(of).collect::<Vec<_>>()
        });
        problems.take(MAX_MISMATCHES).collect()
    }
}

/// Whether an error holds whatever stands in the computed parts.
fn is_certain(error: &ValidationError<'_>, input: &LiteralInput) -> bool {
    let place = error.instance_path().as_str();
    let within = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let computed_inside = input.computed.iter().chain(&input.open).any(|hole| within(place, hole));
    let is_computed = input.computed.iter().any(|hole| within(hole, place));
    let is_open = input.open.iter().any(|open| open == place);
    // A branch may have been chosen by a computed part.
    let guessed = ["/if", "/then/", "/else/", "/dependentSchemas/"].iter().any(|keyword| {
        error.schema_path().as_str().contains(keyword) || error.evaluation_path().as_str().contains(keyword)
    });
    let anything_computed = !(input.computed.is_empty() && input.open.is_empty());
    if is_computed || (guessed && anything_computed) {
        return false;
    }
    match error.kind() {
        ValidationErrorKind::Type { .. } | ValidationErrorKind::AdditionalProperties { .. } => true,
        ValidationErrorKind::Required { .. } => !is_open,
        _ => !computed_inside,
    }
}

fn mismatches(error: &ValidationError<'_>) -> Vec<Mismatch> {
    let path = path_text(error);
    let one = |path: String, expected: String, found: String| vec![Mismatch { path, expected, found }];
    let found = || found_text(error.instance());
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            one(member(&path, name), "a value (it is required)".into(), "nothing".into())
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let known = "no such property".to_owned();
            unexpected
                .iter()
                .map(|name| {
                    let found = error.instance().get(name).map_or_else(|| "a value".into(), found_text);
                    Mismatch { path: member(&path, name), expected: known.clone(), found }
                })
                .collect()
        }
        ValidationErrorKind::Type { kind } => one(path, type_text(kind), found()),
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            let shown: Vec<String> = options.iter().take(MAX_OPTIONS).map(|value| short(&value.to_string())).collect();
            let more = if options.len() > MAX_OPTIONS { ", …" } else { "" };
            one(path, format!("one of {}{more}", shown.join(", ")), found())
        }
        ValidationErrorKind::Constant { expected_value } => one(path, short(&expected_value.to_string()), found()),
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            closest(context).unwrap_or_else(|| one(path, "one of the allowed shapes".into(), found()))
        }
        ValidationErrorKind::Minimum { limit } => one(path, format!("at least {limit}"), found()),
        ValidationErrorKind::Maximum { limit } => one(path, format!("at most {limit}"), found()),
        ValidationErrorKind::ExclusiveMinimum { limit } => one(path, format!("more than {limit}"), found()),
        ValidationErrorKind::ExclusiveMaximum { limit } => one(path, format!("less than {limit}"), found()),
        ValidationErrorKind::MinLength { limit } => one(path, format!("at least {limit} characters"), found()),
        ValidationErrorKind::MaxLength { limit } => one(path, format!("at most {limit} characters"), found()),
        ValidationErrorKind::MinItems { limit } => one(path, format!("at least {limit} items"), found()),
        ValidationErrorKind::MaxItems { limit } => one(path, format!("at most {limit} items"), found()),
        ValidationErrorKind::Pattern { pattern } => {
            one(path, format!("text that matches /{}/", short(pattern)), found())
        }
        ValidationErrorKind::Format { format } => one(path, format!("text of format {}", short(format)), found()),
        ValidationErrorKind::FalseSchema => one(path, "nothing".into(), found()),
        kind => one(path, format!("what \"{}\" in the schema asks for", kind.keyword()), found()),
    }
}

/// Of several shapes that do not fit, the one with an error deepest inside: most likely the one that was meant.
fn closest(context: &[Vec<ValidationError<'static>>]) -> Option<Vec<Mismatch>> {
    let depth = |errors: &Vec<ValidationError<'static>>| {
        errors.iter().map(|error| error.instance_path().as_str().matches('/').count()).max().unwrap_or(0)
    };
    let deepest = context.iter().map(depth).max()?;
    let mut best = context.iter().filter(|errors| depth(errors) == deepest);
    match (best.next(), best.next()) {
        (Some(errors), None) => Some(errors.iter().flat_map(mismatches).collect()),
        // Several are as close: say all that would do, when each wants something of the same place.
        (Some(_), Some(_)) => {
            let all: Vec<Mismatch> = context.iter().flatten().flat_map(mismatches).collect();
            let first = all.first()?;
            if all.iter().any(|other| other.path != first.path || other.found != first.found) {
                return None;
            }
            let mut expected: Vec<&str> = all.iter().map(|mismatch| mismatch.expected.as_str()).collect();
            expected.dedup();
            Some(vec![Mismatch { expected: expected.join(" or "), ..first.clone() }])
        }
        (None, _) => None,
    }
}

fn path_text(error: &ValidationError<'_>) -> String {
    error.instance_path().iter().fold("$".to_owned(), |path, segment| match segment {
        LocationSegment::Property(name) => member(&path, &name),
        LocationSegment::Index(i) => format!("{path}[{i}]"),
    })
}

/// `$.name`, or `$["odd name"]`.
fn member(path: &str, name: &str) -> String {
    let plain = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain { format!("{path}.{name}") } else { format!("{path}[{}]", short(&Value::from(name).to_string())) }
}

fn type_text(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => kind.to_string(),
        TypeKind::Multiple(kinds) => kinds.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or "),
    }
}

/// `string "abc"`, `number 5`, `null`, `array of 3`.
fn found_text(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => format!("boolean {value}"),
        Value::Number(value) => format!("number {value}"),
        Value::String(text) => format!("string {}", short(&Value::from(text.as_str()).to_string())),
        Value::Array(items) => format!("array of {}", items.len()),
        Value::Object(map) if map.is_empty() => "an empty object".into(),
        Value::Object(map) => {
            let keys: Vec<String> = map.keys().take(MAX_OPTIONS).map(|key| short(key)).collect();
            format!("object with {}", keys.join(", "))
        }
    }
}

fn short(text: &str) -> String {
    if text.chars().count() <= MAX_CHARS {
        return text.to_owned();
    }
    text.chars().take(MAX_CHARS).chain(['…']).collect()
}

/// The validator is built by recursion; JSON text of more levels is not even read by most parsers.
const MAX_SCHEMA_DEPTH: usize = 256;

/// References in one schema, and the stack that preparing each may take, for one may lead to the next.
const MAX_REFERENCES: usize = 10_000;
/// Parts of a schema that are compiled once more, some hundred bytes each, or looked at.
const MAX_COMPILED_AGAIN: u64 = 50_000;
const MAX_LOOKED_AT_AGAIN: u64 = 500_000;
const BUILD_BYTES: usize = if cfg!(debug_assertions) { 24 << 10 } else { 6 << 10 };
/// Evaluations of parts of a schema in one check: about a second.
const MAX_STEPS: u64 = 10_000_000;
/// The same while the errors are listed, which takes memory for each.
const MAX_ERROR_STEPS: u64 = 200_000;
/// The same for an input that a program's text shows, before it runs: there can be thousands.
const MAX_LITERAL_STEPS: u64 = 20_000;

const MAX_MISMATCHES: usize = 5;
const MAX_OPTIONS: usize = 12;
const MAX_CHARS: usize = 80;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mismatches_say_path_expected_and_found() {
        let source = json!({
            "type": "object",
            "properties": {
                "city": { "type": "string", "minLength": 2 },
                "days": { "type": ["integer", "null"], "maximum": 7 },
                "units": { "enum": ["c", "f"] },
                "tags": { "type": "array", "items": { "type": "string" } },
                "by": { "anyOf": [{ "type": "string" }, { "type": "object", "required": ["id"], "properties": { "id": { "type": "number" } } }] }
            },
            "required": ["city"],
            "additionalProperties": false
        });
        let schema = Schema::new(&source).expect("a valid schema");
        let check = |value: Value| {
            let mismatches = schema.check(&source, &value).expect("little work");
            mismatches.iter().map(Mismatch::to_string).collect::<Vec<_>>()
        };
        assert_eq!(check(json!({ "city": "Rome", "days": 3, "by": { "id": 1 } })), Vec::<String>::new());
        assert_eq!(check(json!({})), ["$.city: expected a value (it is required), found nothing"]);
        assert_eq!(check(json!({ "city": 5 })), ["$.city: expected string, found number 5"]);
        assert_eq!(check(json!({ "city": "R" })), ["$.city: expected at least 2 characters, found string \"R\""]);
        assert_eq!(check(json!({ "city": "Rome", "days": 9 })), ["$.days: expected at most 7, found number 9"]);
        assert_eq!(
            check(json!({ "city": "Rome", "units": "k" })),
            ["$.units: expected one of \"c\", \"f\", found string \"k\""]
        );
        assert_eq!(check(json!({ "city": "Rome", "tags": ["a", null] })), ["$.tags[1]: expected string, found null"]);
        assert_eq!(check(json!({ "city": "Rome", "town": 1 })), ["$.town: expected no such property, found number 1"]);
        assert_eq!(
            check(json!({ "city": "Rome", "by": { "id": "x" } })),
            ["$.by.id: expected number, found string \"x\""]
        );
        assert_eq!(check(json!([])), ["$: expected object, found array of 0"]);
    }

    /// `anyOf` of the next twice, `n` times.
    fn doubling(n: usize) -> Value {
        let mut definitions = serde_json::Map::new();
        for i in 0..n {
            let next = json!({ "$ref": format!("#/$defs/a{}", i + 1) });
            definitions.insert(format!("a{i}"), json!({ "anyOf": [next, next] }));
        }
        definitions.insert(format!("a{n}"), json!({ "type": "string" }));
        json!({ "type": "object", "properties": { "v": { "$ref": "#/$defs/a0" } }, "$defs": definitions })
    }

    #[test]
    fn alternatives_that_double_are_judged_in_little_time() {
        let begun = std::time::Instant::now();
        for n in [26, 60, 2_000] {
            let source = doubling(n);
            let schema = Schema::new(&source).expect("a valid schema");
            assert_eq!(schema.check(&source, &json!({ "v": 5 })), Err(TooMuchWork));
            assert_eq!(schema.check_literal(&source, &LiteralInput::new(json!({ "v": 5 }))), []);
        }
        let source = doubling(18);
        let schema = Schema::new(&source).expect("a valid schema");
        let mismatches = schema.check(&source, &json!({ "v": 5 })).expect("it is judged");
        assert_eq!(mismatches.len(), 1);
        assert!(mismatches[0].expected.contains("too many alternatives"), "{}", mismatches[0]);
        // The same schema, small enough to name what is wrong.
        let source = doubling(5);
        let schema = Schema::new(&source).expect("a valid schema");
        let mismatches = schema.check(&source, &json!({ "v": 5 })).expect("it is judged");
        assert_eq!(mismatches[0].path, "$.v");
        assert!(begun.elapsed().as_secs() < 10);
    }

    #[test]
    fn work_is_found_wherever_references_lead() {
        let begun = std::time::Instant::now();
        let defs = |n: usize, at: &str| {
            let mut definitions = serde_json::Map::new();
            for i in 0..n {
                let next = json!({ "$ref": format!("{at}#/$defs/a{}", i + 1) });
                definitions.insert(format!("a{i}"), json!({ "anyOf": [next, next] }));
            }
            definitions.insert(format!("a{n}"), json!({ "type": "number" }));
            definitions
        };
        let names = json!({ "propertyNames": { "$ref": "#/$defs/a0" }, "$defs": defs(40, "") });
        let mut inside = json!({ "$id": "http://h/r.json", "$ref": "#/$defs/a0", "$defs": defs(40, "") });
        let embedded = json!({ "$ref": "http://h/r.json", "$defs": { "a0": {}, "r": inside } });
        inside["$defs"] = defs(40, "http://h/r.json").into();
        // Every part leads to all others, by every way there is.
        let net: serde_json::Map<String, Value> = (0..13)
            .map(|i| {
                let others = (0..13).filter(|other| *other != i);
                let others: Vec<Value> = others.map(|other| json!({ "$ref": format!("#/$defs/n{other}") })).collect();
                (format!("n{i}"), json!({ "anyOf": others, "allOf": others }))
            })
            .collect();
        let net = json!({ "$ref": "#/$defs/n0", "$defs": net });
        assert!(Schema::new(&net).is_err());
        for source in [names, embedded, inside] {
            let schema = Schema::new(&source).expect("a valid schema");
            assert_eq!(schema.check(&source, &json!({ "v": 5 })), Err(TooMuchWork));
            assert_eq!(schema.check_literal(&source, &LiteralInput::new(json!({ "v": 5 }))), []);
        }
        assert!(begun.elapsed().as_secs() < 10);
    }

    #[test]
    fn a_long_chain_of_references_ends_in_words_and_not_in_an_overflow() {
        let chain = |n: usize| {
            let mut definitions = serde_json::Map::new();
            for i in 0..n {
                definitions.insert(format!("a{i}"), json!({ "$ref": format!("#/$defs/a{}", i + 1) }));
            }
            definitions.insert(format!("a{n}"), json!({ "type": "string" }));
            json!({ "$ref": "#/$defs/a0", "$defs": definitions })
        };
        // On a thread as small as any that a host may call from.
        let small = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
            let source = chain(500);
            let schema = Schema::new(&source).expect("a valid schema");
            assert_eq!(schema.check(&source, &json!("x")), Ok(Vec::new()));
            let source = chain(5_000);
            let schema = Schema::new(&source).expect("a valid schema");
            assert_eq!(schema.check(&source, &json!("x")), Err(TooMuchWork));
            assert!(Schema::new(&chain(20_000)).is_err());
            // Each level of the value goes through the chain again.
            let mut source = chain(100);
            source["$defs"]["a100"] = json!({ "properties": { "x": { "$ref": "#/$defs/a0" } } });
            let schema = Schema::new(&source).expect("a valid schema");
            let mut value = json!(1);
            for _ in 0..120 {
                value = json!({ "x": value });
            }
            assert_eq!(schema.check(&source, &value), Err(TooMuchWork));
        });
        small.expect("a thread").join().expect("no overflow");
    }

    #[test]
    fn much_work_is_refused_before_it_begins() {
        let begun = std::time::Instant::now();
        let wide = json!({ "items": { "anyOf": vec![json!({ "type": "string" }); 5_000] } });
        let lookaround = json!({ "items": { "pattern": "^(?=(a+)+$)b" } });
        for (source, value) in [(wide, json!(vec![5; 50_000])), (lookaround, json!(vec!["a".repeat(40); 50_000]))] {
            let schema = Schema::new(&source).expect("a valid schema");
            assert_eq!(schema.check(&source, &value), Err(TooMuchWork));
        }
        assert!(begun.elapsed().as_secs() < 20);
    }

    #[test]
    fn a_schema_that_is_none_is_refused_with_the_reason() {
        for schema in [
            json!(5),
            json!([]),
            json!({ "type": 7 }),
            json!({ "pattern": "(" }),
            json!({ "$ref": "http://example.com/x.json" }),
        ] {
            assert!(Schema::new(&schema).is_err(), "{schema}");
        }
    }
}
