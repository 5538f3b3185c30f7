//! Erases TypeScript by overwriting it with spaces, so that every offset, line and column stays the model's.
//!
//! A blank is not always neutral: where the erased text had ended a statement, opened one, or kept two operators apart,
//! a `;`, `(` or `)` takes the place of one of its characters. What has a value at run time (`enum`, `namespace`,
//! parameter properties) cannot be blanked and sets [`Draft::needs_printer`].

use oxc::ast::AstKind;
use oxc::ast::ast::{
    AccessorPropertyType, ArrowFunctionExpression, BinaryExpression, Class, Expression, FormalParameter, Function,
    MethodDefinition, MethodDefinitionType, PropertyDefinition, PropertyDefinitionType, PropertyKey, TSModuleReference,
    TSThisParameter, TSTypeAssertion,
};
use oxc::semantic::{AstNodes, NodeId};
use oxc::span::{GetSpan, Span};
use oxc::syntax::precedence::{GetPrecedence, Precedence};

use super::edit::{Edits, Place};
use super::lexical::{skip_trivia, token_at};

/// The changes to one program while they are collected.
pub(super) struct Draft<'a> {
    /// The text that was parsed.
    pub text: &'a str,
    /// Erasures of types: carried out on the text itself, unless it is printed anew.
    pub types: Edits,
    /// All other changes: carried out in any case.
    pub code: Edits,
    /// Whether there is TypeScript that only the transformer can turn into JavaScript.
    pub needs_printer: bool,
    /// Everything before this offset that is not yet visited lies in erased text.
    erased_to: u32,
    /// Statements dropped before the visit, in the order of the text.
    dropped: Vec<Span>,
}

impl<'a> Draft<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            types: Edits::default(),
            code: Edits::default(),
            needs_printer: false,
            erased_to: 0,
            dropped: Vec::new(),
        }
    }

    /// Whether a node that begins here belongs to a type or declaration that is erased.
    pub fn is_erased(&self, span: Span) -> bool {
        let last = self.dropped.partition_point(|dropped| dropped.start <= span.start).checked_sub(1);
        span.start < self.erased_to || last.is_some_and(|index| span.start < self.dropped[index].end)
    }

    /// Erases what is visited next, so that nothing inside it counts as code.
    fn erase(&mut self, span: Span) {
        self.types.blank(span.start, span.end);
        self.erased_to = self.erased_to.max(span.end);
    }

    /// Erases a statement or class member. The `;` keeps what stands before and after it apart.
    fn erase_whole(&mut self, span: Span) {
        self.types.blank_first(span.start, span.end, ';');
        self.erased_to = self.erased_to.max(span.end);
    }

    /// As `erase_whole`, also when the program is printed anew; called for statements in their order, before the visit.
    pub fn drop_statement(&mut self, span: Span) {
        self.code.blank_first(span.start, span.end, ';');
        self.dropped.push(span);
    }

    fn skip(&self, at: u32) -> u32 {
        skip_trivia(self.text, at as usize) as u32
    }

    fn has_line_break(&self, start: u32, end: u32) -> bool {
        self.text.get(start as usize..end as usize).is_some_and(|text| text.contains(super::position::is_line_break))
    }

    /// Erases the mark (`?` or `!`) that follows `at`, if one does; true when it did.
    fn erase_mark(&mut self, at: u32, mark: u8, first: Option<char>) -> bool {
        let at = self.skip(at);
        if self.text.as_bytes().get(at as usize) != Some(&mark) {
            return false;
        }
        match first {
            Some(first) => self.types.blank_first(at, at + 1, first),
            None => self.types.blank(at, at + 1),
        }
        true
    }
}

/// Erases what is TypeScript about one node; the nodes come in the order of the text.
pub(super) fn erase(draft: &mut Draft<'_>, kind: AstKind<'_>, id: NodeId, nodes: &AstNodes<'_>) {
    match kind {
        AstKind::TSTypeAnnotation(node) => draft.erase(node.span),
        AstKind::TSTypeParameterInstantiation(node) => draft.erase(node.span),
        AstKind::TSTypeParameterDeclaration(node) => draft.erase(node.span),
        AstKind::TSTypeAliasDeclaration(node) => draft.erase_whole(node.span),
        AstKind::TSInterfaceDeclaration(node) => draft.erase_whole(node.span),
        AstKind::TSGlobalDeclaration(node) => draft.erase_whole(node.span),
        AstKind::TSExternalModuleDeclaration(node) => draft.erase_whole(node.span),
        AstKind::TSIndexSignature(node) => draft.erase_whole(node.span),
        AstKind::TSEnumDeclaration(node) if node.declare => draft.erase_whole(node.span),
        AstKind::TSNamespaceDeclaration(node) if node.declare => draft.erase_whole(node.span),
        AstKind::VariableDeclaration(node) if node.declare => draft.erase_whole(node.span),
        AstKind::TSEnumDeclaration(_) | AstKind::TSNamespaceDeclaration(_) => draft.needs_printer = true,
        AstKind::TSImportEqualsDeclaration(node) => match node.module_reference {
            _ if node.import_kind.is_type() => draft.erase_whole(node.span),
            // Refused elsewhere.
            TSModuleReference::ExternalModuleReference(_) => {}
            _ => draft.needs_printer = true,
        },
        AstKind::Class(node) => class(draft, node),
        AstKind::MethodDefinition(node) => method(draft, node),
        AstKind::PropertyDefinition(node) => property(draft, node),
        AstKind::AccessorProperty(node) if node.r#type == AccessorPropertyType::TSAbstractAccessorProperty => {
            draft.erase_whole(node.span);
        }
        AstKind::Function(node) => function(draft, node, nodes.parent_kind(id)),
        AstKind::ArrowFunctionExpression(node) => arrow(draft, node),
        AstKind::TSThisParameter(node) => this_parameter(draft, node),
        AstKind::FormalParameter(node) => parameter(draft, node),
        AstKind::VariableDeclarator(node) if node.definite => {
            draft.erase_mark(node.id.span().end, b'!', None);
        }
        AstKind::TSAsExpression(node) => type_operator(draft, &node.expression, node.span, id, nodes),
        AstKind::TSSatisfiesExpression(node) => type_operator(draft, &node.expression, node.span, id, nodes),
        AstKind::TSNonNullExpression(node) => draft.types.blank(node.expression.span().end, node.span.end),
        AstKind::TSTypeAssertion(node) => type_assertion(draft, node),
        AstKind::BinaryExpression(node) => binary(draft, node),
        _ => {}
    }
}

fn class(draft: &mut Draft<'_>, node: &Class<'_>) {
    if node.declare {
        return draft.erase_whole(node.span);
    }
    let mut keyword = draft.skip(node.span.start);
    while node.r#abstract && token_at(draft.text, keyword as usize) == "abstract" {
        draft.types.blank(keyword, keyword + 8);
        keyword = draft.skip(keyword + 8);
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
        draft.types.blank(start, last.span.end);
    }
}

/// Erases `public`, `readonly` and their like in front of a member's key. A `;` takes the place of the first of them: a
/// field before it without one of its own would go on with `[key]`, `*key` or `in`.
fn modifiers(draft: &mut Draft<'_>, start: u32, key: &PropertyKey<'_>) {
    let mut at = draft.skip(start);
    while at < key.span().start {
        let word = token_at(draft.text, at as usize);
        let end = at + word.len() as u32;
        match word {
            "public" | "private" | "protected" | "override" | "readonly" | "abstract" | "declare" => {
                if at == start {
                    draft.types.blank_first(at, end, ';');
                } else {
                    draft.types.blank(at, end);
                }
            }
            "static" | "async" | "get" | "set" | "accessor" => {}
            _ => return,
        }
        at = draft.skip(end);
    }
}

/// Where a member's key ends, the bracket of a computed one included.
fn key_end(draft: &Draft<'_>, key: &PropertyKey<'_>, computed: bool) -> u32 {
    let end = key.span().end;
    if computed { draft.skip(end) + 1 } else { end }
}

fn method(draft: &mut Draft<'_>, node: &MethodDefinition<'_>) {
    if node.r#type == MethodDefinitionType::TSAbstractMethodDefinition || node.value.body.is_none() {
        return draft.erase_whole(node.span);
    }
    modifiers(draft, node.span.start, &node.key);
    if node.optional {
        let end = key_end(draft, &node.key, node.computed);
        draft.erase_mark(end, b'?', None);
    }
}

fn property(draft: &mut Draft<'_>, node: &PropertyDefinition<'_>) {
    if node.declare || node.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition {
        return draft.erase_whole(node.span);
    }
    modifiers(draft, node.span.start, &node.key);
    // Without its type a field named `get` or `static` would take the next member for its own.
    let end_of_field = node.value.is_none().then_some(';');
    let end = key_end(draft, &node.key, node.computed);
    let marked = (node.optional && draft.erase_mark(end, b'?', end_of_field))
        || (node.definite && draft.erase_mark(end, b'!', end_of_field));
    if let (false, Some(semicolon), Some(annotation)) = (marked, end_of_field, &node.type_annotation) {
        draft.types.blank_first(annotation.span.start, annotation.span.end, semicolon);
    }
}

fn function(draft: &mut Draft<'_>, node: &Function<'_>, parent: AstKind<'_>) {
    let is_member = matches!(parent, AstKind::MethodDefinition(_));
    if node.declare || (node.body.is_none() && !is_member) {
        draft.erase_whole(node.span);
    }
}

/// No line break may stand between an arrow function's parts `async`, `(…)` and `=>`: a multi-line type leaves one behind.
fn arrow(draft: &mut Draft<'_>, node: &ArrowFunctionExpression<'_>) {
    let parameters = node.params.span;
    if let Some(types) = &node.type_parameters
        && draft.has_line_break(types.span.start, parameters.start)
    {
        draft.types.blank_first(types.span.start, types.span.end, '(');
        draft.types.blank(parameters.start, parameters.start + 1);
    }
    if let Some(result) = &node.return_type
        && draft.has_line_break(parameters.end, result.span.end)
    {
        draft.types.blank(parameters.end - 1, parameters.end);
        draft.types.blank_last(result.span.start, result.span.end, ')');
    }
}

fn this_parameter(draft: &mut Draft<'_>, node: &TSThisParameter<'_>) {
    let comma = draft.skip(node.span.end);
    let has_comma = draft.text.as_bytes().get(comma as usize) == Some(&b',');
    draft.erase(Span::new(node.span.start, if has_comma { comma + 1 } else { node.span.end }));
}

fn parameter(draft: &mut Draft<'_>, node: &FormalParameter<'_>) {
    if node.accessibility.is_some() || node.readonly || node.r#override {
        draft.needs_printer = true;
    }
    if node.optional {
        draft.erase_mark(node.pattern.span().end, b'?', None);
    }
}

/// Erases `as T` and `satisfies T`. A type ends a statement where an expression would go on in the next line.
fn type_operator(draft: &mut Draft<'_>, inner: &Expression<'_>, span: Span, id: NodeId, nodes: &AstNodes<'_>) {
    draft.types.blank(draft.skip(inner.span().end), span.end);
    let next = token_at(draft.text, skip_trivia(draft.text, span.end as usize));
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
        draft.types.insert(span.end, Place::AfterStatement, ";");
    }
}

/// `<T>x` becomes `(x)`: bare, `return <T>\n x` would return nothing and `() => <T>{}` would be a block.
fn type_assertion(draft: &mut Draft<'_>, node: &TSTypeAssertion<'_>) {
    let close = draft.skip(node.type_annotation.span().end);
    draft.types.blank_first(node.span.start, close + 1, '(');
    draft.types.insert(node.span.end, Place::AfterInner, ")");
    draft.erased_to = draft.erased_to.max(close + 1);
}

/// Behind a type operator the parser may take a looser operand to the left of a tighter operator, as in
/// `a | b as T ** c`; plain JavaScript needs parentheses around it, which could join it to the line before.
fn binary(draft: &mut Draft<'_>, node: &BinaryExpression<'_>) {
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
    draft.needs_printer |= looser;
}
