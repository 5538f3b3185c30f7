//! [`Tool`]: one function of the host that programs can call.

mod budget;
mod error;
mod preparation;
mod references;
mod schema;
pub(crate) mod secrets;

use std::{
    fmt,
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::future::{Either, select};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use self::schema::{Schema, TooMuchWork};
use crate::{
    driver::{BoxFuture, ProgressSink, timer},
    stubs::ToolSignature,
    types::{CallError, Json, Progress, too_many_values},
};
use codemode_typescript::{InputProblem, LiteralInput};

pub use error::ToolError;
pub use schema::Mismatch;
pub use secrets::{SecretCheck, SecretParameter};

/// One function of the host that programs can call: a name, a description, the schemas of its input and output, and
/// what it does. Cloning is cheap; clones share the concurrency limit.
#[derive(Clone)]
pub struct Tool {
    pub(crate) definition: Arc<Definition>,
    run: Run,
    timeout: Option<Duration>,
    gate: Option<Arc<Semaphore>>,
    output_check: OutputCheck,
    lazy: bool,
}

pub(crate) struct Definition {
    pub(crate) name: Arc<str>,
    pub(crate) description: String,
    pub(crate) input: Value,
    pub(crate) output: Option<Value>,
    input_schema: OnceLock<Result<Schema, String>>,
    output_schema: OnceLock<Result<Schema, String>>,
}

type Run = Arc<dyn Fn(Value, ToolContext) -> BoxFuture<'static, Result<Json, ToolError>> + Send + Sync>;

/// What to do when a tool's answer does not fit its own output schema. A tool with Rust types begins with `Off`: its
/// answer is written from the type that the schema was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OutputCheck {
    /// Pass the answer on and report the mismatch to [`CodeModeBuilder::on_warning`](crate::CodeModeBuilder::on_warning).
    #[default]
    Warn,
    /// Fail the call.
    Fail,
    /// Do not look.
    Off,
}

/// What a tool learns about the call it serves.
#[derive(Clone)]
#[non_exhaustive]
pub struct ToolContext {
    /// The execution, as in its events.
    pub tool_call_id: Arc<str>,
    /// The call, as in its events.
    pub call_id: u64,
    /// The tool's own name.
    pub tool: Arc<str>,
    progress: ProgressSink,
}

impl ToolContext {
    pub(crate) fn new(tool_call_id: Arc<str>, call_id: u64, tool: Arc<str>, progress: ProgressSink) -> Self {
        Self { tool_call_id, call_id, tool, progress }
    }

    /// Reports to the listeners of the execution how far the call is, from any thread. What is reported after the call has
    /// ended is dropped.
    pub fn progress(&self, progress: Progress) {
        self.progress.report(progress);
    }
}

impl fmt::Debug for ToolContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tool_call_id, call_id, tool, .. } = self;
        f.debug_struct("ToolContext")
            .field("tool_call_id", tool_call_id)
            .field("call_id", call_id)
            .field("tool", tool)
            .finish_non_exhaustive()
    }
}

impl Tool {
    /// A tool with Rust types: their JSON Schemas come from `schemars`, so the program sees their TypeScript types.
    ///
    /// An input that does not fit the schema never reaches `run`. Dropping the future cancels the call.
    ///
    /// ```
    /// use codemode_core::{Tool, ToolError};
    /// use schemars::JsonSchema;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct WeatherInput {
    ///     /// City name
    ///     city: String,
    /// }
    /// #[derive(Serialize, JsonSchema)]
    /// struct Weather {
    ///     celsius: f64,
    /// }
    ///
    /// let tool = Tool::typed("fetchWeather", "Get current weather for a city", |input: WeatherInput, _ctx| async move {
    ///     if input.city.is_empty() {
    ///         return Err(ToolError::new("no city given"));
    ///     }
    ///     Ok(Weather { celsius: 21.5 })
    /// });
    /// assert_eq!(tool.name(), "fetchWeather");
    /// ```
    pub fn typed<I, O, F, Fut>(name: impl Into<Arc<str>>, description: impl Into<String>, run: F) -> Self
    where
        I: DeserializeOwned + JsonSchema,
        O: Serialize + JsonSchema,
        F: Fn(I, ToolContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, ToolError>> + Send + 'static,
    {
        let input = schema_of::<I>(SchemaSettings::draft2020_12());
        let output = schema_of::<O>(SchemaSettings::draft2020_12().for_serialize());
        let run: Run = Arc::new(move |input, context| match serde_json::from_value::<I>(input) {
            Ok(input) => {
                let answer = run(input, context);
                Box::pin(async move {
                    Json::of(&answer.await?)
                        .map_err(|error| ToolError::new(format!("the tool's answer has no JSON form: {error}")))
                })
            }
            // The schema lets through what the type refuses, such as a number that does not fit.
            Err(error) => Box::pin(async move { Err(ToolError::invalid_input(error.to_string())) }),
        });
        Self::new(name.into(), description.into(), input, Some(output), run).output_check(OutputCheck::Off)
    }

    /// A tool whose schemas are known at run time only.
    ///
    /// ```
    /// use codemode_core::{Tool, ToolError};
    /// use serde_json::{Value, json};
    ///
    /// let input = json!({ "type": "object", "properties": { "n": { "type": "number" } }, "required": ["n"] });
    /// let tool = Tool::from_schema("double", "Twice a number", input, None, |input: Value, _ctx| async move {
    ///     let n = input["n"].as_f64().ok_or_else(|| ToolError::new("n is missing"))?;
    ///     Ok(json!(n * 2.0))
    /// });
    /// assert_eq!(tool.name(), "double");
    /// ```
    pub fn from_schema<F, Fut>(
        name: impl Into<Arc<str>>,
        description: impl Into<String>,
        input: Value,
        output: Option<Value>,
        run: F,
    ) -> Self
    where
        F: Fn(Value, ToolContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, ToolError>> + Send + 'static,
    {
        let run: Run = Arc::new(move |input, context| {
            let answer = run(input, context);
            Box::pin(async move { Ok(Json::from(answer.await?)) })
        });
        Self::new(name.into(), description.into(), input, output, run)
    }

    fn new(name: Arc<str>, description: String, input: Value, output: Option<Value>, run: Run) -> Self {
        let definition = Definition {
            name,
            description,
            input,
            output,
            input_schema: OnceLock::new(),
            output_schema: OnceLock::new(),
        };
        Self {
            definition: Arc::new(definition),
            run,
            timeout: None,
            gate: None,
            output_check: OutputCheck::default(),
            lazy: false,
        }
    }

    /// Fails a call that takes longer. Without it only the execution's own deadline counts. Waiting for a free place
    /// under [`concurrency`](Self::concurrency) does not count.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Lets at most `most` calls run at once, over all executions that share this tool; more wait in order. At least 1.
    #[must_use]
    pub fn concurrency(mut self, most: usize) -> Self {
        self.gate = Some(Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS))));
        self
    }

    /// What to do when an answer does not fit the output schema.
    #[must_use]
    pub fn output_check(mut self, check: OutputCheck) -> Self {
        self.output_check = check;
        self
    }

    /// Names the tool in the prompt by one line only. Its declaration is given when the model asks for it, with the tool
    /// of [`CodeMode::discovery_definition`](crate::CodeMode::discovery_definition) or `external_searchTools` in a
    /// program. For catalogs too large for a prompt; a program can call it without asking.
    #[must_use]
    pub fn lazy(mut self) -> Self {
        self.lazy = true;
        self
    }

    pub(crate) fn is_lazy(&self) -> bool {
        self.lazy
    }

    /// The tool's own name.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// What the program is told about it, under the name it has in the sandbox.
    pub(crate) fn signature<'a>(&'a self, function: &'a str) -> ToolSignature<'a> {
        let Definition { name, description, input, output, .. } = &*self.definition;
        ToolSignature::new(name, function, description, input).output(output.as_ref())
    }

    /// What is wrong with its schemas: such a tool refuses every call, the others are not affected.
    pub(crate) fn schema_problem(&self) -> Option<String> {
        let input = self.definition.input_schema().as_ref().err().map(|why| format!("input schema: {why}"));
        input.or_else(|| {
            let output = self.definition.output_schema()?.as_ref().err()?;
            Some(format!("output schema: {output}"))
        })
    }

    /// What is wrong with an input whatever its computed parts are.
    pub(crate) fn literal_problems(&self, input: Option<&LiteralInput>) -> Vec<InputProblem> {
        let Ok(schema) = self.definition.input_schema() else { return Vec::new() };
        match input {
            Some(input) => schema.check_literal(&self.definition.input, input),
            None => schema.check_literal(&self.definition.input, &LiteralInput::new(self.definition.no_input())),
        }
    }

    /// Runs one call: checks the input, waits for a place, runs, checks the answer.
    pub(crate) async fn call(
        self,
        function: Arc<str>,
        input: Option<Json>,
        context: ToolContext,
        warn: Arc<dyn Fn(String) + Send + Sync>,
    ) -> Result<Option<Json>, CallError> {
        let input = self.checked_input(&function, input)?;
        let _place = match &self.gate {
            // The semaphore is never closed.
            Some(gate) => gate.clone().acquire_owned().await.ok(),
            None => None,
        };
        let answer = (self.run)(input, context);
        let answer = match self.timeout {
            None => answer.await,
            Some(timeout) => match select(answer, Box::pin(timer::sleep(timeout))).await {
                Either::Left((answer, _)) => answer,
                Either::Right(_) => return Err(timed_out(&function, timeout)),
            },
        };
        let answer = answer.map_err(ToolError::into_call_error)?;
        self.check_output(&function, &answer, &*warn)?;
        Ok(Some(answer))
    }

    fn checked_input(&self, function: &str, input: Option<Json>) -> Result<Value, CallError> {
        let definition = &*self.definition;
        if let Some(why) = input.as_ref().and_then(|json| too_many_values(json.text().as_bytes(), MAX_INPUT_MEMORY)) {
            return Err(invalid(function, &format!("{why}; send less at a time"), &[]));
        }
        let input = match input {
            Some(json) => json
                .value()
                .map_err(|_| invalid(function, "it is nested deeper than 128 levels; send a flatter value", &[]))?,
            None => definition.no_input(),
        };
        match definition.input_schema() {
            Ok(schema) => match schema.check(&definition.input, &input).as_deref() {
                Ok([]) => Ok(input),
                Ok(mismatches) => Err(invalid(function, &joined(mismatches), mismatches)),
                Err(TooMuchWork) => {
                    let message = format!(
                        "{function} was not called: checking this input against its schema would take too long. Send less, \
                         or do without this tool"
                    );
                    Err(CallError::new("ToolError", message).code("SCHEMA_TOO_COMPLEX"))
                }
            },
            Err(why) => Err(CallError::new(
                "ToolError",
                format!(
                    "{function} cannot be called: its input schema is broken on the host ({why}). Do without this tool"
                ),
            )
            .code("BROKEN_SCHEMA")),
        }
    }

    fn check_output(&self, function: &str, answer: &Json, warn: &dyn Fn(String)) -> Result<(), CallError> {
        if self.output_check == OutputCheck::Off {
            return Ok(());
        }
        let definition = &*self.definition;
        let (Some(Ok(schema)), Some(source)) = (definition.output_schema(), &definition.output) else { return Ok(()) };
        let why = match answer.value() {
            Ok(value) => match schema.check(source, &value).as_deref() {
                Ok([]) => return Ok(()),
                Ok(mismatches) => joined(mismatches),
                Err(TooMuchWork) => "checking it would take too long".to_owned(),
            },
            Err(_) => "it is nested deeper than 128 levels".to_owned(),
        };
        let message = format!("the answer of {function} does not fit its output schema: {why}");
        if self.output_check == OutputCheck::Warn {
            warn(message);
            return Ok(());
        }
        Err(CallError::new("ToolOutputError", message).code("INVALID_OUTPUT"))
    }
}

impl Definition {
    fn input_schema(&self) -> &Result<Schema, String> {
        self.input_schema.get_or_init(|| Schema::new(&self.input))
    }

    fn output_schema(&self) -> Option<&Result<Schema, String>> {
        let output = self.output.as_ref()?;
        Some(self.output_schema.get_or_init(|| Schema::new(output)))
    }

    /// What a call without an argument means: an empty object, unless the schema wants `null`.
    fn no_input(&self) -> Value {
        let wants_null = self.input.get("type").is_some_and(|kind| kind == "null");
        if wants_null { Value::Null } else { json!({}) }
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.definition.name).finish_non_exhaustive()
    }
}

fn schema_of<T: JsonSchema>(settings: SchemaSettings) -> Value {
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

fn joined(mismatches: &[Mismatch]) -> String {
    mismatches.iter().map(Mismatch::to_string).collect::<Vec<_>>().join("; ")
}

fn invalid(function: &str, why: &str, mismatches: &[Mismatch]) -> CallError {
    let mut error =
        CallError::new("ToolInputError", format!("invalid input for {function}: {why}")).code("INVALID_INPUT");
    if !mismatches.is_empty() {
        error.data = Some(json!({ "mismatches": mismatches }));
    }
    error
}

fn timed_out(function: &str, timeout: Duration) -> CallError {
    CallError::new("ToolTimeout", format!("{function} did not answer within {timeout:?}")).code("TOOL_TIMEOUT")
}

/// What the values of one input may take: more than half a million.
const MAX_INPUT_MEMORY: usize = 64 << 20;
