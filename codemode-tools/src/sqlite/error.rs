//! Wording for what SQLite reports: for a person when a database cannot be opened, for a model when a query fails.

use std::path::Path;

use codemode_core::ToolError;
use rusqlite::{Error as SqlError, ErrorCode, ffi};

use crate::{Error, ErrorKind::Database, sqlite::authorizer::MAX_MEMORY, text::format_bytes};

/// Why a database cannot be opened.
pub(super) fn open_error(path: &Path, error: &SqlError) -> Error {
    let shown = path.display();
    let said = sqlite_message(error);
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            Error::new(Database, format!("{shown} is not an SQLite database")).with_help("it may also be an encrypted one")
        }
        Some(ErrorCode::DatabaseCorrupt) => Error::new(Database, format!("the database {shown} is damaged: {said}"))
            .with_help("sqlite3 DB .recover saves what can be read"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::new(Database, format!("the database {shown} is locked by another process")).with_help("wait until it is done")
        }
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) if needs_shared_memory(path) => Error::new(Database, format!(
            "the database {shown} is in WAL mode, and the file {shown}-shm that SQLite needs beside it cannot be used: {said}"
        ))
        .with_help("run it where that folder can be written, or copy the database, or end WAL mode with PRAGMA journal_mode = DELETE"),
        Some(ErrorCode::ReadOnly) => {
            Error::new(Database, format!("the last writer of the database {shown} did not finish, and undoing that needs to write: {said}"))
                .with_help("open it once with write permission: sqlite3 DB 'PRAGMA integrity_check'")
        }
        Some(ErrorCode::OutOfMemory) => Error::new(Database, format!("the database {shown} needs too much memory to open")),
        _ => Error::new(Database, format!("the database {shown} cannot be opened: {said}")),
    }
}

/// Why a query failed, for the model that wrote it. `attempt` is what the authorizer noted, `more` is what helps
/// with a name.
pub(super) fn tool_error(error: &SqlError, sql: &str, attempt: Option<String>, more: &str) -> ToolError {
    if let SqlError::MultipleStatement = error {
        return refusal(
            "several statements in one call are",
            "send each in a call of its own; they may run in parallel",
        );
    }
    if let SqlError::SqlInputError { msg, sql: part, offset, .. } = error {
        if let (true, Some(attempt)) = (msg.starts_with("not authorized to use function"), &attempt) {
            return refusal(&format!("{attempt} is"), "compute that part in the program, or in another statement");
        }
        // SQLite compiled the end of the text.
        let begin = sql.len().saturating_sub(part.len());
        let at = begin + usize::try_from(*offset).unwrap_or(0);
        return ToolError::new(format!("{msg}{}{more}", place(sql, at))).code("SQL_ERROR");
    }
    let said = sqlite_message(error);
    match error.sqlite_error_code() {
        Some(ErrorCode::AuthorizationForStatementDenied) => {
            refusal(&format!("{} is", attempt.unwrap_or_else(|| "this statement".into())), ONLY_READS)
        }
        Some(ErrorCode::ReadOnly) => refusal("writing is", ONLY_READS),
        Some(ErrorCode::OperationInterrupted) => ToolError::new("the query was cancelled").code("SQL_CANCELLED"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            ToolError::new("the database is locked by another process; try again").code("DATABASE_LOCKED")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            ToolError::new(format!("the database file is damaged ({said}); tell the user")).code("DATABASE_DAMAGED")
        }
        Some(ErrorCode::OutOfMemory) => ToolError::new(format!(
            "the query needs more than {} of memory; filter or aggregate earlier, sort less, select fewer columns",
            format_bytes(MAX_MEMORY)
        ))
        .code("SQL_TOO_LARGE"),
        Some(ErrorCode::TooBig) => ToolError::new(format!(
            "{said} (a value may have 4 MiB, a statement 256 KiB); select less of it, for example with substr(), or pass \
             long lists as JSON in params"
        ))
        .code("SQL_TOO_LARGE"),
        _ => ToolError::new(format!("{said}{more}")).code("SQL_ERROR"),
    }
}

/// Something that the tool never does.
pub(super) fn refusal(what: &str, instead: &str) -> ToolError {
    ToolError::new(format!("{what} refused: {instead}")).code("SQL_REFUSED")
}

/// What to do instead of writing.
pub(super) const ONLY_READS: &str =
    "programs can only read this database, with SELECT, WITH, VALUES, EXPLAIN or a PRAGMA that reads";

/// What SQLite said, without rusqlite's frame around it.
fn sqlite_message(error: &SqlError) -> String {
    match error {
        SqlError::SqliteFailure(_, Some(message)) => message.clone(),
        SqlError::SqliteFailure(code, None) => ffi::code_to_str(code.extended_code).to_owned(),
        error => error.to_string(),
    }
}

/// Line and column of a byte of the SQL text.
fn place(sql: &str, at: usize) -> String {
    let Some(before) = sql.get(..at) else { return String::new() };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!(" (line {line}, column {column} of the SQL)")
}

/// Whether the file says that it is in WAL mode: bytes 18 and 19 of its header.
fn needs_shared_memory(path: &Path) -> bool {
    use std::io::Read;
    let mut header = [0; 20];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header.ends_with(&[2, 2])
}
