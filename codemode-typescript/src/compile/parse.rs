//! From program text to a syntax tree: the parser, the second try in parentheses, and its errors in words for a model.
//!
//! A program that is one object literal or one anonymous function parses as JavaScript only in parentheses.
//! Then one added byte stands in front of the text, which [`Reporter::set_shift`] and `Parsed::shift` account for.

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::ast::ast::{Expression, Program, Statement};
use oxc::diagnostics::OxcDiagnostic;
use oxc::parser::{ParseOptions, Parser, ParserReturn};
use oxc::semantic::SemanticBuilder;
use oxc::span::{GetSpan, SourceType};

use super::diagnostic::{DiagnosticKind, Reporter};
use super::lexical::{is_word_start, quoted, skip_trivia, token_at};
use super::nesting;

/// A program that parsed.
pub(super) struct Parsed<'a> {
    pub program: Program<'a>,
    /// What was parsed; `program`'s offsets count in it.
    pub text: &'a str,
    /// Bytes that were added at the start of `text`.
    pub shift: u32,
}

/// Parses `text` as the body of an async function, or reports why it cannot be parsed.
pub(super) fn parse<'a>(arena: &'a Allocator, text: &'a str, reporter: &mut Reporter<'_>) -> Option<Parsed<'a>> {
    #[cfg(test)]
    counts::PROGRAMS.with(|count| count.set(count.get() + 1));
    let first = run_parser(arena, text, typescript());
    if first.diagnostics.is_empty() && !first.panicked {
        return Some(Parsed { program: first.program, text, shift: 0 });
    }
    if let Some(second) = parse_in_parentheses(arena, text) {
        if second.diagnostics.is_empty() && is_one_literal(&second.program) {
            let text = second.program.source_text;
            return Some(Parsed { program: second.program, text, shift: 1 });
        }
        // The attempt that got further is the one that was meant.
        let reached = |parsed: &ParserReturn<'_>| parsed.diagnostics.first().map_or(0, |error| place(error).0);
        if reached(&second) > reached(&first) + 1 {
            reporter.set_shift(1);
            report_errors(second.diagnostics.iter(), second.program.source_text, reporter);
            reporter.set_shift(0);
            return None;
        }
    }
    if !report_jsx(arena, text, reporter) {
        report_errors(first.diagnostics.iter(), text, reporter);
    }
    None
}

/// Parses a finished script as plain JavaScript, the way an engine does: where and why it is not one function.
pub(super) fn script_error(arena: &Allocator, script: &str) -> Option<(u32, String)> {
    #[cfg(test)]
    counts::SCRIPTS.with(|count| count.set(count.get() + 1));
    let script: &str = arena.alloc_str(script);
    let parsed = run_parser(arena, script, SourceType::script());
    if let Some(error) = parsed.diagnostics.first() {
        return Some((place(error).0, error.message.trim_end_matches('.').to_owned()));
    }
    (parsed.panicked || !is_one_function(&parsed.program, script)).then(|| (0, "Unbalanced brackets".to_owned()))
}

/// Parses TypeScript in which all changes but the types are made.
pub(super) fn parse_edited<'a>(arena: &'a Allocator, text: &'a str) -> ParserReturn<'a> {
    run_parser(arena, text, typescript())
}

/// Whether `text` is one object literal.
pub(super) fn is_object_literal(arena: &Allocator, text: &str) -> bool {
    let text = arena.alloc_str(&format!("({text}\n)"));
    let parsed = run_parser(arena, text, typescript());
    let [Statement::ExpressionStatement(statement)] = parsed.program.body.as_slice() else { return false };
    parsed.diagnostics.is_empty() && matches!(bare(&statement.expression), Expression::ObjectExpression(_))
}

/// Reports what the parser or the semantic check found in `text`.
pub(super) fn report_errors<'e>(
    errors: impl Iterator<Item = &'e OxcDiagnostic>,
    text: &str,
    reporter: &mut Reporter<'_>,
) {
    for error in errors {
        // A semantic check finds as many errors as a text has names, and each takes a look at the text.
        if reporter.is_full(DiagnosticKind::Syntax) {
            break;
        }
        let span = place(error);
        let (span, message, hint) = describe(error, span, text, reporter);
        reporter.report(DiagnosticKind::Syntax, span, message, hint);
    }
}

/// An expression without the parentheses and type operators around it.
pub(super) fn bare<'e, 'a>(expression: &'e Expression<'a>) -> &'e Expression<'a> {
    let mut expression = expression;
    loop {
        expression = match expression {
            Expression::ParenthesizedExpression(inner) => &inner.expression,
            Expression::TSAsExpression(inner) => &inner.expression,
            Expression::TSSatisfiesExpression(inner) => &inner.expression,
            Expression::TSNonNullExpression(inner) => &inner.expression,
            Expression::TSTypeAssertion(inner) => &inner.expression,
            Expression::TSInstantiationExpression(inner) => &inner.expression,
            _ => return expression,
        };
    }
}

fn typescript() -> SourceType {
    SourceType::ts().with_module(true)
}

fn run_parser<'a>(arena: &'a Allocator, text: &'a str, source_type: SourceType) -> ParserReturn<'a> {
    let options =
        ParseOptions { allow_return_outside_function: true, parse_regular_expression: true, ..ParseOptions::default() };
    Parser::new(arena, text, source_type).with_options(options).parse()
}

fn parse_in_parentheses<'a>(arena: &'a Allocator, text: &str) -> Option<ParserReturn<'a>> {
    let begin = text.get(skip_trivia(text, 0)..)?;
    if !["{", "function", "async"].iter().any(|start| begin.starts_with(start)) {
        return None;
    }
    let body = text.trim_end().trim_end_matches(';');
    // The line break keeps a comment at the end from taking the parenthesis in.
    let text = arena.alloc_str(&format!("({body}\n)"));
    Some(run_parser(arena, text, typescript()))
}

fn is_one_literal(program: &Program<'_>) -> bool {
    let [Statement::ExpressionStatement(statement)] = program.body.as_slice() else { return false };
    matches!(
        bare(&statement.expression),
        Expression::ObjectExpression(_) | Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_)
    )
}

/// JSX parses as nonsense in TypeScript proper: name it when the text is correct with it.
fn report_jsx(arena: &Allocator, text: &str, reporter: &mut Reporter<'_>) -> bool {
    // In JSX quotes and brackets may be plain text, which the scan for nesting does not know.
    if (!text.contains("</") && !text.contains("/>")) || !nesting::is_shallow(text) {
        return false;
    }
    let text: &str = arena.alloc_str(text);
    let parsed = run_parser(arena, text, SourceType::tsx().with_module(true));
    if !parsed.diagnostics.is_empty() || parsed.panicked {
        return false;
    }
    let semantic = SemanticBuilder::new().with_build_nodes(true).build(arena.alloc(parsed.program)).semantic;
    let first = semantic.nodes().iter().find_map(|node| match node.kind() {
        AstKind::JSXElement(element) => Some(element.opening_element.span),
        AstKind::JSXFragment(fragment) => Some(fragment.opening_fragment.span),
        _ => None,
    });
    let Some(span) = first else { return false };
    let hint = "return plain data (objects, arrays, strings); build markup as a string in a template literal";
    reporter.report(
        DiagnosticKind::Unsupported,
        (span.start, span.end),
        "JSX is not supported in this sandbox",
        Some(hint.into()),
    );
    true
}

/// Where an error is: for a second declaration, at the second.
fn place(error: &OxcDiagnostic) -> (u32, u32) {
    let label = match error.labels.as_slice() {
        [_, second] if error.message.ends_with("has already been declared") => second,
        [first, ..] => first,
        [] => return (0, 0),
    };
    (label.offset(), label.offset() + label.len())
}

type Span = (u32, u32);

/// The parser's error in words that name the text that was found and say what to do.
fn describe(error: &OxcDiagnostic, span: Span, text: &str, reporter: &Reporter<'_>) -> (Span, String, Option<String>) {
    let message = error.message.trim_end_matches('.');
    let help = error.help.as_deref().map(|help| help.trim_end_matches('.').to_owned());
    if message.starts_with("Expected a semicolon") {
        let at = skip_trivia(text, span.0 as usize);
        let token = token_at(text, at);
        let hint = statement_hint(text, span.0 as usize, at);
        let message =
            format!("Unexpected {}: an operator or the end of the statement must come before it", quoted(token));
        return ((at as u32, (at + token.len()) as u32), message, hint);
    }
    let at_end = skip_trivia(text, span.0 as usize) >= text.trim_end().len();
    if message == "Unexpected token" {
        if at_end {
            let hint = "an expression, a bracket or a block was begun and not finished; send the whole program";
            return (span, "Unexpected end of the program".into(), Some(hint.into()));
        }
        let token = token_at(text, span.0 as usize);
        return (span, format!("Unexpected {}", quoted(token)), help.or_else(|| prose_hint(text)));
    }
    if let Some((expected, _)) = message.split_once(" but found ") {
        let found = if at_end { "the end of the program".to_owned() } else { quoted(token_at(text, span.0 as usize)) };
        let opened = error.labels.get(1).filter(|label| label.label() == Some("Opened here")).map(|label| {
            let bracket = quoted(token_at(text, label.offset() as usize));
            format!("the {bracket} opened in line {} is still open here", reporter.line(label.offset()))
        });
        return (span, format!("{expected} but found {found}"), opened.or(help).or_else(|| prose_hint(text)));
    }
    if let (true, Some(first)) = (message.ends_with("has already been declared"), error.labels.first()) {
        let line = reporter.line(first.offset());
        let hint = format!(
            "it was first declared in line {line}; use another name, or assign to it without declaring it again"
        );
        return (span, message.into(), Some(hint));
    }
    (span, message.into(), help)
}

/// Why two statements may stand in one line without anything between them.
fn statement_hint(text: &str, end: usize, at: usize) -> Option<String> {
    let (before, after) = (text.get(..end)?, text.get(at..)?);
    if let Some(quote) = before.chars().next_back().filter(|c| matches!(c, '\'' | '"' | '`'))
        && at == end
        && after.starts_with(is_word_start)
    {
        return Some(format!(
            "the string ends at the {quote} before it; put a backslash before a {quote} inside the string"
        ));
    }
    let line = before.rfind('\n').map_or(0, |index| index + 1);
    let tail = text.get(line..)?;
    if tail.starts_with('{') && after.starts_with([',', ':']) {
        return Some(
            "a `{` at the start of a statement opens a block; write `return { … }` to return an object".into(),
        );
    }
    prose_hint(text)
}

/// A hint for text that begins like a sentence.
fn prose_hint(text: &str) -> Option<String> {
    let begin = text.get(skip_trivia(text, 0)..)?;
    let mut words = begin.lines().next()?.split_whitespace();
    let (first, second) = (words.next()?, words.next()?);
    let capital = first.starts_with(|c: char| c.is_uppercase());
    let plain = |word: &str| word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | ',' | '!' | '.' | '’'));
    (capital && plain(first) && plain(second))
        .then(|| "send TypeScript only; put explanations into comments, or the program into a ```ts fence".into())
}

/// Whether `script` is one arrow function that ends where the text ends: then nothing of it escapes its wrapper.
fn is_one_function(program: &Program<'_>, script: &str) -> bool {
    let [Statement::ExpressionStatement(statement)] = program.body.as_slice() else { return false };
    let Expression::ParenthesizedExpression(outer) = &statement.expression else { return false };
    let span = outer.span();
    matches!(outer.expression, Expression::ArrowFunctionExpression(_))
        && program.directives.is_empty()
        && span.start == 0
        && span.end as usize == script.len()
}

/// How often this thread has parsed. A thread runs one test at a time, so tests do not count for each other.
#[cfg(test)]
pub(super) mod counts {
    use std::cell::Cell;

    thread_local! {
        /// Calls of [`parse`](super::parse).
        pub static PROGRAMS: Cell<u32> = const { Cell::new(0) };
        /// Calls of [`script_error`](super::script_error).
        pub static SCRIPTS: Cell<u32> = const { Cell::new(0) };
    }
}
