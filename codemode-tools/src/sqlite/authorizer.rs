//! The SQLite authorizer: a program may read the database, and reach nothing beyond its file.
//!
//! Statements that change rows are let through here and refused before they run, by what SQLite says of the compiled
//! statement: virtual tables such as R-trees compile such statements for themselves when they are only read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{
    Connection,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
};

/// What the statement attempted that it may not, for the wording of an error, and what counts against it.
#[derive(Debug, Clone, Default)]
pub(super) struct Attempt(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    refused: Option<String>,
    functions: usize,
    asks_journal_mode: bool,
}

impl Attempt {
    /// Forgets the attempts of earlier statements.
    pub(super) fn clear(&self) {
        *self.lock() = Noted::default();
    }

    /// The attempt, such as `ATTACH`; forgets it.
    pub(super) fn take(&self) -> Option<String> {
        self.lock().refused.take()
    }

    /// Whether the statement only asks for the journal mode, which SQLite calls writing all the same.
    pub(super) fn asks_journal_mode(&self) -> bool {
        let noted = self.lock();
        noted.asks_journal_mode && noted.refused.is_none()
    }

    fn set(&self, what: String) {
        self.lock().refused = Some(what);
    }

    fn note(&self, what: String) {
        self.lock().refused.get_or_insert(what);
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Restricts a connection to what programs may do.
pub(super) fn restrict(connection: &mut Connection) -> rusqlite::Result<Attempt> {
    for (config, on) in [
        // A stranger's database may hold views and triggers that call functions.
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
        // WHERE naem = "x" is an error that names the column, not a comparison of two strings.
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
    ] {
        connection.set_db_config(config, on)?;
    }
    connection.pragma_update(None, "query_only", true)?;
    // A page of a damaged or forged file is looked at before it is used.
    connection.pragma_update(None, "cell_size_check", true)?;
    // Sorting a recursive query must fill neither the disk nor the memory. The limit is one for the process.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.query_row(&format!("PRAGMA hard_heap_limit = {MAX_MEMORY}"), [], |_| Ok(()))?;
    let attempt = Attempt::default();
    let noted = attempt.clone();
    connection.authorizer(Some(move |context: AuthContext<'_>| authorize(&context.action, &noted)))?;
    Ok(attempt)
}

fn authorize(action: &AuthAction<'_>, attempt: &Attempt) -> Authorization {
    let refused = match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => return Authorization::Allow,
        AuthAction::Insert { table_name } => return allow_write(attempt, "INSERT into", table_name),
        AuthAction::Update { table_name, .. } => return allow_write(attempt, "UPDATE of", table_name),
        AuthAction::Delete { table_name } => return allow_write(attempt, "DELETE from", table_name),
        AuthAction::Function { function_name } if !REFUSED_FUNCTIONS.contains(function_name) => {
            let mut noted = attempt.lock();
            noted.functions += weight(function_name);
            if noted.functions <= MAX_FUNCTIONS {
                return Authorization::Allow;
            }
            drop(noted);
            "a statement with so many calls of functions".to_owned()
        }
        AuthAction::Function { function_name } => format!("the function {function_name}"),
        AuthAction::Pragma { pragma_name, pragma_value } => {
            let name = pragma_name.to_ascii_lowercase();
            if READING_PRAGMAS.contains(&name.as_str()) && pragma_value.is_none()
                || LISTING_PRAGMAS.contains(&name.as_str())
            {
                attempt.lock().asks_journal_mode |= name == "journal_mode";
                return Authorization::Allow;
            }
            match pragma_value {
                Some(value) => format!("PRAGMA {pragma_name} = {value}"),
                None => format!("PRAGMA {pragma_name}"),
            }
        }
        AuthAction::Attach { .. } => "ATTACH".to_owned(),
        AuthAction::Detach { .. } => "DETACH".to_owned(),
        AuthAction::Transaction { .. } => "a transaction (each statement has its own)".to_owned(),
        AuthAction::Savepoint { .. } => "a savepoint".to_owned(),
        AuthAction::Analyze { .. } => "ANALYZE".to_owned(),
        AuthAction::Reindex { .. } => "REINDEX".to_owned(),
        AuthAction::AlterTable { table_name, .. } => format!("ALTER TABLE {table_name}"),
        AuthAction::CreateTable { table_name } | AuthAction::CreateTempTable { table_name } => {
            format!("CREATE TABLE {table_name}")
        }
        AuthAction::CreateVtable { table_name, .. } => format!("CREATE VIRTUAL TABLE {table_name}"),
        AuthAction::CreateView { view_name } | AuthAction::CreateTempView { view_name } => {
            format!("CREATE VIEW {view_name}")
        }
        AuthAction::CreateIndex { index_name, .. } | AuthAction::CreateTempIndex { index_name, .. } => {
            format!("CREATE INDEX {index_name}")
        }
        AuthAction::CreateTrigger { trigger_name, .. } | AuthAction::CreateTempTrigger { trigger_name, .. } => {
            format!("CREATE TRIGGER {trigger_name}")
        }
        AuthAction::DropTable { table_name }
        | AuthAction::DropTempTable { table_name }
        | AuthAction::DropVtable { table_name, .. } => {
            format!("DROP TABLE {table_name}")
        }
        AuthAction::DropView { view_name } | AuthAction::DropTempView { view_name } => format!("DROP VIEW {view_name}"),
        AuthAction::DropIndex { index_name, .. } | AuthAction::DropTempIndex { index_name, .. } => {
            format!("DROP INDEX {index_name}")
        }
        AuthAction::DropTrigger { trigger_name, .. } | AuthAction::DropTempTrigger { trigger_name, .. } => {
            format!("DROP TRIGGER {trigger_name}")
        }
        _ => "this statement".to_owned(),
    };
    // What a statement asks for in so many words comes after the writes to the schema that it implies.
    attempt.set(refused);
    Authorization::Deny
}

fn allow_write(attempt: &Attempt, what: &str, table: &str) -> Authorization {
    // Statements that change the schema write to its table first; their own name comes later.
    if !table.starts_with("sqlite_") {
        attempt.note(format!("{what} {table}"));
    }
    Authorization::Allow
}

/// Functions that reach into the process, and those that take hours for two texts of megabytes, within one step that no
/// interrupt reaches.
const REFUSED_FUNCTIONS: [&str; 4] = ["load_extension", "fts3_tokenizer", "json_patch", "jsonb_patch"];

/// What a call counts. Those of one row follow each other without a look at the interrupt, and those that go over all of a
/// JSON text take 10 ms for each of their paths.
fn weight(function: &str) -> usize {
    match function.to_ascii_lowercase().as_str() {
        "->" | "->>" => MAX_FUNCTIONS / 1_000,
        name if name.starts_with("json") => MAX_FUNCTIONS / 400,
        _ => 1,
    }
}

/// Calls of functions that SQLite looks up for one statement. It does so once for each, but for the calls of window
/// functions again with each of them: 200 are half as many as the square of that. It copies the statement as often, before
/// it looks whether it was interrupted: 200 take 0.3 s, 1,900 would take 40.
const MAX_FUNCTIONS: usize = 20_000;

/// Pragmas that read a setting, and would change it if they had a value.
pub(super) const READING_PRAGMAS: [&str; 16] = [
    "application_id",
    "auto_vacuum",
    "collation_list",
    "compile_options",
    "data_version",
    "database_list",
    "encoding",
    "foreign_keys",
    "freelist_count",
    "function_list",
    "journal_mode",
    "module_list",
    "page_count",
    "page_size",
    "schema_version",
    "user_version",
];

/// Pragmas whose value names what they list.
pub(super) const LISTING_PRAGMAS: [&str; 10] = [
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Memory of all queries together.
pub(super) const MAX_MEMORY: u64 = 256 << 20;
