//! Ready-made tools for codemode, each kind behind a feature: `sqlite` gives programs a database that they can only
//! read, `command` makes tools of programs that read and write JSON.
//!
//! Both open what they are given before a program runs, so a wrong file is an [`Error`] of the host and never a failed
//! call. [`inherited_environment`], which every program started for a tool gets, needs no feature.
#![forbid(unsafe_code)]

#[cfg(feature = "command")]
pub mod command;
mod environment;
mod error;
// Shared with the command line, which reads files and shows text in the same way. Not part of the API.
#[doc(hidden)]
pub mod file;
#[cfg(feature = "process-tree")]
mod process_tree;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[doc(hidden)]
pub mod text;

pub use environment::inherited_environment;
pub use error::{Error, ErrorKind};
#[cfg(feature = "process-tree")]
pub use process_tree::ProcessTree;
