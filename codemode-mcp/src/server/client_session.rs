//! [`ClientSession`]: one client of a server.
#![expect(deprecated, reason = "log messages are for clients before 2026-07-28, and for those that ask")]

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use codemode_core::{ExecuteOptions, Reply};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ErrorCode, Implementation, JsonObject,
        ListToolsResult, LoggingLevel, PaginatedRequestParams, ServerCapabilities, ServerConfig, SetLevelRequestParams,
        SubscriptionFilter,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use serde_json::Value;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch},
    task::spawn_blocking,
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    inner::{Inner, ROOM_BYTES},
    progress::ProgressReporter,
    tools,
};
use crate::weight::weight;

/// One client.
#[derive(Clone)]
pub(crate) struct ClientSession {
    server: Arc<Inner>,
    /// The level of the last `logging/setLevel`, as an index into [`LEVELS`]; 255 without one.
    level: Arc<AtomicU8>,
    /// Subscribed when the session began, so that no later change is missed.
    version: watch::Receiver<u64>,
    /// Whether changes are announced already: a client may say several times that it is ready.
    announces: Arc<AtomicBool>,
    /// Cancelled when the last clone is dropped.
    ended: CancellationToken,
    _ended: Arc<DropGuard>,
    /// One permit per call or subscription that is not answered yet.
    calls: Arc<Semaphore>,
}

impl ClientSession {
    pub(crate) fn new(server: Arc<Inner>) -> Self {
        let (version, ended) = (server.version.subscribe(), CancellationToken::new());
        Self {
            server,
            level: Arc::new(AtomicU8::new(u8::MAX)),
            version,
            announces: Arc::default(),
            _ended: Arc::new(ended.clone().drop_guard()),
            ended,
            calls: Arc::new(Semaphore::new(MAX_CALLS)),
        }
    }

    /// A place among the calls of this client.
    fn enter(&self) -> Result<OwnedSemaphorePermit, ErrorData> {
        self.calls.clone().try_acquire_owned().map_err(|_| {
            let why =
                format!("{MAX_CALLS} calls of this client are not answered yet; send the next one when one of them is");
            ErrorData::new(BUSY, why, None)
        })
    }

    /// Room for the input of a call, and what comes with it.
    fn room(&self, input: &JsonObject, meta: &JsonObject) -> Result<SemaphorePermit<'_>, ErrorData> {
        let units = u32::try_from((weight(input) + weight(meta)) / ROOM_BYTES + 1).unwrap_or(u32::MAX);
        self.server.room.try_acquire_many(units).map_err(|_| {
            ErrorData::new(BUSY, "the calls of all clients together hold too much; send this one again later", None)
        })
    }

    /// Answers from what the sandbox holds, on a thread that may be held for long: the tools may be thousands.
    async fn on_other_thread<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, ErrorData> {
        let server = self.server.clone();
        // It is never closed. Whoever gives up meanwhile leaves the permit to the thread.
        let permit = server.threads.clone().acquire_owned().await.ok();
        let answered = spawn_blocking(move || {
            let _permit = permit;
            answer(&server)
        })
        .await;
        answered.map_err(|error| ErrorData::internal_error(error.to_string(), None))
    }

    fn level(&self) -> Option<LoggingLevel> {
        LEVELS.get(usize::from(self.level.load(Ordering::Relaxed))).copied()
    }

    /// Runs a program and reports its progress.
    async fn execute(&self, input: Value, context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
        let code_mode = self.server.code_mode();
        let (listener, reporter) = ProgressReporter::new(context, self.level());
        let options = ExecuteOptions::default().on_event(move |event| listener(event));
        let run = async {
            // The semaphore is never closed.
            let _permit = self.server.executions.acquire().await.ok();
            code_mode.call(&input, options).await
        };
        let ended = CancellationToken::new();
        let mut reporting = pin!(reporter.run(ended.clone()));
        let reply: Reply = tokio::select! {
            reply = run => reply,
            // The client does not read this any more.
            () = context.ct.cancelled() => return Ok(tools::error("the client cancelled the program")),
            // It cannot complete before `ended` is cancelled.
            () = &mut reporting => return Ok(tools::error("the program was not run to its end")),
        };
        ended.cancel();
        // A client that reads slowly gets the console lines with the answer as well.
        let _ = timeout(MAX_REPORT_DELAY, reporting).await;
        self.on_other_thread(move |server| tools::result(server.formatter.format(&reply))).await
    }
}

impl ServerHandler for ClientSession {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_logging().build();
        let instructions = tools::instructions(&self.server.code_mode());
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("codemode", env!("CARGO_PKG_VERSION")))
            .with_instructions(instructions)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.on_other_thread(|server| tools::tools(&server.code_mode())).await?;
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let input = request.arguments.unwrap_or_default();
        let _place = self.enter()?;
        let _room = self.room(&input, &context.meta)?;
        let result = match &*request.name {
            "execute_typescript" => self.execute(Value::Object(input), &context).await?,
            "read_result" => self.on_other_thread(move |server| tools::read_result(&server.formatter, &input)).await?,
            // Answered also where they are not listed: the catalog may just have shrunk.
            "search_tools" => {
                let search = move |server: &Inner| tools::search_tools(&server.code_mode(), &server.formatter, input);
                self.on_other_thread(search).await?
            }
            "discover_tools" => {
                let find = move |server: &Inner| tools::discover_tools(&server.code_mode(), &server.formatter, input);
                self.on_other_thread(find).await?
            }
            name => {
                let why = format!(
                    "there is no tool {:?} here; call execute_typescript, and external_* functions inside its program",
                    name.chars().take(100).collect::<String>()
                );
                return Err(ErrorData::invalid_params(why, None));
            }
        };
        Ok(result.into())
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let at = LEVELS.iter().position(|level| *level == request.level);
        self.level.store(at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX), Ordering::Relaxed);
        Ok(())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        if self.announces.swap(true, Ordering::Relaxed) {
            return;
        }
        let (mut version, peer) = (self.version.clone(), context.peer);
        let announcing = async move {
            // Ends with the server.
            while version.changed().await.is_ok() {
                if peer.notify_tool_list_changed().await.is_err() {
                    break;
                }
            }
        };
        tokio::spawn(self.ended.clone().run_until_cancelled_owned(announcing));
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let _place = self.enter()?;
        let mut version = self.server.version.subscribe();
        loop {
            tokio::select! {
                changed = version.changed() => {
                    if changed.is_err() || context.sink().notify_tool_list_changed().await.is_err() {
                        return Ok(());
                    }
                }
                () = context.cancelled() => return Ok(()),
            }
        }
    }
}

/// How many calls of one client may be open.
const MAX_CALLS: usize = 128;
/// The code of the error of a call for which there is no place now.
const BUSY: ErrorCode = ErrorCode(-32_000);
/// How long an answer may wait for the progress that was reported before it.
const MAX_REPORT_DELAY: Duration = Duration::from_secs(2);
const LEVELS: [LoggingLevel; 8] = [
    LoggingLevel::Debug,
    LoggingLevel::Info,
    LoggingLevel::Notice,
    LoggingLevel::Warning,
    LoggingLevel::Error,
    LoggingLevel::Critical,
    LoggingLevel::Alert,
    LoggingLevel::Emergency,
];
