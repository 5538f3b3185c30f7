//! [`Gate`]: a tool that never answers, and counts its open calls.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use codemode_core::Tool;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// Counts open calls.
#[derive(Clone, Default)]
pub struct Gate {
    open: Arc<AtomicUsize>,
    changed: Arc<Notify>,
}

struct Entered(Gate);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

impl Gate {
    /// A tool whose calls stay open until they are cancelled.
    pub fn tool(&self) -> Tool {
        let gate = self.clone();
        Tool::from_schema("wait", "Waits", json!({ "type": "object" }), None, move |_input, _context| {
            gate.open.fetch_add(1, Ordering::SeqCst);
            gate.changed.notify_waiters();
            let entered = Entered(gate.clone());
            async move {
                let _entered = entered;
                std::future::pending::<()>().await;
                Ok(Value::Null)
            }
        })
    }

    /// Waits until so many calls are open.
    pub async fn until_open(&self, count: usize) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if self.open.load(Ordering::SeqCst) == count {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the calls open or close");
    }
}
