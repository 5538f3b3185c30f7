//! A parsed and resolved program, and the questions that several passes ask about it.

use oxc::ast::ast::{CallExpression, Expression, IdentifierReference, Program};
use oxc::semantic::{AstNodes, Scoping, Semantic, SymbolId};
use oxc::span::GetSpan;

use super::parse::bare;
use crate::names::PREFIX;

/// A program with its scopes.
pub(super) struct Analysis<'s, 'a> {
    pub text: &'a str,
    pub program: &'a Program<'a>,
    pub nodes: &'s AstNodes<'a>,
    pub scoping: &'s Scoping,
}

impl<'s, 'a> Analysis<'s, 'a> {
    pub fn new(text: &'a str, program: &'a Program<'a>, semantic: &'s Semantic<'a>) -> Self {
        Self { text, program, nodes: semantic.nodes(), scoping: semantic.scoping() }
    }

    /// Whether the name means a global: nothing declares it, or only a `declare`, which leaves nothing behind.
    pub fn is_free(&self, name: &IdentifierReference<'_>) -> bool {
        self.symbol(name).is_none_or(|symbol| self.is_ambient(symbol))
    }

    /// Whether the name is read or written when the program runs, and not only named in a type.
    pub fn is_value(&self, name: &IdentifierReference<'_>) -> bool {
        let flags = name.reference_id.get().map(|id| self.scoping.get_reference(id).flags());
        flags.is_none_or(|flags| flags.is_value() && !flags.is_value_as_type())
    }

    /// Whether the name is given a value here.
    pub fn is_assigned(&self, name: &IdentifierReference<'_>) -> bool {
        name.reference_id.get().is_some_and(|id| self.scoping.get_reference(id).flags().is_write_only())
    }

    /// What the name was declared as in this program.
    pub fn symbol(&self, name: &IdentifierReference<'_>) -> Option<SymbolId> {
        name.reference_id.get().and_then(|id| self.scoping.get_reference(id).symbol_id())
    }

    fn is_ambient(&self, symbol: SymbolId) -> bool {
        let others = self.scoping.symbol_redeclarations(symbol);
        self.scoping.symbol_flags(symbol).is_ambient() && others.iter().all(|other| other.flags.is_ambient())
            || !self.scoping.symbol_flags(symbol).is_value()
            || self.is_signature_only(symbol)
    }

    /// A function that was only given a signature: the model pasted a stub without `declare`.
    fn is_signature_only(&self, symbol: SymbolId) -> bool {
        use oxc::ast::AstKind;
        self.scoping.symbol_flags(symbol).is_function()
            && self
                .scoping
                .symbol_declarations(symbol)
                .all(|node| matches!(self.nodes.kind(node), AstKind::Function(function) if function.body.is_none()))
    }

    /// The call, if the expression is `external_*(…)` on the global function and nothing around it.
    pub fn external_call<'e>(&self, expression: &'e Expression<'a>) -> Option<&'e CallExpression<'a>> {
        let Expression::CallExpression(call) = bare(expression) else { return None };
        let Expression::Identifier(name) = bare(&call.callee) else { return None };
        (name.name.starts_with(PREFIX) && self.is_free(name)).then_some(call)
    }

    /// What `call` calls, as the program writes it.
    pub fn callee(&self, call: &CallExpression<'a>) -> String {
        let span = bare(&call.callee).span();
        let text = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        text.chars().take(80).collect()
    }
}
