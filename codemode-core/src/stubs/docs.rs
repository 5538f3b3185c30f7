//! [`Doc`]: what a schema says for readers, as the text of one JSDoc comment.
//!
//! A `Doc` can only be built from [`prose`], so no description of a stranger can leave its comment.

use std::{fmt, rc::Rc};

use serde_json::{Map, Value};

use super::escape::{prose, short_json};

/// The inside of one `/** … */`, on one line; may be empty.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Doc(Option<Rc<str>>);

impl Doc {
    /// Joins parts that are not empty with a space.
    pub(super) fn of(parts: impl IntoIterator<Item = String>) -> Self {
        let mut text = String::new();
        for part in parts {
            let part = prose(&part, MAX_TEXT_CHARS);
            if !part.is_empty() {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(&part);
            }
        }
        Self((!text.is_empty()).then(|| text.into()))
    }

    /// This doc and then the other.
    pub(super) fn and(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (None, _) => other.clone(),
            (_, None) => self.clone(),
            (Some(one), Some(two)) => Self(Some(format!("{one} {two}").into())),
        }
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        if self.is_empty() { other.clone() } else { self.clone() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn text(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Letters of the whole comment, the space after it included.
    pub(super) fn width(&self) -> usize {
        self.0.as_ref().map_or(0, |text| text.len() + 8)
    }
}

impl fmt::Display for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(text) => write!(f, "/** {text} */"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text(), f)
    }
}

/// The description of a schema, or its title when that says more than the property's `key`, and every keyword that a
/// TypeScript type cannot say.
pub(super) fn annotations(schema: &Map<String, Value>, key: Option<&str>) -> Doc {
    let mut parts = Vec::new();
    let string = |name: &str| schema.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    if let Some(description) = string("description") {
        parts.push(first_sentence(description));
    } else if let (Some(title), Some(key)) = (string("title"), key)
        && !same_letters(title, key)
    {
        parts.push(title.to_owned());
    }
    for (keyword, tag) in FLAGS {
        if schema.get(*keyword) == Some(&Value::Bool(true)) {
            parts.push((*tag).to_owned());
        }
    }
    if has_type(schema, "integer") && !has_type(schema, "number") {
        parts.push("@integer".to_owned());
    }
    for keyword in STRINGS {
        if let Some(text) = string(keyword).filter(|text| !MACHINE_FORMATS.contains(text)) {
            parts.push(format!("@{keyword} {}", cut(text)));
        }
    }
    for keyword in NUMBERS {
        let exclusive = match *keyword {
            "minimum" => Some("exclusiveMinimum"),
            "maximum" => Some("exclusiveMaximum"),
            _ => None,
        };
        // Draft 4 says `exclusiveMinimum: true` beside `minimum`.
        let name = exclusive.filter(|name| schema.get(*name) == Some(&Value::Bool(true))).unwrap_or(keyword);
        if let Some(number) = schema.get(*keyword).and_then(Value::as_number)
            && number.as_f64().is_none_or(|number| number.abs() < MAX_EXACT)
            && !(keyword.starts_with("min") && *keyword != "minimum" && number.as_u64() == Some(0))
            && !(keyword.ends_with("Items") && length_is_fixed(schema))
        {
            parts.push(format!("@{name} {number}"));
        }
    }
    if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
        parts.push(format!("@default {}", short_json(default, MAX_VALUE_CHARS)));
    }
    let examples = schema.get("examples").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for example in schema.get("example").into_iter().chain(examples).take(2) {
        parts.push(format!("@example {}", short_json(example, MAX_VALUE_CHARS)));
    }
    for (keyword, word) in NOTES {
        if let Some(value) = schema.get(*keyword).filter(|value| !value.is_boolean()) {
            parts.push(format!("({word} {})", short_json(value, MAX_VALUE_CHARS)));
        }
    }
    Doc::of(parts)
}

/// Whether a schema may take text.
pub(crate) fn has_type_of_text(schema: &Value) -> bool {
    match schema.as_object() {
        Some(keywords) => !keywords.contains_key("type") || has_type(keywords, "string"),
        None => *schema == Value::Bool(true),
    }
}

/// Whether `type` is this name or a list with it.
pub(super) fn has_type(schema: &Map<String, Value>, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(names)) => names.iter().any(|one| one.as_str() == Some(name)),
        _ => false,
    }
}

/// Whether the type is a tuple, which says its length itself.
fn length_is_fixed(schema: &Map<String, Value>) -> bool {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    schema.contains_key("prefixItems") || bound("minItems").is_some_and(|least| bound("maxItems") == Some(least))
}

/// Equal but for case and separators: a title that only repeats its key is not worth its tokens.
pub(super) fn same_letters(a: &str, b: &str) -> bool {
    let letters =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    letters(a) == letters(b)
}

/// The first sentence, or as many of its clauses as fit: what says what a thing is comes first, and the rest costs every
/// prompt.
fn first_sentence(text: &str) -> String {
    let whole = prose(text, MAX_PROPERTY_CHARS + 1);
    let sentence = whole.match_indices(". ").map(|(at, _)| at).find(|at| *at >= MIN_SENTENCE_CHARS);
    if let Some(sentence) = sentence.and_then(|end| whole.get(..=end)) {
        return sentence.to_owned();
    }
    let Some(cut) = whole.strip_suffix('…') else { return whole };
    let clause = [", ", "; ", ": ", " ("].iter().filter_map(|mark| cut.rfind(mark)).max();
    let end = clause.filter(|end| *end >= MIN_SENTENCE_CHARS);
    match end.and_then(|end| cut.get(..end)) {
        Some(clause) => clause.to_owned(),
        None => format!("{}…", cut.rsplit_once(' ').map_or(cut, |(words, _)| words)),
    }
}

fn cut(text: &str) -> String {
    prose(text, MAX_VALUE_CHARS)
}

const MAX_TEXT_CHARS: usize = 2_000;
const MAX_PROPERTY_CHARS: usize = 100;
/// A full stop before this belongs to something like `e.g.`
const MIN_SENTENCE_CHARS: usize = 16;
const MAX_VALUE_CHARS: usize = 40;

/// Generators write the bounds of their integer types; they are of no use to a reader.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

const MACHINE_FORMATS: &[&str] = &["int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "float", "double"];

const FLAGS: &[(&str, &str)] = &[
    ("deprecated", "@deprecated"),
    ("readOnly", "@readonly"),
    ("writeOnly", "@writeonly"),
    ("uniqueItems", "@uniqueItems"),
];

const STRINGS: &[&str] = &["format", "pattern", "contentEncoding", "contentMediaType"];

const NUMBERS: &[&str] = &[
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
];

/// Rules that no type can say; the reader gets them as they are.
const NOTES: &[(&str, &str)] = &[
    ("not", "not"),
    ("contains", "contains"),
    ("dependentRequired", "dependent required"),
    ("dependencies", "dependencies"),
    ("dependentSchemas", "dependent schemas"),
];
