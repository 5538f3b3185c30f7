//! Changes what engines read differently: `<!--`, which begins a comment in scripts, line breaks beyond ASCII, NUL, and the
//! keys of a text.
//!
//! The model writes module text, and engines are given a script: without this, `a<!--b` would lose the rest of its line.

use oxc::ast::AstKind;
use oxc::ast::ast::{BinaryOperator, Expression};
use oxc::span::{GetSpan, Span};

use super::analysis::Analysis;
use super::edit::Place;
use super::rewrite::Rewrite;

/// Changes one node, if it needs it.
pub(super) fn check(kind: AstKind<'_>, rewrite: &mut Rewrite<'_>) {
    if let AstKind::ForInStatement(node) = kind
        && !matches!(node.right, Expression::ObjectExpression(_) | Expression::ArrayExpression(_))
    {
        let span = node.right.span();
        rewrite.code.insert(span.start, Place::BeforeInner, WHOLE);
        rewrite.code.insert(span.end, Place::AfterInner, "))");
    }
    if let AstKind::BinaryExpression(node) = kind
        && node.operator == BinaryOperator::LessThan
        && let Some(at) = node.right.span().start.checked_sub(1)
        && rewrite.text.get(at as usize..).is_some_and(|text| text.starts_with("<!--"))
    {
        rewrite.code.insert(at + 1, Place::BeforeOuter, " ");
    }
}

/// Gives all engines the same lines and letters: QuickJS does not count U+2028 and U+2029 as line breaks, V8 does; and
/// some take a text only up to its first NUL.
pub(super) fn characters(analysis: &Analysis<'_, '_>, rewrite: &mut Rewrite<'_>) {
    let odd = |c: char| matches!(c, '\u{2028}' | '\u{2029}' | '\0');
    if !analysis.text.contains(odd) {
        return;
    }
    let mut literals: Vec<(Span, bool)> = Vec::new();
    for node in analysis.nodes.iter() {
        match node.kind() {
            AstKind::StringLiteral(literal) => literals.push((literal.span, true)),
            AstKind::RegExpLiteral(literal) => literals.push((literal.span, true)),
            AstKind::TemplateElement(element) => {
                let mut parents = analysis.nodes.ancestor_kinds(node.id()).skip(1);
                let tagged = matches!(parents.next(), Some(AstKind::TaggedTemplateExpression(_)));
                literals.push((element.span, !tagged));
            }
            _ => {}
        }
    }
    literals.sort_by_key(|(span, _)| span.start);
    for (at, c) in analysis.text.char_indices().filter(|(_, c)| odd(*c)) {
        let index = literals.partition_point(|(span, _)| span.start as usize <= at);
        let literal =
            index.checked_sub(1).and_then(|index| literals.get(index)).filter(|(span, _)| at < span.end as usize);
        let backslashes = analysis.text.as_bytes().iter().take(at).rev().take_while(|byte| **byte == b'\\').count();
        let escaped = backslashes % 2 == 1;
        let text = match literal {
            // A backslash in front of it does not change what it is.
            Some(_) if c == '\0' && escaped => "x00".to_owned(),
            Some(_) if c == '\0' => "\\x00".to_owned(),
            // With one in front of it the text goes on in the next line.
            Some((_, true)) if escaped => "\n".to_owned(),
            Some((_, true)) => format!("\\u{:04x}", c as u32),
            // A tag sees how its text was written.
            Some((_, false)) => continue,
            None if c == '\0' => " ".to_owned(),
            None => "\n  ".to_owned(),
        };
        rewrite.code.replace(at as u32, (at + c.len_utf8()) as u32, text);
    }
}

/// A function that is called with what stands behind it, which may have commas.
///
/// QuickJS puts a text together only when it is needed as a whole, and `for...in` ends the process if there is no memory for
/// that. The name of a property is a place where it ends the program.
const WHOLE: &str = "((v)=>(typeof v===\"string\"&&v in{},v))((";
