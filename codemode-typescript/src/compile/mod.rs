//! From what a model sent to one JavaScript expression that an engine runs: the whole front end of a program.
//!
//! [`Positions`] maps the script's lines and columns back to the model's text, and every [`Diagnostic`] uses the
//! positions of that text. No type of the parser is visible outside of this module.

mod analysis;
mod await_markers;
mod body_form;
#[cfg(feature = "typecheck")]
mod checkable;
mod compiled;
mod compiler;
mod diagnostic;
mod edit;
mod explain;
mod fence;
mod frame;
mod free_names;
mod growth;
mod inputs;
mod lexical;
mod lint;
mod nesting;
mod options;
mod parse;
mod patterns;
mod portable;
mod position;
mod rewrite;
mod stack;
mod ticks;
mod transform;
mod types;
mod unsupported;

#[cfg(test)]
mod tests;

#[cfg(feature = "typecheck")]
pub(crate) use checkable::{CheckableProgram, type_error};
pub use compiled::Compiled;
pub use compiler::compile;
pub use diagnostic::{Diagnostic, DiagnosticKind, Lint};
pub use explain::{EngineError, Explanation, explain};
pub use frame::code_frame;
pub use free_names::hint_for_name;
pub use options::{CompileOptions, InputProblem, LiteralInput};
pub use position::Positions;
