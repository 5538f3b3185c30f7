//! Names that nothing in the program declares: tools that do not exist, APIs of Node and browsers, misspellings.
//!
//! Nothing runs while a name is missing, so that no tool is called by a program that must fail later. A name that the
//! program tests with `typeof`, or could have put on `globalThis` itself, is left to run time.

use std::{collections::HashMap, sync::Arc};

use oxc::ast::AstKind;
use oxc::ast::ast::{IdentifierReference, UnaryOperator};
use oxc::span::GetSpan;

use super::analysis::Analysis;
use super::diagnostic::{DiagnosticKind, Lint, Reporter};
use super::options::CompileOptions;
use crate::names::{GLOBALS, Near, PREFIX, either, nearest, nearest_slips};

/// Names listed in one message.
const MAX_LISTED: usize = 10;

/// Variables of the program that a name is compared with.
const MAX_SYMBOLS: usize = 1000;

/// APIs that models expect from other places, and what to do instead.
const ABSENT: &[(&[&str], &str)] = &[
    (
        &["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "axios", "Request", "Response", "Headers"],
        "there is no network in the sandbox; use one of the external_* functions",
    ),
    (
        &["require", "module", "exports", "__dirname", "__filename"],
        "there are no modules in the sandbox; the external_* functions and the JavaScript built-ins are already defined",
    ),
    (
        &["process", "Deno", "Bun", "os", "child_process"],
        "there is no host process or environment in the sandbox; use one of the external_* functions",
    ),
    (&["fs"], "there are no files in the sandbox; use one of the external_* functions"),
    (
        &[
            "window",
            "document",
            "navigator",
            "location",
            "history",
            "self",
            "top",
            "frames",
            "alert",
            "prompt",
            "confirm",
        ],
        "this is no browser: return the data instead, or use console.log",
    ),
    (
        &["localStorage", "sessionStorage", "indexedDB", "caches"],
        "nothing is kept between programs; use variables, or one of the external_* functions to store data",
    ),
    (&["global"], "write globalThis"),
    (&["Buffer"], "use Uint8Array with TextEncoder and TextDecoder, or atob and btoa"),
    (&["Blob", "File", "FileReader", "FormData", "ReadableStream", "WritableStream"], "use strings or Uint8Array"),
    (
        &["AbortController", "AbortSignal"],
        "a call cannot be aborted from the program; to wait no longer, use Promise.race with setTimeout",
    ),
    (&["Event", "EventTarget", "CustomEvent", "EventEmitter"], "there are no events in the sandbox; call functions"),
    (
        &["lodash", "_", "moment", "dayjs", "luxon", "zod"],
        "there are no libraries in the sandbox; use the JavaScript built-ins",
    ),
    (&["Temporal"], "use Date"),
    (&["Intl"], "format numbers and dates with String, toFixed, padStart and Date"),
    (&["setImmediate", "requestAnimationFrame", "requestIdleCallback"], "use setTimeout or queueMicrotask"),
    (
        &["Worker", "SharedWorker", "MessageChannel", "BroadcastChannel"],
        "there are no threads in the sandbox; run calls at the same time with Promise.all",
    ),
    (&["SharedArrayBuffer", "Atomics"], "there is no shared memory in the sandbox; use ArrayBuffer"),
    (&["WebAssembly"], "WebAssembly is switched off in the sandbox; write JavaScript"),
    (&["eval"], "code from strings is switched off in the sandbox; write the code out, or use JSON.parse for data"),
    (&["importScripts"], "there are no modules in the sandbox"),
    (&["print", "println"], "use console.log, and `return` the result; the program is TypeScript"),
    (&["None", "True", "False"], "the program is TypeScript: write null, true, false"),
];

/// What to say when reading `name` throws a ReferenceError; `None` for a name that is defined.
pub fn hint_for_name(name: &str, options: &CompileOptions<'_>) -> Option<String> {
    name_hint(name, true, options)
}

/// The same; a name that is not called is a tool's only if it differs by a slip.
fn name_hint(name: &str, called: bool, options: &CompileOptions<'_>) -> Option<String> {
    if (options.globals)(name) {
        return None;
    }
    if name.starts_with(PREFIX) {
        return Some(external_hint(name, options.external_names));
    }
    if let Some(hint) = absent_hint(name) {
        return Some(hint.to_owned());
    }
    let mut externals = nearest(name, options.external_names.iter().map(|name| &**name));
    externals.retain(|near| called || near.is_slip());
    let globals = nearest(name, GLOBALS.iter().copied().filter(|global| (options.globals)(global)));
    // A tool without its prefix is by far the most common slip.
    let meant = if externals.first().is_some_and(Near::is_same) || globals.is_empty() { externals } else { globals };
    if meant.is_empty() {
        return Some("declare it in this program: a variable from an earlier run is not kept".to_owned());
    }
    Some(format!("did you mean {}? If it is a variable from an earlier run: those are not kept", either(&meant)))
}

/// The hint for an import: what is there without one.
pub(super) fn no_modules_hint(externals: &[Arc<str>]) -> String {
    if externals.is_empty() {
        return "remove it; the JavaScript built-ins are already defined".to_owned();
    }
    format!("remove it and use the external_* functions, which are already defined: {}", listed(externals))
}

fn absent_hint(name: &str) -> Option<&'static str> {
    ABSENT.iter().find(|(names, _)| names.contains(&name)).map(|(_, hint)| *hint)
}

fn external_hint(name: &str, externals: &[Arc<str>]) -> String {
    let near = nearest(name, externals.iter().map(|name| &**name));
    if !near.is_empty() {
        return format!("did you mean {}?", either(&near));
    }
    if externals.is_empty() {
        return "no external_* function is defined here".to_owned();
    }
    format!("defined here: {}", listed(externals))
}

fn listed(names: &[Arc<str>]) -> String {
    let mut list = names.iter().take(MAX_LISTED).map(|name| &**name).collect::<Vec<_>>().join(", ");
    if let Some(more) = names.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        list.push_str(&format!(" and {more} more"));
    }
    list
}

/// Collects the free names of one program.
#[derive(Default)]
pub(super) struct Names<'a> {
    uses: HashMap<&'a str, Use<'a>>,
    /// In the order of the text.
    order: Vec<&'a str>,
    /// `Function('…')` and `new Function('…')`.
    function_calls: Vec<(u32, u32)>,
}

#[derive(Clone, Copy)]
struct Use<'a> {
    first: (u32, u32),
    /// Whether the first use gives it a value.
    assigned: bool,
    /// Whether the first use calls it.
    called: bool,
    /// The property that the first use reads of it.
    member: Option<&'a str>,
    /// Whether the program asks with `typeof` whether the name is there.
    tested: bool,
}

impl<'a> Names<'a> {
    /// Notes one name, if it is a global.
    pub fn note(&mut self, name: &'a IdentifierReference<'a>, analysis: &Analysis<'_, 'a>) {
        if !analysis.is_free(name) || !analysis.is_value(name) {
            return;
        }
        let parents = || analysis.nodes.ancestor_kinds(name.node_id.get()).take(8);
        let tested = || {
            let outer = parents().find(|kind| !is_wrapper(kind));
            matches!(outer, Some(AstKind::UnaryExpression(unary)) if unary.operator == UnaryOperator::Typeof)
        };
        let span = (name.span.start, name.span.end);
        let text = name.name.as_str();
        match self.uses.get_mut(text) {
            Some(known) => known.tested = known.tested || tested(),
            None => {
                let assigned = analysis.is_assigned(name);
                let (called, member) = use_of(name, parents().next());
                self.uses.insert(text, Use { first: span, assigned, called, member, tested: tested() });
                self.order.push(text);
            }
        }
        if text == "Function" {
            let calls = match parents().next() {
                Some(AstKind::CallExpression(call)) => call.callee.span() == name.span,
                Some(AstKind::NewExpression(call)) => call.callee.span() == name.span,
                _ => false,
            };
            if calls {
                self.function_calls.push(span);
            }
        }
    }

    /// The tools that the program names.
    pub fn externals(&self) -> Vec<String> {
        self.order.iter().filter(|name| name.starts_with(PREFIX)).map(|name| (*name).to_owned()).collect()
    }

    /// Whether the program names this global.
    pub fn mentions(&self, name: &str) -> bool {
        self.uses.contains_key(name)
    }

    /// Reports the names that are not there; `dynamic` says that the program can define globals.
    pub fn report(
        &self,
        analysis: &Analysis<'_, 'a>,
        options: &CompileOptions<'_>,
        dynamic: bool,
        reporter: &mut Reporter<'_>,
    ) {
        for span in &self.function_calls {
            let hint = "write the function out; for data use JSON.parse";
            let message = "Function makes code from a string, which is switched off in the sandbox";
            reporter.report(DiagnosticKind::Unsupported, *span, message, Some(hint.to_owned()));
        }
        for name in &self.order {
            let Some(found) = self.uses.get(name) else { continue };
            if found.tested || (options.globals)(name) || matches!(*name, "undefined" | "arguments") {
                continue;
            }
            let reserved = name.starts_with(PREFIX) || absent_hint(name).is_some();
            let kind = if reserved || !dynamic {
                DiagnosticKind::UnknownName
            } else {
                DiagnosticKind::Lint(Lint::UnknownName)
            };
            if reporter.is_full(kind) {
                continue;
            }
            let shown: String = name.chars().take(80).collect();
            let message = match *name {
                "eval" | "WebAssembly" => format!("{shown} is not available here"),
                _ => format!("{shown} is not defined"),
            };
            let hint = if reserved { None } else { local_hint(name, analysis, reporter) };
            let hint = hint.or_else(|| found.member.and_then(|member| member_hint(member, options)));
            let hint = hint.or_else(|| found.assigned.then(|| format!("declare it: `let {shown} = …`")));
            reporter.report(kind, found.first, message, hint.or_else(|| name_hint(name, found.called, options)));
        }
    }
}

/// Whether a name is called, and the property that is read of it.
fn use_of<'a>(name: &IdentifierReference<'a>, parent: Option<AstKind<'a>>) -> (bool, Option<&'a str>) {
    match parent {
        Some(AstKind::CallExpression(call)) => (call.callee.span() == name.span, None),
        Some(AstKind::StaticMemberExpression(member)) if member.object.span() == name.span => {
            (false, Some(member.property.name.as_str()))
        }
        _ => (false, None),
    }
}

/// `tools.getUser` of a host whose tools are plain functions.
fn member_hint(member: &str, options: &CompileOptions<'_>) -> Option<String> {
    let near = nearest(member, options.external_names.iter().map(|name| &**name));
    let same = near.iter().find(|near| near.is_same())?;
    Some(format!("tools are plain functions: call {}(…)", same.name))
}

/// What changes nothing about the expression inside.
fn is_wrapper(kind: &AstKind<'_>) -> bool {
    matches!(
        kind,
        AstKind::ParenthesizedExpression(_)
            | AstKind::TSAsExpression(_)
            | AstKind::TSSatisfiesExpression(_)
            | AstKind::TSNonNullExpression(_)
            | AstKind::TSTypeAssertion(_)
    )
}

/// A variable of the program itself that the name is a slip of, or that cannot be seen from where the name stands.
fn local_hint(name: &str, analysis: &Analysis<'_, '_>, reporter: &Reporter<'_>) -> Option<String> {
    let scoping = analysis.scoping;
    let values = || scoping.symbol_ids().take(MAX_SYMBOLS).filter(|symbol| scoping.symbol_flags(*symbol).is_value());
    if let Some(hidden) = values().find(|symbol| scoping.symbol_name(*symbol) == name) {
        let namespace = analysis.nodes.ancestor_kinds(scoping.symbol_declaration(hidden)).find_map(|kind| match kind {
            AstKind::TSNamespaceDeclaration(namespace) => Some(namespace.id.name),
            _ => None,
        });
        let line = reporter.line(scoping.symbol_span(hidden).start);
        return Some(match namespace {
            Some(namespace) => format!("write {namespace}.{name}, which line {line} declares"),
            None => format!("line {line} declares it in a block or function of its own: declare it before that one"),
        });
    }
    let near = nearest_slips(name, values().map(|symbol| scoping.symbol_name(symbol)));
    (!near.is_empty()).then(|| format!("did you mean {}?", either(&near)))
}
