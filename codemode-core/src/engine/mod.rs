//! What a driver author writes: [`Engine`], one JavaScript heap worked by hand, text in and text out.
//!
//! An engine knows nothing of tools, promises, events, time or error wording; all of that is in the prelude
//! ([`PRELUDE`]) and in core, once for every engine.

mod prelude;

use std::{error::Error as StdError, fmt, sync::Arc};

pub use prelude::{POLLED_PRELUDE, PRELUDE, PRELUDE_FILE, PRELUDE_SEAL};

/// One JavaScript heap and its global object.
///
/// # Life
/// Core calls [`start_process`](Engine::start_process) once for a process and kind of engine, on the thread from which
/// every thread that later touches an engine descends. Then, for each sandbox, [`create`](Engine::create), at most one
/// [`run`](Engine::run), any number of [`deliver`](Engine::deliver), and drop. An engine runs at most one program.
///
/// # Threads
/// An engine is created, called and dropped on threads of core's own. With
/// [`Threaded::dedicated`](crate::Threaded::dedicated) that is one thread for its whole life, and the engine need not be
/// `Send`; with [`Threaded::pooled`](crate::Threaded::pooled), for engines that are `Send`, a resting engine
/// belongs to no thread and may wake on another one.
///
/// # Calls
/// Each method returns when the engine's job queue is empty, or when it was stopped. Core never calls an engine from
/// inside [`Port::post`]. After a method returned an error, core only drops the engine.
///
/// # What an engine leaves to core
/// Time, tools, events, promises, console, value conversion, error wording. If two engines would need the same line,
/// the line belongs in core.
pub trait Engine: Sized + 'static {
    /// What this engine is and what it can promise.
    const INFO: EngineInfo;

    /// Stack of the threads that run this engine. Virtual: a page is real only once it is touched. The default is four
    /// times the largest [`HeapLimits::stack_bytes`].
    const THREAD_STACK_BYTES: usize = 8 << 20;

    /// What a host can set for this engine beyond the limits that all engines share.
    type Options: Clone + Default + fmt::Debug + Send + Sync + 'static;

    /// Prepares the process, once.
    fn start_process(_options: &Self::Options) -> Result<(), Fault> {
        Ok(())
    }

    /// Builds an engine in which the prelude is loaded.
    ///
    /// [`PRELUDE`] is the text of an expression, a function. The engine calls that function with one argument, its
    /// native `post(text)`, and keeps what it returns: the *bridge*, a function of one argument. `post` passes the
    /// text to [`Port::post`] and returns the answer as a string, or `undefined` when there is none. Neither may
    /// become reachable for the program. An engine of [`InterruptSupport::Ticks`] gives its `tick()` as a second argument, which
    /// the prelude hands on to the program. An engine that cannot be interrupted inside of one long native gives a third,
    /// `reserve(bytes)`, which ends the program as out of memory if its heap can never hold so many: the prelude then walks
    /// itself over what no heap bounds, such as `{ length: 2 ** 53 - 1 }`; if its natives look at the interrupt wherever they
    /// call functions of the program, [`POLLED_PRELUDE`] has what such an engine needs of that. Whatever else a stock engine
    /// offers (files, network, modules, workers, `eval`) must be absent.
    ///
    /// An engine may evaluate the prelude each time, or start from bytecode, a snapshot or a memory image of it.
    fn create(options: &Self::Options, limits: &HeapLimits, port: Port) -> Result<Self, Fault>;

    /// Returns a handle that stops this engine from any thread, also before it runs.
    fn interrupter(&self) -> Interrupter;

    /// Evaluates the program, a script whose value is a function, calls the bridge with that function, then runs
    /// every job that was queued.
    fn run(&mut self, program: &Script<'_>) -> Result<(), Stop>;

    /// Calls the bridge with `text` as a string, then runs every job that was queued.
    fn deliver(&mut self, text: &str) -> Result<(), Stop>;

    /// The most bytes the heap held so far, or `None` where the engine cannot say. Core asks once, at the end. An engine
    /// that held little is destroyed after the caller was answered, any other before.
    fn heap_peak_bytes(&mut self) -> Option<u64> {
        None
    }
}

/// What an engine is and can promise. The conformance suite holds it to both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineInfo {
    /// Stable, lower case: used in errors, test names and bench ids.
    pub name: &'static str,
    /// Name and version of the JavaScript engine, for people.
    pub version: &'static str,
    /// Where [`Interrupter::interrupt`] can stop a program.
    pub interrupt: InterruptSupport,
    /// How [`HeapLimits::heap_bytes`] is held.
    pub heap: HeapEnforcement,
    /// What keeps the program inside.
    pub isolation: &'static str,
}

impl EngineInfo {
    /// An engine that promises the least: an interrupt in the program's own code, a heap limit as best it can, and nothing
    /// about isolation.
    pub const fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            interrupt: InterruptSupport::ProgramCode,
            heap: HeapEnforcement::BestEffort,
            isolation: "none",
        }
    }

    /// Sets where it can be interrupted.
    #[must_use]
    pub const fn interrupt(mut self, interrupt: InterruptSupport) -> Self {
        self.interrupt = interrupt;
        self
    }

    /// Sets how it holds its heap limit.
    #[must_use]
    pub const fn heap(mut self, heap: HeapEnforcement) -> Self {
        self.heap = heap;
        self
    }

    /// Sets what keeps the program inside.
    #[must_use]
    pub const fn isolation(mut self, isolation: &'static str) -> Self {
        self.isolation = isolation;
        self
    }
}

/// Where an [`Interrupter`] can stop a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InterruptSupport {
    /// In any loop or call, inside any job.
    Anywhere,
    /// In loops and calls of the program, but not inside one long native function.
    ProgramCode,
    /// As `ProgramCode`, and only because the program calls the engine's native `tick()` at the head of each of its
    /// loops and functions. To stop it, `tick` throws what cannot be caught.
    Ticks,
}

/// How a limit is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeapEnforcement {
    /// The engine cannot take more, whatever the program does.
    Structural,
    /// Every allocation is counted and refused over the limit.
    Counted,
    /// Held for ordinary programs; the driver's README says which ones can pass it.
    BestEffort,
}

/// The memory an engine may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HeapLimits {
    /// Bytes of JavaScript heap, array buffers included.
    pub heap_bytes: usize,
    /// Bytes of stack for the program's frames.
    pub stack_bytes: usize,
}

/// A script and the file name it shows in stack traces.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    /// File name in stack traces; [`PROGRAM_FILE`] for programs.
    pub name: &'a str,
    /// JavaScript.
    pub source: &'a str,
}

/// File name of a program in stack traces. Frames of any other file are not the program's.
pub const PROGRAM_FILE: &str = "program.ts";

/// The guest's way out. Text only; core parses it and distrusts it.
#[derive(Clone)]
pub struct Port(Arc<Take>);

type Take = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Port {
    /// Makes a port of a function that takes each message and may answer it.
    pub fn new(take: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Hands one message to core; the answer, if any, is what the guest's `post(text)` returns. Does not call back
    /// into the engine and does not panic. It may call the host's event callback.
    pub fn post(&self, text: &str) -> Option<String> {
        (self.0)(text)
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Port")
    }
}

/// Stops an engine from any thread. Interrupting twice, or after the engine is gone, does nothing.
#[derive(Clone)]
pub struct Interrupter(Arc<dyn Fn() + Send + Sync>);

impl Interrupter {
    /// Makes an interrupter of a function that may be called from any thread, at any time, more than once.
    pub fn new(interrupt: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(interrupt))
    }

    /// Makes the engine's running method return [`Stop::Interrupted`] soon, in a way that the program cannot catch.
    pub fn interrupt(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Interrupter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interrupter")
    }
}

/// Why an engine stopped short. The reason comes from the engine's own flags, never from an error's text.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stop {
    /// The script did not parse, or threw past the prelude.
    Threw(ScriptError),
    /// The [`Interrupter`] was used.
    Interrupted,
    /// The heap limit was reached.
    OutOfMemory,
    /// The stack is used up, in a way that the program could not catch. Where an engine can, it throws the program a
    /// `RangeError` instead.
    StackOverflow,
    /// The engine itself failed.
    Fault(Fault),
}

/// An error that a script threw past the prelude, in the engine's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScriptError {
    /// Name of the error, such as `SyntaxError`.
    pub name: String,
    /// Its message.
    pub message: String,
    /// Its stack, in the engine's own format.
    pub stack: Option<String>,
}

impl ScriptError {
    /// An error with a name, a message and, where the engine has one, a stack.
    pub fn new(name: impl Into<String>, message: impl Into<String>, stack: Option<String>) -> Self {
        Self { name: name.into(), message: message.into(), stack }
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl StdError for ScriptError {}

/// A failure of an engine or of the host around it.
pub type Fault = Box<dyn StdError + Send + Sync>;
