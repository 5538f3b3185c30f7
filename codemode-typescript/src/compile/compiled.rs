//! [`Compiled`]: what [`compile`](super::compile) makes of a program.

use super::diagnostic::Diagnostic;
use super::position::Positions;

/// A program that can run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Compiled {
    /// One expression and nothing else: an async arrow function of two parameters, strict inside.
    ///
    /// The first parameter notes the line of an `await` and returns a token, the second takes the token back and
    /// returns its other argument: `$done($at(7), await x)`. Calls of tools are awaited without them. A program with
    /// ticks has a third, which it calls. The first line of the model's text is on line 1, unless the text had to be
    /// printed anew.
    pub javascript: String,
    /// Leads from positions in `javascript` back to the model's.
    pub positions: Positions,
    /// Lints; they do not stop the run.
    pub warnings: Vec<Diagnostic>,
    /// The `external_*` functions that the program names, in the order of first mention.
    pub externals: Vec<String>,
    /// Whether the program can reach globals that it does not name: it mentions `globalThis`, or `this` at the top.
    pub dynamic_globals: bool,
}
