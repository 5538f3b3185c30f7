//! The slow path, for TypeScript that has a value at run time: oxc's transformer and printer, with a source map.
//!
//! All changes but the types are made before, on the text, so both paths share them. No syntax is lowered.

use std::path::{Path, PathBuf};

use oxc::allocator::Allocator;
use oxc::ast::ast::Statement;
use oxc::codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc::diagnostics::OxcDiagnostic;
use oxc::semantic::SemanticBuilder;
use oxc::transformer::{TransformOptions, Transformer};

use super::parse::parse_edited;
use super::position::Columns;

/// A program printed anew.
pub(super) struct Printed {
    pub javascript: String,
    /// (output, input) offsets of printed nodes, ascending.
    pub tokens: Vec<(u32, u32)>,
}

/// Turns TypeScript into JavaScript through its syntax tree; the errors' offsets count in `text`.
pub(super) fn print(arena: &Allocator, text: &str) -> Result<Printed, Vec<OxcDiagnostic>> {
    let text: &str = arena.alloc_str(text);
    let parsed = parse_edited(arena, text);
    if parsed.panicked || !parsed.diagnostics.is_empty() {
        return Err(parsed.diagnostics.into_vec());
    }
    let mut program = parsed.program;
    let resolved = SemanticBuilder::new().with_excess_capacity(1.0).with_enum_eval(true).build(&program);
    let scoping = resolved.semantic.into_scoping();
    let transformer = Transformer::new(arena, Path::new("program.ts"), &TransformOptions::default());
    let transformed = transformer.build_with_scoping(scoping, &mut program);
    if !transformed.diagnostics.is_empty() {
        return Err(transformed.diagnostics.into_vec());
    }
    // The transformer keeps a module a module with `export {}` when types were all it held.
    program.body.retain(|statement| !matches!(statement, Statement::ExportNamedDeclaration(_)));
    let options = CodegenOptions {
        comments: CommentOptions::disabled(),
        // Nobody reads the script, and at 500 levels the white space would be most of it.
        indent_width: 0,
        source_map_path: Some(PathBuf::from("program.ts")),
        ..CodegenOptions::default()
    };
    let printed = Codegen::new().with_options(options).build(&program);
    let (output, input) = (Columns::new(&printed.code), Columns::new(text));
    let mut tokens: Vec<(u32, u32)> = Vec::new();
    for token in printed.map.iter().flat_map(|map| map.get_tokens()) {
        let from = output.offset(token.get_dst_line() + 1, token.get_dst_col() + 1);
        let to = input.offset(token.get_src_line() + 1, token.get_src_col() + 1);
        tokens.extend(from.zip(to));
    }
    tokens.sort_unstable();
    Ok(Printed { javascript: printed.code, tokens })
}
