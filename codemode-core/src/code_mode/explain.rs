//! [`Explainer`]: puts a failure into the terms of the model's text (position, message, hint), once, and adds the warnings
//! that an outcome carries. [`rejection`] words the failure of a program that cannot run.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use codemode_typescript::{
    CompileOptions, Compiled, Diagnostic, DiagnosticKind, EngineError, Lint, code_frame, explain, hint_for_name,
    names::is_global,
};

use crate::{
    code_mode::catalog::Catalog,
    stubs::{ToolStub, TypeStub},
    types::{DroppedCall, Failure, FailureKind, Outcome, Position, ToolNames},
};

/// A program, and what its failure can be explained by.
pub(crate) struct Explainer {
    code: Arc<str>,
    compiled: Arc<Compiled>,
    names: Arc<ToolNames>,
    catalog: Arc<Catalog>,
    /// The failure as it was explained, and the place among the warnings of the lint that predicted it, if one did.
    explained: OnceLock<(Failure, Option<usize>)>,
}

impl Explainer {
    pub(crate) fn new(code: &str, compiled: Arc<Compiled>, names: Arc<ToolNames>, catalog: Arc<Catalog>) -> Self {
        Self { code: code.into(), compiled, names, catalog, explained: OnceLock::new() }
    }

    /// Adds what the program's text tells about an outcome. Explains its failure if the driver did not ask for that.
    pub(crate) fn complete(&self, mut outcome: Outcome) -> Outcome {
        let (mut cause, mut by_host) = (None, false);
        if let Err(failure) = &mut outcome.result {
            cause = match self.explained.get() {
                Some((explained, cause)) if explained == failure => *cause,
                // The driver did not ask, or did not wait for the explanation.
                _ => self.translate(failure),
            };
            by_host = failure.kind.ended_by_host();
        }
        let cause = cause.and_then(|at| self.compiled.warnings.get(at));
        // What the failure's hint says is not said twice.
        let lints: Vec<&Diagnostic> = self.compiled.warnings.iter().filter(|lint| Some(*lint) != cause).collect();
        let said = lints.iter().map(|lint| {
            let hint = lint.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
            format!("line {}: {}{hint}", lint.line, lint.message)
        });
        // A call that was dropped says more than the lint that saw it coming.
        if outcome.dropped_calls.is_empty() {
            outcome.warnings.extend(said);
        } else {
            outcome.warnings.extend(dropped(&outcome.dropped_calls, &lints, by_host).take(MAX_WARNINGS));
        }
        outcome
    }

    /// Puts a failure into the terms of the model's text.
    pub(crate) fn explain(&self, failure: &mut Failure) {
        let cause = self.translate(failure);
        // An execution has one failure; of two, the first was told.
        let _ = self.explained.set((failure.clone(), cause));
    }

    /// Gives the place among the warnings of the lint that predicted the failure, if one did.
    fn translate(&self, failure: &mut Failure) -> Option<usize> {
        self.locate(failure);
        let cause = self.compiled.warnings.iter().position(|lint| predicted(lint, failure));
        self.add_hint(failure, cause.and_then(|at| self.compiled.warnings.get(at)));
        cause
    }

    fn locate(&self, failure: &mut Failure) {
        let original = |at: Position| {
            let (line, column) = self.compiled.positions.locate(at.line, at.column)?;
            Some(Position { line, column })
        };
        failure.frames.retain_mut(|frame| match original(frame.position) {
            Some(position) => {
                frame.position = position;
                true
            }
            None => false,
        });
        // The line of a stalled await is the model's already.
        if failure.kind != FailureKind::Stalled {
            failure.position = failure.frames.first().map(|frame| frame.position);
        }
        failure.code_frame = failure.position.map(|at| code_frame(&self.code, at.line, at.column, 1));
    }

    fn add_hint(&self, failure: &mut Failure, cause: Option<&Diagnostic>) {
        if failure.hint.is_some() || failure.kind != FailureKind::Threw {
            return;
        }
        match failure.name.as_str() {
            "ToolInputError" => failure.hint = self.signature(failure),
            "ReferenceError" if failure.message.ends_with(" is not defined") => {
                failure.hint = cause.and_then(|lint| lint.hint.clone()).or_else(|| self.name_hint(failure));
            }
            "ReferenceError" | "TypeError" | "SyntaxError" => {
                if let Some(at) = failure.position {
                    let error = EngineError::new(&failure.message, at.line, at.column);
                    let explained = explain(&self.code, &error, &|function| self.answer_of(function));
                    failure.hint = explained.hint;
                    if let Some(message) = explained.message {
                        failure.message = message;
                    }
                }
                if let Some(lint) = cause {
                    let hint = lint.hint.as_deref().unwrap_or_default();
                    failure.hint = Some(format!("line {}: {}; {hint}", lint.line, lint.message));
                }
            }
            _ => {}
        }
    }

    /// A name that is not defined gets the names that are near.
    fn name_hint(&self, failure: &Failure) -> Option<String> {
        let name = failure.message.strip_suffix(" is not defined")?.trim_matches('\'');
        let known = |name: &str| self.names.find(name).is_some() || is_global(name);
        hint_for_name(name, &CompileOptions::new(0, &known, self.names.functions()))
    }

    /// The declaration of the function whose input was wrong; its name stands in the message.
    fn signature(&self, failure: &Failure) -> Option<String> {
        let function = failure.message.strip_prefix("invalid input for ")?.split(':').next()?;
        self.catalog.stub(function).map(declaration)
    }

    /// What the answer of a function is, as the end of a sentence.
    fn answer_of(&self, function: &str) -> Option<String> {
        let stub = self.catalog.stub(function)?;
        Some(match &stub.output_type {
            Some(output) => format!("of type {}", one_line(output, &stub.types)),
            None => "of a type that its tool does not declare: return it once to see what it is".to_owned(),
        })
    }
}

/// The hint for a call with a wrong input.
pub(crate) fn declaration(stub: &ToolStub) -> String {
    format!("it is declared as {}({})", stub.function, one_line(&stub.input_type, &stub.types))
}

/// Whether the program failed of what the lint warned of.
fn predicted(lint: &Diagnostic, failure: &Failure) -> bool {
    if failure.kind != FailureKind::Threw || failure.hint.is_some() {
        return false;
    }
    match lint.kind {
        DiagnosticKind::Lint(Lint::UnknownName) => failure.message == lint.message,
        // A promise in place of its value is no function, not iterable, and has `undefined` for every property.
        DiagnosticKind::Lint(Lint::MissingAwait) => failure.name == "TypeError",
        _ => false,
    }
}

/// A text for each function with calls that were given up, and what the lints knew of it.
fn dropped(calls: &[DroppedCall], lints: &[&Diagnostic], by_host: bool) -> impl Iterator<Item = String> {
    let mut groups: Vec<(&Arc<str>, bool, Vec<u64>)> = Vec::new();
    for call in calls {
        match groups.iter_mut().find(|(function, started, _)| **function == call.function && *started == call.started) {
            Some((_, _, ids)) => ids.push(call.call_id),
            None => groups.push((&call.function, call.started, vec![call.call_id])),
        }
    }
    let awaits = |lint: &&&Diagnostic| {
        matches!(lint.kind, DiagnosticKind::Lint(Lint::NotAwaited | Lint::MissingAwait | Lint::ForEachAsync))
    };
    let awaits: Vec<&Diagnostic> = lints.iter().filter(awaits).copied().collect();
    let texts = groups.into_iter().map(move |(function, started, ids)| {
        let shown: Vec<String> = ids.iter().take(MAX_IDS).map(u64::to_string).collect();
        let more = if ids.len() > MAX_IDS { ", …" } else { "" };
        let calls = format!("{} {}{more}", if ids.len() == 1 { "call" } else { "calls" }, shown.join(", "));
        let named = awaits.iter().find(|lint| lint.message.contains(&**function));
        let advice = match named.or(awaits.first()) {
            _ if by_host => String::new(),
            Some(lint) => format!("; line {}: {}", lint.line, lint.hint.as_deref().unwrap_or(&lint.message)),
            None => "; await every call".to_owned(),
        };
        match (started, ids.len()) {
            (true, 1) => format!("{function} ({calls}) was cancelled: the program ended before it answered{advice}"),
            (true, _) => format!("{function} ({calls}) were cancelled: the program ended before they answered{advice}"),
            (false, _) => format!("{function} ({calls}) never ran: the program ended first{advice}"),
        }
    });
    texts.collect::<Vec<_>>().into_iter()
}

/// A type on one line, with those of its named types that fit.
fn one_line(text: &str, types: &[TypeStub]) -> String {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line = flat(text);
    for named in types.iter().rev().filter(|named| text.contains(&named.name)) {
        line.push_str(&format!("; {}", flat(&named.text).trim_end_matches(';')));
    }
    match line.char_indices().nth(MAX_TYPE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// Why a text is not a program that can run. The first diagnostic is the failure, the next few are named.
pub(crate) fn rejection(code: &str, diagnostics: &[Diagnostic]) -> Failure {
    let Some(first) = diagnostics.first() else {
        return Failure::new(FailureKind::Syntax, "SyntaxError", "the program cannot be read");
    };
    let (kind, name) = match first.kind {
        DiagnosticKind::Syntax => (FailureKind::Syntax, "SyntaxError"),
        DiagnosticKind::TooLarge => (FailureKind::LimitReached, "SourceTooLarge"),
        DiagnosticKind::UnknownName => (FailureKind::Invalid, "ReferenceError"),
        DiagnosticKind::InvalidInput => (FailureKind::Invalid, "ToolInputError"),
        _ => (FailureKind::Invalid, "UnsupportedSyntax"),
    };
    let mut message = first.message.clone();
    for other in diagnostics.iter().skip(1).take(MAX_WARNINGS) {
        message.push_str(&format!("\nalso line {}: {}", other.line, other.message));
    }
    let mut failure = Failure::new(kind, name, message);
    failure.hint = first.hint.clone();
    if first.line > 0 && !code.is_empty() && kind != FailureKind::LimitReached {
        failure.position = Some(Position { line: first.line, column: first.column });
        failure.code_frame = Some(first.code_frame.clone());
    }
    if kind == FailureKind::Invalid && name == "ToolInputError" {
        failure.code = Some(Value::from("INVALID_INPUT"));
    }
    failure
}

const MAX_WARNINGS: usize = 5;
const MAX_IDS: usize = 5;
const MAX_TYPE: usize = 400;
