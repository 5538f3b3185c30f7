//! [`Stubs`]: the declarations, whole and tool by tool.

use std::ops::Range;

/// The declarations of a catalog of tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stubs {
    /// All of it, as the text of a `.d.ts` file. Appending a tool only appends text. A comment on a key
    /// stands there once: the same comment on the same key in a later tool is left out.
    pub text: String,
    /// Each tool alone, whole, in the order of the tools.
    pub per_tool: Vec<ToolStub>,
    /// What is wrong in the schemas.
    pub problems: Vec<StubProblem>,
}

/// The declaration of one tool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolStub {
    /// The function's name inside the sandbox.
    pub function: String,
    /// The comment and the `declare function` line.
    pub text: String,
    /// The input's type as the parameter, such as `input?: { id: number }`.
    pub input_type: String,
    /// The type of the answer; `None` without an output schema.
    pub output_type: Option<String>,
    /// Every named type that `text` needs, those that others are made of first. Tools may share them.
    pub types: Vec<TypeStub>,
    /// Where in [`Stubs::text`] the tool stands, with the types that it is the first to need.
    pub span: Range<usize>,
}

/// A named type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TypeStub {
    /// Unique in the catalog.
    pub name: String,
    /// The comment, if any, and the `type` line.
    pub text: String,
}

/// Something in a tool's schema that could not be made into a type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StubProblem {
    /// The tool's own name.
    pub tool: String,
    /// Where: `input` or `output`, `#` and a JSON pointer.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}
