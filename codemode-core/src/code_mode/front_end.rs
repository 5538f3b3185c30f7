//! The front end as an execution uses it: within the deadline, and off the caller's thread when the text is large.

use std::{cell::Cell, sync::Arc, time::Instant};

use codemode_typescript::{CompileOptions, Compiled, Diagnostic, LiteralInput, compile, names::is_global};

use super::{
    CodeMode,
    explain::{declaration, rejection},
};
use crate::{
    driver::aside_until,
    session::wording,
    tool::MAX_LITERALS_STEPS,
    types::{Error, Failure, Limits, ToolNames},
};

/// What became of a program's text.
pub(super) enum FrontEnd {
    Compiled(Arc<Compiled>),
    /// It cannot run: in the model's terms, why.
    Rejected(Box<Failure>),
}

impl CodeMode {
    /// Compiles a program before `requested` and its timeout have gone by.
    pub(super) async fn compile_in_time(
        &self,
        code: &str,
        names: &Arc<ToolNames>,
        limits: &Limits,
        requested: Instant,
    ) -> Result<FrontEnd, Error> {
        let front_end = |code: &str, compiled: Result<Compiled, Vec<Diagnostic>>| match compiled {
            Ok(compiled) => FrontEnd::Compiled(Arc::new(compiled)),
            Err(diagnostics) => FrontEnd::Rejected(Box::new(rejection(code, &diagnostics))),
        };
        // What is refused for its size is not read.
        if code.len() <= MAX_INLINE || code.len() > limits.source_bytes {
            return Ok(front_end(code, self.compile(code, names, limits)));
        }
        let (code_mode, text, names, granted) = (self.clone(), code.to_owned(), names.clone(), limits.clone());
        let work = move || front_end(&text, code_mode.compile(&text, &names, &granted));
        let done = aside_until(requested + limits.timeout, work).await?;
        Ok(done.unwrap_or_else(|| FrontEnd::Rejected(Box::new(wording::not_read_in_time(limits)))))
    }

    /// Compiles a program for the driver.
    pub(super) fn compile(&self, code: &str, names: &ToolNames, limits: &Limits) -> Result<Compiled, Vec<Diagnostic>> {
        self.compile_with(code, names, limits, self.inner.driver.wants_ticks())
    }

    /// The same, with or without ticks.
    pub(super) fn compile_with(
        &self,
        code: &str,
        names: &ToolNames,
        limits: &Limits,
        ticks: bool,
    ) -> Result<Compiled, Vec<Diagnostic>> {
        let known = |name: &str| names.find(name).is_some() || is_global(name);
        let catalog = &self.inner.catalog;
        let left = Cell::new(MAX_LITERALS_STEPS);
        let check_input = |function: &str, input: Option<&LiteralInput>| {
            let mut steps = left.get();
            let tool = catalog.names.find(function).and_then(|(index, _)| catalog.tools.get(index));
            let problems = tool.map(|tool| tool.literal_problems(input, &mut steps)).unwrap_or_default();
            left.set(steps);
            problems
        };
        let declaration = |function: &str| catalog.stub(function).map(declaration);
        let options = CompileOptions::new(limits.source_bytes, &known, names.functions())
            .check_input(&check_input)
            .declaration(&declaration)
            .ticks(ticks);
        compile(code, &options)
    }
}

/// A text so small is read where the caller stands: that takes a millisecond or two, a thread of its own not much less.
const MAX_INLINE: usize = 8 << 10;
