//! [`ProgressReporter`]: reports calls and console lines to a client while its program runs, as progress notifications if it
//! gave a token and as log messages if it wants logs.
#![expect(deprecated, reason = "log messages are for clients before 2026-07-28, and for those that ask")]

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use codemode_core::{Event, EventKind, Level, Listener};
use rmcp::{
    RoleServer,
    model::{LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken, ProtocolVersion},
    service::{Peer, RequestContext},
};
use serde_json::json;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio_util::sync::CancellationToken;

/// One step of an execution, for the client.
struct ProgressUpdate {
    text: String,
    /// Set for console lines, which are log messages too.
    level: Option<LoggingLevel>,
}

/// Forwards the events of an execution to its client.
pub(crate) struct ProgressReporter {
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
    min_level: Option<LoggingLevel>,
    updates: mpsc::Receiver<ProgressUpdate>,
    /// How many were left out because the client reads too slowly.
    left_out: Arc<AtomicU64>,
    steps: f64,
}

impl ProgressReporter {
    /// The listener for the events of an execution, and the reporter that it feeds. `session_level` is the level of the
    /// client's `logging/setLevel`.
    pub(crate) fn new(context: &RequestContext<RoleServer>, session_level: Option<LoggingLevel>) -> (Listener, Self) {
        let (send, updates) = mpsc::channel(MAX_QUEUED);
        let left_out = Arc::new(AtomicU64::new(0));
        let counted = left_out.clone();
        let is_stateless = context
            .protocol_version()
            .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
        // Since 2026-07-28 each request says whether it wants logs; before, a client that sets no level gets all.
        let asked = context.meta.log_level();
        let min_level = if is_stateless { asked } else { asked.or(session_level).or(Some(LoggingLevel::Debug)) };
        let token = context.meta.get_progress_token();
        let wanted = token.is_some() || min_level.is_some();
        let listener: Listener = Arc::new(move |event| {
            if wanted && let Some(update) = ProgressUpdate::of(&event) {
                // The program does not wait for its client. The client may have its answer already.
                if let Err(TrySendError::Full(_)) = send.try_send(update) {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        (listener, Self { peer: context.peer.clone(), token, min_level, updates, left_out, steps: 0.0 })
    }

    /// Reports until `ended` is cancelled, and then what is left in the queue. Dropping it loses the rest.
    pub(crate) async fn run(mut self, ended: CancellationToken) {
        loop {
            let update = tokio::select! {
                update = self.updates.recv() => update,
                () = ended.cancelled(), if !self.updates.is_closed() => {
                    self.updates.close();
                    continue;
                }
            };
            match update {
                Some(update) => self.report(update).await,
                None => {
                    let left_out = self.left_out.swap(0, Ordering::Relaxed);
                    if left_out > 0 {
                        let text = format!("{left_out} events are left out here, because they were read too slowly");
                        self.report(ProgressUpdate { text, level: Some(LoggingLevel::Warning) }).await;
                    }
                    return ended.cancelled().await;
                }
            }
        }
    }

    async fn report(&mut self, update: ProgressUpdate) {
        if let (Some(level), Some(min)) = (update.level, self.min_level)
            && rank(level) >= rank(min)
        {
            let params =
                LoggingMessageNotificationParam::new(level, json!(update.text)).with_logger("execute_typescript");
            // The transport notices a client that is gone.
            let _ = self.peer.notify_logging_message(params).await;
        }
        if let Some(token) = &self.token {
            self.steps += 1.0;
            let params = ProgressNotificationParam::new(token.clone(), self.steps).with_message(update.text);
            let _ = self.peer.notify_progress(params).await;
        }
    }
}

impl ProgressUpdate {
    fn of(event: &Event) -> Option<Self> {
        let step = |text: String| Some(Self { text: short(&text), level: None });
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
                step(format!("{function}({args})"))
            }
            EventKind::Progress { function, progress, .. } => {
                let total = progress.total.map(|total| format!("/{total}")).unwrap_or_default();
                let message = progress.message.as_deref().map(|text| format!(" {}", short(text))).unwrap_or_default();
                step(format!("{function}: {}{total}{message}", progress.done))
            }
            EventKind::CallResult { function, duration, .. } => step(format!("{function} answered in {duration:.0?}")),
            EventKind::CallError { function, error, .. } => {
                step(format!("{function} failed: {}", short(&error.message)))
            }
            _ => None,
        }
    }
}

/// The beginning of a long text.
fn short(text: &str) -> String {
    if text.len() <= MAX_TEXT_BYTES {
        return text.to_owned();
    }
    format!("{}…", text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or_default())
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

const MAX_TEXT_BYTES: usize = 500;
/// How many updates wait for a client that reads slowly.
const MAX_QUEUED: usize = 256;
