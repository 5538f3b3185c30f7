//! [`BodyForm`]: turns the forms in which models write programs into the body of one async function that returns the
//! result.
//!
//! Accepted beyond a plain body with `return`: `export`, `export default`, a function or arrow function as the last
//! expression or left uncalled, a last expression without `return`, an object literal that reads as a block.

use oxc::ast::ast::{
    BlockStatement, Class, Declaration, ExportDefaultDeclaration, ExportDefaultDeclarationKind, Expression,
    ExpressionStatement, FormalParameters, Function, ImportDeclaration, ImportDeclarationSpecifier, Statement,
    TSModuleReference, VariableDeclaration,
};
use oxc::semantic::SymbolId;
use oxc::span::{GetSpan, Span};

use super::analysis::Analysis;
use super::await_markers::AwaitMarkers;
use super::diagnostic::{DiagnosticKind, Lint, Reporter};
use super::edit::Place;
use super::parse::{bare, is_object_literal};
use super::rewrite::Rewrite;

/// Names under which models hide the program in a function.
const MAIN_NAMES: [&str; 8] = ["main", "run", "execute", "program", "handler", "start", "solve", "task"];

/// Gives a program the form of a function body, by changes to its text.
pub(super) struct BodyForm<'s, 'a, 'r, 'o> {
    pub analysis: &'s Analysis<'s, 'a>,
    pub rewrite: &'s mut Rewrite<'a>,
    pub markers: &'s AwaitMarkers,
    pub reporter: &'s mut Reporter<'r>,
    pub arena: &'a oxc::allocator::Allocator,
    /// Names of the tools, for the hint on imports.
    pub externals: &'o [std::sync::Arc<str>],
    /// Whether the program returns anywhere outside of its functions.
    pub returns: bool,
}

/// How a program comes to its result.
pub(super) struct Body {
    /// What must follow the program's last line.
    pub tail: String,
    /// The expression statement whose value is returned.
    pub returned: Option<Span>,
}

/// A function that the program could be.
struct Candidate<'a> {
    name: &'a str,
    span: Span,
    is_async: bool,
    needs_arguments: bool,
}

impl<'a> BodyForm<'_, 'a, '_, '_> {
    /// Records the changes.
    pub fn write(mut self) -> Body {
        let body = &self.analysis.program.body;
        let mut tail = String::new();
        let mut exported = false;
        for statement in body {
            match statement {
                Statement::ExportDefaultDeclaration(export) => {
                    exported = true;
                    tail = self.export_default(export);
                }
                Statement::TSExportAssignment(export) => {
                    exported = true;
                    tail = self.default_expression(export.span, &export.expression);
                }
                Statement::ReturnStatement(statement) => {
                    if let Some(argument) = &statement.argument {
                        self.mark_pending(argument, statement.span);
                    }
                }
                _ => self.module_statement(statement),
            }
        }
        if exported || self.returns {
            return Body { tail, returned: None };
        }
        self.result_of_last_statement()
    }

    /// Strips or refuses the statements that only modules have.
    fn module_statement(&mut self, statement: &Statement<'a>) {
        match statement {
            Statement::ImportDeclaration(import) if self.is_type_import(import) => {
                self.rewrite.drop_statement(import.span)
            }
            Statement::ImportDeclaration(import) => self.refuse_module(import.span, "import"),
            Statement::TSImportEqualsDeclaration(import) => {
                if let TSModuleReference::ExternalModuleReference(_) = import.module_reference
                    && !import.import_kind.is_type()
                {
                    self.refuse_module(import.span, "import");
                }
            }
            Statement::ExportAllDeclaration(export) if !export.export_kind.is_type() => {
                self.refuse_module(export.span, "export … from");
            }
            Statement::ExportFromDeclaration(export) if !export.export_kind.is_type() => {
                self.refuse_module(export.span, "export … from");
            }
            Statement::ExportAllDeclaration(export) => self.rewrite.drop_statement(export.span),
            Statement::ExportFromDeclaration(export) => self.rewrite.drop_statement(export.span),
            Statement::ExportNamedDeclaration(export) => self.rewrite.drop_statement(export.span),
            Statement::TSNamespaceExportDeclaration(export) => self.rewrite.drop_statement(export.span),
            Statement::ExportDeclaration(export) if is_type_only(&export.declaration) => {
                self.rewrite.drop_statement(export.span);
            }
            Statement::ExportDeclaration(export) => {
                self.rewrite.code.blank(export.span.start, export.declaration.span().start);
            }
            _ => {}
        }
    }

    /// As TypeScript does, an import of which only types are used is dropped.
    fn is_type_import(&self, import: &ImportDeclaration<'a>) -> bool {
        if import.import_kind.is_type() {
            return true;
        }
        let Some(specifiers) = import.specifiers.as_ref().filter(|specifiers| !specifiers.is_empty()) else {
            return false;
        };
        specifiers.iter().all(|specifier| {
            let local = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(one) if one.import_kind.is_type() => return true,
                ImportDeclarationSpecifier::ImportSpecifier(one) => &one.local,
                ImportDeclarationSpecifier::ImportDefaultSpecifier(one) => &one.local,
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(one) => &one.local,
            };
            let Some(symbol) = local.symbol_id.get() else { return false };
            let mut references = self.analysis.scoping.get_resolved_references(symbol).peekable();
            references.peek().is_some() && references.all(|reference| !reference.flags().is_value())
        })
    }

    fn refuse_module(&mut self, span: Span, what: &str) {
        self.reporter.report(
            DiagnosticKind::Unsupported,
            (span.start, span.end),
            format!("`{what}` does not work here: there are no modules in the sandbox"),
            Some(super::free_names::no_modules_hint(self.externals)),
        );
    }

    fn export_default(&mut self, export: &ExportDefaultDeclaration<'a>) -> String {
        let declaration = export.declaration.span();
        match &export.declaration {
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => self.default_function(export.span, function),
            ExportDefaultDeclarationKind::ClassDeclaration(class) => self.default_class(export.span, class),
            ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => {
                self.rewrite.code.blank(export.span.start, declaration.start);
                String::new()
            }
            other => match other.as_expression() {
                Some(expression) => self.default_expression(export.span, expression),
                None => String::new(),
            },
        }
    }

    fn default_function(&mut self, export: Span, function: &Function<'a>) -> String {
        if function.body.is_none() {
            self.rewrite.drop_statement(export);
            return String::new();
        }
        let Some(id) = &function.id else {
            let name = self.default_declaration(export, function.span);
            return format!("return {name}();");
        };
        self.rewrite.code.blank(export.start, function.span.start);
        format!("return {}();", id.name)
    }

    fn default_class(&mut self, export: Span, class: &Class<'a>) -> String {
        let Some(id) = &class.id else {
            let name = self.default_declaration(export, class.span);
            return format!("return {name};");
        };
        self.rewrite.code.blank(export.start, class.span.start);
        format!("return {};", id.name)
    }

    /// Names an anonymous default declaration; the `;` ends what was a declaration and is now an expression.
    fn default_declaration(&mut self, export: Span, declaration: Span) -> String {
        let name = self.markers.default.clone();
        self.rewrite.code.replace(export.start, declaration.start, format!("const {name} = "));
        self.rewrite.code.insert(declaration.end, Place::AfterOuter, ";");
        name
    }

    fn default_expression(&mut self, export: Span, expression: &Expression<'a>) -> String {
        let name = self.markers.default.clone();
        let span = expression.span();
        self.rewrite.code.replace(export.start, span.start, format!("const {name} = ("));
        self.rewrite.code.insert(span.end, Place::AfterOuter, ")");
        self.end_statement(span, export);
        match bare(expression) {
            Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_) => format!("return {name}();"),
            Expression::Identifier(_) => {
                format!("return typeof {name} === \"function\" ? {name}() : {name};")
            }
            _ => format!("return {name};"),
        }
    }

    /// The last statement that runs has the result, if it can; else a function that waits to be called.
    fn result_of_last_statement(&mut self) -> Body {
        let program = self.analysis.program;
        // Functions and types that stand behind it do not run.
        let runs = |statement: &&Statement<'a>| !is_inert(statement) && function_declaration(statement).is_none();
        let last = program.body.iter().rev().find(runs);
        let mut form = Body { tail: String::new(), returned: None };
        match last {
            Some(Statement::ExpressionStatement(statement)) => {
                self.return_expression(statement);
                form.returned = Some(statement.span);
            }
            Some(Statement::BlockStatement(block)) if self.is_object(block) => {
                self.rewrite.code.insert(block.span.start, Place::BeforeOuter, "return (");
                self.rewrite.code.insert(block.span.end, Place::AfterOuter, ");");
            }
            _ => form.tail = self.uncalled_function(last),
        }
        // A string alone is a directive to the parser.
        if let (None, true, Some(directive)) = (last, form.tail.is_empty(), program.directives.last())
            && directive.directive != "use strict"
        {
            self.rewrite.code.insert(directive.span.start, Place::BeforeOuter, "return ");
        }
        form
    }

    fn return_expression(&mut self, statement: &ExpressionStatement<'a>) {
        let expression = &statement.expression;
        let span = expression.span();
        let call = match bare(expression) {
            Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_) => true,
            Expression::Identifier(name) => self
                .analysis
                .symbol(name)
                .is_some_and(|symbol| self.analysis.scoping.symbol_flags(symbol).is_function()),
            _ => false,
        };
        if call {
            self.rewrite.code.insert(span.start, Place::BeforeOuter, "return (");
            self.rewrite.code.insert(span.end, Place::AfterOuter, ")()");
            self.end_statement(span, statement.span);
        } else {
            self.rewrite.code.insert(span.start, Place::BeforeOuter, "return ");
            self.mark_pending(expression, statement.span);
        }
    }

    /// A type may have ended the statement; behind an added `)` the next line would go on with it.
    fn end_statement(&mut self, expression: Span, statement: Span) {
        if expression.end == statement.end {
            self.rewrite.code.insert(expression.end, Place::AfterStatement, ";");
        }
    }

    /// `return f()` at the end of the program waits for the promise: the wait gets its line, as an `await` would.
    fn mark_pending(&mut self, expression: &Expression<'a>, statement: Span) {
        let waits = matches!(
            bare(expression),
            Expression::CallExpression(_) | Expression::NewExpression(_) | Expression::ChainExpression(_)
        );
        if waits && self.analysis.external_call(expression).is_none() {
            let span = expression.span();
            let line = self.reporter.line(span.start);
            self.rewrite.code.insert(span.start, Place::BeforeInner, format!("{}await ", self.markers.open(line)));
            self.rewrite.code.insert(span.end, Place::AfterOuter, ")");
            self.end_statement(span, statement);
        }
    }

    /// `{ total }` and `{ total: 1 }` are blocks to the parser; as the last statement they are meant as values.
    fn is_object(&self, block: &BlockStatement<'a>) -> bool {
        let plain = |statement: &Statement<'a>| {
            matches!(statement, Statement::LabeledStatement(_) | Statement::ExpressionStatement(_))
        };
        let text = self.analysis.text.get(block.span.start as usize..block.span.end as usize);
        block.body.iter().all(plain) && text.is_some_and(|text| is_object_literal(self.arena, text))
    }

    fn uncalled_function(&mut self, last: Option<&Statement<'a>>) -> String {
        let body = &self.analysis.program.body;
        let runs = |statement: &&Statement<'a>| !is_inert(statement) && !is_declaration(statement);
        let mut candidates: Vec<Candidate<'a>> = body.iter().flat_map(|statement| self.candidates(statement)).collect();
        if candidates.len() > 1 {
            let named = candidates.iter().rposition(|one| MAIN_NAMES.contains(&one.name));
            let chosen = named.or_else(|| candidates.iter().rposition(|one| one.is_async && !one.needs_arguments));
            candidates = chosen.map(|index| candidates.swap_remove(index)).into_iter().collect();
        }
        if let Some(function) = candidates.first() {
            if !body.iter().any(|statement| runs(&statement)) && !function.needs_arguments {
                return format!("return {}();", function.name);
            }
            self.reporter.report(
                DiagnosticKind::Lint(Lint::NeverCalled),
                (function.span.start, function.span.end),
                format!("`{}` is declared but never called", function.name),
                Some(format!("end the program with `return await {}(…);`", function.name)),
            );
        } else if let Some(Statement::VariableDeclaration(declaration)) = last {
            self.nothing_returned(declaration);
        }
        String::new()
    }

    fn nothing_returned(&mut self, declaration: &VariableDeclaration<'a>) {
        let Some(name) = declaration.declarations.last().and_then(|one| one.id.get_identifier_name()) else { return };
        self.reporter.report(
            DiagnosticKind::Lint(Lint::NothingReturned),
            (declaration.span.start, declaration.span.end),
            "the program ends with a declaration, so its result is undefined",
            Some(format!("end it with `return {name};`")),
        );
    }

    /// The top-level functions of a statement that nothing but themselves refers to.
    fn candidates(&self, statement: &Statement<'a>) -> Vec<Candidate<'a>> {
        if let Some(function) = function_declaration(statement) {
            let Some(id) = &function.id else { return Vec::new() };
            let candidate = Candidate {
                name: id.name.as_str(),
                span: id.span,
                is_async: function.r#async,
                needs_arguments: needs_arguments(&function.params),
            };
            return self.unless_used(id.symbol_id.get(), function.span, candidate).into_iter().collect();
        }
        let declaration = match statement {
            Statement::VariableDeclaration(declaration) => declaration,
            Statement::ExportDeclaration(export) => match &export.declaration {
                Declaration::VariableDeclaration(declaration) => declaration,
                _ => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        let functions = declaration.declarations.iter().filter_map(|declarator| {
            let id = declarator.id.get_binding_identifier()?;
            let (params, is_async) = match bare(declarator.init.as_ref()?) {
                Expression::ArrowFunctionExpression(arrow) => (&arrow.params, arrow.r#async),
                Expression::FunctionExpression(function) => (&function.params, function.r#async),
                _ => return None,
            };
            let needs_arguments = needs_arguments(params);
            let candidate = Candidate { name: id.name.as_str(), span: id.span, is_async, needs_arguments };
            self.unless_used(id.symbol_id.get(), declarator.span, candidate)
        });
        functions.collect()
    }

    fn unless_used(&self, symbol: Option<SymbolId>, span: Span, candidate: Candidate<'a>) -> Option<Candidate<'a>> {
        let scoping = self.analysis.scoping;
        let used = scoping.get_resolved_references(symbol?).any(|reference| {
            let at = self.analysis.nodes.kind(reference.node_id()).span();
            reference.flags().is_value() && !(span.start <= at.start && at.end <= span.end)
        });
        (!used).then_some(candidate)
    }
}

fn needs_arguments(parameters: &FormalParameters<'_>) -> bool {
    parameters.items.iter().any(|parameter| parameter.initializer.is_none() && !parameter.optional)
}

/// A function with a body, declared or exported by the statement.
fn function_declaration<'e, 'a>(statement: &'e Statement<'a>) -> Option<&'e Function<'a>> {
    let function = match statement {
        Statement::FunctionDeclaration(function) => function,
        Statement::ExportDeclaration(export) => match &export.declaration {
            Declaration::FunctionDeclaration(function) => function,
            _ => return None,
        },
        _ => return None,
    };
    function.body.is_some().then_some(function)
}

/// Statements that leave nothing to run: types, empty statements, module statements.
fn is_inert(statement: &Statement<'_>) -> bool {
    match statement {
        Statement::EmptyStatement(_) => true,
        Statement::ExportDeclaration(export) => is_type_only(&export.declaration),
        Statement::ImportDeclaration(_) | Statement::ExportNamedDeclaration(_) | Statement::ExportAllDeclaration(_) => {
            true
        }
        Statement::ExportFromDeclaration(_) | Statement::TSNamespaceExportDeclaration(_) => true,
        other => other.as_declaration().is_some_and(is_type_only),
    }
}

fn is_declaration(statement: &Statement<'_>) -> bool {
    matches!(statement, Statement::ExportDeclaration(_)) || statement.as_declaration().is_some()
}

fn is_type_only(declaration: &Declaration<'_>) -> bool {
    match declaration {
        Declaration::TSTypeAliasDeclaration(_)
        | Declaration::TSInterfaceDeclaration(_)
        | Declaration::TSGlobalDeclaration(_)
        | Declaration::TSExternalModuleDeclaration(_) => true,
        Declaration::FunctionDeclaration(function) => function.declare || function.body.is_none(),
        Declaration::TSImportEqualsDeclaration(import) => import.import_kind.is_type(),
        other => other.declare(),
    }
}
