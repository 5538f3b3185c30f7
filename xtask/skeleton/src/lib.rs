//! Runs codemode programs on Skeleton. It has no engine yet: whatever reaches it fails with a fault that says so.
//!
//! How to give it one, step by step, is in `docs/driver-author.md`. What the driver guarantees, and what not, belongs
//! in the README beside this crate.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use codemode_core::{
    Threaded,
    engine::{
        Engine, EngineInfo, Fault, HeapEnforcement, HeapLimits, InterruptSupport, Interrupter, Port, Script, Stop,
    },
};

/// The driver with its defaults: a thread for each engine. Engines that are `Send` are better off with
/// `Threaded::pooled`, which holds no thread while a program waits.
pub fn driver() -> Threaded<Skeleton> {
    Threaded::dedicated(())
}

/// One JavaScript heap, with the prelude loaded.
#[derive(Debug)]
pub struct Skeleton {
    /// What the engine's own interrupt hook looks at.
    interrupted: Arc<AtomicBool>,
}

impl Engine for Skeleton {
    /// Promise little until the suite has shown more.
    const INFO: EngineInfo = EngineInfo::new("skeleton", "none")
        .interrupt(InterruptSupport::ProgramCode)
        .heap(HeapEnforcement::BestEffort)
        .isolation("none: there is no engine yet");

    type Options = ();

    /// Step 1: make a heap, evaluate `PRELUDE`, call what it is with a native `post`, and keep the bridge it returns.
    fn create(_: &(), _limits: &HeapLimits, _port: Port) -> Result<Self, Fault> {
        Err(not_yet("create"))
    }

    fn interrupter(&self) -> Interrupter {
        let interrupted = self.interrupted.clone();
        Interrupter::new(move || interrupted.store(true, Ordering::Relaxed))
    }

    /// Step 2: evaluate the script, call the bridge with its value, run every job.
    fn run(&mut self, _program: &Script<'_>) -> Result<(), Stop> {
        Err(Stop::Fault(not_yet("run")))
    }

    /// Step 3: call the bridge with the text, run every job.
    fn deliver(&mut self, _text: &str) -> Result<(), Stop> {
        Err(Stop::Fault(not_yet("deliver")))
    }
}

fn not_yet(method: &str) -> Fault {
    let name = Skeleton::INFO.name;
    format!("the driver {name} cannot {method} yet: see docs/driver-author.md").into()
}
