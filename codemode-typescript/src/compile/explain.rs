//! What an engine's error is about, read off the program: which expression was `undefined` or no function, and what is
//! known of the value in it.
//!
//! Engines say `not a function` and point somewhere near; a model needs the expression and where its value came from.

use std::panic::{AssertUnwindSafe, catch_unwind};

use oxc::ast::AstKind;
use oxc::ast::ast::{CallExpression, Expression, IdentifierReference};
use oxc::semantic::{SemanticBuilder, SymbolId};
use oxc::span::{GetSpan, Span};

use super::analysis::Analysis;
use super::diagnostic::Reporter;
use super::parse::bare;
use super::position::Lines;
use super::{fence, nesting, parse, stack};

/// An error that the program threw, and where in the model's text.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct EngineError<'a> {
    /// The engine's words.
    pub message: &'a str,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

impl<'a> EngineError<'a> {
    /// An error at a place in the model's text.
    pub fn new(message: &'a str, line: u32, column: u32) -> Self {
        Self { message, line, column }
    }
}

/// What the program adds to the engine's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// A message in place of the engine's that names no expression.
    pub message: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
}

/// Explains an error; `answer_of` says what the answer of an `external_*` function is, such as "of type { id: number }".
pub fn explain(source: &str, error: &EngineError<'_>, answer_of: &dyn Fn(&str) -> Option<String>) -> Explanation {
    let Some(kind) = ErrorKind::of(error.message) else { return Explanation::default() };
    let text = fence::program_text(source);
    if nesting::measure(&text).is_err() {
        return Explanation::default();
    }
    let explained = catch_unwind(AssertUnwindSafe(|| {
        stack::with_room(&text, || {
            stack::with_arena(|arena| {
                let parsed = parse::parse(arena, arena.alloc_str(&text), &mut Reporter::new(source))?;
                let program = &*arena.alloc(parsed.program);
                let resolved = SemanticBuilder::new().with_build_nodes(true).build(program);
                let analysis = Analysis::new(parsed.text, program, &resolved.semantic);
                let lines = Lines::new(source);
                let at = lines.offset(source, error.line, error.column)? + parsed.shift;
                let line = (lines.offset(source, error.line, 1)?, lines.offset(source, error.line, u32::MAX)?);
                let line = Span::new(line.0 + parsed.shift, line.1 + parsed.shift);
                let explainer = Explainer { analysis: &analysis, lines, shift: parsed.shift, at, line, answer_of };
                Some(explainer.explain(&kind))
            })
        })
    }));
    let explained = explained.ok().flatten().unwrap_or_default();
    Explanation { message: explained.message.or_else(|| kind.common_message()), ..explained }
}

/// The errors that a program can explain, recognised in the words of any engine.
enum ErrorKind<'m> {
    NotAFunction {
        /// What the engine calls "not a function", if it names anything.
        what: Option<&'m str>,
    },
    NotIterable,
    /// A property of `undefined` or `null`, read or set.
    NullishAccess {
        property: &'m str,
        value: &'m str,
        set: bool,
    },
    UsedBeforeDeclaration {
        name: &'m str,
    },
    NotJsonText,
}

impl<'m> ErrorKind<'m> {
    fn of(message: &'m str) -> Option<Self> {
        let quoted = |text: &'m str| text.split('\'').nth(1);
        if message == "not a function" || message == "not a callable function" {
            return Some(Self::NotAFunction { what: None });
        }
        if let Some(what) = message.strip_suffix(" is not a function") {
            return Some(Self::NotAFunction { what: Some(what) });
        }
        if message.ends_with("is not iterable") {
            return Some(Self::NotIterable);
        }
        let lower = message.to_ascii_lowercase();
        let set = lower.starts_with("cannot set propert");
        if set || lower.starts_with("cannot read propert") {
            let property = quoted(message)?;
            let rest = message.replacen(property, "", 1);
            let value = if rest.contains("null") { "null" } else { "undefined" };
            return Some(Self::NullishAccess { property, value, set });
        }
        if let Some(name) = message.strip_suffix(" is not initialized") {
            return Some(Self::UsedBeforeDeclaration { name });
        }
        if message.ends_with("before initialization") {
            return Some(Self::UsedBeforeDeclaration { name: quoted(message)? });
        }
        (message.contains("'object'") || message.contains("[object")).then_some(Self::NotJsonText)
    }

    /// One message for all engines where each has its own: that of V8, which models know best.
    fn common_message(&self) -> Option<String> {
        Some(match self {
            Self::NullishAccess { property, value, set: false } => {
                format!("Cannot read properties of {value} (reading '{property}')")
            }
            Self::NullishAccess { property, value, set: true } => {
                format!("Cannot set properties of {value} (setting '{property}')")
            }
            Self::UsedBeforeDeclaration { name } => format!("Cannot access '{name}' before initialization"),
            Self::NotAFunction { .. } | Self::NotIterable | Self::NotJsonText => return None,
        })
    }
}

struct Explainer<'s, 'a> {
    analysis: &'s Analysis<'s, 'a>,
    lines: Lines,
    shift: u32,
    at: u32,
    line: Span,
    answer_of: &'s dyn Fn(&str) -> Option<String>,
}

impl<'a> Explainer<'_, 'a> {
    fn explain(&self, kind: &ErrorKind<'_>) -> Explanation {
        match kind {
            ErrorKind::NotAFunction { what } => self.not_a_function(*what),
            ErrorKind::NotIterable => {
                let iterated = self.analysis.nodes.iter().filter_map(|node| match node.kind() {
                    AstKind::ForOfStatement(statement) => Some(&statement.right),
                    AstKind::SpreadElement(spread) => Some(&spread.argument),
                    AstKind::VariableDeclarator(declarator) if declarator.id.is_array_pattern() => {
                        declarator.init.as_ref()
                    }
                    _ => None,
                });
                let Some(value) =
                    iterated.filter(|value| self.covers(value.span())).min_by_key(|value| value.span().size())
                else {
                    return Explanation::default();
                };
                Explanation {
                    message: Some(format!("`{}` is not iterable: it is no array", self.short(value))),
                    hint: self.origin(value),
                }
            }
            ErrorKind::NullishAccess { property, value, set } => self.nullish_access(property, value, *set),
            ErrorKind::UsedBeforeDeclaration { name } => {
                let scoping = self.analysis.scoping;
                let symbol = scoping.symbol_ids().find(|symbol| scoping.symbol_name(*symbol) == *name);
                let line = symbol.map(|symbol| self.line_of(scoping.symbol_span(symbol).start));
                let place = line.map(|line| format!(" in line {line}")).unwrap_or_default();
                let hint = format!("{name} is used before its declaration{place}: move the declaration up");
                Explanation { message: None, hint: Some(hint) }
            }
            ErrorKind::NotJsonText => {
                let parses = self.calls().any(|call| {
                    let on_line = call.span.start <= self.line.end && self.line.start <= call.span.end;
                    on_line && self.text(&call.callee) == "JSON.parse"
                });
                let hint =
                    "the value is no JSON text but an object already, as all answers of tools are: use it as it is";
                Explanation { message: None, hint: parses.then(|| hint.to_owned()) }
            }
        }
    }

    fn not_a_function(&self, what: Option<&str>) -> Explanation {
        let calls = self.calls().filter_map(|call| {
            let callee = call.callee.span();
            // An engine that names nothing may point at an argument instead.
            let covered = if self.covers(callee) { Some(callee) } else { self.covers_an_argument(call, what) };
            Some((covered?.size(), call))
        });
        let Some((_, call)) = calls.min_by_key(|(size, _)| *size) else { return Explanation::default() };
        let callee = bare(&call.callee);
        let member = callee.as_member_expression();
        let property = member.and_then(|member| member.static_property_name());
        // The engine may mean what was passed to a function instead, such as `undefined is not a function`.
        let is_callee = |what: &str| {
            let written = what == self.text(callee) || what.contains("(...)") || what.contains("(intermediate value)");
            let same_property = match property {
                Some(property) => what.strip_suffix(property).is_some_and(|object| object.ends_with('.')),
                None => member.is_some() && what.ends_with(']') && !what.starts_with("[object "),
            };
            written || same_property
        };
        if what.is_some_and(|what| !is_callee(what)) {
            return Explanation::default();
        }
        let first = call.arguments.first().and_then(|argument| argument.as_expression()).map(bare);
        let passed = what.is_none()
            && property.is_some_and(|property| TAKE_A_FUNCTION.contains(&property))
            && first.is_some_and(|first| !first.is_function());
        let or_passed = if passed { ", or what it is given," } else { "" };
        Explanation {
            message: Some(format!("`{}`{or_passed} is not a function", self.short(callee))),
            hint: member.and_then(|member| self.origin(member.object())),
        }
    }

    /// The span of a call if the engine names nothing and points at an argument that is not a function.
    fn covers_an_argument(&self, call: &CallExpression<'a>, what: Option<&str>) -> Option<Span> {
        let plain = |argument: &Expression<'a>| !bare(argument).is_function() && self.covers(argument.span());
        let mut arguments = call.arguments.iter().filter_map(|argument| argument.as_expression());
        (what.is_none() && arguments.any(plain)).then_some(call.span)
    }

    fn nullish_access(&self, property: &str, value: &str, set: bool) -> Explanation {
        let members = self.analysis.nodes.iter().filter_map(|node| match node.kind() {
            AstKind::StaticMemberExpression(member) if member.property.name == property => {
                Some((member.span, &member.object))
            }
            _ => None,
        });
        let covers_any = self.covers_any(property);
        let near = |span: &Span| {
            let on_line = self.line.start <= span.end && span.start <= self.line.end;
            self.covers(*span) || (on_line && !covers_any)
        };
        let Some((_, object)) = members.filter(|(span, _)| near(span)).min_by_key(|(span, _)| span.size()) else {
            return Explanation::default();
        };
        let mut hint = format!("`{}` is {value} here", self.short(object));
        if let Some(origin) = self.origin(object) {
            hint.push_str(&format!("; {origin}"));
        }
        hint.push_str(if set {
            "; check that it is there first"
        } else {
            "; check that it is there, for example with `?.`"
        });
        Explanation { message: None, hint: Some(hint) }
    }

    /// Whether a member expression with this property stands right where the engine points.
    fn covers_any(&self, property: &str) -> bool {
        self.analysis.nodes.iter().any(|node| {
            matches!(node.kind(), AstKind::StaticMemberExpression(member)
                if member.property.name == property && self.covers(member.span))
        })
    }

    /// Where the value in `expression` came from, if that was a tool.
    fn origin(&self, expression: &Expression<'a>) -> Option<String> {
        let mut root = bare(expression);
        while let Some(member) = root.as_member_expression() {
            root = bare(member.object());
        }
        if let Some(call) = self.awaited_call(root) {
            let callee = self.analysis.callee(call);
            return Some(format!("the answer of {callee} is {}", (self.answer_of)(&callee)?));
        }
        let Expression::Identifier(name) = root else { return None };
        let (call, part) = self.source_of(name)?;
        let callee = self.analysis.callee(call);
        let what = if part { "comes from" } else { "is" };
        Some(format!("`{}` {what} the answer of {callee}, which is {}", name.name, (self.answer_of)(&callee)?))
    }

    /// The call whose answer a variable holds, and whether it holds only a part of it.
    fn source_of(&self, name: &IdentifierReference<'a>) -> Option<(&'a CallExpression<'a>, bool)> {
        let symbol: SymbolId = self.analysis.symbol(name)?;
        let declaration = self.analysis.scoping.symbol_declaration(symbol);
        let kinds = std::iter::once(self.analysis.nodes.kind(declaration));
        for kind in kinds.chain(self.analysis.nodes.ancestor_kinds(declaration).take(6)) {
            match kind {
                AstKind::VariableDeclarator(declarator) => {
                    if let Some(init) = &declarator.init {
                        return Some((self.awaited_call(init)?, declarator.id.get_binding_identifier().is_none()));
                    }
                }
                AstKind::ForOfStatement(statement) => return Some((self.awaited_call(&statement.right)?, true)),
                AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) => return None,
                _ => {}
            }
        }
        None
    }

    fn awaited_call<'e>(&self, expression: &'e Expression<'a>) -> Option<&'e CallExpression<'a>> {
        match bare(expression) {
            Expression::AwaitExpression(awaited) => self.analysis.external_call(&awaited.argument),
            _ => None,
        }
    }

    fn calls(&self) -> impl Iterator<Item = &'a CallExpression<'a>> {
        self.analysis.nodes.iter().filter_map(|node| match node.kind() {
            AstKind::CallExpression(call) => Some(call),
            _ => None,
        })
    }

    fn covers(&self, span: Span) -> bool {
        span.start <= self.at && self.at <= span.end
    }

    fn line_of(&self, offset: u32) -> u32 {
        self.lines.line(offset.saturating_sub(self.shift))
    }

    fn text(&self, expression: &Expression<'a>) -> &'a str {
        let span = expression.span();
        self.analysis.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The expression on one line, its beginning left out when it is long.
    fn short(&self, expression: &Expression<'a>) -> String {
        let words: Vec<&str> = self.text(expression).split_whitespace().collect();
        let text = words.join(" ");
        match text.chars().count().checked_sub(MAX_SHOWN_CHARS) {
            None | Some(0) => text,
            Some(over) => std::iter::once('…').chain(text.chars().skip(over)).collect(),
        }
    }
}

const MAX_SHOWN_CHARS: usize = 60;

/// Methods that say `not a function` of what they are given, too.
const TAKE_A_FUNCTION: [&str; 16] = [
    "map",
    "filter",
    "forEach",
    "find",
    "findIndex",
    "findLast",
    "findLastIndex",
    "some",
    "every",
    "flatMap",
    "reduce",
    "reduceRight",
    "sort",
    "toSorted",
    "from",
    "groupBy",
];

#[cfg(test)]
mod tests {
    use super::{EngineError, explain};

    fn message(source: &str, message: &str, column: u32) -> Option<String> {
        explain(source, &EngineError::new(message, 1, column), &|_| None).message
    }

    #[test]
    fn what_is_called_is_named() {
        let named = |text: &str| Some(format!("`{text}` is not a function"));
        assert_eq!(message("user.getName()", "not a function", 13), named("user.getName"));
        assert_eq!(message("user.getName()", "user.getName is not a function", 6), named("user.getName"));
        assert_eq!(
            message("(await f()).go()", "(intermediate value).go is not a function", 13),
            named("(await f()).go")
        );
        assert_eq!(message("table[key]()", "table[key] is not a function", 1), named("table[key]"));
        assert_eq!(message("rows.map(x => x)", "not a function", 9), named("rows.map"));
    }

    #[test]
    fn what_is_passed_is_not_taken_for_what_is_called() {
        assert_eq!(message("rows.map(f)", "undefined is not a function", 6), None);
        assert_eq!(message("rows.map(f)", "#<Object> is not a function", 6), None);
        assert_eq!(message("rows[key](f)", "[object Array] is not a function", 6), None);
        let either = "`rows.map`, or what it is given, is not a function";
        assert_eq!(message("rows.map(f)", "not a function", 9).as_deref(), Some(either));
        assert_eq!(message("rows.map(f)", "not a function", 10).as_deref(), Some(either));
        assert_eq!(message("rows.map(f.g).filter(Boolean)", "not a function", 10).as_deref(), Some(either));
        assert_eq!(message("rows.map(() => tag`x`)", "not a function", 16), None);
    }
}
