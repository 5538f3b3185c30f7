//! A program as a compiler can check it: a function body, and nothing that would make a compiler read files.

use oxc::allocator::Allocator;
use oxc::ast::AstKind;
use oxc::semantic::SemanticBuilder;
use oxc::span::GetSpan;

use super::diagnostic::{Diagnostic, DiagnosticKind, Reporter};
use super::frame::code_frame;
use super::{fence, nesting, parse, stack};

/// A program inside a function. Its lines are the program's own.
pub(crate) struct CheckableProgram {
    text: String,
    /// What stands in front of the first line.
    head: u32,
    lines: u32,
}

impl CheckableProgram {
    /// Puts a program into a function.
    ///
    /// # Errors
    /// Why a compiler may not see it: it does not parse, or it names modules or files.
    pub(crate) fn of(code: &str) -> Result<Self, String> {
        let text = fence::program_text(code);
        nesting::measure(&text).map_err(|_| "the program nests too deeply".to_owned())?;
        let (body, in_parentheses) = stack::with_room(&text, || stack::with_arena(|arena| inspect(arena, &text)))?;
        let (head, foot) = match in_parentheses {
            true => ("async function program() { return (", "\n) }"),
            false => ("async function program() {", "\n}"),
        };
        let text = format!("{head}{body}{foot}");
        Ok(Self { lines: body.lines().count() as u32, text, head: head.len() as u32 })
    }

    /// What to check.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The program's own position of a position in [`text`](Self::text); `None` outside of it.
    pub(crate) fn position(&self, line: u32, column: u32) -> Option<(u32, u32)> {
        match line {
            1 => column.checked_sub(self.head).filter(|column| *column > 0).map(|column| (1, column)),
            _ => (line <= self.lines).then_some((line, column)),
        }
    }
}

/// The text with what only modules have taken out, and whether it is an expression.
fn inspect(arena: &Allocator, text: &str) -> Result<(String, bool), String> {
    let text = arena.alloc_str(text);
    let refused = || "the program is no TypeScript".to_owned();
    let parsed = parse::parse(arena, text, &mut Reporter::new(text)).ok_or_else(refused)?;
    let program = &*arena.alloc(parsed.program);
    let names_files = |comment: &oxc::ast::ast::Comment| {
        let text = parsed.text.get(comment.span.start as usize..comment.span.end as usize).unwrap_or_default();
        let text = text.trim_start_matches('/').trim_start();
        text.starts_with('<') || text.starts_with("@ts-")
    };
    if program.comments.iter().any(names_files) {
        return Err("a reference directive, or another word to the compiler in a comment, is not allowed".into());
    }
    let semantic = SemanticBuilder::new().with_build_nodes(true).build(program).semantic;
    let mut body = parsed.text.as_bytes().to_vec();
    for node in semantic.nodes().iter() {
        match node.kind() {
            AstKind::ImportDeclaration(_)
            | AstKind::ImportExpression(_)
            | AstKind::TSImportType(_)
            | AstKind::TSExternalModuleReference(_)
            | AstKind::ExportAllDeclaration(_)
            | AstKind::ExportFromDeclaration(_)
            | AstKind::TSExternalModuleDeclaration(_)
            | AstKind::TSGlobalDeclaration(_) => return Err("imports and modules cannot be checked".into()),
            // Inside a function an export is a mistake of syntax; what it exports is checked all the same.
            AstKind::ExportDeclaration(export) => {
                let (start, end) = (export.span.start as usize, export.declaration.span().start as usize);
                if let Some(word) = body.get_mut(start..end) {
                    word.fill(b' ');
                }
            }
            AstKind::ExportDefaultDeclaration(export) => {
                let (start, end) = (export.span.start as usize, export.declaration.span().start as usize);
                if let Some(word) = body.get_mut(start..end) {
                    word.fill(b' ');
                }
            }
            _ => {}
        }
    }
    let body = String::from_utf8(body).map_err(|_| refused())?;
    match parsed.shift {
        0 => Ok((body, false)),
        shift => Ok((body.get(shift as usize..body.len() - 2).unwrap_or_default().to_owned(), true)),
    }
}

/// A diagnostic of a compiler, in the model's text.
pub(crate) fn type_error(
    code: &str,
    (line, column): (u32, u32),
    end: Option<(u32, u32)>,
    message: String,
    hint: Option<String>,
    kind: DiagnosticKind,
) -> Diagnostic {
    let width = end.filter(|(last, behind)| *last == line && *behind > column).map_or(1, |(_, behind)| behind - column);
    let code_frame = code_frame(code, line, column, width);
    Diagnostic { kind, message, line, column, end, hint, code_frame }
}
