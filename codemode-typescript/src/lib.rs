//! The TypeScript front end of codemode: from what a model sent to a script that an engine can run.
//!
//! [`compile()`] strips types, refuses programs that are certain to fail, and maps positions back to the model's own lines
//! and columns. [`explain()`] adds to an engine's error what the program shows: the expression, and where its value came
//! from. [`names`] holds the names programs see in their sandbox. This crate knows no engine and nothing else of
//! codemode; no type of the parser is visible outside.
#![forbid(unsafe_code)]

mod compile;
pub mod names;
#[cfg(feature = "typecheck")]
pub mod typecheck;

pub use compile::{
    CompileOptions, Compiled, Diagnostic, DiagnosticKind, EngineError, Explanation, InputProblem, Lint, LiteralInput,
    Positions, code_frame, compile, explain, hint_for_name,
};
