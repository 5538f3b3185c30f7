//! The tools `querySql` and `describeSchema` over a real database that programs can only read.
//!
//! Three barriers, each enough alone for most attacks: the file is opened read-only, the authorizer refuses what
//! reaches outside the file, and a statement that SQLite itself calls writing is not run.
//!
//! Statements, and the file itself, may be a stranger's. Everything that SQLite does with them happens on threads of this
//! module, `codemode-sqlite`, with 8 MiB of stack each; the limits in `limits.rs` keep its recursion below one. A query
//! looks for its cancellation every thousand steps, before `instr`, `replace`, `trim` and `unhex`, and within `LIKE` and
//! `GLOB`, which are this module's own for that and use no index. Between two looks the longest step found takes one to two
//! seconds (a JSON function with a hundred paths), and SQLite's own functions follow each other without a look within one row;
//! a statement has at most 400 calls of JSON functions. A sort over the memory of all queries takes some seconds. Neither an
//! execution nor other queries wait for one that was given up, while there are at most four of them.
//!
//! ```
//! use std::fs;
//!
//! use codemode_core::{CodeMode, ExecuteOptions};
//! use codemode_tools::sqlite::{self, SqliteTools};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! fs::write(folder.path().join("shop.sql"), "CREATE TABLE products (name TEXT); INSERT INTO products VALUES ('desk');")?;
//! let database = folder.path().join("shop.db");
//! sqlite::seed(&database)?;
//!
//! let code_mode = CodeMode::builder()
//!     .driver(codemode_driver_quickjs::driver())
//!     .tools(SqliteTools::open(&database)?.tools())
//!     .build()?;
//! let program = "return (await external_querySql({ sql: 'SELECT name FROM products' })).rows";
//! let outcome = code_mode.execute(program, ExecuteOptions::default()).await?;
//! let result = outcome.result.expect("the program succeeds").expect("it returns a value");
//! assert_eq!(result.text(), r#"[{"name":"desk"}]"#);
//! # Ok(())
//! # }
//! ```

mod arguments;
mod authorizer;
mod cancel;
mod error;
mod functions;
mod like;
mod limits;
mod params;
mod pool;
mod query;
mod reader;
mod schema;
mod seed;
mod tools;
mod value;
mod worker;

pub use seed::{Seeded, seed};
pub use tools::SqliteTools;

#[cfg(test)]
mod tests;
