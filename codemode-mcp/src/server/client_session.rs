//! [`ClientSession`]: one client of a server.
#![expect(deprecated, reason = "log messages are for clients before 2026-07-28, and for those that ask")]

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use codemode_core::{ExecuteOptions, Reply};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ListToolsResult, LoggingLevel,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, SetLevelRequestParams, SubscriptionFilter,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use serde_json::Value;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{inner::Inner, progress::ProgressReporter, tools};

/// One client.
#[derive(Clone)]
pub(crate) struct ClientSession {
    server: Arc<Inner>,
    /// The level of the last `logging/setLevel`, as an index into [`LEVELS`]; 255 without one.
    level: Arc<AtomicU8>,
    /// Subscribed when the session began, so that no later change is missed.
    version: watch::Receiver<u64>,
}

impl ClientSession {
    pub(crate) fn new(server: Arc<Inner>) -> Self {
        let version = server.version.subscribe();
        Self { server, level: Arc::new(AtomicU8::new(u8::MAX)), version }
    }

    fn level(&self) -> Option<LoggingLevel> {
        LEVELS.get(usize::from(self.level.load(Ordering::Relaxed))).copied()
    }

    /// Runs a program and reports its progress. `None` when the client cancelled it.
    async fn execute(&self, input: Value, context: &RequestContext<RoleServer>) -> Option<CallToolResult> {
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
            () = context.ct.cancelled() => return None,
            // It cannot complete before `ended` is cancelled.
            () = &mut reporting => return None,
        };
        ended.cancel();
        // A client that reads slowly gets the console lines with the answer as well.
        let _ = timeout(MAX_REPORT_DELAY, reporting).await;
        Some(tools::result(self.server.formatter.format(&reply)))
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
        Ok(ListToolsResult::with_all_items(tools::tools(&self.server.code_mode())))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let input = request.arguments.unwrap_or_default();
        let formatter = &self.server.formatter;
        let result = match &*request.name {
            "execute_typescript" => match self.execute(Value::Object(input), &context).await {
                Some(result) => result,
                // The client does not read this any more.
                None => tools::error("the client cancelled the program"),
            },
            "read_result" => tools::read_result(formatter, &input),
            // Answered also where they are not listed: the catalog may just have shrunk.
            "search_tools" => tools::search_tools(&self.server.code_mode(), formatter, input),
            "discover_tools" => tools::discover_tools(&self.server.code_mode(), formatter, input),
            name => {
                let why = format!(
                    "there is no tool {name:?} here; call execute_typescript, and external_* functions inside its program"
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
        let mut version = self.version.clone();
        tokio::spawn(async move {
            // Ends with the server or the client, whichever ends first.
            while version.changed().await.is_ok() {
                if context.peer.notify_tool_list_changed().await.is_err() {
                    break;
                }
            }
        });
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
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
