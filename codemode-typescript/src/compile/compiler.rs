//! [`compile`]: runs the passes over one program in their order.

use std::panic::{AssertUnwindSafe, catch_unwind};

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::semantic::SemanticBuilder;
use oxc::span::GetSpan;

use super::analysis::Analysis;
use super::await_markers::AwaitMarkers;
use super::body_form::BodyForm;
use super::compiled::Compiled;
use super::diagnostic::{Diagnostic, DiagnosticKind, Reporter};
use super::edit::{Edits, Place};
use super::free_names::Names;
use super::inputs::Inputs;
use super::nesting::Nesting;
use super::options::CompileOptions;
use super::patterns::Patterns;
use super::position::{Positions, Step, trace};
use super::rewrite::Rewrite;
use super::unsupported::TopLevel;
use super::{fence, growth, lint, nesting, parse, portable, stack, ticks, transform, types, unsupported};

/// Turns what a model sent into a script, or says what is wrong with it.
///
/// Needs no free stack of the caller's and never panics, whatever `source` is.
pub fn compile(source: &str, options: &CompileOptions<'_>) -> Result<Compiled, Vec<Diagnostic>> {
    compile_by(source, options, Strategy::InPlace)
}

/// What enums and namespaces may make of any program.
const GROWN_BYTES: u64 = 2 * 1024 * 1024;

/// How the program becomes JavaScript; tests compare the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strategy {
    /// Types are blanked in the text; the printer is used only where that does not lead to a correct script.
    InPlace,
    /// The program is printed anew from its syntax tree.
    #[cfg(test)]
    Printed,
}

pub(super) fn compile_by(
    source: &str,
    options: &CompileOptions<'_>,
    strategy: Strategy,
) -> Result<Compiled, Vec<Diagnostic>> {
    let mut reporter = Reporter::new(source);
    // Offsets are 32 bits wide; the half leaves room for what is inserted.
    let limit = options.max_source_bytes.min(u32::MAX as usize / 2);
    if source.len() > limit {
        let message = format!("The program is {} bytes long; at most {limit} are accepted", source.len());
        let hint = "leave data out of the program: fetch it with an external_* function, or build it with a loop";
        reporter.report(DiagnosticKind::TooLarge, (0, 0), message, Some(hint.to_owned()));
        return Err(reporter.finish().0);
    }
    let text = fence::program_text(source);
    let nesting = match nesting::measure(&text) {
        Ok(nesting) => nesting,
        Err(deep) => {
            unsupported::report_depth(deep, &mut reporter);
            return Err(reporter.finish().0);
        }
    };
    // The parser has 100,000 lines and reads untrusted text: a panic that is left in it must not reach the host.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        stack::with_room(&text, || {
            stack::with_arena(|arena| Compilation { arena, source, options, strategy, nesting }.run(&text, reporter))
        })
    }));
    outcome.unwrap_or_else(|_| {
        let mut reporter = Reporter::new(source);
        let message = "The program could not be read: the TypeScript parser failed on it";
        reporter.report(DiagnosticKind::Syntax, (0, 0), message, Some("write it more plainly".to_owned()));
        Err(reporter.finish().0)
    })
}

struct Compilation<'a, 'o> {
    arena: &'a Allocator,
    source: &'o str,
    options: &'o CompileOptions<'o>,
    strategy: Strategy,
    nesting: Nesting,
}

impl<'a> Compilation<'a, '_> {
    fn run(self, text: &str, mut reporter: Reporter<'_>) -> Result<Compiled, Vec<Diagnostic>> {
        let text: &'a str = self.arena.alloc_str(text);
        let Some(parsed) = parse::parse(self.arena, text, &mut reporter) else { return Err(reporter.finish().0) };
        reporter.set_shift(parsed.shift);
        let program = &*self.arena.alloc(parsed.program);
        let resolved = SemanticBuilder::new().with_check_syntax_error(true).with_build_nodes(true).build(program);
        if !resolved.diagnostics.is_empty() {
            parse::report_errors(resolved.diagnostics.iter(), parsed.text, &mut reporter);
            return Err(reporter.finish().0);
        }
        if let Err(deep) = self.nesting.check(resolved.semantic.nodes()) {
            unsupported::report_depth(deep, &mut reporter);
            return Err(reporter.finish().0);
        }
        let analysis = Analysis::new(parsed.text, program, &resolved.semantic);
        let markers = AwaitMarkers::new(&analysis);
        let mut rewrite = Rewrite::new(parsed.text);
        let top = TopLevel::of(&analysis);
        let form = BodyForm {
            analysis: &analysis,
            rewrite: &mut rewrite,
            markers: &markers,
            reporter: &mut reporter,
            arena: self.arena,
            externals: self.options.external_names,
            returns: top.returns,
        };
        let body = form.write();
        let (mut names, mut inputs, mut patterns) = (Names::default(), Inputs::new(), Patterns::default());
        for node in analysis.nodes.iter() {
            let kind = node.kind();
            if rewrite.is_erased(kind.span()) {
                continue;
            }
            types::erase(&mut rewrite, kind, node.id(), analysis.nodes);
            if self.options.ticks {
                ticks::insert(kind, &markers.tick, &mut rewrite);
            }
            match kind {
                AstKind::AwaitExpression(node) => markers.mark(node, &analysis, &mut rewrite, &reporter),
                AstKind::IdentifierReference(name) => names.note(name, &analysis),
                _ => {
                    unsupported::check(kind, self.options, &mut reporter);
                    patterns.check(kind, &mut reporter);
                    portable::check(kind, &mut rewrite);
                    lint::check(kind, node.id(), &analysis, body.returned, &mut reporter);
                    inputs.check(kind, &analysis, self.options, &mut reporter);
                }
            }
        }
        portable::characters(&analysis, &mut rewrite);
        unsupported::constants(&analysis, &mut reporter);
        let dynamic_globals = names.mentions("globalThis") || top.this;
        names.report(&analysis, self.options, dynamic_globals, &mut reporter);
        if reporter.has_errors() {
            return Err(reporter.finish().0);
        }
        let Some((javascript, mut steps)) = self.write(&analysis, &rewrite, &markers, &body.tail, &mut reporter) else {
            return Err(reporter.finish().0);
        };
        if parsed.shift > 0 {
            // `(` before and `\n)` behind are not the model's.
            steps.push(Step::Inside { start: parsed.shift, bytes: parsed.text.len() as u32 - parsed.shift - 2 });
        }
        Ok(Compiled {
            positions: Positions::new(javascript.clone(), self.source.to_owned(), steps),
            javascript,
            warnings: reporter.finish().1,
            externals: names.externals(),
            dynamic_globals,
        })
    }

    /// Carries the changes out: in place if that leads to a correct script, else by printing the program anew.
    fn write(
        &self,
        analysis: &Analysis<'_, 'a>,
        rewrite: &Rewrite<'a>,
        markers: &AwaitMarkers,
        tail: &str,
        reporter: &mut Reporter<'_>,
    ) -> Option<(String, Vec<Step>)> {
        let end = rewrite.text.len() as u32;
        let tick = if self.options.ticks { format!(", {}", markers.tick) } else { String::new() };
        let (head, foot) = (format!("(async ({}, {}{tick}) => {{\"use strict\";", markers.at, markers.done), "\n})");
        let mut ending = Edits::default();
        if !tail.is_empty() {
            ending.insert(end, Place::BeforeInner, format!("\n{tail}"));
        }
        if self.strategy == Strategy::InPlace && !rewrite.needs_printer {
            let mut wrapper = Edits::default();
            wrapper.insert(0, Place::AfterInner, head.as_str());
            wrapper.insert(end, Place::BeforeInnermost, foot);
            let (script, pieces) = Edits::apply(&[&rewrite.code, &rewrite.types, &ending, &wrapper], rewrite.text);
            if parse::script_error(self.arena, &script).is_none() {
                return Some((script, vec![Step::Edits(pieces)]));
            }
        }
        growth::check(analysis, GROWN_BYTES.max(8 * u64::from(end)), reporter);
        if reporter.has_errors() {
            return None;
        }
        let (text, pieces) = Edits::apply(&[&rewrite.code, &ending], rewrite.text);
        let mut steps = vec![Step::Edits(pieces)];
        let printed = match transform::print(self.arena, &text) {
            Ok(printed) => printed,
            Err(errors) => {
                unsupported::report_untransformed(&errors, &steps, reporter);
                return None;
            }
        };
        let script = format!("{head}\n{}{foot}", printed.javascript);
        steps.insert(0, Step::Printed(printed.tokens));
        steps.insert(0, Step::Inside { start: head.len() as u32 + 1, bytes: printed.javascript.len() as u32 });
        if let Some((offset, message)) = parse::script_error(self.arena, &script) {
            let at = trace(&steps, offset).unwrap_or(0);
            reporter.report(DiagnosticKind::Syntax, (at, at), message, None);
            return None;
        }
        Some((script, steps))
    }
}
