//! JSON Schema to TypeScript: the declarations of tools that a model reads.
//!
//! A schema that is wrong, hostile or huge never fails the catalog: the part that cannot be expressed becomes `unknown`,
//! the reason stands in a comment beside it and in [`Stubs::problems`].

mod algebra;
mod combine;
mod declare;
mod docs;
pub(crate) mod escape;
mod lower;
mod plan;
mod print;
mod resolve;
pub(crate) mod sample;
mod shapes;
mod signature;
mod stub;
#[cfg(test)]
mod tests;
mod type_names;
mod types;

pub use self::{
    declare::declare,
    signature::ToolSignature,
    stub::{StubProblem, Stubs, ToolStub, TypeStub},
};
pub(crate) use self::{docs::has_type_of_text, escape::summary};
