//! Calls of tools: the functions there are ([`ToolNames`]), one [`Call`], its [`Progress`] and its [`CallError`].

use std::{collections::HashMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::types::Json;

/// A tool call to start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Call {
    /// Unique within the execution; counted from 1 in the order of the program's calls.
    pub id: u64,
    /// Index of the tool in the [`ToolNames`] of the execution.
    pub tool: usize,
    /// The function the program called.
    pub function: Arc<str>,
    /// The input; `None` is `undefined`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::json::present")]
    pub input: Option<Json>,
}

impl Call {
    /// A call of the tool at index `tool`, which programs know as `function`.
    pub fn new(id: u64, tool: usize, function: impl Into<Arc<str>>, input: Option<Json>) -> Self {
        Self { id, tool, function: function.into(), input }
    }
}

/// How far a tool call is. Numbers and text are the tool's own: show them, do not compute with them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// What is done, in the tool's own unit.
    pub done: f64,
    /// What there is to do, if the tool knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// What it is doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Progress {
    /// So much is done.
    pub fn new(done: f64) -> Self {
        Self { done, ..Self::default() }
    }

    /// Adds what there is to do.
    #[must_use]
    pub fn total(mut self, total: f64) -> Self {
        self.total = Some(total);
        self
    }

    /// Adds what the tool is doing.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }
}

/// Why a tool call failed, as the program sees it: an `Error` with these fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallError {
    /// Name of the error, such as `ToolError`.
    pub name: String,
    /// What went wrong, for the model.
    pub message: String,
    /// A code to match on.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::json::present")]
    pub code: Option<Value>,
    /// Anything else the program may want to read.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::json::present")]
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

    /// Adds anything else the program may want to read.
    #[must_use]
    pub fn data(mut self, data: impl Into<Value>) -> Self {
        self.data = Some(data.into());
        self
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for CallError {}

/// The functions a program can call, and the tools behind them. Shared by all executions of a catalog.
///
/// As JSON it is a list of pairs, `[["external_get_user", "get-user"]]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<(Arc<str>, Arc<str>)>", into = "Vec<(Arc<str>, Arc<str>)>")]
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

impl From<Vec<(Arc<str>, Arc<str>)>> for ToolNames {
    fn from(pairs: Vec<(Arc<str>, Arc<str>)>) -> Self {
        Self::new(pairs)
    }
}

impl From<ToolNames> for Vec<(Arc<str>, Arc<str>)> {
    fn from(names: ToolNames) -> Self {
        names.functions.into_iter().zip(names.originals).collect()
    }
}

impl Default for ToolNames {
    fn default() -> Self {
        Self::new(std::iter::empty::<(&str, &str)>())
    }
}
