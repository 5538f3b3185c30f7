//! Tests of the front end, by subject; what they share is here.
//!
//! The strongest check is [`both_ways`]: blanking types in place must give the same syntax tree as printing the program
//! anew without them.

mod corpus;
mod depth;
mod fuzz;
mod parses;
mod programs;
mod shapes;
mod ticks;
mod traps;

use oxc::allocator::Allocator;
use oxc::codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc::parser::Parser;
use oxc::span::SourceType;

use super::compiler::{Strategy, compile_by};
use super::position::Step;
use super::{CompileOptions, Compiled, Diagnostic};

const EXTERNALS: [&str; 6] = [
    "external_getUser",
    "external_getUsers",
    "external_getTeam",
    "external_search",
    "external_send_mail",
    "external_createInvoice",
];

const GLOBALS: &[&str] = &[
    "Array",
    "Boolean",
    "Date",
    "Error",
    "Function",
    "JSON",
    "Map",
    "Math",
    "Number",
    "Object",
    "Promise",
    "RegExp",
    "Set",
    "String",
    "Symbol",
    "TypeError",
    "URL",
    "console",
    "crypto",
    "globalThis",
    "isNaN",
    "parseInt",
    "queueMicrotask",
    "setTimeout",
    "structuredClone",
    "undefined",
];

/// Names that tests use without declaring them.
const FREE: &[&str] = &["as", "bar", "foo", "Foo", "get", "größe", "of", "type", "x1"];

/// Runs `test` with the options that all tests use.
fn with_options<R>(test: impl FnOnce(&CompileOptions<'_>) -> R) -> R {
    let external_names: Vec<std::sync::Arc<str>> = EXTERNALS.iter().map(|name| (*name).into()).collect();
    let globals = |name: &str| name.len() == 1 || [&EXTERNALS, GLOBALS, FREE].iter().any(|names| names.contains(&name));
    test(&CompileOptions::new(4 << 20, &globals, &external_names))
}

fn compile(source: &str) -> Result<Compiled, Vec<Diagnostic>> {
    with_options(|options| compile_by(source, options, Strategy::InPlace))
}

/// Compiles a program that must be accepted.
#[track_caller]
fn accept(source: &str) -> Compiled {
    compile(source).unwrap_or_else(|errors| panic!("{source}\nwas refused: {errors:#?}"))
}

/// What is left of a script without its wrapper.
#[track_caller]
fn body(source: &str) -> String {
    let script = accept(source).javascript;
    let body =
        script.strip_prefix("(async ($at, $done) => {\"use strict\";").and_then(|text| text.strip_suffix("\n})"));
    body.expect("the wrapper stands around every script").to_owned()
}

/// Refuses a program; its errors as `line:column message (hint)`.
#[track_caller]
fn refuse(source: &str) -> Vec<String> {
    let errors = match compile(source) {
        Ok(compiled) => panic!("{source}\nwas accepted: {}", compiled.javascript),
        Err(errors) => errors,
    };
    errors.iter().map(show).collect()
}

fn show(diagnostic: &Diagnostic) -> String {
    let Diagnostic { line, column, message, hint, .. } = diagnostic;
    match hint {
        Some(hint) => format!("{line}:{column} {message} ({hint})"),
        None => format!("{line}:{column} {message}"),
    }
}

fn was_printed(compiled: &Compiled) -> bool {
    compiled.positions.steps.iter().any(|step| matches!(step, Step::Printed(_)))
}

/// A script in one canonical writing: parsed as an engine would, printed, without empty statements.
#[track_caller]
fn canonical(script: &str) -> String {
    let arena = Allocator::default();
    let parsed = Parser::new(&arena, script, SourceType::script()).parse();
    assert!(parsed.diagnostics.is_empty(), "{script}\n{:?}", parsed.diagnostics);
    let options = CodegenOptions { comments: CommentOptions::disabled(), ..CodegenOptions::default() };
    let printed = Codegen::new().with_options(options).build(&parsed.program).code;
    // `'s' as T;` becomes a directive when blanked, which means nothing.
    let plain = |line: &'_ str| match line.strip_prefix("(\"").and_then(|rest| rest.strip_suffix("\");")) {
        Some(text) if !text.contains('"') => format!("\"{text}\";"),
        _ => line.to_owned(),
    };
    let lines = printed.lines().map(str::trim).filter(|line| *line != ";").map(plain);
    lines.collect::<Vec<_>>().join("\n").replace("{\n}", "{}")
}

/// Asserts that both strategies agree; returns whether the program was rewritten in place.
#[track_caller]
fn both_ways(source: &str) -> bool {
    let fast = accept(source);
    let printed = with_options(|options| compile_by(source, options, Strategy::Printed));
    let printed = printed.unwrap_or_else(|errors| panic!("{source}\ncould not be printed: {errors:#?}"));
    assert_eq!(canonical(&fast.javascript), canonical(&printed.javascript), "of\n{source}\nmade\n{}", fast.javascript);
    !was_printed(&fast)
}
