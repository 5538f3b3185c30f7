//! [`Session`]: one client of a [`Bridge`].

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use codemode_core::{ExecuteOptions, Reply};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, JsonObject, ListToolsResult,
        LoggingLevel, PaginatedRequestParams, ServerCapabilities, ServerConfig, SetLevelRequestParams, SubscriptionFilter,
        Tool, ToolAnnotations,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use serde_json::{Value, json};

use super::{Bridge, live::Live};

/// One client.
#[derive(Clone)]
pub(crate) struct Session {
    bridge: Bridge,
    /// What `logging/setLevel` asked for, as its place in [`LEVELS`]; 255 is nothing.
    level: Arc<AtomicU8>,
}

impl Session {
    pub(crate) fn new(bridge: Bridge) -> Self {
        Self { bridge, level: Arc::new(AtomicU8::new(u8::MAX)) }
    }

    fn level(&self) -> Option<LoggingLevel> {
        LEVELS.get(usize::from(self.level.load(Ordering::Relaxed))).copied()
    }

    /// Runs a program; told live, stopped when the client says so.
    async fn execute(&self, input: Value, context: &RequestContext<RoleServer>) -> Option<CallToolResult> {
        let shared = &self.bridge.shared;
        let code_mode = self.bridge.code_mode();
        let (hear, mut live) = Live::new(context, self.level());
        let options = ExecuteOptions { listener: Some(hear), ..ExecuteOptions::default() };
        let run = async {
            // The semaphore is never closed.
            let _place = shared.places.acquire().await.ok();
            code_mode.call(&input, options).await
        };
        let reply: Reply = tokio::select! {
            reply = run => reply,
            () = context.ct.cancelled() => return None,
            // It ends when nothing more can be said; the answer is near then.
            () = async { live.tell().await; std::future::pending().await } => return None,
        };
        live.finish().await;
        Some(shared.shaper.result(&reply))
    }

    fn read_result(&self, input: &JsonObject) -> CallToolResult {
        let number = |name: &str| input.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let Some(handle) = input.get("handle").and_then(Value::as_str) else {
            return CallToolResult::error(vec![ContentBlock::text("handle is missing; it must be a string")]);
        };
        let shaper = &self.bridge.shared.shaper;
        let length = number("length").unwrap_or(usize::MAX).min(shaper.most_bytes);
        match shaper.store.part(handle, number("offset").unwrap_or(0), length) {
            Ok(part) => {
                let more = part.next_offset.map(|at| format!("\n\n[More from offset {at}.]")).unwrap_or_default();
                let mut result = CallToolResult::success(vec![ContentBlock::text(format!("{}{more}", part.data))]);
                result.structured_content = Some(part.to_json());
                result
            }
            Err(why) => CallToolResult::error(vec![ContentBlock::text(why)]),
        }
    }

    fn tools(&self) -> Vec<Tool> {
        let code_mode = self.bridge.code_mode();
        let definition = code_mode.tool_definition();
        let declarations = code_mode.stubs().trim_end();
        let mut description = definition.description.clone();
        if !declarations.is_empty() && declarations.len() <= self.bridge.shared.catalog_bytes {
            description.push_str("\n\nDeclarations:\n");
            description.push_str(declarations);
        }
        let mut output = definition.output_schema.clone();
        if let Some(properties) = output.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("truncated".into(), truncated_schema());
        }
        let run = Tool::new(definition.name.to_owned(), description, object(definition.input_schema.clone()))
            .with_raw_output_schema(object(output));
        let read = Tool::new("read_result", READ_RESULT, object(read_result_schema()))
            .with_annotations(ToolAnnotations::new().read_only(true));
        vec![run, read]
    }
}

impl ServerHandler for Session {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_logging().build();
        let code_mode = self.bridge.code_mode();
        // The declarations stand in the description of the tool, which every client passes on; not all pass on this.
        let prompt = match code_mode.stubs().trim_end() {
            "" => code_mode.system_prompt().to_owned(),
            stubs => code_mode.system_prompt().replace(stubs, "// in the description of execute_typescript"),
        };
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("codemode", env!("CARGO_PKG_VERSION")))
            .with_instructions(prompt)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let input = request.arguments.unwrap_or_default();
        let result = match &*request.name {
            "execute_typescript" => match self.execute(Value::Object(input), &context).await {
                Some(result) => result,
                // Nobody reads this any more.
                None => CallToolResult::error(vec![ContentBlock::text("the client cancelled the program")]),
            },
            "read_result" => self.read_result(&input),
            name => {
                let why = format!(
                    "there is no tool {name:?} here; the tools are execute_typescript and read_result, and external_* functions \
                     are called inside a program"
                );
                return Err(ErrorData::invalid_params(why, None));
            }
        };
        Ok(result.into())
    }

    async fn set_level(&self, request: SetLevelRequestParams, _context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        let at = LEVELS.iter().position(|level| *level == request.level);
        self.level.store(at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX), Ordering::Relaxed);
        Ok(())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let mut version = self.bridge.shared.version.subscribe();
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

fn object(value: Value) -> Arc<JsonObject> {
    match value {
        Value::Object(fields) => Arc::new(fields),
        _ => Arc::default(),
    }
}

fn truncated_schema() -> Value {
    json!({
        "type": "object",
        "description": "The result was too long: `result` is the beginning of its text; read_result gives the rest",
        "properties": {
            "bytes": { "type": "integer" },
            "shown": { "type": "integer" },
            "handle": { "type": ["string", "null"] },
            "nextOffset": { "type": "integer" }
        },
        "required": ["bytes", "shown", "handle", "nextOffset"]
    })
}

fn read_result_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "handle": { "type": "string", "description": "The handle that stands in the truncated result, or in an image or file" },
            "offset": { "type": "integer", "minimum": 0, "default": 0 },
            "length": { "type": "integer", "minimum": 1, "description": "At most so many bytes" }
        },
        "required": ["handle"],
        "additionalProperties": false
    })
}

const READ_RESULT: &str = "Reads on in a result that was too long, or in content behind a handle. Prefer a program that returns less.";

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
