//! What the front end knows about the sandbox: its names, its limits, and the inputs of its tools.

use std::sync::Arc;

use serde_json::Value;

/// What the sandbox defines, and how large a program may be.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct CompileOptions<'a> {
    /// Longer programs are refused before anything else is done.
    pub max_source_bytes: usize,
    /// Whether a free name is defined in the sandbox, `external_*` functions included.
    pub globals: &'a dyn Fn(&str) -> bool,
    /// The `external_*` names, for suggestions.
    pub external_names: &'a [Arc<str>],
    /// Whether the program calls its third parameter at the head of every loop and function; an
    /// engine that nothing else can stop needs that.
    pub ticks: bool,
    /// What is wrong with the input that a call of this function has, `None` for a call without one. Only what is wrong
    /// whatever the computed parts are.
    pub check_input: &'a dyn Fn(&str, Option<&LiteralInput>) -> Vec<InputProblem>,
    /// The hint for a wrong input of this function: how it is declared.
    pub declaration: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> CompileOptions<'a> {
    /// Options that know the names of the sandbox and nothing of its tools.
    pub fn new(max_source_bytes: usize, globals: &'a dyn Fn(&str) -> bool, external_names: &'a [Arc<str>]) -> Self {
        Self {
            max_source_bytes,
            globals,
            external_names,
            ticks: false,
            check_input: &|_, _| Vec::new(),
            declaration: &|_| None,
        }
    }

    /// Sets [`ticks`](Self::ticks); off without it.
    #[must_use]
    pub fn ticks(mut self, ticks: bool) -> Self {
        self.ticks = ticks;
        self
    }

    /// Sets [`check_input`](Self::check_input); without it every input is accepted.
    #[must_use]
    pub fn check_input(mut self, check: &'a dyn Fn(&str, Option<&LiteralInput>) -> Vec<InputProblem>) -> Self {
        self.check_input = check;
        self
    }

    /// Sets [`declaration`](Self::declaration); without it a wrong input has no hint.
    #[must_use]
    pub fn declaration(mut self, declaration: &'a dyn Fn(&str) -> Option<String>) -> Self {
        self.declaration = declaration;
        self
    }
}

/// An input as far as the program's text shows it.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct LiteralInput {
    /// The value; `null` where it is computed.
    pub value: Value,
    /// JSON pointers of what is computed.
    pub computed: Vec<String>,
    /// JSON pointers of objects and arrays that may have more members than those in `value`.
    pub open: Vec<String>,
}

impl LiteralInput {
    /// An input of which the text shows everything.
    pub fn new(value: Value) -> Self {
        Self { value, ..Self::default() }
    }
}

/// What is wrong with a literal input.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InputProblem {
    /// JSON pointer of the place.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl InputProblem {
    /// A problem at a JSON pointer.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}
