//! [`Tool`]: one function of the host that programs can call.

mod budget;
mod error;
mod mismatch;
mod patterns;
mod preparation;
mod references;
mod schema;
pub(crate) mod secrets;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use self::schema::{Effort, Schema, Unchecked};
use crate::{
    driver::{BoxFuture, ProgressSink, aside, timer},
    stubs::ToolSignature,
    types::{CallError, Json, Progress},
};
use codemode_typescript::{InputProblem, LiteralInput};

pub use error::ToolError;
pub use mismatch::Mismatch;
pub(crate) use schema::MAX_LITERALS_STEPS;
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
    input: Arc<Schema>,
    output: Option<Arc<Schema>>,
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
            input: Arc::new(Schema::new(input)),
            output: output.map(|output| Arc::new(Schema::new(output))),
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
        let Definition { name, description, input, output } = &*self.definition;
        let output = output.as_ref().map(|output| output.source());
        ToolSignature::new(name, function, description, input.source()).output(output)
    }

    /// The JSON Schema of its input.
    pub(crate) fn input_schema(&self) -> &Value {
        self.definition.input.source()
    }

    /// What is wrong with its schemas: such a tool refuses every call, the others are not affected. A schema that takes
    /// long to prepare is looked at by its first call.
    pub(crate) fn schema_problem(&self) -> Option<String> {
        let Definition { input, output, .. } = &*self.definition;
        let of = |name: &str, schema: &Schema| schema.problem().map(|why| format!("{name} schema: {why}"));
        of("input", input).or_else(|| of("output", output.as_ref()?))
    }

    /// What is wrong with an input whatever its computed parts are. Takes its work from what is `left` for all of a program.
    pub(crate) fn literal_problems(&self, input: Option<&LiteralInput>, left: &mut u64) -> Vec<InputProblem> {
        match input {
            Some(input) => self.definition.input.check_literal(input, left),
            None => self.definition.input.check_literal(&LiteralInput::new(self.definition.no_input()), left),
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
        let input = self.checked_input(&function, input).await?;
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
        self.check_output(&function, &answer, &*warn).await?;
        Ok(Some(answer))
    }

    async fn checked_input(&self, function: &str, input: Option<Json>) -> Result<Value, CallError> {
        let definition = &*self.definition;
        let input = input.unwrap_or_else(|| definition.no_input().into());
        match judged(&definition.input, &input).await? {
            Ok((value, Ok(mismatches))) if mismatches.is_empty() => Ok(value),
            Ok((_, Ok(mismatches))) => Err(invalid(function, &joined(&mismatches), &mismatches)),
            Ok((_, Err(Unchecked::TooMuchWork))) => {
                let message = format!(
                    "{function} was not called: checking this input against its schema would take too long. Send less, \
                     or do without this tool"
                );
                Err(CallError::new("ToolError", message).code("SCHEMA_TOO_COMPLEX"))
            }
            Ok((_, Err(Unchecked::Broken(why)))) => {
                let message = format!(
                    "{function} cannot be called: its input schema is broken on the host ({why}). Do without this tool"
                );
                Err(CallError::new("ToolError", message).code("BROKEN_SCHEMA"))
            }
            Err(TooDeep) => Err(invalid(function, "it is nested deeper than 128 levels; send a flatter value", &[])),
        }
    }

    async fn check_output(
        &self,
        function: &str,
        answer: &Json,
        warn: &(dyn Fn(String) + Sync),
    ) -> Result<(), CallError> {
        let Some(schema) = self.definition.output.as_ref().filter(|_| self.output_check != OutputCheck::Off) else {
            return Ok(());
        };
        let why = match judged(schema, answer).await? {
            Ok((_, Ok(mismatches))) if mismatches.is_empty() => return Ok(()),
            Ok((_, Ok(mismatches))) => joined(&mismatches),
            Ok((_, Err(Unchecked::TooMuchWork))) => "checking it would take too long".to_owned(),
            // Said when the host began.
            Ok((_, Err(Unchecked::Broken(_)))) => return Ok(()),
            Err(TooDeep) => "it is nested deeper than 128 levels".to_owned(),
        };
        let message = format!("the answer of {function} does not fit its output schema: {why}");
        if self.output_check == OutputCheck::Warn {
            warn(message);
            return Ok(());
        }
        Err(CallError::new("ToolOutputError", message).code("INVALID_OUTPUT"))
    }
}

struct TooDeep;

type Judged = Result<(Value, Result<Vec<Mismatch>, Unchecked>), TooDeep>;

/// Parses a text and checks its value: where the caller stands when that takes little, else aside.
async fn judged(schema: &Arc<Schema>, json: &Json) -> Result<Judged, CallError> {
    let mut parsed = None;
    if json.text().len() <= MAX_INLINE_BYTES {
        let Ok(value) = json.value() else { return Ok(Err(TooDeep)) };
        match schema.check(&value, Effort::Little) {
            Err(Unchecked::TooMuchWork) => parsed = Some(value),
            judgement => return Ok(Ok((value, judgement))),
        }
    }
    let (schema, json) = (schema.clone(), json.clone());
    let work = move || {
        let value = parsed.map_or_else(|| json.value(), Ok).map_err(|_| TooDeep)?;
        let judgement = schema.check(&value, Effort::Full);
        Ok((value, judgement))
    };
    aside(work).await.map_err(|error| CallError::new("ToolError", format!("its values cannot be checked: {error}")))
}

impl Definition {
    /// What a call without an argument means: an empty object, unless the schema wants `null`.
    fn no_input(&self) -> Value {
        let wants_null = self.input.source().get("type").is_some_and(|kind| kind == "null");
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

/// A text so small is parsed where the caller stands.
const MAX_INLINE_BYTES: usize = 32 << 10;
