//! Erases TypeScript by overwriting it with spaces, so that every offset, line and column stays the model's.
//!
//! A blank is not always neutral: where the erased text had ended a statement, opened one, or kept two operators apart,
//! a `;`, `(` or `)` takes the place of one of its characters. What has a value at run time (`enum`, `namespace`,
//! parameter properties) cannot be blanked and sets [`Rewrite::needs_printer`].

use oxc::ast::AstKind;
use oxc::ast::ast::{
    AccessorPropertyType, ArrowFunctionExpression, BinaryExpression, Class, Expression, FormalParameter, Function,
    MethodDefinition, MethodDefinitionType, PropertyDefinition, PropertyDefinitionType, PropertyKey, TSModuleReference,
    TSThisParameter, TSTypeAssertion,
};
use oxc::semantic::{AstNodes, NodeId};
use oxc::span::{GetSpan, Span};
use oxc::syntax::precedence::{GetPrecedence, Precedence};

use super::edit::Place;
use super::lexical::{skip_trivia, token_at};
use super::rewrite::Rewrite;

/// Erases what is TypeScript about one node; the nodes come in the order of the text.
pub(super) fn erase(rewrite: &mut Rewrite<'_>, kind: AstKind<'_>, id: NodeId, nodes: &AstNodes<'_>) {
    match kind {
        AstKind::TSTypeAnnotation(node) => rewrite.erase(node.span),
        AstKind::TSTypeParameterInstantiation(node) => rewrite.erase(node.span),
        AstKind::TSTypeParameterDeclaration(node) => rewrite.erase(node.span),
        AstKind::TSTypeAliasDeclaration(node) => rewrite.erase_whole(node.span),
        AstKind::TSInterfaceDeclaration(node) => rewrite.erase_whole(node.span),
        AstKind::TSGlobalDeclaration(node) => rewrite.erase_whole(node.span),
        AstKind::TSExternalModuleDeclaration(node) => rewrite.erase_whole(node.span),
        AstKind::TSIndexSignature(node) => rewrite.erase_whole(node.span),
        AstKind::TSEnumDeclaration(node) if node.declare => rewrite.erase_whole(node.span),
        AstKind::TSNamespaceDeclaration(node) if node.declare => rewrite.erase_whole(node.span),
        AstKind::VariableDeclaration(node) if node.declare => rewrite.erase_whole(node.span),
        AstKind::TSEnumDeclaration(_) | AstKind::TSNamespaceDeclaration(_) => rewrite.needs_printer = true,
        AstKind::TSImportEqualsDeclaration(node) => match node.module_reference {
            _ if node.import_kind.is_type() => rewrite.erase_whole(node.span),
            // Refused elsewhere.
            TSModuleReference::ExternalModuleReference(_) => {}
            _ => rewrite.needs_printer = true,
        },
        AstKind::Class(node) => class(rewrite, node),
        AstKind::MethodDefinition(node) => method(rewrite, node),
        AstKind::PropertyDefinition(node) => property(rewrite, node),
        AstKind::AccessorProperty(node) if node.r#type == AccessorPropertyType::TSAbstractAccessorProperty => {
            rewrite.erase_whole(node.span);
        }
        AstKind::Function(node) => function(rewrite, node, nodes.parent_kind(id)),
        AstKind::ArrowFunctionExpression(node) => arrow(rewrite, node),
        AstKind::TSThisParameter(node) => this_parameter(rewrite, node),
        AstKind::FormalParameter(node) => parameter(rewrite, node),
        AstKind::VariableDeclarator(node) if node.definite => {
            rewrite.erase_mark(node.id.span().end, b'!', None);
        }
        AstKind::TSAsExpression(node) => type_operator(rewrite, &node.expression, node.span, id, nodes),
        AstKind::TSSatisfiesExpression(node) => type_operator(rewrite, &node.expression, node.span, id, nodes),
        AstKind::TSNonNullExpression(node) => rewrite.types.blank(node.expression.span().end, node.span.end),
        AstKind::TSTypeAssertion(node) => type_assertion(rewrite, node),
        AstKind::BinaryExpression(node) => binary(rewrite, node),
        _ => {}
    }
}

fn class(rewrite: &mut Rewrite<'_>, node: &Class<'_>) {
    if node.declare {
        return rewrite.erase_whole(node.span);
    }
    let mut keyword = rewrite.skip(node.span.start);
    while node.r#abstract && token_at(rewrite.text, keyword as usize) == "abstract" {
        rewrite.types.blank(keyword, keyword + 8);
        keyword = rewrite.skip(keyword + 8);
    }
    if let Some(last) = node.implements.last() {
        let heritage = node.heritage.as_ref();
        let before = [
            Some(keyword + 5),
            node.id.as_ref().map(|id| id.span.end),
            node.type_parameters.as_ref().map(|parameters| parameters.span.end),
            heritage.map(|heritage| heritage.expression.span().end),
            heritage.and_then(|heritage| heritage.type_arguments.as_ref()).map(|arguments| arguments.span.end),
        ];
        let start = before.into_iter().flatten().max().unwrap_or(node.span.start);
        rewrite.types.blank(start, last.span.end);
    }
}

/// Erases `public`, `readonly` and their like in front of a member's key. A `;` takes the place of the first of them: a
/// field before it without one of its own would go on with `[key]`, `*key` or `in`.
fn modifiers(rewrite: &mut Rewrite<'_>, start: u32, key: &PropertyKey<'_>) {
    let mut at = rewrite.skip(start);
    while at < key.span().start {
        let word = token_at(rewrite.text, at as usize);
        let end = at + word.len() as u32;
        match word {
            "public" | "private" | "protected" | "override" | "readonly" | "abstract" | "declare" => {
                if at == start {
                    rewrite.types.blank_first(at, end, ';');
                } else {
                    rewrite.types.blank(at, end);
                }
            }
            "static" | "async" | "get" | "set" | "accessor" => {}
            _ => return,
        }
        at = rewrite.skip(end);
    }
}

/// Where a member's key ends, the bracket of a computed one included.
fn key_end(rewrite: &Rewrite<'_>, key: &PropertyKey<'_>, computed: bool) -> u32 {
    let end = key.span().end;
    if computed { rewrite.skip(end) + 1 } else { end }
}

fn method(rewrite: &mut Rewrite<'_>, node: &MethodDefinition<'_>) {
    if node.r#type == MethodDefinitionType::TSAbstractMethodDefinition || node.value.body.is_none() {
        return rewrite.erase_whole(node.span);
    }
    modifiers(rewrite, node.span.start, &node.key);
    if node.optional {
        let end = key_end(rewrite, &node.key, node.computed);
        rewrite.erase_mark(end, b'?', None);
    }
}

fn property(rewrite: &mut Rewrite<'_>, node: &PropertyDefinition<'_>) {
    if node.declare || node.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition {
        return rewrite.erase_whole(node.span);
    }
    modifiers(rewrite, node.span.start, &node.key);
    // Without its type a field named `get` or `static` would take the next member for its own.
    let end_of_field = node.value.is_none().then_some(';');
    let end = key_end(rewrite, &node.key, node.computed);
    let marked = (node.optional && rewrite.erase_mark(end, b'?', end_of_field))
        || (node.definite && rewrite.erase_mark(end, b'!', end_of_field));
    if let (false, Some(semicolon), Some(annotation)) = (marked, end_of_field, &node.type_annotation) {
        rewrite.types.blank_first(annotation.span.start, annotation.span.end, semicolon);
    }
}

fn function(rewrite: &mut Rewrite<'_>, node: &Function<'_>, parent: AstKind<'_>) {
    let is_member = matches!(parent, AstKind::MethodDefinition(_));
    if node.declare || (node.body.is_none() && !is_member) {
        rewrite.erase_whole(node.span);
    }
}

/// No line break may stand between an arrow function's parts `async`, `(…)` and `=>`: a multi-line type leaves one behind.
fn arrow(rewrite: &mut Rewrite<'_>, node: &ArrowFunctionExpression<'_>) {
    let parameters = node.params.span;
    if let Some(types) = &node.type_parameters
        && rewrite.has_line_break(types.span.start, parameters.start)
    {
        rewrite.types.blank_first(types.span.start, types.span.end, '(');
        rewrite.types.blank(parameters.start, parameters.start + 1);
    }
    if let Some(result) = &node.return_type
        && rewrite.has_line_break(parameters.end, result.span.end)
    {
        rewrite.types.blank(parameters.end - 1, parameters.end);
        rewrite.types.blank_last(result.span.start, result.span.end, ')');
    }
}

fn this_parameter(rewrite: &mut Rewrite<'_>, node: &TSThisParameter<'_>) {
    let comma = rewrite.skip(node.span.end);
    let has_comma = rewrite.text.as_bytes().get(comma as usize) == Some(&b',');
    rewrite.erase(Span::new(node.span.start, if has_comma { comma + 1 } else { node.span.end }));
}

fn parameter(rewrite: &mut Rewrite<'_>, node: &FormalParameter<'_>) {
    if node.accessibility.is_some() || node.readonly || node.r#override {
        rewrite.needs_printer = true;
    }
    if node.optional {
        rewrite.erase_mark(node.pattern.span().end, b'?', None);
    }
}

/// Erases `as T` and `satisfies T`. A type ends a statement where an expression would go on in the next line.
fn type_operator(rewrite: &mut Rewrite<'_>, inner: &Expression<'_>, span: Span, id: NodeId, nodes: &AstNodes<'_>) {
    rewrite.types.blank(rewrite.skip(inner.span().end), span.end);
    let next = token_at(rewrite.text, skip_trivia(rewrite.text, span.end as usize));
    if !matches!(next, "(" | "[" | "`" | "/" | "+" | "-" | "*" | "<" | "in" | "instanceof") {
        return;
    }
    let ended = nodes.ancestor_kinds(id).take_while(|kind| kind.span().end == span.end).any(|kind| {
        matches!(
            kind,
            AstKind::ExpressionStatement(_)
                | AstKind::VariableDeclaration(_)
                | AstKind::ReturnStatement(_)
                | AstKind::ThrowStatement(_)
                | AstKind::PropertyDefinition(_)
                | AstKind::ExportDefaultDeclaration(_)
        )
    });
    if ended {
        rewrite.types.insert(span.end, Place::AfterStatement, ";");
    }
}

/// `<T>x` becomes `(x)`: bare, `return <T>\n x` would return nothing and `() => <T>{}` would be a block.
fn type_assertion(rewrite: &mut Rewrite<'_>, node: &TSTypeAssertion<'_>) {
    let close = rewrite.skip(node.type_annotation.span().end);
    rewrite.types.blank_first(node.span.start, close + 1, '(');
    rewrite.types.insert(node.span.end, Place::AfterInner, ")");
    rewrite.erased_to = rewrite.erased_to.max(close + 1);
}

/// Behind a type operator the parser may take a looser operand to the left of a tighter operator, as in
/// `a | b as T ** c`; plain JavaScript needs parentheses around it, which could join it to the line before.
fn binary(rewrite: &mut Rewrite<'_>, node: &BinaryExpression<'_>) {
    let mut inner = &node.left;
    loop {
        inner = match inner {
            Expression::TSAsExpression(operator) => &operator.expression,
            Expression::TSSatisfiesExpression(operator) => &operator.expression,
            _ => break,
        };
    }
    let own = node.operator.precedence();
    let looser = match inner {
        Expression::BinaryExpression(left) => left.operator.precedence() < own || own == Precedence::Exponentiation,
        Expression::LogicalExpression(_) => true,
        Expression::PrivateInExpression(_) => Precedence::Compare < own,
        Expression::UnaryExpression(_) | Expression::AwaitExpression(_) => own == Precedence::Exponentiation,
        _ => false,
    };
    rewrite.needs_printer |= looser;
}
