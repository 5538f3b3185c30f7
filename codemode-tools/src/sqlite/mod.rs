//! `--sqlite DB`: the tools `querySql` and `describeSchema` over a real database that they can only read.
//!
//! Three fences, each enough alone for most attacks: the file is opened read-only, the authorizer refuses what reaches
//! outside the file (see `fence`), and a statement that SQLite itself calls writing is not run.

mod fault;
mod fence;
mod params;
mod pool;
mod query;
mod schema;
mod seed;
mod value;

use std::path::Path;

use codemode::Tool;
use serde_json::json;

use crate::{problem::Problem, size::shown_bytes, sqlite::pool::Pool};

/// The tools over the database at `path`, which is made from the `.sql` beside it where there is one.
///
/// # Errors
/// When the file is missing or no database, or nobody may read it.
pub fn tools(path: &Path) -> Result<Vec<Tool>, Problem> {
    seed::prepare(path)?;
    let (pool, tables) = Pool::open(path)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let query = {
        let pool = pool.clone();
        move |input: serde_json::Value, _context| {
            let pool = pool.clone();
            async move { pool.with(move |reader| query::run(reader, &input)).await }
        }
    };
    let describe = move |_input: serde_json::Value, _context| {
        let pool = pool.clone();
        async move { pool.with(schema::describe).await }
    };
    let row = json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "null"] } });
    Ok(vec![
        Tool::from_schema(
            "querySql",
            query_description(&name, &tables),
            json!({
                "type": "object",
                "properties": {
                    "sql": { "type": "string", "description": "One statement in SQLite's dialect" },
                    "params": {
                        "description": "Values for the statement's parameters: an array for ?, an object for :name",
                        "anyOf": [
                            { "type": "array", "items": { "type": ["string", "number", "boolean", "null"] } },
                            { "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "null"] } }
                        ]
                    }
                },
                "required": ["sql"],
                "additionalProperties": false
            }),
            Some(json!({
                "type": "object",
                "properties": {
                    "columns": { "type": "array", "items": { "type": "string" }, "description": "The keys of each row, in order" },
                    "rows": { "type": "array", "items": row },
                    "rowCount": { "type": "integer", "description": "How many rows are here" },
                    "truncated": { "type": "boolean", "description": "Whether the statement has more rows than are here" },
                    "note": { "type": "string", "description": "What is missing or changed, and how to get it" }
                },
                "required": ["columns", "rows", "rowCount", "truncated"],
                "additionalProperties": false
            })),
            query,
        ),
        Tool::from_schema(
            "describeSchema",
            format!(
                "Tables and views of the SQLite database {name}: columns with types, primary and foreign keys, row counts."
            ),
            json!({ "type": "object", "properties": {}, "additionalProperties": false }),
            Some(schema::output_schema()),
            describe,
        ),
    ])
}

fn query_description(name: &str, tables: &str) -> String {
    format!(
        "Run one reading SQL statement (SELECT, WITH, VALUES, EXPLAIN, or a PRAGMA that reads) on the SQLite database {name}. \
         Pass values in params, never inside the SQL text. \
         A cell is a string, a number or null: BLOBs come as base64 text, integers beyond ±(2^53-1) as text with all \
         their digits, infinite numbers as the text Infinity or -Infinity. Columns of the same name get _2, _3 and so on. \
         At most {} rows and {} come back; then truncated is true, so aggregate or LIMIT in SQL.\n{tables}",
        query::MOST_ROWS,
        shown_bytes(query::MOST_BYTES as u64),
    )
}
