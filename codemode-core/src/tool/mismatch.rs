//! [`Mismatch`]: what is wrong with a value, in words that name path, expected and found.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind},
    paths::LocationSegment,
};
use serde::Serialize;
use serde_json::Value;

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

/// What one error of a validator means.
pub(super) fn mismatches(error: &ValidationError<'_>) -> Vec<Mismatch> {
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

pub(super) fn path_text(error: &ValidationError<'_>) -> String {
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
pub(super) fn found_text(value: &Value) -> String {
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

pub(super) fn short(text: &str) -> String {
    if text.chars().count() <= MAX_CHARS {
        return text.to_owned();
    }
    text.chars().take(MAX_CHARS).chain(['…']).collect()
}

const MAX_OPTIONS: usize = 12;
const MAX_CHARS: usize = 80;
