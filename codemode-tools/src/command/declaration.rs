//! The JSON form of a file of tools, and what is wrong with a text of another form.

use std::{
    collections::BTreeMap,
    num::{NonZeroU64, NonZeroUsize},
    path::Path,
};

use serde::Deserialize;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::{
    Error,
    ErrorKind::Format,
    command::json_place::{self, Step},
};

/// A tool as the file declares it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a tool, which is an object")]
pub(super) struct Declaration {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) input_schema: Value,
    pub(super) output_schema: Option<Value>,
    pub(super) command: Vec<String>,
    pub(super) timeout_ms: Option<NonZeroU64>,
    pub(super) max_concurrency: Option<NonZeroUsize>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, Option<String>>,
}

/// The declarations of a text; `path` names it in errors.
pub(super) fn parse(text: &str, path: &Path) -> Result<Vec<Declaration>, Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let declarations = serde_path_to_error::deserialize(&mut reader).map_err(|error| unreadable(path, text, &error))?;
    reader.end().map_err(|error| {
        let (path, line, column) = (path.display(), error.line(), error.column());
        Error::new(Format, format!("{path}:{line}:{column}: there is more after the array"))
    })?;
    Ok(declarations)
}

/// What is wrong with a text that does not hold tools.
fn unreadable(path: &Path, text: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let steps: Vec<Step<'_>> = error
        .path()
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Key(key)),
            _ => None,
        })
        .collect();
    let inner = error.inner();
    // Only in JSON the path leads to a place; serde_json itself knows the end of the wrong value, not its beginning.
    let place = if inner.is_data() { json_place::find(text, &steps) } else { None };
    let (line, column) = place.unwrap_or((inner.line().max(1), inner.column().max(1)));
    let said = inner.to_string();
    // serde_json ends its messages with the place, and speaks of Rust's types.
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    let said = [("type: map", "type: object"), ("type: sequence", "type: array"), ("a sequence", "an array")]
        .into_iter()
        .chain([("a map", "an object"), ("a nonzero u64", POSITIVE), ("a nonzero usize", POSITIVE)])
        .fold(said.to_owned(), |said, (rust, json)| said.replace(rust, json));
    let field = if steps.is_empty() { String::new() } else { format!("{}: ", json_place::shown(&steps)) };
    Error::new(Format, format!("{}:{line}:{column}: {field}{said}", path.display()))
        .with_help("it must be a JSON array of tools")
}

const POSITIVE: &str = "a whole number over 0";
