//! What a client hears while its program runs: calls and console lines, as progress for those who gave a token and as
//! log messages for those who want logs.
#![expect(deprecated, reason = "log messages are for clients before 2026-07-28, and for those that ask")]

use std::sync::Arc;

use codemode_core::{Event, EventKind, Level};
use rmcp::{
    RoleServer,
    model::{LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken, ProtocolVersion},
    service::{Peer, RequestContext},
};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// One thing to tell.
struct Said {
    text: String,
    /// Console lines are logs too.
    level: Option<LoggingLevel>,
}

/// The way from the events of an execution to its client.
pub(crate) struct Live {
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
    least_level: Option<LoggingLevel>,
    said: mpsc::UnboundedReceiver<Said>,
    steps: f64,
}

/// The end that hears events.
pub(crate) type Hear = Arc<dyn Fn(Event) + Send + Sync>;

impl Live {
    /// Both ends. `session_level` is what the client asked for with `logging/setLevel`.
    pub(crate) fn new(context: &RequestContext<RoleServer>, session_level: Option<LoggingLevel>) -> (Hear, Self) {
        let (send, said) = mpsc::unbounded_channel();
        let is_stateless = context
            .protocol_version()
            .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
        // Since 2026-07-28 a request says itself whether it wants logs; before, a client that says nothing gets them.
        let asked = context.meta.log_level();
        let least_level = if is_stateless { asked } else { asked.or(session_level).or(Some(LoggingLevel::Debug)) };
        let token = context.meta.get_progress_token();
        let wanted = token.is_some() || least_level.is_some();
        let hear: Hear = Arc::new(move |event| {
            if wanted && let Some(said) = Said::of(&event) {
                // The client may have its answer already.
                let _ = send.send(said);
            }
        });
        (hear, Self { peer: context.peer.clone(), token, least_level, said, steps: 0.0 })
    }

    /// Tells until `ended`, and then what is left. To be driven to its end: what is half told when it is dropped is lost.
    pub(crate) async fn tell(mut self, ended: CancellationToken) {
        loop {
            let said = tokio::select! {
                said = self.said.recv() => said,
                () = ended.cancelled(), if !self.said.is_closed() => {
                    self.said.close();
                    continue;
                }
            };
            match said {
                Some(said) => self.tell_one(said).await,
                None => return ended.cancelled().await,
            }
        }
    }

    async fn tell_one(&mut self, said: Said) {
        if let (Some(level), Some(least)) = (said.level, self.least_level)
            && rank(level) >= rank(least)
        {
            let params =
                LoggingMessageNotificationParam::new(level, json!(said.text)).with_logger("execute_typescript");
            // A client that is gone is noticed by its transport.
            let _ = self.peer.notify_logging_message(params).await;
        }
        if let Some(token) = &self.token {
            self.steps += 1.0;
            let params = ProgressNotificationParam::new(token.clone(), self.steps).with_message(said.text);
            let _ = self.peer.notify_progress(params).await;
        }
    }
}

impl Said {
    fn of(event: &Event) -> Option<Self> {
        let quiet = |text| Some(Self { text, level: None });
        match &event.kind {
            EventKind::Console { level, message } => {
                let level = match level {
                    Level::Debug => LoggingLevel::Debug,
                    Level::Warn => LoggingLevel::Warning,
                    Level::Error => LoggingLevel::Error,
                    _ => LoggingLevel::Info,
                };
                Some(Self { text: short(message), level: Some(level) })
            }
            EventKind::Call { function, args, .. } => {
                let args = args.as_ref().map(|args| short(args.text())).unwrap_or_default();
                quiet(format!("{function}({args})"))
            }
            EventKind::Progress { function, progress, .. } => {
                let total = progress.total.map(|total| format!("/{total}")).unwrap_or_default();
                let message = progress.message.as_deref().map(|text| format!(" {}", short(text))).unwrap_or_default();
                quiet(format!("{function}: {}{total}{message}", progress.done))
            }
            EventKind::CallResult { function, duration, .. } => quiet(format!("{function} answered in {duration:.0?}")),
            EventKind::CallError { function, error, .. } => {
                quiet(format!("{function} failed: {}", short(&error.message)))
            }
            _ => None,
        }
    }
}

fn short(text: &str) -> String {
    if text.len() <= MOST_BYTES {
        return text.to_owned();
    }
    format!("{}…", text.get(..text.floor_char_boundary(MOST_BYTES)).unwrap_or_default())
}

fn rank(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        _ => 7,
    }
}

const MOST_BYTES: usize = 500;
