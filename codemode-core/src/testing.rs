//! [`ScriptedEngine`]: an engine without JavaScript, so that everything around engines is tested in milliseconds.
//!
//! Its programs are lists of steps, one a line; see [`Step`]. It obeys the same contract as a real engine, and it can
//! break it on purpose: ignore its interrupt, panic, fail to start.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::engine::{
    Engine, EngineInfo, Fault, HeapEnforcement, HeapLimits, InterruptSupport, Interrupter, Port, Script, ScriptError,
    Stop,
};

/// What an engine of a [`ScriptedEngine`] program does next. Written one a line, as in the examples.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// `post call 1 external_a\n{}`: says the rest of the line, `\n` in it being a newline.
    Post(String),
    /// `rest`: comes to rest; the next step follows the next delivery.
    Rest,
    /// `spin`: computes until it is interrupted.
    Spin,
    /// `deaf 300`: computes for so many milliseconds whatever happens.
    Deaf(Duration),
    /// `hold 4096 300`: held so many bytes at most, and will take so many milliseconds to be destroyed.
    Hold(u64, Duration),
    /// `memory`: meets its heap limit.
    Memory,
    /// `throw`: throws past the prelude.
    Throw,
    /// `panic`: has a defect.
    Panic,
}

impl Step {
    fn parse(line: &str) -> Result<Self, ScriptError> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let held = rest.split_once(' ').and_then(|(bytes, ms)| Some((bytes.parse().ok()?, ms.parse().ok()?)));
        Ok(match (verb, rest) {
            ("post", text) => Self::Post(text.replace("\\n", "\n")),
            ("rest", "") => Self::Rest,
            ("spin", "") => Self::Spin,
            ("deaf", ms) if ms.parse::<u32>().is_ok() => {
                Self::Deaf(Duration::from_millis(ms.parse().unwrap_or_default()))
            }
            ("hold", _) if let Some((bytes, ms)) = held => Self::Hold(bytes, Duration::from_millis(ms)),
            ("memory", "") => Self::Memory,
            ("throw", "") => Self::Throw,
            ("panic", "") => Self::Panic,
            _ => return Err(thrown("SyntaxError", &format!("there is no step \"{line}\""))),
        })
    }
}

fn thrown(name: &str, message: &str) -> ScriptError {
    ScriptError { name: name.into(), message: message.into(), stack: None }
}

/// An engine whose programs are lists of [`Step`]s. What is delivered to it, it logs at level `debug`.
#[derive(Debug)]
pub struct ScriptedEngine {
    port: Port,
    steps: VecDeque<Step>,
    interrupted: Arc<AtomicBool>,
    held: Option<(u64, Duration)>,
}

/// How a [`ScriptedEngine`] starts.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ScriptedOptions {
    /// Creation fails with this text.
    pub fails: Option<String>,
    /// Creation panics.
    pub panics: bool,
}

impl Engine for ScriptedEngine {
    const INFO: EngineInfo = EngineInfo {
        name: "scripted",
        version: "none",
        interrupt: InterruptSupport::Anywhere,
        heap: HeapEnforcement::BestEffort,
        isolation: "none: it runs no code",
    };

    type Options = ScriptedOptions;

    fn create(options: &ScriptedOptions, _: &HeapLimits, port: Port) -> Result<Self, Fault> {
        assert!(!options.panics, "asked to panic");
        match &options.fails {
            Some(why) => Err(why.clone().into()),
            None => Ok(Self { port, steps: VecDeque::new(), interrupted: Arc::default(), held: None }),
        }
    }

    fn interrupter(&self) -> Interrupter {
        let interrupted = self.interrupted.clone();
        Interrupter::new(move || interrupted.store(true, Ordering::SeqCst))
    }

    fn run(&mut self, program: &Script<'_>) -> Result<(), Stop> {
        let steps = program.source.lines().map(str::trim).filter(|line| !line.is_empty()).map(Step::parse);
        self.steps = steps.collect::<Result<_, _>>().map_err(Stop::Threw)?;
        self.go()
    }

    fn deliver(&mut self, text: &str) -> Result<(), Stop> {
        // The start message comes before there are steps.
        if !text.starts_with("s ") {
            self.port.post(&format!("log debug\n{text}"));
        }
        self.go()
    }

    fn heap_peak_bytes(&mut self) -> Option<u64> {
        self.held.map(|(bytes, _)| bytes)
    }
}

impl Drop for ScriptedEngine {
    fn drop(&mut self) {
        if let Some((_, time)) = self.held {
            thread::sleep(time);
        }
    }
}

impl ScriptedEngine {
    fn go(&mut self) -> Result<(), Stop> {
        while let Some(step) = self.steps.pop_front() {
            if self.interrupted.load(Ordering::SeqCst) {
                return Err(Stop::Interrupted);
            }
            match step {
                Step::Post(text) => drop(self.port.post(&text)),
                Step::Rest => break,
                Step::Spin => {
                    while !self.interrupted.load(Ordering::SeqCst) {
                        thread::yield_now();
                    }
                    return Err(Stop::Interrupted);
                }
                Step::Deaf(time) => {
                    let end = Instant::now() + time;
                    while Instant::now() < end {
                        thread::yield_now();
                    }
                }
                Step::Hold(bytes, time) => self.held = Some((bytes, time)),
                Step::Memory => return Err(Stop::OutOfMemory),
                Step::Throw => return Err(Stop::Threw(thrown("Error", "past the prelude"))),
                Step::Panic => panic!("a step asked for it"),
            }
        }
        Ok(())
    }
}
