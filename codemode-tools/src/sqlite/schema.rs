//! `describeSchema`, and the few lines about tables in the description of `querySql`, so that a model can
//! write its first query without asking.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use codemode_core::ToolError;
use rusqlite::{Connection, Result as SqlResult, params, types::ValueRef};
use serde_json::{Map, Value, json};

use crate::{
    sqlite::{error, limits::MAX_BYTES, reader::Reader},
    text::{one_line, visible},
};

/// Everything a query can name: `{ tables, truncated }`.
pub(super) fn describe(reader: &mut Reader) -> Result<Value, ToolError> {
    reader.attempt.clear();
    let described = |connection: &Connection| -> SqlResult<Value> {
        let listed = tables(connection)?;
        let (mut described, mut bytes, begin) = (Vec::new(), 0, Instant::now());
        for table in listed.iter().take(MAX_TABLES) {
            // The authorizer counts what one statement calls; each table has its own.
            reader.attempt.clear();
            let table = describe_table(connection, table, begin)?;
            bytes += table.to_string().len();
            if bytes > MAX_BYTES {
                break;
            }
            described.push(table);
            // Expanding a view reaches no interrupt.
            if reader.is_cancelled() {
                break;
            }
        }
        Ok(json!({ "truncated": listed.len() > described.len(), "tables": described }))
    };
    described(&reader.connection).map_err(|error| {
        if reader.is_cancelled() {
            return ToolError::new("the query was cancelled").code("SQL_CANCELLED");
        }
        error::tool_error(&error, "", reader.attempt.take(), "")
    })
}

/// The JSON Schema of what [`describe`] gives.
pub(super) fn output_schema() -> Value {
    let names = json!({ "type": "array", "items": { "type": "string" } });
    let count = format!("Rows; {MAX_COUNTED} means that many or more; null for a view, or a table that cannot be read");
    let object = |properties: Value, required: Value| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let column = object(
        json!({
            "name": { "type": "string" },
            "type": { "type": "string", "description": "As declared; empty when none is" },
            "notNull": { "type": "boolean" },
            "default": { "type": "string", "description": "An SQL expression" }
        }),
        json!(["name", "type", "notNull"]),
    );
    let foreign_key = object(
        json!({ "columns": names, "table": { "type": "string" }, "references": names }),
        json!(["columns", "table", "references"]),
    );
    let table = object(
        json!({
            "name": { "type": "string" },
            "kind": { "enum": ["table", "view", "virtual"] },
            "columns": { "type": "array", "items": column },
            "primaryKey": names,
            "foreignKeys": { "type": "array", "items": foreign_key },
            "rowCount": { "type": ["integer", "null"], "description": count }
        }),
        json!(["name", "kind", "columns", "primaryKey", "foreignKeys", "rowCount"]),
    );
    object(
        json!({
            "tables": { "type": "array", "items": table },
            "truncated": { "type": "boolean", "description": format!("Whether there are more than these, at most {MAX_TABLES}") }
        }),
        json!(["tables", "truncated"]),
    )
}

/// The tables and their columns in a few lines.
pub(super) fn summary(connection: &Connection) -> SqlResult<String> {
    let begin = Instant::now();
    listing(&tables(connection)?, |table| {
        let columns: Vec<String> = readable_columns(connection, table, begin)?
            .iter()
            .map(|column| {
                if column.declared.is_empty() {
                    column.name.clone()
                } else {
                    format!("{} {}", column.name, column.declared)
                }
            })
            .collect();
        Ok(format!("{}({})", table.name, columns.join(", ")))
    })
}

/// The same without the columns, in a time that no hostile view can stretch. Reading them proves that the file is a
/// database.
pub(super) fn summary_of_names(connection: &Connection) -> SqlResult<String> {
    listing(&tables(connection)?, |table| Ok(table.name.clone()))
}

fn listing(listed: &[Table], line: impl Fn(&Table) -> SqlResult<String>) -> SqlResult<String> {
    if listed.is_empty() {
        return Ok("The database has no tables.".into());
    }
    let mut text = String::from("Tables:");
    for (shown, table) in listed.iter().enumerate() {
        let line = line(table)?.replace(['\n', '\t'], " ");
        if text.len() + line.len() > MAX_SUMMARY_BYTES {
            text.push_str(&format!("\n  and {} more; see describeSchema", listed.len() - shown));
            break;
        }
        text.push_str(&format!("\n  {}", visible(&line)));
    }
    Ok(text)
}

/// The names of tables and views, for errors.
pub(super) fn table_names(connection: &Connection) -> Vec<String> {
    let names: Vec<String> =
        tables(connection).unwrap_or_default().into_iter().map(|table| one_line(&table.name, MAX_NAME_WIDTH)).collect();
    let more = names.len().saturating_sub(MAX_NAMES);
    let mut shown: Vec<String> = names.into_iter().take(MAX_NAMES).collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown
}

struct Table {
    name: String,
    kind: String,
}

struct Column {
    name: String,
    declared: String,
    not_null: bool,
    default: Option<String>,
    /// Place in the primary key, from 1; 0 when it is not in it.
    key: i64,
}

/// Tables and views. Read from the schema's own table: `pragma_table_list` expands every view, for minutes in a hostile
/// file.
fn tables(connection: &Connection) -> SqlResult<Vec<Table>> {
    let sql = "SELECT name, type, lower(substr(sql, 1, 300)) FROM main.sqlite_schema \
               WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        let made = text(row.get_ref(2)?);
        let module = made.strip_prefix("create virtual table").map(|rest| rest.to_owned());
        let kind = if module.is_some() { "virtual".to_owned() } else { text(row.get_ref(1)?) };
        Ok((Table { name: text(row.get_ref(0)?), kind }, module))
    })?;
    let listed: Vec<(Table, Option<String>)> = rows.collect::<SqlResult<_>>()?;
    let hidden: HashSet<String> = listed
        .iter()
        .filter_map(|(table, module)| Some((table.name.to_lowercase(), module.as_ref()?)))
        .flat_map(|(name, module)| {
            let of = move |(known, parts): &(&str, &'static [&'static str])| module.contains(known).then_some(*parts);
            let parts = SHADOWS.iter().filter_map(of).flatten();
            parts.map(move |part| format!("{name}_{part}")).collect::<Vec<_>>()
        })
        .collect();
    let shown = listed.into_iter().map(|(table, _)| table);
    Ok(shown.filter(|table| table.kind != "table" || !hidden.contains(&table.name.to_lowercase())).collect())
}

/// Text of a schema, which in a damaged or hostile file may be of any type and any bytes.
fn text(value: ValueRef<'_>) -> String {
    value.as_bytes_or_null().ok().flatten().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

fn columns(connection: &Connection, table: &str) -> SqlResult<Vec<Column>> {
    // Hidden columns, of virtual tables, are no part of SELECT *; generated ones (2, 3) are.
    let sql =
        "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map(params![table], |row| {
        let default = row.get_ref(3)?;
        Ok(Column {
            name: text(row.get_ref(0)?),
            declared: text(row.get_ref(1)?),
            not_null: row.get(2)?,
            default: (default != ValueRef::Null).then(|| text(default)),
            key: row.get(4)?,
        })
    })?;
    rows.collect()
}

/// A view of a table that is gone, or a virtual table whose module is not here, has no columns; the others of the
/// database can be queried all the same. So have views when reading the schema takes longer than [`MAX_TIME`]: a hostile
/// one takes seconds.
fn readable_columns(connection: &Connection, table: &Table, begin: Instant) -> SqlResult<Vec<Column>> {
    if table.kind != "table" && begin.elapsed() > MAX_TIME {
        return Ok(Vec::new());
    }
    match columns(connection, &table.name) {
        Err(_) if table.kind != "table" => Ok(Vec::new()),
        columns => columns,
    }
}

fn describe_table(connection: &Connection, table: &Table, begin: Instant) -> SqlResult<Value> {
    let columns = readable_columns(connection, table, begin)?;
    let mut keys: Vec<&Column> = columns.iter().filter(|column| column.key > 0).collect();
    keys.sort_by_key(|column| column.key);
    let keys: Vec<&str> = keys.iter().map(|column| column.name.as_str()).collect();
    let described: Vec<Value> = columns
        .iter()
        .map(|column| {
            let mut out = json!({ "name": column.name, "type": column.declared, "notNull": column.not_null });
            if let (Value::Object(out), Some(default)) = (&mut out, &column.default) {
                out.insert("default".into(), default.as_str().into());
            }
            out
        })
        .collect();
    Ok(json!({
        "name": table.name,
        "kind": table.kind,
        "columns": described,
        "primaryKey": keys,
        "foreignKeys": foreign_keys(connection, &table.name)?,
        "rowCount": if table.kind == "view" { None } else { row_count(connection, &table.name) },
    }))
}

fn foreign_keys(connection: &Connection, table: &str) -> SqlResult<Vec<Value>> {
    let sql = "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params![table])?;
    let mut keys: Vec<(i64, Map<String, Value>)> = Vec::new();
    let mut primary_keys: HashMap<String, Option<String>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let (id, other, from) = (row.get(0)?, text(row.get_ref(1)?), text(row.get_ref(2)?));
        let to = row.get_ref(3)?;
        let to = (to != ValueRef::Null).then(|| text(to));
        if keys.last().is_none_or(|(last, _)| *last != id) {
            let key = [("columns", json!([])), ("table", json!(other)), ("references", json!([]))];
            keys.push((id, key.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()));
        }
        let Some((_, key)) = keys.last_mut() else { continue };
        // Without a column it means the primary key of the other table.
        let references =
            to.or_else(|| primary_keys.entry(other.clone()).or_insert_with(|| primary_key(connection, &other)).clone());
        for (name, column) in [("columns", Some(from)), ("references", references)] {
            if let (Some(Value::Array(list)), Some(column)) = (key.get_mut(name), column) {
                list.push(column.into());
            }
        }
    }
    Ok(keys.into_iter().map(|(_, key)| Value::Object(key)).collect())
}

fn primary_key(connection: &Connection, table: &str) -> Option<String> {
    columns(connection, table).ok()?.into_iter().find(|column| column.key == 1).map(|column| column.name)
}

/// Counts at most [`MAX_COUNTED`] rows: counting all of a large table takes as long as reading it.
fn row_count(connection: &Connection, table: &str) -> Option<i64> {
    let quoted = table.replace('"', "\"\"");
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM main.\"{quoted}\" LIMIT {MAX_COUNTED})");
    connection.query_row(&sql, [], |row| row.get(0)).ok()
}

const MAX_TABLES: usize = 300;
const MAX_COUNTED: u32 = 100_000;
const MAX_NAMES: usize = 40;
const MAX_NAME_WIDTH: usize = 100;
/// For the columns of views and virtual tables.
const MAX_TIME: Duration = Duration::from_millis(500);
/// The tables behind virtual tables, by module.
const SHADOWS: [(&str, &[&str]); 4] = [
    ("fts5", &["data", "idx", "content", "docsize", "config"]),
    ("fts3", &["content", "segments", "segdir", "docsize", "stat"]),
    ("fts4", &["content", "segments", "segdir", "docsize", "stat"]),
    ("rtree", &["node", "parent", "rowid"]),
];
/// About a thousand tokens of every prompt.
const MAX_SUMMARY_BYTES: usize = 4_000;
