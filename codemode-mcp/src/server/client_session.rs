//! [`Session`]: one client of a [`Bridge`].
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

use super::{Bridge, live::Live, tools};

/// One client.
#[derive(Clone)]
pub(crate) struct Session {
    bridge: Bridge,
    /// What `logging/setLevel` asked for, as its place in [`LEVELS`]; 255 is nothing.
    level: Arc<AtomicU8>,
    /// Has seen the catalog of the session's beginning: no change after it is missed.
    version: watch::Receiver<u64>,
}

impl Session {
    pub(crate) fn new(bridge: Bridge) -> Self {
        let version = bridge.shared.version.subscribe();
        Self { bridge, level: Arc::new(AtomicU8::new(u8::MAX)), version }
    }

    fn level(&self) -> Option<LoggingLevel> {
        LEVELS.get(usize::from(self.level.load(Ordering::Relaxed))).copied()
    }

    /// Runs a program; told live, stopped when the client says so.
    async fn execute(&self, input: Value, context: &RequestContext<RoleServer>) -> Option<CallToolResult> {
        let shared = &self.bridge.shared;
        let code_mode = self.bridge.code_mode();
        let (hear, live) = Live::new(context, self.level());
        let options = ExecuteOptions { listener: Some(hear), ..ExecuteOptions::default() };
        let run = async {
            // The semaphore is never closed.
            let _place = shared.places.acquire().await.ok();
            code_mode.call(&input, options).await
        };
        let ended = CancellationToken::new();
        let mut telling = pin!(live.tell(ended.clone()));
        let reply: Reply = tokio::select! {
            reply = run => reply,
            () = context.ct.cancelled() => return None,
            // Not before it has ended.
            () = &mut telling => return None,
        };
        ended.cancel();
        // Whoever reads this slowly has the console lines in the answer as well.
        let _ = timeout(MOST_AFTER, telling).await;
        Some(shared.shaper.result(&reply))
    }
}

impl ServerHandler for Session {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_logging().build();
        let instructions = tools::instructions(&self.bridge.code_mode());
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("codemode", env!("CARGO_PKG_VERSION")))
            .with_instructions(instructions)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::tools(&self.bridge.code_mode())))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let input = request.arguments.unwrap_or_default();
        let shaper = &self.bridge.shared.shaper;
        let result = match &*request.name {
            "execute_typescript" => match self.execute(Value::Object(input), &context).await {
                Some(result) => result,
                // Nobody reads this any more.
                None => tools::wrong("the client cancelled the program"),
            },
            "read_result" => tools::read_result(shaper, &input),
            // Also where they are not listed: the catalog may just have shrunk.
            "search_tools" => tools::search_tools(&self.bridge.code_mode(), shaper, input),
            "discover_tools" => tools::discover_tools(&self.bridge.code_mode(), shaper, input),
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
            // Ends with the bridge or with the client, whichever goes first.
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
        let mut version = self.bridge.shared.version.subscribe();
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

/// How long an answer may wait for what was said before it.
const MOST_AFTER: Duration = Duration::from_secs(2);
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
