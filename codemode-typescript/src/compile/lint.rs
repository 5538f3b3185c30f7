//! Lints: programs that are allowed but most likely do not do what was meant, nearly all of them a missing `await`.
//!
//! A lint never stops a run. It looks at one node and its parents, so it misses some mistakes; it must not report what
//! is correct.

use oxc::ast::AstKind;
use oxc::ast::ast::{
    ArrowFunctionBody, BindingPattern, CallExpression, Expression, IdentifierReference, VariableDeclarationKind,
    VariableDeclarator,
};
use oxc::semantic::{NodeId, SymbolId};
use oxc::span::{GetSpan, Span};
use oxc::syntax::operator::BinaryOperator;

use super::analysis::Analysis;
use super::diagnostic::{DiagnosticKind, Lint, Reporter};
use super::parse::bare;
use crate::names::PREFIX;

const PROMISE_MAKERS: [&str; 4] = ["all", "allSettled", "any", "race"];

/// What a promise has itself.
const PROMISE_MEMBERS: [&str; 4] = ["then", "catch", "finally", "constructor"];

/// Looks at one node; the program's result is the value of the statement `returned`.
pub(super) fn check<'a>(
    kind: AstKind<'a>,
    id: NodeId,
    analysis: &Analysis<'_, 'a>,
    returned: Option<Span>,
    reporter: &mut Reporter<'_>,
) {
    match kind {
        AstKind::CallExpression(call) => {
            if gives_promise(call, analysis) {
                unawaited(call, id, analysis, returned, reporter);
            }
            callback(call, analysis, reporter);
        }
        AstKind::VariableDeclarator(declarator) => {
            if let AstKind::VariableDeclaration(declaration) = analysis.nodes.parent_kind(id)
                && declaration.kind == VariableDeclarationKind::Const
            {
                stored(declarator, analysis, reporter);
            }
        }
        _ => {}
    }
}

/// Whether a call is known to return a promise: of a tool, of an async function of the program, of `Promise.all`
/// or alike.
fn gives_promise(call: &CallExpression<'_>, analysis: &Analysis<'_, '_>) -> bool {
    match bare(&call.callee) {
        Expression::Identifier(name) if analysis.is_free(name) => name.name.starts_with(PREFIX),
        Expression::Identifier(name) => analysis.symbol(name).is_some_and(|symbol| is_async_function(analysis, symbol)),
        Expression::StaticMemberExpression(member) => {
            matches!(bare(&member.object), Expression::Identifier(name) if name.name == "Promise" && analysis.is_free(name))
                && PROMISE_MAKERS.contains(&member.property.name.as_str())
        }
        _ => false,
    }
}

fn is_async_function(analysis: &Analysis<'_, '_>, symbol: SymbolId) -> bool {
    match analysis.nodes.kind(analysis.scoping.symbol_declaration(symbol)) {
        AstKind::Function(function) => function.r#async && !function.generator,
        AstKind::VariableDeclarator(declarator) if analysis.scoping.symbol_flags(symbol).is_const_variable() => {
            match declarator.init.as_ref().map(bare) {
                Some(Expression::ArrowFunctionExpression(arrow)) => arrow.r#async,
                Some(Expression::FunctionExpression(function)) => function.r#async && !function.generator,
                _ => false,
            }
        }
        _ => false,
    }
}

/// How a promise is used where its value must have been meant.
enum Misuse<'a> {
    Dropped(Span),
    Property(&'a str),
    Other(&'static str),
}

/// Finds out what happens to the promise of an expression.
fn misuse<'a>(analysis: &Analysis<'_, 'a>, id: NodeId, own: Span) -> Option<Misuse<'a>> {
    let mut inner = own;
    for kind in analysis.nodes.ancestor_kinds(id) {
        let found = match kind {
            AstKind::ParenthesizedExpression(_)
            | AstKind::TSAsExpression(_)
            | AstKind::TSSatisfiesExpression(_)
            | AstKind::TSNonNullExpression(_)
            | AstKind::TSTypeAssertion(_)
            | AstKind::ChainExpression(_) => {
                inner = kind.span();
                continue;
            }
            // The right side of `a && f()` is the value of the whole.
            AstKind::LogicalExpression(node) if node.right.span() == inner => {
                inner = node.span;
                continue;
            }
            AstKind::ConditionalExpression(node) if node.test.span() != inner => {
                inner = node.span;
                continue;
            }
            AstKind::ExpressionStatement(statement) => Misuse::Dropped(statement.span),
            AstKind::StaticMemberExpression(member) if member.object.span() == inner => {
                let name = member.property.name.as_str();
                if PROMISE_MEMBERS.contains(&name) {
                    return None;
                }
                Misuse::Property(name)
            }
            AstKind::ComputedMemberExpression(member) if member.object.span() == inner => Misuse::Other("indexed"),
            AstKind::TemplateLiteral(_) => Misuse::Other("put into a string"),
            AstKind::IfStatement(statement) if statement.test.span() == inner => Misuse::Other("used as a condition"),
            AstKind::BinaryExpression(node) if !asks_about(node.operator) => Misuse::Other("used as an operand"),
            AstKind::ForOfStatement(statement) if statement.right.span() == inner && !statement.r#await => {
                Misuse::Other("iterated over")
            }
            AstKind::ForInStatement(statement) if statement.right.span() == inner => Misuse::Other("iterated over"),
            AstKind::SpreadElement(_) => Misuse::Other("spread"),
            AstKind::VariableDeclarator(declarator) if is_destructuring(&declarator.id) => {
                Misuse::Other("destructured")
            }
            _ => return None,
        };
        return Some(found);
    }
    None
}

/// Operators with which a program may ask what a promise is.
fn asks_about(operator: BinaryOperator) -> bool {
    operator.is_equality() || matches!(operator, BinaryOperator::Instanceof | BinaryOperator::In)
}

fn is_destructuring(pattern: &BindingPattern<'_>) -> bool {
    matches!(pattern, BindingPattern::ObjectPattern(_) | BindingPattern::ArrayPattern(_))
}

fn unawaited<'a>(
    call: &CallExpression<'a>,
    id: NodeId,
    analysis: &Analysis<'_, 'a>,
    returned: Option<Span>,
    reporter: &mut Reporter<'_>,
) {
    let Some(misuse) = misuse(analysis, id, call.span) else { return };
    let callee = &analysis.callee(call);
    let (lint, message, hint) = match misuse {
        Misuse::Dropped(statement) if returned == Some(statement) => return,
        Misuse::Dropped(_) => (
            Lint::NotAwaited,
            format!(
                "the call of {callee} is not awaited: it may not happen before the program ends, and its error is lost"
            ),
            format!("write `await {callee}(…)`"),
        ),
        Misuse::Property(name) => (
            Lint::MissingAwait,
            format!("{callee} returns a promise, which has no property {name}"),
            format!("write `(await {callee}(…)).{name}`"),
        ),
        Misuse::Other(how) => (
            Lint::MissingAwait,
            format!("{callee} returns a promise, which is {how} here without being awaited"),
            format!("write `await {callee}(…)`"),
        ),
    };
    reporter.report(DiagnosticKind::Lint(lint), (call.span.start, call.span.end), message, Some(hint));
}

/// `const user = external_getUser(…); user.name`: the most frequent missing `await`.
fn stored<'a>(declarator: &VariableDeclarator<'a>, analysis: &Analysis<'_, 'a>, reporter: &mut Reporter<'_>) {
    let Some(Expression::CallExpression(call)) = declarator.init.as_ref().map(bare) else { return };
    let what = match gives_promise(call, analysis) {
        true => Stored::Promise,
        false if is_map_of_promises(call, analysis) => Stored::Promises,
        false => return,
    };
    let Some(id) = declarator.id.get_binding_identifier() else { return };
    let Some(symbol) = id.symbol_id.get() else { return };
    for reference in analysis.scoping.get_resolved_references(symbol).filter(|one| one.flags().is_value()) {
        let node = reference.node_id();
        let AstKind::IdentifierReference(name) = analysis.nodes.kind(node) else { continue };
        let how = match (misuse(analysis, node, name.span), what) {
            (Some(Misuse::Property(property)), Stored::Promise) => format!("has no property {property}"),
            (Some(Misuse::Property(property)), Stored::Promises) if VALUE_METHODS.contains(&property) => {
                format!("{property} does not wait for")
            }
            (Some(Misuse::Other(how)), Stored::Promise) => format!("is {how} here without being awaited"),
            _ => continue,
        };
        match what {
            Stored::Promise => report_stored(name, &analysis.callee(call), &how, reporter),
            Stored::Promises => reporter.report(
                DiagnosticKind::Lint(Lint::MissingAwait),
                (name.span.start, name.span.end),
                format!("{} is an array of promises, which {how}", name.name),
                Some(format!("write `const {} = await Promise.all(…)` around the map", name.name)),
            ),
        }
        return;
    }
}

#[derive(Clone, Copy)]
enum Stored {
    Promise,
    Promises,
}

/// Methods of arrays that make sense of values only.
const VALUE_METHODS: [&str; 6] = ["join", "filter", "sort", "reduce", "includes", "find"];

/// `xs.map(async …)`, or a map to calls of tools.
fn is_map_of_promises(call: &CallExpression<'_>, analysis: &Analysis<'_, '_>) -> bool {
    let Expression::StaticMemberExpression(member) = bare(&call.callee) else { return false };
    let callback = call.arguments.first().and_then(|argument| argument.as_expression());
    member.property.name == "map" && callback.is_some_and(|callback| is_async_callback(callback, analysis))
}

fn is_async_callback(callback: &Expression<'_>, analysis: &Analysis<'_, '_>) -> bool {
    match bare(callback) {
        Expression::ArrowFunctionExpression(arrow) => {
            let expression = match &arrow.body {
                ArrowFunctionBody::FunctionBody(_) => None,
                other => other.as_expression(),
            };
            arrow.r#async || expression.is_some_and(|expression| analysis.external_call(expression).is_some())
        }
        Expression::FunctionExpression(function) => function.r#async,
        _ => false,
    }
}

fn report_stored(name: &IdentifierReference<'_>, callee: &str, how: &str, reporter: &mut Reporter<'_>) {
    reporter.report(
        DiagnosticKind::Lint(Lint::MissingAwait),
        (name.span.start, name.span.end),
        format!("{} is the promise that {callee} returned, which {how}", name.name),
        Some(format!("write `const {} = await {callee}(…)`", name.name)),
    );
}

/// `xs.forEach(async x => …)` starts everything and waits for nothing; to `filter` every promise counts as true.
fn callback<'a>(call: &CallExpression<'a>, analysis: &Analysis<'_, 'a>, reporter: &mut Reporter<'_>) {
    let Expression::StaticMemberExpression(member) = bare(&call.callee) else { return };
    let Some(callback) = call.arguments.first().and_then(|argument| argument.as_expression()) else { return };
    let method = member.property.name.as_str();
    let (message, hint) = match method {
        "forEach" => (
            "forEach does not wait for its callback: the program may end before the calls are done".to_owned(),
            "use `for (const x of xs) { await … }`, or `await Promise.all(xs.map(async (x) => …))`",
        ),
        "filter" | "some" | "every" | "find" | "findIndex" | "findLast" => (
            format!("{method} does not wait for its callback: a promise counts as true"),
            "get the values first: `const values = await Promise.all(xs.map(async (x) => …))`",
        ),
        _ => return,
    };
    if is_async_callback(callback, analysis) {
        let span = (member.property.span.start, member.property.span.end);
        reporter.report(DiagnosticKind::Lint(Lint::ForEachAsync), span, message, Some(hint.to_owned()));
    }
}
