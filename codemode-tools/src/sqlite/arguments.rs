//! What the functions of this module share: their arguments as SQLite reads them, and the flag that ends the query.

use std::{
    borrow::Cow,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::{
    Connection, Error, Result,
    ffi::{self, ErrorCode},
    functions::Context,
    types::ValueRef,
};

/// Ends the query when its flag is set.
pub(super) fn look(cancelled: &AtomicBool) -> Result<()> {
    if cancelled.load(Ordering::Relaxed) {
        let error = ffi::Error { code: ErrorCode::OperationInterrupted, extended_code: ffi::SQLITE_INTERRUPT };
        return Err(Error::SqliteFailure(error, None));
    }
    Ok(())
}

/// An argument as SQLite makes text of it; `None` for NULL.
pub(super) fn text<'a>(context: &'a Context<'_>, argument: usize) -> Result<Option<Cow<'a, [u8]>>> {
    Ok(match context.get_raw(argument) {
        ValueRef::Null => None,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.into()),
        ValueRef::Integer(integer) => Some(integer.to_string().into_bytes().into()),
        ValueRef::Real(real) => Some(real_text(real)?.into()),
    })
}

/// SQLite's own way to write a number, asked from a connection without a file.
fn real_text(real: f64) -> Result<Vec<u8>> {
    static WRITER: Mutex<Option<Connection>> = Mutex::new(None);
    let mut writer = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
    let connection = match &mut *writer {
        Some(connection) => connection,
        none => none.insert(Connection::open_in_memory()?),
    };
    let text: String = connection.prepare_cached("SELECT CAST(?1 AS TEXT)")?.query_row([real], |row| row.get(0))?;
    Ok(text.into_bytes())
}

/// What stands before the first NUL, where SQLite sees the end of some arguments.
pub(super) fn before_nul(bytes: &[u8]) -> &[u8] {
    bytes.get(..memchr::memchr(0, bytes).unwrap_or(bytes.len())).unwrap_or_default()
}
