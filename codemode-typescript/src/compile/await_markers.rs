//! [`AwaitMarkers`]: markers around every `await` that no tool call will settle, so that the host can name the line of
//! one that hangs.
//!
//! `await x` becomes `$done($at(7), await x)`: `$at` notes line 7 and returns a token, `$done` takes the token back and
//! returns the value. A rejection skips `$done`, so when a program stalls the newest open token is the one to trust.

use oxc::ast::ast::AwaitExpression;

use super::analysis::Analysis;
use super::diagnostic::Reporter;
use super::edit::Place;
use super::rewrite::Rewrite;

/// The names that the front end adds; none of them is a name of the program.
pub(super) struct AwaitMarkers {
    pub at: String,
    pub done: String,
    /// What loops and functions call, where an engine needs it.
    pub tick: String,
    /// Holds what `export default` exports.
    pub default: String,
}

impl AwaitMarkers {
    /// Chooses the names: `$at`, `$done` and so on, numbered where the program uses them itself.
    pub fn new(analysis: &Analysis<'_, '_>) -> Self {
        // A name can also be written with escapes, so the text decides only when it has neither.
        let text = analysis.text;
        let numbered = OURS.iter().chain(&["\\u"]).any(|part| text.contains(part));
        let number = if numbered { first_free(analysis) } else { String::new() };
        let [at, done, tick, default] = OURS.map(|name| format!("{name}{number}"));
        Self { at, done, tick, default }
    }

    /// What stands in front of an `await` in this line.
    pub fn open(&self, line: u32) -> String {
        format!("{}({}({line}), ", self.done, self.at)
    }

    /// Marks one `await`, unless it waits for a tool: the host knows those.
    pub fn mark(
        &self,
        node: &AwaitExpression<'_>,
        analysis: &Analysis<'_, '_>,
        rewrite: &mut Rewrite<'_>,
        reporter: &Reporter<'_>,
    ) {
        if analysis.external_call(&node.argument).is_some() {
            return;
        }
        let line = reporter.line(node.span.start);
        rewrite.code.insert(node.span.start, Place::BeforeInnermost, self.open(line));
        rewrite.code.insert(node.span.end, Place::AfterInner, ")");
    }
}

const OURS: [&str; 4] = ["$at", "$done", "$tick", "$default"];

fn first_free(analysis: &Analysis<'_, '_>) -> String {
    let free = analysis.scoping.root_unresolved_references();
    let names = analysis.scoping.symbol_names().chain(free.keys().map(|name| name.as_str()));
    let taken: std::collections::HashSet<&str> = names.filter(|name| name.starts_with('$')).collect();
    let suffixes = std::iter::once(String::new()).chain((1..).map(|number: u32| number.to_string()));
    suffixes
        .into_iter()
        .find(|suffix| OURS.iter().all(|name| !taken.contains(format!("{name}{suffix}").as_str())))
        .unwrap_or_default()
}
