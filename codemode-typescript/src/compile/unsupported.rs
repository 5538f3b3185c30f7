//! Refuses what parses but cannot run here, and reads off what the top level of a program does.

use oxc::ast::AstKind;
use oxc::ast::ast::AccessorPropertyType;
use oxc::diagnostics::OxcDiagnostic;
use oxc::span::{GetSpan, Span};

use super::analysis::Analysis;
use super::diagnostic::{DiagnosticKind, Reporter};
use super::free_names::no_modules_hint;
use super::nesting::{Limit, MAX_CHAIN, MAX_NESTING, TooDeep};
use super::options::CompileOptions;
use super::position::{Step, trace};

/// Facts about the code outside of all functions.
#[derive(Debug, Default)]
pub(super) struct TopLevel {
    /// Whether it returns.
    pub returns: bool,
    /// Whether it mentions `this`, which is the global object there.
    pub this: bool,
    functions_to: u32,
    own_this_to: u32,
}

impl TopLevel {
    /// Reads them off all nodes, which come in the order of the text, outer before inner.
    pub fn of(analysis: &Analysis<'_, '_>) -> Self {
        let mut top = Self::default();
        analysis.nodes.iter().for_each(|node| top.note(node.kind()));
        top
    }

    fn note(&mut self, kind: AstKind<'_>) {
        match kind {
            AstKind::Function(_) | AstKind::StaticBlock(_) => {
                let end = kind.span().end;
                self.functions_to = self.functions_to.max(end);
                self.own_this_to = self.own_this_to.max(end);
            }
            AstKind::PropertyDefinition(property) => self.own_this_to = self.own_this_to.max(property.span.end),
            AstKind::ArrowFunctionExpression(arrow) => self.functions_to = self.functions_to.max(arrow.span.end),
            AstKind::ReturnStatement(statement) => self.returns |= statement.span.start >= self.functions_to,
            AstKind::ThisExpression(this) => self.this |= this.span.start >= self.own_this_to,
            _ => {}
        }
    }
}

/// Refuses one node, if it cannot run here.
pub(super) fn check(kind: AstKind<'_>, options: &CompileOptions<'_>, reporter: &mut Reporter<'_>) {
    let (span, message, hint): (Span, &str, String) = match kind {
        AstKind::Decorator(node) => {
            (node.span, "Decorators are not supported in this sandbox", "call the decorating function yourself".into())
        }
        AstKind::AccessorProperty(node) if node.r#type == AccessorPropertyType::AccessorProperty => {
            let hint = "write a private field with a getter and a setter";
            (node.key.span(), "`accessor` fields are not supported in this sandbox", hint.into())
        }
        AstKind::ImportExpression(node) => {
            let message = "`import()` does not work here: there are no modules in the sandbox";
            (node.span, message, no_modules_hint(options.external_names))
        }
        AstKind::ImportMeta(node) => {
            let message = "`import.meta` does not work here: there are no modules in the sandbox";
            (node.span, message, "remove it".into())
        }
        _ => return,
    };
    reporter.report(DiagnosticKind::Unsupported, (span.start, span.end), message, Some(hint));
}

/// Refuses assignments to constants, which throw when they are reached.
pub(super) fn constants(analysis: &Analysis<'_, '_>, reporter: &mut Reporter<'_>) {
    let scoping = analysis.scoping;
    let constants = scoping.symbol_ids().filter(|symbol| scoping.symbol_flags(*symbol).is_const_variable());
    for symbol in constants {
        if reporter.is_full(DiagnosticKind::Syntax) {
            break;
        }
        let Some(written) = scoping.get_resolved_references(symbol).find(|reference| reference.flags().is_write())
        else {
            continue;
        };
        let span = analysis.nodes.kind(written.node_id()).span();
        let name = scoping.symbol_name(symbol);
        let line = reporter.line(scoping.symbol_span(symbol).start);
        let hint = format!("declare it with `let` in line {line}");
        let message = format!("`{name}` is a constant: it cannot be assigned again");
        reporter.report(DiagnosticKind::Syntax, (span.start, span.end), message, Some(hint));
    }
}

/// Reports a program that nests too deeply to be parsed.
pub(super) fn report_depth(deep: TooDeep, reporter: &mut Reporter<'_>) {
    let message = match deep.limit {
        Limit::Brackets => format!("The program nests brackets more than {MAX_NESTING} levels deep here"),
        Limit::Operators => format!("One expression or statement has more than {MAX_CHAIN} operators here"),
        Limit::Rereads => "The program opens too many `(`, `<`, `?` or blocks inside one another up to here".to_owned(),
    };
    let hint = "split it into statements; build large values with a loop, or fetch them with an external_* function";
    reporter.report(DiagnosticKind::TooLarge, (deep.offset, deep.offset), message, Some(hint.to_owned()));
}

/// Reports what the transformer cannot turn into JavaScript; its offsets lead back through `steps`.
pub(super) fn report_untransformed(errors: &[OxcDiagnostic], steps: &[Step], reporter: &mut Reporter<'_>) {
    for error in errors {
        if reporter.is_full(DiagnosticKind::Unsupported) {
            break;
        }
        let at = error.labels.first().map_or(0, |label| label.offset());
        let at = trace(steps, at).unwrap_or(0);
        // The transformer's own words name its maker and link to its manual.
        let (message, hint) = if error.message.contains("Namespaces exporting non-const") {
            (
                "A namespace may export only constants, functions and classes here",
                "use `export const`, or a plain object",
            )
        } else {
            (error.message.as_ref(), "write it in plain JavaScript")
        };
        reporter.report(DiagnosticKind::Unsupported, (at, at), message, Some(hint.to_owned()));
    }
}
