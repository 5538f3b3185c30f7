//! Makes a database from the readable `.sql` beside it: `shop.db` from `shop.sql`.
//!
//! A database that somebody made in another way is never replaced: those made here carry [`MARK`].

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use rusqlite::{
    Connection, OpenFlags,
    hooks::{AuthAction, AuthContext, Authorization},
};

use crate::{Error, ErrorKind, file};

/// What [`seed`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seeded {
    /// The database did not exist and was made.
    Created,
    /// The database was made by an earlier [`seed`] from an older text, and was replaced.
    Replaced,
    /// Nothing: there is no `.sql` file, it is not newer than the database, or the database was made in another way.
    Unchanged,
}

/// Makes the database at `path` from the `.sql` file of the same name beside it, if there is one: when the database does
/// not exist, and again when the text is newer. A database that was made in another way is never replaced.
///
/// The text may create what it likes in this one file; it cannot attach another. Two processes may do this at once:
/// each makes its own database and puts it in place in one step.
///
/// # Errors
/// When the text cannot be read, SQLite rejects it, or the database cannot be written.
pub fn seed(path: impl AsRef<Path>) -> Result<Seeded, Error> {
    let path = path.as_ref();
    let source = path.with_extension("sql");
    if source == path || !source.is_file() {
        return Ok(Seeded::Unchanged);
    }
    let seeded = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Seeded::Created,
        Ok(about) if about.is_file() && is_newer(&source, &about) && was_made_here(path) => Seeded::Replaced,
        _ => return Ok(Seeded::Unchanged),
    };
    build(&source, path)?;
    Ok(seeded)
}

fn is_newer(source: &Path, made: &fs::Metadata) -> bool {
    let source = fs::metadata(source).and_then(|source| source.modified());
    matches!((source, made.modified()), (Ok(source), Ok(made)) if source > made)
}

fn was_made_here(path: &Path) -> bool {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|connection| connection.query_row("PRAGMA application_id", [], |row| row.get(0)))
        .is_ok_and(|id: i32| id == MARK)
}

fn build(source: &Path, path: &Path) -> Result<(), Error> {
    let (from, to) = (source.display(), path.display());
    let cannot = |error: io::Error| Error::new(ErrorKind::Io, format!("{to} cannot be made from {from}: {error}"));
    // Before the text is read: what is written afterwards is newer than the database.
    let written = fs::metadata(source).and_then(|about| about.modified()).map_err(cannot)?;
    let sql = file::read_text(source, MAX_SQL_BYTES)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new();
    temporary.prefix(".codemode-").suffix(".db");
    #[cfg(unix)]
    temporary.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = temporary.tempfile_in(folder).map_err(cannot)?;
    fill(temporary.path(), &sql).map_err(|error| {
        Error::new(ErrorKind::Database, format!("{to} cannot be made from {from}: {}", explained(&error, &sql)))
    })?;
    let file = File::options().write(true).open(temporary.path()).map_err(cannot)?;
    file.set_modified(written).and_then(|()| file.sync_all()).map_err(cannot)?;
    drop(file);
    temporary.persist(path).map_err(|error| cannot(error.error))?;
    Ok(())
}

fn fill(path: &Path, sql: &str) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    // The file is thrown away if anything goes wrong, so it needs no journal.
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    connection.authorizer(Some(|context: AuthContext<'_>| match context.action {
        // The text may come with somebody's repository: it makes this one file and no other.
        AuthAction::Attach { .. } | AuthAction::Function { function_name: "load_extension" } => Authorization::Deny,
        _ => Authorization::Allow,
    }))?;
    connection.execute_batch(sql)?;
    if !connection.is_autocommit() {
        connection.execute_batch("COMMIT")?;
    }
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    connection.pragma_update(None, "application_id", MARK)?;
    connection.close().map_err(|(_, error)| error)
}

/// What is wrong with the text, with its line where SQLite says it.
fn explained(error: &rusqlite::Error, sql: &str) -> String {
    let rusqlite::Error::SqlInputError { msg, sql: rest, offset, .. } = error else { return error.to_string() };
    let at = sql.len().saturating_sub(rest.len()) + usize::try_from(*offset).unwrap_or(0);
    let line = sql.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {msg}")
}

/// `application_id` of the databases made here: "code" in ASCII.
const MARK: i32 = 0x636f_6465;
const MAX_SQL_BYTES: usize = 64 << 20;
