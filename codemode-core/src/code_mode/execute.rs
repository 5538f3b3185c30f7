//! [`CodeMode::execute`]: from a program's text to its outcome.

use std::{sync::Arc, time::Instant};

use codemode_typescript::Compiled;

use super::{
    CodeMode,
    explain::Explainer,
    front_end::FrontEnd,
    host::{EventSink, ToolHost, fresh_id},
    options::ExecuteOptions,
};
use crate::{
    driver::{ContextConfig, Program, reject},
    journal::Journal,
    types::{Error, Outcome, ToolNames},
};

impl CodeMode {
    /// Runs one program. Dropping the future cancels it.
    ///
    /// # Errors
    /// Only when the host fails; whatever the program does, also a syntax error, is in the [`Outcome`].
    pub async fn execute(&self, code: &str, options: ExecuteOptions) -> Result<Outcome, Error> {
        let requested = Instant::now();
        let limits = options.limits.unwrap_or_else(|| self.inner.limits.clone());
        limits.check()?;
        if let Some(events) = &options.events {
            events.bound(limits.event_bytes);
        }
        let (catalog, names) = (&self.inner.catalog, &self.inner.catalog.names);
        let tool_call_id = options.tool_call_id.unwrap_or_else(fresh_id);
        let mut host = ToolHost {
            catalog: catalog.clone(),
            tool_call_id: tool_call_id.clone(),
            events: EventSink([self.inner.on_event.clone(), options.listener]),
            explainer: None,
        };
        let compiled = match self.compile_in_time(code, names, &limits, requested).await? {
            FrontEnd::Compiled(compiled) => compiled,
            FrontEnd::Rejected(failure) => return reject(tool_call_id, code.len(), *failure, Arc::new(host)),
        };
        let program = program(&compiled, names, tool_call_id)
            .requested(Some(requested))
            .code_length(code.len())
            .seed(options.seed)
            .epoch_ms(options.epoch_ms)
            .journal(options.journal.map(|recorder| Box::new(recorder) as Box<dyn Journal>));
        let explainer = Arc::new(Explainer::new(code, compiled, names.clone(), catalog.clone()));
        host.explainer = Some(explainer.clone());
        let config = ContextConfig { limits, tools: names.clone() };
        let outcome = self.inner.driver.execute(config, program, Arc::new(host)).await?;
        Ok(explainer.complete(outcome))
    }
}

/// The compiled program with the functions that it can reach.
pub(super) fn program(compiled: &Compiled, names: &ToolNames, tool_call_id: Arc<str>) -> Program {
    let reachable = || compiled.externals.iter().filter(|name| names.find(name).is_some()).cloned().collect();
    Program::new(compiled.javascript.as_str(), tool_call_id).functions((!compiled.dynamic_globals).then(reachable))
}
