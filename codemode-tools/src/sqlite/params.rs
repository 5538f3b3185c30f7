//! Binds what a program passed as `params` to a statement, and reports what is missing or too much.

use std::collections::HashSet;

use codemode_core::ToolError;
use rusqlite::{Statement, types::Value as Cell};
use serde_json::{Map, Value};

/// Binds `params`: an array for `?`, an object for `:name`, `@name` and `$name`.
pub(super) fn bind(statement: &mut Statement<'_>, params: Option<&Value>) -> Result<(), ToolError> {
    match params {
        None | Some(Value::Null) => list(statement, &[]),
        Some(Value::Array(values)) => list(statement, values),
        Some(Value::Object(values)) => named(statement, values),
        Some(_) => Err(wrong("params must be an array for ? or an object for :name".into())),
    }
}

fn list(statement: &mut Statement<'_>, values: &[Value]) -> Result<(), ToolError> {
    let wanted = statement.parameter_count();
    if wanted != values.len() {
        let given = values.len();
        let s = if wanted == 1 { "" } else { "s" };
        return Err(wrong(format!("the statement has {wanted} parameter{s}, params holds {given}")));
    }
    for (i, value) in values.iter().enumerate() {
        bind_one(statement, i + 1, &format!("params[{i}]"), value)?;
    }
    Ok(())
}

fn named(statement: &mut Statement<'_>, values: &Map<String, Value>) -> Result<(), ToolError> {
    let mut names = Vec::new();
    for index in 1..=statement.parameter_count() {
        let Some(name) = statement.parameter_name(index).filter(|name| !name.starts_with('?')) else {
            return Err(wrong(
                "the statement has ? parameters; pass params as an array, or write :name in the SQL".into(),
            ));
        };
        names.push(name.to_owned());
    }
    let bare = |name: &str| name.trim_start_matches([':', '@', '$']).to_owned();
    let known: HashSet<String> = names.iter().map(|name| bare(name)).collect();
    if let Some(unknown) = values.keys().find(|key| !known.contains(&bare(key))) {
        let have = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(wrong(format!("the statement has no parameter {unknown}; it has {have}")));
    }
    for (i, name) in names.iter().enumerate() {
        let value = values.get(name).or_else(|| values.get(&bare(name)));
        let Some(value) = value else {
            return Err(wrong(format!("params has no value for {name}; pass {{ {}: … }}", bare(name))));
        };
        bind_one(statement, i + 1, &format!("params.{}", bare(name)), value)?;
    }
    Ok(())
}

fn bind_one(statement: &mut Statement<'_>, index: usize, at: &str, value: &Value) -> Result<(), ToolError> {
    let cell = match value {
        Value::Null => Cell::Null,
        Value::Bool(on) => Cell::Integer(i64::from(*on)),
        Value::String(text) => Cell::Text(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Cell::Integer(integer),
            (None, Some(real)) => Cell::Real(real),
            (None, None) => return Err(wrong(format!("{at} is a number that SQLite cannot hold"))),
        },
        Value::Array(_) => {
            return Err(wrong(format!(
                "{at} is an array; for IN pass JSON.stringify(list) and write: x IN (SELECT value FROM json_each(?))"
            )));
        }
        Value::Object(_) => {
            return Err(wrong(format!("{at} is an object; pass a string, a number, a boolean or null")));
        }
    };
    statement.raw_bind_parameter(index, cell).map_err(|error| wrong(format!("{at} cannot be bound: {error}")))
}

fn wrong(message: String) -> ToolError {
    ToolError::new(message).code("SQL_PARAMS")
}
