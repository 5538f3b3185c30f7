//! What one query may ask of SQLite. With these limits nothing that SQLite does between two looks at the flag that cancels
//! it takes much longer than a second, and nothing that recurses comes near the end of a worker's stack.

use rusqlite::{Connection, limits::Limit};

/// Sets all of SQLite's own limits. The figures were measured with SQLite 3.54 on one core of 2020.
pub(super) fn apply(connection: &Connection) -> rusqlite::Result<()> {
    for (limit, value) in LIMITS {
        connection.set_limit(limit, value)?;
    }
    Ok(())
}

/// Bytes of JSON in one answer; an execution takes 4 MiB.
pub(super) const MAX_BYTES: usize = 3 << 20;

const LIMITS: [(Limit, i32); 13] = [
    // A value that an answer can hold fits with room to spare.
    (Limit::SQLITE_LIMIT_LENGTH, 4 << 20),
    // For SQLite's own LIKE and GLOB, a stack frame of 100 bytes for each wildcard; ours (`like.rs`) have the same limit.
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 128),
    // As much as a whole program. SQLite compares each common table expression with all others.
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 256 << 10),
    // The default: a table may have as many, and a database with a wider one could not be opened.
    (Limit::SQLITE_LIMIT_COLUMN, 2_000),
    // Also bounds how deep views, subqueries and window functions nest. Some 600 bytes of stack for each level.
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 500),
    (Limit::SQLITE_LIMIT_PARSER_DEPTH, 2_000),
    // The default: some 750 bytes of stack for each.
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 500),
    // Far over what an IN with ten thousand literals compiles to.
    (Limit::SQLITE_LIMIT_VDBE_OP, 500_000),
    // The default of older versions. Each path of a JSON function walks the whole value.
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 127),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 32_766),
    (Limit::SQLITE_LIMIT_SCHEMA, 100_000),
    // Refused by the authorizer as well.
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    // A query has one thread, whose stack is known.
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];
