//! A parsed and resolved program, and the questions that several passes ask about it.

use std::cell::RefCell;
use std::collections::HashMap;

use oxc::ast::AstKind;
use oxc::ast::ast::{CallExpression, Expression, IdentifierReference, Program};
use oxc::semantic::{AstNodes, NodeId, Scoping, Semantic, SymbolId};
use oxc::span::GetSpan;

use super::parse::bare;
use crate::names::PREFIX;

/// A program with its scopes.
pub(super) struct Analysis<'s, 'a> {
    pub text: &'a str,
    pub program: &'a Program<'a>,
    pub nodes: &'s AstNodes<'a>,
    pub scoping: &'s Scoping,
    /// Answers of [`is_ambient`](Self::is_ambient) about what is declared more than once.
    ambient: RefCell<HashMap<SymbolId, bool>>,
}

impl<'s, 'a> Analysis<'s, 'a> {
    pub fn new(text: &'a str, program: &'a Program<'a>, semantic: &'s Semantic<'a>) -> Self {
        Self { text, program, nodes: semantic.nodes(), scoping: semantic.scoping(), ambient: RefCell::default() }
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

    /// Whether nothing that declares the symbol leaves anything behind.
    fn is_ambient(&self, symbol: SymbolId) -> bool {
        let flags = self.scoping.symbol_flags(symbol);
        let others = self.scoping.symbol_redeclarations(symbol);
        if others.is_empty() {
            let signature = || flags.is_function() && self.is_signature(self.scoping.symbol_declaration(symbol));
            return flags.is_ambient() || !flags.is_value() || signature();
        }
        if !flags.is_value() {
            return true;
        }
        // As many uses as declarations: each is asked about once.
        *self.ambient.borrow_mut().entry(symbol).or_insert_with(|| {
            flags.is_ambient() && others.iter().all(|other| other.flags.is_ambient())
                || flags.is_function() && others.iter().all(|other| self.is_signature(other.declaration))
        })
    }

    /// A function that was only given a signature: the model pasted a stub without `declare`.
    fn is_signature(&self, declaration: NodeId) -> bool {
        matches!(self.nodes.kind(declaration), AstKind::Function(function) if function.body.is_none())
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
