//! From what a model sent to one JavaScript expression that an engine runs: the whole front end of a program.
//!
//! The model's text keeps its own lines and columns on the way: [`Positions`] leads back from the script to the text,
//! and every [`Diagnostic`] speaks of the text. No type of the parser behind this module shows outside of it.

#[cfg(feature = "typecheck")]
mod checkable;
mod diagnostic;
mod edit;
mod explain;
mod fence;
mod frame;
mod free_names;
mod inputs;
mod lexical;
mod lint;
mod marks;
mod nesting;
mod options;
mod parse;
mod portable;
mod position;
mod reading;
mod shape;
mod stack;
mod ticks;
mod transform;
mod types;
mod unsupported;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::semantic::SemanticBuilder;
use oxc::span::GetSpan;

#[cfg(feature = "typecheck")]
pub use checkable::CheckableProgram;
#[cfg(feature = "typecheck")]
pub(crate) use checkable::type_error;
pub use diagnostic::{Diagnostic, DiagnosticKind, Lint};
pub use explain::{EngineError, Explanation, explain};
pub use frame::code_frame;
pub use free_names::hint_for_name;
pub use options::{CompileOptions, InputProblem, LiteralInput};
pub use position::Positions;

use diagnostic::Reporter;
use edit::{Edits, Place};
use free_names::Names;
use marks::Marks;
use position::{Step, trace};
use reading::Reading;
use shape::Shaper;
use types::Draft;
use unsupported::TopLevel;

/// A program that can run.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// One expression and nothing else: an async arrow function of two parameters, strict inside.
    ///
    /// The first parameter notes the line of an `await` and returns a token, the second takes the token back and
    /// returns its other argument: `$done($at(7), await x)`. Calls of tools are awaited without them. A program with
    /// ticks has a third, which it calls. The first line of the model's text is on line 1, unless the text had to be
    /// printed anew.
    pub javascript: String,
    /// The way from positions in `javascript` back to the model's.
    pub positions: Positions,
    /// Lints; they do not stop the run.
    pub warnings: Vec<Diagnostic>,
    /// The `external_*` functions that the program names, in the order of first mention.
    pub externals: Vec<String>,
    /// Whether the program can reach globals that it does not name: it mentions `globalThis`, or `this` at the top.
    pub dynamic_globals: bool,
}

/// Turns what a model sent into a script, or says what is wrong with it.
///
/// Needs no free stack of the caller's and never panics, whatever `source` is.
pub fn compile(source: &str, options: &CompileOptions<'_>) -> Result<Compiled, Vec<Diagnostic>> {
    compile_by(source, options, Way::Fastest)
}

/// Which of the two ways to JavaScript to go; tests compare them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Fastest,
    #[cfg(test)]
    Printed,
}

fn compile_by(source: &str, options: &CompileOptions<'_>, way: Way) -> Result<Compiled, Vec<Diagnostic>> {
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
    // A parser of 100,000 lines that reads text of strangers may have a panic left in it; none may reach the host.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        stack::with_room(nesting, || {
            stack::with_arena(|arena| Compilation { arena, source, options, way }.run(&text, reporter))
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
    way: Way,
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
        let reading = Reading::new(parsed.text, program, &resolved.semantic);
        let marks = Marks::new(&reading);
        let mut draft = Draft::new(parsed.text);
        let top = TopLevel::of(&reading);
        let shaper = Shaper {
            reading: &reading,
            draft: &mut draft,
            marks: &marks,
            reporter: &mut reporter,
            arena: self.arena,
            externals: self.options.external_names,
            returns: top.returns,
        };
        let shape = shaper.shape();
        let mut names = Names::default();
        for node in reading.nodes.iter() {
            let kind = node.kind();
            if draft.is_erased(kind.span()) {
                continue;
            }
            types::erase(&mut draft, kind, node.id(), reading.nodes);
            if self.options.ticks {
                ticks::insert(kind, &marks.tick, &mut draft);
            }
            match kind {
                AstKind::AwaitExpression(node) => marks.mark(node, &reading, &mut draft, &reporter),
                AstKind::IdentifierReference(name) => names.note(name, &reading),
                _ => {
                    unsupported::check(kind, self.options, &mut reporter);
                    portable::check(kind, &mut draft);
                    lint::check(kind, node.id(), &reading, shape.returned, &mut reporter);
                    if let AstKind::CallExpression(call) = kind {
                        inputs::check(call, node.id(), &reading, self.options, &mut reporter);
                    }
                }
            }
        }
        portable::characters(&reading, &mut draft);
        unsupported::constants(&reading, &mut reporter);
        let dynamic_globals = names.mentions("globalThis") || top.this;
        names.report(&reading, self.options, dynamic_globals, &mut reporter);
        if reporter.has_errors() {
            return Err(reporter.finish().0);
        }
        let Some((javascript, mut steps)) = self.write(&draft, &marks, &shape.tail, &mut reporter) else {
            return Err(reporter.finish().0);
        };
        if parsed.shift > 0 {
            // `(` before and `\n)` behind are not the model's.
            steps.push(Step::Inside { start: parsed.shift, bytes: parsed.text.len() as u32 - parsed.shift - 2 });
        }
        Ok(Compiled {
            positions: Positions { javascript: javascript.clone(), source: self.source.to_owned(), steps },
            javascript,
            warnings: reporter.finish().1,
            externals: names.externals(),
            dynamic_globals,
        })
    }

    /// Carries the changes out: in place if that leads to a correct script, else by printing the program anew.
    fn write(
        &self,
        draft: &Draft<'a>,
        marks: &Marks,
        tail: &str,
        reporter: &mut Reporter<'_>,
    ) -> Option<(String, Vec<Step>)> {
        let end = draft.text.len() as u32;
        let tick = if self.options.ticks { format!(", {}", marks.tick) } else { String::new() };
        let (head, foot) = (format!("(async ({}, {}{tick}) => {{\"use strict\";", marks.at, marks.done), "\n})");
        let mut ending = Edits::default();
        if !tail.is_empty() {
            ending.insert(end, Place::BeforeInner, format!("\n{tail}"));
        }
        if self.way == Way::Fastest && !draft.needs_printer {
            let mut wrapper = Edits::default();
            wrapper.insert(0, Place::AfterInner, head.as_str());
            wrapper.insert(end, Place::BeforeInnermost, foot);
            let (script, pieces) = Edits::apply(&[&draft.code, &draft.types, &ending, &wrapper], draft.text);
            if parse::script_error(self.arena, &script).is_none() {
                return Some((script, vec![Step::Edits(pieces)]));
            }
        }
        let (text, pieces) = Edits::apply(&[&draft.code, &ending], draft.text);
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
