//! What a user of the library sees of an engine: [`IsolateDriver`] makes sandboxes, [`IsolateContext`] is one.
//!
//! [`Threaded`](crate::Threaded) implements both for every [`Engine`](crate::Engine). A sandbox somewhere else, in
//! another process or behind a network, implements them itself:
//!
//! ```
//! use std::sync::Arc;
//! use codemode_core::{
//!     BoxFuture, ContextConfig, Error, Host, IsolateContext, IsolateDriver, Json, Outcome, Program,
//! };
//!
//! /// A driver outside of codemode: every program is answered by a table, as a remote service might.
//! #[derive(Debug)]
//! struct Scripted;
//!
//! impl IsolateDriver for Scripted {
//!     fn name(&self) -> &str {
//!         "scripted"
//!     }
//!     fn create_context(&self, _: ContextConfig) -> BoxFuture<'_, Result<Box<dyn IsolateContext>, Error>> {
//!         Box::pin(async { Ok(Box::new(ScriptedContext) as Box<dyn IsolateContext>) })
//!     }
//! }
//!
//! struct ScriptedContext;
//!
//! impl IsolateContext for ScriptedContext {
//!     fn execute(&mut self, program: Program, _: Arc<dyn Host>) -> BoxFuture<'_, Result<Outcome, Error>> {
//!         Box::pin(async move {
//!             let answer = if program.javascript.contains("1 + 1") { "2" } else { "null" };
//!             Ok(Outcome::new(Ok(Json::from_text(answer).ok())))
//!         })
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let code_mode = codemode_core::CodeMode::builder().driver(Scripted).build()?;
//! let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! let outcome = runtime.block_on(code_mode.execute("return 1 + 1", Default::default()))?;
//! assert_eq!(outcome.result, Ok(Json::from_text("2").ok()));
//! # Ok(()) }
//! ```

mod aside;
pub(crate) mod clock;
mod deadline;
mod execution;
mod outbox;
mod reject;
mod run_loop;
mod state;
mod threaded;
pub(crate) mod timer;
mod workers;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Weak},
    time::Instant,
};

use serde::{Deserialize, Serialize};

use crate::{
    journal::{Journal, Recording},
    types::{Call, CallError, Error, ErrorKind, Event, Failure, Json, Limits, Outcome, Progress, ToolNames},
};

pub(crate) use aside::{aside, aside_until};
pub(crate) use reject::reject;
pub use threaded::Threaded;

/// A future on the heap that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the caller of an execution waits for.
pub(crate) type Answer = Result<Outcome, Error>;

/// Makes sandboxes of one kind. Cheap to share behind an [`Arc`]; all methods may be called from any thread.
pub trait IsolateDriver: fmt::Debug + Send + Sync + 'static {
    /// Stable, lower case, such as `quickjs`.
    fn name(&self) -> &str;

    /// What this driver's sandboxes can promise, for people: engine, version, guarantees.
    fn info(&self) -> DriverInfo {
        DriverInfo { name: self.name().to_owned(), ..DriverInfo::default() }
    }

    /// Whether programs for this driver must call their third argument at the head of every loop and function,
    /// because nothing else can stop them. [`CodeMode`](crate::CodeMode) sees to it.
    fn wants_ticks(&self) -> bool {
        false
    }

    /// Makes a sandbox and waits until it is ready to run.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for limits out of range, [`ErrorKind::DriverStart`] when the engine does not come up,
    /// [`ErrorKind::ThreadsLost`] when too many programs hold their threads.
    fn create_context(&self, config: ContextConfig) -> BoxFuture<'_, Result<Box<dyn IsolateContext>, Error>>;

    /// Runs one program in a sandbox of its own. A sandbox that held more than 4 MiB is destroyed before the caller is
    /// answered; a smaller one just after. Drivers that can start and run in one step do so here.
    ///
    /// # Errors
    /// Those of [`create_context`](Self::create_context) and [`IsolateContext::execute`].
    fn execute<'a>(
        &'a self,
        config: ContextConfig,
        program: Program,
        host: Arc<dyn Host>,
    ) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move { self.create_context(config).await?.execute(program, host).await })
    }

    /// Runs one program again from its record: no tool is called, every answer comes from the record. What the
    /// program says is compared with what it said then.
    ///
    /// # Errors
    /// [`ErrorKind::Diverged`] at the first difference, [`ErrorKind::Unsupported`] where a driver cannot replay.
    fn replay<'a>(
        &'a self,
        _config: ContextConfig,
        _program: Program,
        _recording: Recording,
    ) -> BoxFuture<'a, Result<Outcome, Error>> {
        let error =
            Error::new(ErrorKind::Unsupported, "this driver cannot replay a journal").with("driver", self.name());
        Box::pin(async { Err(error) })
    }
}

impl<D: IsolateDriver + ?Sized> IsolateDriver for Arc<D> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn info(&self) -> DriverInfo {
        (**self).info()
    }

    fn wants_ticks(&self) -> bool {
        (**self).wants_ticks()
    }

    fn create_context(&self, config: ContextConfig) -> BoxFuture<'_, Result<Box<dyn IsolateContext>, Error>> {
        (**self).create_context(config)
    }

    fn execute<'a>(
        &'a self,
        config: ContextConfig,
        program: Program,
        host: Arc<dyn Host>,
    ) -> BoxFuture<'a, Result<Outcome, Error>> {
        (**self).execute(config, program, host)
    }

    fn replay<'a>(
        &'a self,
        config: ContextConfig,
        program: Program,
        recording: Recording,
    ) -> BoxFuture<'a, Result<Outcome, Error>> {
        (**self).replay(config, program, recording)
    }
}

/// One sandbox. Dropping it destroys it.
pub trait IsolateContext: Send {
    /// Runs one program to its end. Each program starts with fresh state, also the second one in the same context.
    ///
    /// Dropping the future cancels: the engine is interrupted, open calls are dropped.
    ///
    /// # Errors
    /// An [`Error`] means that the host failed; whatever the program did is in the [`Outcome`].
    fn execute(&mut self, program: Program, host: Arc<dyn Host>) -> BoxFuture<'_, Result<Outcome, Error>>;
}

/// What a program may cause outside its sandbox.
pub trait Host: Send + Sync + 'static {
    /// Runs one tool call. Polled on a thread that may block, inside the tokio runtime from which the execution was
    /// started, if there was one; dropped when the program ends first. A panic becomes an error in the program.
    /// `progress` takes reports from any thread as long as the call is open; later ones are dropped.
    fn call(&self, call: Call, progress: ProgressSink) -> BoxFuture<'static, Result<Option<Json>, CallError>>;

    /// Puts a failure into the terms of the text that the model wrote: positions, message, hint. Called once for an
    /// execution that fails, before its last event; event, journal and outcome then carry the same failure.
    fn explain(&self, _failure: &mut Failure) {}

    /// Takes one event. Events of one execution arrive in order, each once, one at a time, and before the caller is answered.
    /// Called on the thread that runs the program, which waits meanwhile; on the thread that reports
    /// [`Progress`](crate::EventKind::Progress), which may have to deliver others that come meanwhile; and on a thread of its
    /// own when the program's thread is stuck. A callback that blocks longer than [`Limits::grace`] is not waited for: the
    /// caller is then answered first. A panic stops the execution with [`ErrorKind::HostPanicked`].
    fn event(&self, _event: Event) {}
}

/// Where a tool call reports how far it is. Cheap to clone.
#[derive(Clone)]
pub struct ProgressSink(Receiver);

#[derive(Clone)]
enum Receiver {
    /// A call of an execution in this process.
    Execution { call_id: u64, execution: Weak<dyn ReceiveProgress> },
    /// Whatever the driver does with it.
    Function(Arc<dyn Fn(Progress) + Send + Sync>),
}

/// Takes the progress of the calls of one execution.
pub(crate) trait ReceiveProgress: Send + Sync {
    fn progress(&self, call_id: u64, progress: Progress);
}

impl ProgressSink {
    /// For a driver that makes its own events: `report` takes each report, on the thread that makes it.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use codemode_core::{Progress, ProgressSink};
    ///
    /// let (send, receive) = mpsc::channel();
    /// let sink = ProgressSink::new(move |progress| drop(send.send(progress.done)));
    /// sink.report(Progress::new(0.5));
    /// assert_eq!(receive.recv(), Ok(0.5));
    /// ```
    pub fn new(report: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Receiver::Function(Arc::new(report)))
    }

    pub(crate) fn of_call(call_id: u64, execution: Weak<dyn ReceiveProgress>) -> Self {
        Self(Receiver::Execution { call_id, execution })
    }

    /// Reports progress. Once the call has ended, that of an execution in this process is dropped.
    pub fn report(&self, progress: Progress) {
        match &self.0 {
            Receiver::Execution { call_id, execution } => {
                if let Some(execution) = execution.upgrade() {
                    execution.progress(*call_id, progress);
                }
            }
            Receiver::Function(report) => report(progress),
        }
    }
}

impl fmt::Debug for ProgressSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressSink").finish_non_exhaustive()
    }
}

/// What a sandbox is made for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ContextConfig {
    /// The limits of each execution in it.
    pub limits: Limits,
    /// The functions that programs can call.
    pub tools: Arc<ToolNames>,
}

impl ContextConfig {
    /// Sandboxes with these limits, whose programs can call these functions.
    pub fn new(limits: Limits, tools: Arc<ToolNames>) -> Self {
        Self { limits, tools }
    }
}

/// A program ready to run. As JSON it is all but its journal, which stays with the host.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Program {
    /// A script whose value is a function of two arguments, three [with ticks](IsolateDriver::wants_ticks), that
    /// returns a promise; types stripped.
    pub javascript: Arc<str>,
    /// Bytes of the program as the model wrote it.
    pub code_length: usize,
    /// The functions to define for it, where it can reach no others; `None` defines all of its context's. What a
    /// program does not name costs it nothing then, however many tools there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub functions: Option<Vec<String>>,
    /// Identifies the execution in events.
    pub tool_call_id: Arc<str>,
    /// Seed of `Math.random` and `crypto`; `None` takes a fresh one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The program's clock at the start, in milliseconds since 1970; `None` is the real time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch_ms: Option<u64>,
    /// When the caller asked for it: the timeout counts from here. `None` counts from the call of the driver. It does not
    /// leave the process.
    #[serde(skip)]
    pub requested: Option<Instant>,
    /// Takes down the texts that go in and out.
    #[serde(skip)]
    pub journal: Option<Box<dyn Journal>>,
}

impl Program {
    /// A program with a fresh seed and the real time, without a journal.
    pub fn new(javascript: impl Into<Arc<str>>, tool_call_id: impl Into<Arc<str>>) -> Self {
        let javascript = javascript.into();
        let code_length = javascript.len();
        Self {
            javascript,
            code_length,
            functions: None,
            tool_call_id: tool_call_id.into(),
            seed: None,
            epoch_ms: None,
            requested: None,
            journal: None,
        }
    }

    /// Sets the length in bytes of the program as the model wrote it; without it, that of the script counts.
    #[must_use]
    pub fn code_length(mut self, code_length: usize) -> Self {
        self.code_length = code_length;
        self
    }

    /// Defines these functions only.
    #[must_use]
    pub fn functions(mut self, functions: Option<Vec<String>>) -> Self {
        self.functions = functions;
        self
    }

    /// Sets the seed of its randomness.
    #[must_use]
    pub fn seed(mut self, seed: Option<u64>) -> Self {
        self.seed = seed;
        self
    }

    /// Sets its clock at the start, in milliseconds since 1970.
    #[must_use]
    pub fn epoch_ms(mut self, epoch_ms: Option<u64>) -> Self {
        self.epoch_ms = epoch_ms;
        self
    }

    /// Sets when the caller asked for it, from where the timeout counts.
    #[must_use]
    pub fn requested(mut self, requested: Option<Instant>) -> Self {
        self.requested = requested;
        self
    }

    /// Sets the journal that takes down the texts that go in and out.
    #[must_use]
    pub fn journal(mut self, journal: Option<Box<dyn Journal>>) -> Self {
        self.journal = journal;
        self
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("javascript", &self.javascript).finish_non_exhaustive()
    }
}

/// What a driver's sandboxes can promise, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct DriverInfo {
    /// Stable name.
    pub name: String,
    /// Engine and version.
    pub engine: String,
    /// How the wall-clock limit is held.
    pub deadline: String,
    /// How the heap limit is held.
    pub memory: String,
    /// What keeps the program inside.
    pub isolation: String,
}
