//! Checks values against JSON Schemas and says what is wrong: path, expected, found.

use jsonschema::{
    ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
    paths::LocationSegment,
};
use serde::Serialize;
use serde_json::Value;

use codemode_typescript::{InputProblem, LiteralInput};

use crate::types::is_deeper;

/// A schema ready to check values. References to other documents are never followed.
pub(crate) struct Schema(Validator);

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
        jsonschema::options().offline().build(schema).map(Self).map_err(|error| {
            let path = path_text(&error);
            let at = if path == "$" { String::new() } else { format!(" at {path}") };
            format!("it is not a valid JSON Schema{at}: {}", short(&error.to_string()))
        })
    }

    /// The first few mismatches, none when the value fits.
    pub(crate) fn check(&self, value: &Value) -> Vec<Mismatch> {
        if self.0.is_valid(value) {
            return Vec::new();
        }
        self.0.iter_errors(value).flat_map(|error| mismatches(&error)).take(MAX_MISMATCHES).collect()
    }
}

impl Schema {
    /// The mismatches of an input that no value of its computed parts can mend.
    pub(crate) fn check_literal(&self, input: &LiteralInput) -> Vec<InputProblem> {
        if self.0.is_valid(&input.value) {
            return Vec::new();
        }
        let certain = self.0.iter_errors(&input.value).filter(|error| is_certain(error, input));
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

const MAX_MISMATCHES: usize = 5;
const MAX_OPTIONS: usize = 12;
const MAX_CHARS: usize = 80;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mismatches_say_path_expected_and_found() {
        let schema = Schema::new(&json!({
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
        }))
        .expect("a valid schema");
        let check = |value: Value| schema.check(&value).iter().map(Mismatch::to_string).collect::<Vec<_>>();
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
