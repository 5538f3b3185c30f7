//! Calls of tools: the functions there are ([`ToolNames`]), one [`Call`], its [`Progress`] and its [`CallError`].

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use crate::types::Json;

/// A tool call to start.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Unique within the execution; counted from 1 in the order of the program's calls.
    pub id: u64,
    /// Index of the tool in the [`ToolNames`] of the execution.
    pub tool: usize,
    /// The function the program called.
    pub function: Arc<str>,
    /// The input; `None` is `undefined`.
    pub input: Option<Json>,
}

/// How far a tool call is. Numbers and text are the tool's own: show them, do not compute with them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// What is done, in the tool's own unit.
    pub done: f64,
    /// What there is to do, if the tool knows.
    pub total: Option<f64>,
    /// What it is doing.
    pub message: Option<String>,
}

/// Why a tool call failed, as the program sees it: an `Error` with these fields.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CallError {
    /// Name of the error, such as `ToolError`.
    pub name: String,
    /// What went wrong, for the model.
    pub message: String,
    /// A code to match on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Value>,
    /// Anything else the program may want to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl CallError {
    /// An error without code and data.
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into(), code: None, data: None }
    }

    /// Adds a code to match on.
    #[must_use]
    pub fn code(mut self, code: impl Into<Value>) -> Self {
        self.code = Some(code.into());
        self
    }
}

/// The functions a program can call, and the tools behind them. Shared by all executions of a catalog.
#[derive(Debug, Clone)]
pub struct ToolNames {
    functions: Vec<Arc<str>>,
    originals: Vec<Arc<str>>,
    index: HashMap<Arc<str>, usize>,
    json: Json,
}

impl ToolNames {
    /// Pairs of function name and tool name. Of two equal function names the first counts.
    pub fn new<F: Into<Arc<str>>, T: Into<Arc<str>>>(names: impl IntoIterator<Item = (F, T)>) -> Self {
        let (functions, originals): (Vec<Arc<str>>, Vec<Arc<str>>) =
            names.into_iter().map(|(function, tool)| (function.into(), tool.into())).unzip();
        let mut index = HashMap::with_capacity(functions.len());
        for (i, function) in functions.iter().enumerate() {
            index.entry(function.clone()).or_insert(i);
        }
        let json = Json::of(&functions).expect("a list of strings has a JSON form");
        Self { functions, originals, index, json }
    }

    /// The function names, in order.
    pub fn functions(&self) -> &[Arc<str>] {
        &self.functions
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    pub(crate) fn json(&self) -> Json {
        self.json.clone()
    }

    pub(crate) fn find(&self, function: &str) -> Option<(usize, Arc<str>)> {
        let at = *self.index.get(function)?;
        Some((at, self.functions.get(at)?.clone()))
    }

    pub(crate) fn original(&self, tool: usize) -> Arc<str> {
        self.originals.get(tool).cloned().unwrap_or_default()
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.functions.iter().zip(&self.originals)
    }
}

impl Default for ToolNames {
    fn default() -> Self {
        Self::new(std::iter::empty::<(&str, &str)>())
    }
}
