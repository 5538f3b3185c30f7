//! [`Catalog`]: the tools of a [`CodeMode`](crate::CodeMode), their names in the sandbox and their declarations.

use std::sync::{Arc, OnceLock};

use crate::{
    code_mode::discovery::Discovery,
    stubs::{Stubs, ToolStub},
    tool::Tool,
    types::ToolNames,
};

/// The tools, what they are called in the sandbox, and how they are declared.
pub(crate) struct Catalog {
    pub(crate) tools: Vec<Tool>,
    pub(crate) names: Arc<ToolNames>,
    pub(crate) stubs: Stubs,
    /// Empty without lazy tools.
    pub(crate) discovery: Arc<OnceLock<Discovery>>,
    pub(crate) on_warning: Arc<dyn Fn(String) + Send + Sync>,
}

impl Catalog {
    /// The declaration of a function.
    pub(crate) fn stub(&self, function: &str) -> Option<&ToolStub> {
        let eager = self.stubs.per_tool.iter().find(|stub| stub.function == function);
        eager.or_else(|| self.discovery.get()?.stub(function))
    }
}
