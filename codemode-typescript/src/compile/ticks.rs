//! Ticks at the head of every loop and function, for engines that nothing else can stop.
//!
//! A program that runs for ever passes one of these places for ever, unless it stands in a native function. What a tick
//! costs is the engine's affair; the others get programs without.

use oxc::ast::AstKind;
use oxc::ast::ast::Statement;
use oxc::span::{GetSpan, Span};

use super::edit::Place;
use super::rewrite::Rewrite;

/// Puts a call of `tick` into one node, if it is a loop or a function.
pub(super) fn insert(kind: AstKind<'_>, tick: &str, rewrite: &mut Rewrite<'_>) {
    match kind {
        AstKind::DoWhileStatement(node) => in_loop(&node.body, tick, rewrite),
        AstKind::WhileStatement(node) => in_loop(&node.body, tick, rewrite),
        AstKind::ForStatement(node) => in_loop(&node.body, tick, rewrite),
        AstKind::ForInStatement(node) => in_loop(&node.body, tick, rewrite),
        AstKind::ForOfStatement(node) => in_loop(&node.body, tick, rewrite),
        AstKind::Function(node) => {
            if let Some(body) = &node.body {
                in_block(body.span, tick, rewrite);
            }
        }
        AstKind::ArrowFunctionExpression(node) => match node.get_expression() {
            Some(expression) => in_expression(expression.span(), tick, rewrite),
            None => in_block(node.body.span(), tick, rewrite),
        },
        _ => {}
    }
}

fn in_loop(body: &Statement<'_>, tick: &str, rewrite: &mut Rewrite<'_>) {
    let span = body.span();
    if let Statement::BlockStatement(_) = body {
        return in_block(span, tick, rewrite);
    }
    rewrite.code.insert(span.start, Place::BeforeOuter, format!("{{{tick}();"));
    rewrite.code.insert(span.end, Place::AfterStatement, "}");
}

/// A directive that comes to stand behind the tick has no effect any more: the whole program is strict as it is.
fn in_block(span: Span, tick: &str, rewrite: &mut Rewrite<'_>) {
    rewrite.code.insert(span.start + 1, Place::BeforeOuter, format!("{tick}();"));
}

fn in_expression(span: Span, tick: &str, rewrite: &mut Rewrite<'_>) {
    rewrite.code.insert(span.start, Place::BeforeInner, format!("({tick}(),"));
    rewrite.code.insert(span.end, Place::AfterInner, ")");
}
