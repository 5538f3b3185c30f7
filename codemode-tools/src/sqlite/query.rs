//! `querySql`: one statement, bounded rows.

use std::{
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use codemode_core::ToolError;
use rusqlite::{Connection, Error as SqlError, Statement, types::ValueRef};
use serde_json::{Map, Value, json};

use crate::{
    sqlite::{
        error::{self, ONLY_READS},
        limits::MAX_BYTES,
        params,
        reader::Reader,
        schema,
        value::{Cell, text_bytes},
    },
    text::format_bytes,
};

/// Rows in one answer.
pub(super) const MAX_ROWS: usize = 10_000;

/// Runs the statement of `{ sql, params? }`.
pub(super) fn run(reader: &mut Reader, input: &Value) -> Result<Value, ToolError> {
    let sql = input.get("sql").and_then(Value::as_str).unwrap_or_default();
    reader.attempt.clear();
    let explained = |error: &SqlError| {
        let attempt = reader.attempt.take();
        if reader.is_cancelled() {
            return ToolError::new("the query was cancelled").code("SQL_CANCELLED");
        }
        error::tool_error(error, sql, attempt, &names_for(error, &reader.connection))
    };
    let mut statement = reader.connection.prepare(sql).map_err(|error| explained(&error))?;
    if !statement.readonly() && !reader.attempt.asks_journal_mode() {
        let what = reader.attempt.take().unwrap_or_else(|| "a statement that writes".into());
        return Err(error::refusal(&format!("{what} is"), ONLY_READS));
    }
    if statement.column_count() == 0 && sql_is_empty(&statement) {
        return Err(ToolError::new("sql holds no statement").code("SQL_ERROR"));
    }
    params::bind(&mut statement, input.get("params"))?;
    let names: Vec<&str> = catch_unwind(AssertUnwindSafe(|| statement.column_names().collect())).map_err(|_| {
        // rusqlite panics.
        ToolError::new("the name of a column is not UTF-8; give it another one with AS").code("SQL_ERROR")
    })?;
    let columns = distinct(&names);
    let answer = rows(&mut statement, &columns).map_err(|error| match error {
        RowError::Sqlite(error) => explained(&error),
        RowError::TooLarge => ToolError::new(format!(
            "one row holds more than {}; select fewer columns, or substr() of a long one",
            format_bytes(MAX_BYTES as u64)
        ))
        .code("SQL_TOO_LARGE"),
    })?;
    let mut notes = Vec::new();
    if answer.truncated {
        notes.push(format!(
            "only the first {} rows are here (at most {MAX_ROWS} rows and {} fit); aggregate in SQL, or page with LIMIT and OFFSET",
            answer.rows.len(),
            format_bytes(MAX_BYTES as u64)
        ));
    }
    if answer.repaired {
        notes.push("some text was not UTF-8 and has U+FFFD in it; CAST(column AS BLOB) gives its bytes".into());
    }
    let mut out = json!({ "columns": columns, "rowCount": answer.rows.len(), "truncated": answer.truncated });
    if let Value::Object(out) = &mut out {
        if !notes.is_empty() {
            out.insert("note".into(), notes.join("; ").into());
        }
        out.insert("rows".into(), Value::Array(answer.rows));
    }
    Ok(out)
}

struct Rows {
    rows: Vec<Value>,
    truncated: bool,
    repaired: bool,
}

enum RowError {
    Sqlite(SqlError),
    TooLarge,
}

impl From<SqlError> for RowError {
    fn from(error: SqlError) -> Self {
        Self::Sqlite(error)
    }
}

fn rows(statement: &mut Statement<'_>, columns: &[String]) -> Result<Rows, RowError> {
    let keys: usize = columns.iter().map(|column| text_bytes(column) + 2).sum();
    let (mut rows, mut bytes, mut repaired) = (Vec::new(), 0, false);
    let mut found = statement.raw_query();
    while let Some(row) = found.next()? {
        if rows.len() == MAX_ROWS {
            return Ok(Rows { rows, truncated: true, repaired });
        }
        let mut object = Map::with_capacity(columns.len());
        bytes += keys + 2;
        for (i, column) in columns.iter().enumerate() {
            let value = row.get_ref(i)?;
            // A cell of a gigabyte is not copied to find out that it does not fit.
            if matches!(value, ValueRef::Text(raw) | ValueRef::Blob(raw) if raw.len() > MAX_BYTES) {
                return without_next_row(rows, repaired);
            }
            let cell = Cell::of(value);
            bytes += cell.bytes;
            repaired |= cell.repaired;
            object.insert(column.clone(), cell.json);
        }
        if bytes > MAX_BYTES {
            return without_next_row(rows, repaired);
        }
        rows.push(Value::Object(object));
    }
    Ok(Rows { rows, truncated: false, repaired })
}

/// What to answer when the next row does not fit.
fn without_next_row(rows: Vec<Value>, repaired: bool) -> Result<Rows, RowError> {
    if rows.is_empty() { Err(RowError::TooLarge) } else { Ok(Rows { rows, truncated: true, repaired }) }
}

/// Names that can be keys of one object: of several equal ones the second becomes `name_2`.
fn distinct(names: &[&str]) -> Vec<String> {
    let bases: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(i, name)| if name.is_empty() { format!("column{}", i + 1) } else { (*name).to_owned() })
        .collect();
    // The first of several keeps its name, although the same name follows: numbers step aside for every name.
    let mut taken: HashSet<String> = bases.iter().cloned().collect();
    let mut seen: HashMap<&str, usize> = HashMap::with_capacity(bases.len());
    bases
        .iter()
        .map(|base| {
            let last = seen.entry(base).or_insert(0);
            *last += 1;
            if *last == 1 {
                return base.clone();
            }
            // Never ends without one, and each number is tried once for each base.
            loop {
                let candidate = format!("{base}_{last}");
                if taken.insert(candidate.clone()) {
                    return candidate;
                }
                *last += 1;
            }
        })
        .collect()
}

/// Whether the text held nothing but space and comments: SQLite then makes no statement, which has no SQL.
fn sql_is_empty(statement: &Statement<'_>) -> bool {
    statement.expanded_sql().is_none_or(|sql| sql.trim().is_empty())
}

/// A name that is not there gets the names that are.
fn names_for(error: &SqlError, connection: &Connection) -> String {
    let said = error.to_string();
    if said.contains("no such table") {
        let tables = schema::table_names(connection);
        let list = if tables.is_empty() { "none".to_owned() } else { tables.join(", ") };
        format!("; there are: {list}")
    } else if said.contains("no such column") {
        "; external_describeSchema({}) lists the columns".to_owned()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_column_names_are_kept_apart() {
        assert_eq!(distinct(&["id", "name", "id", "id"]), ["id", "name", "id_2", "id_3"]);
        assert_eq!(distinct(&["id", "id", "id_2"]), ["id", "id_3", "id_2"]);
        assert_eq!(distinct(&["", "a", ""]), ["column1", "a", "column3"]);
        assert_eq!(distinct(&["", "column1", ""]), ["column1", "column1_2", "column3"]);
        assert_eq!(distinct(&["a", "a_2", "a", "a_2", "a"]), ["a", "a_2", "a_3", "a_2_2", "a_4"]);
        let many = distinct(&["same"; 30_000]);
        assert_eq!(many.iter().collect::<HashSet<_>>().len(), 30_000);
    }
}
