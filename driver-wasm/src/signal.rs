//! Stops a guest from any thread, through wasmtime's epochs: a flag, and a bell that makes a running guest look at it.
//!
//! No clock ticks while nothing is to be stopped. A bell can be missed: a guest that looks at its flag because of the
//! bell of another one, just before its own flag is set, sets its next look after its own bell. So the bell is rung once
//! a millisecond until the guest has stopped.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

use wasmtime::Engine;

#[derive(Debug, Default)]
pub(crate) struct Signal {
    interrupted: AtomicBool,
    running: AtomicBool,
}

impl Signal {
    pub(crate) fn interrupted(&self) -> bool {
        self.interrupted.load(SeqCst)
    }

    /// Says that the guest runs, until the value is dropped. To be called before [`interrupted`](Self::interrupted):
    /// then either that is seen, or the bell rings for this run.
    pub(crate) fn running(self: &Arc<Self>) -> Running {
        self.running.store(true, SeqCst);
        Running(self.clone())
    }

    /// Sets the flag, and rings until the guest rests. `engine` is the one whose epoch the guest looks at.
    pub(crate) fn interrupt(self: &Arc<Self>, engine: &Engine) {
        self.interrupted.store(true, SeqCst);
        if self.running.load(SeqCst) {
            engine.increment_epoch();
            // Without a ringer the first bell is all there is; it is enough but for the race above.
            let _ = ringer().send((self.clone(), engine.clone()));
        }
    }
}

pub(crate) struct Running(Arc<Signal>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.store(false, SeqCst);
    }
}

type Ringing = (Arc<Signal>, Engine);

/// The thread that rings again. It sleeps while there is nothing to stop.
fn ringer() -> &'static mpsc::Sender<Ringing> {
    static RINGER: OnceLock<mpsc::Sender<Ringing>> = OnceLock::new();
    RINGER.get_or_init(|| {
        let (sender, signals) = mpsc::channel();
        // If there is no thread to be had, sending fails, and `interrupt` says what that means.
        let _ = thread::Builder::new().name("codemode-wasm-ringer".into()).spawn(move || ring(&signals));
        sender
    })
}

fn ring(signals: &mpsc::Receiver<Ringing>) {
    let mut ringing: Vec<Ringing> = Vec::new();
    loop {
        match ringing.is_empty() {
            true => match signals.recv() {
                Ok(signal) => ringing.push(signal),
                Err(_) => return,
            },
            false => thread::sleep(PERIOD),
        }
        ringing.extend(signals.try_iter());
        ringing.retain(|(signal, _)| signal.running.load(SeqCst));
        for (_, engine) in &ringing {
            engine.increment_epoch();
        }
    }
}

const PERIOD: Duration = Duration::from_millis(1);
