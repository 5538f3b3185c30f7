//! [`SqliteTools`]: the definitions of `querySql` and `describeSchema`.

use std::{path::Path, sync::Arc};

use codemode_core::Tool;
use serde_json::{Value, json};

use crate::{
    Error,
    sqlite::{limits, pool::Pool, query, schema},
    text::format_bytes,
};

/// The tools over one database: `querySql({ sql, params? })` and `describeSchema({})`.
///
/// Up to sixteen queries run at once, each on a connection of its own. Dropping the future of a call interrupts its
/// query. An answer holds at most 10,000 rows and 3 MiB; it says so when there are more.
///
/// SQLite's `hard_heap_limit`, which is one for the process, is set to 256 MiB.
#[derive(Debug, Clone)]
pub struct SqliteTools {
    tools: Vec<Tool>,
}

impl SqliteTools {
    /// Opens the database at `path` for reading, and reads its schema: the description of `querySql` lists the tables.
    ///
    /// # Errors
    /// When the file is missing, is not a database, or cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let (pool, tables) = Pool::open(path)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Ok(Self { tools: vec![query_tool(pool.clone(), &name, &tables), describe_tool(pool, &name)] })
    }

    /// The tools. They keep the database open.
    pub fn tools(&self) -> impl Iterator<Item = Tool> {
        self.tools.iter().cloned()
    }
}

fn query_tool(pool: Arc<Pool>, name: &str, tables: &str) -> Tool {
    let run = move |input: Value, _context| {
        let pool = pool.clone();
        async move { pool.with(move |reader| query::run(reader, &input)).await }
    };
    let row = json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "null"] } });
    Tool::from_schema(
        "querySql",
        query_description(name, tables),
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
        run,
    )
}

fn describe_tool(pool: Arc<Pool>, name: &str) -> Tool {
    let run = move |_input: Value, _context| {
        let pool = pool.clone();
        async move { pool.with(schema::describe).await }
    };
    Tool::from_schema(
        "describeSchema",
        format!(
            "Tables and views of the SQLite database {name}: columns with types, primary and foreign keys, row counts."
        ),
        json!({ "type": "object", "properties": {}, "additionalProperties": false }),
        Some(schema::output_schema()),
        run,
    )
}

fn query_description(name: &str, tables: &str) -> String {
    format!(
        "Run one reading SQL statement (SELECT, WITH, VALUES, EXPLAIN, or a PRAGMA that reads) on the SQLite database {name}. \
         Pass values in params, never inside the SQL text. \
         A cell is a string, a number or null: BLOBs come as base64 text, integers beyond ±(2^53-1) as text with all \
         their digits, infinite numbers as the text Infinity or -Infinity. Columns of the same name get _2, _3 and so on. \
         At most {} rows and {} come back; then truncated is true, so aggregate or LIMIT in SQL.\n{tables}",
        query::MAX_ROWS,
        format_bytes(limits::MAX_BYTES as u64),
    )
}
