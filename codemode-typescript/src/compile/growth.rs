//! Bounds what the printer makes of enums and namespaces before it makes it.
//!
//! Each member repeats the name of its enum, and the value of a constant member is written out wherever it is used:
//! `A = "x", B = A + A, C = B + B` doubles with each member, in a text of a few hundred bytes.

use std::collections::HashMap;

use oxc::ast::AstKind;
use oxc::ast::ast::{Expression, TSEnumDeclaration, TSEnumMemberName};
use oxc::span::Span;

use super::analysis::Analysis;
use super::diagnostic::{DiagnosticKind, Reporter};

/// Refuses a program whose enums and namespaces would make a script of more than about `most` bytes.
pub(super) fn check(analysis: &Analysis<'_, '_>, most: u64, reporter: &mut Reporter<'_>) {
    let mut growth = Growth::default();
    for node in analysis.nodes.iter() {
        let kind = node.kind();
        if let Some(span) = growth.note(kind)
            && growth.total > most
        {
            let message = format!("The enums and namespaces up to here would make a script of more than {most} bytes");
            let hint = "give them shorter names, build long strings when the program runs, or use plain objects";
            return reporter.report(DiagnosticKind::TooLarge, (span.start, span.end), message, Some(hint.to_owned()));
        }
    }
}

#[derive(Default)]
struct Growth<'a> {
    /// Bytes of names and values, without what each construct takes anyway.
    total: u64,
    /// The enums and namespaces around: where they end, and the length of their names.
    around: Vec<(u32, u64)>,
    /// Lengths of all the names around.
    names: u64,
    /// Upper bounds of the values of members, by their names.
    values: HashMap<&'a str, u64>,
}

impl<'a> Growth<'a> {
    /// Adds what one node makes; the place to report, if it made anything.
    fn note(&mut self, kind: AstKind<'a>) -> Option<Span> {
        let span = match kind {
            AstKind::TSEnumDeclaration(node) => node.span,
            AstKind::TSNamespaceDeclaration(node) => node.span,
            AstKind::BindingIdentifier(node) if !self.around.is_empty() => node.span,
            AstKind::IdentifierReference(node) if !self.around.is_empty() => node.span,
            _ => return None,
        };
        while let Some((_, name)) = self.around.pop_if(|(end, _)| *end <= span.start) {
            self.names -= name;
        }
        match kind {
            AstKind::TSEnumDeclaration(node) => {
                self.members(node);
                self.enter(node.span, node.id.name.len());
            }
            AstKind::TSNamespaceDeclaration(node) => self.enter(node.span, node.id.name.len()),
            // `export const a = 1` becomes `const a = N.a = 1`, and `B = a` becomes `E["B"] = E.a`.
            _ if self.names > 0 => self.add(self.names + 2 * u64::from(span.size())),
            _ => return None,
        }
        Some(span)
    }

    fn enter(&mut self, span: Span, name: usize) {
        self.add(8 * (self.names + name as u64));
        self.around.push((span.end, name as u64));
        self.names += name as u64;
    }

    /// `E[E["A"] = 0] = "A"` for each member.
    fn members(&mut self, node: &TSEnumDeclaration<'a>) {
        for member in &node.body.members {
            let name = match &member.id {
                TSEnumMemberName::Identifier(name) => name.name.as_str(),
                TSEnumMemberName::String(name) | TSEnumMemberName::ComputedString(name) => name.value.as_str(),
                TSEnumMemberName::ComputedTemplateString(_) => "",
            };
            self.add(2 * (node.id.name.len() + name.len()) as u64);
            if let Some(initializer) = &member.initializer {
                let value = self.value(initializer);
                let known = self.values.entry(name).or_default();
                *known = value.max(*known);
            }
        }
    }

    /// An upper bound of the length of a constant. Each step of its evaluation makes a text of its own.
    fn value(&mut self, expression: &Expression<'a>) -> u64 {
        let value = match expression {
            Expression::StringLiteral(literal) => literal.value.len() as u64,
            Expression::TemplateLiteral(template) => {
                let texts: u64 = template.quasis.iter().map(|text| text.value.raw.len() as u64).sum();
                let inner = template.expressions.iter().map(|inner| self.value(inner));
                inner.fold(texts, u64::saturating_add)
            }
            Expression::ParenthesizedExpression(inner) => return self.value(&inner.expression),
            Expression::UnaryExpression(unary) => self.value(&unary.argument),
            Expression::BinaryExpression(binary) => self.value(&binary.left).saturating_add(self.value(&binary.right)),
            Expression::Identifier(name) => self.known(name.name.as_str()),
            Expression::StaticMemberExpression(member) => self.known(member.property.name.as_str()),
            Expression::ComputedMemberExpression(member) => match &member.expression {
                Expression::StringLiteral(name) => self.known(name.value.as_str()),
                _ => NUMBER,
            },
            _ => NUMBER,
        };
        self.add(value);
        value
    }

    fn known(&self, name: &str) -> u64 {
        self.values.get(name).copied().unwrap_or(0).max(NUMBER)
    }

    fn add(&mut self, bytes: u64) {
        self.total = self.total.saturating_add(bytes);
    }
}

/// The longest text of a number.
const NUMBER: u64 = 32;
