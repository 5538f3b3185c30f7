//! [`ProcessTree`]: a program that was started for a tool, and every process that it starts in turn, so that all of them
//! end together.

#[cfg(target_os = "linux")]
mod linux;
mod variable;

use std::{
    collections::hash_map::RandomState,
    ffi::OsString,
    hash::BuildHasher,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use self::variable::VARIABLE;

/// A program that was started for a tool, and every process that it starts in turn. [`kill`](Self::kill) ends all of
/// them; dropping it does the same.
///
/// What belongs to it is found in three ways:
///
/// * its process group, on every Unix: start the program as the leader of one;
/// * on Linux, the processes that descend from it, as long as their parents live;
/// * on Linux, the processes that have its [variable](Self::variable) in their environment. They are found whatever
///   session they made and whoever is their parent now.
///
/// So what can outlive it is, on Linux, a process that left the group, emptied its environment *and* lost its parent
/// before it was looked for, or one that ran under another user; and on other systems each that left the group. On
/// Windows only what holds the program itself can kill it.
///
/// It holds no process and reaps none: whoever started the program waits for it as usual.
///
/// ```
/// # #[cfg(unix)] {
/// use std::{os::unix::process::CommandExt, process::Command};
///
/// use codemode_tools::ProcessTree;
///
/// let tree = ProcessTree::new();
/// let (name, value) = tree.variable();
/// let mut child = Command::new("sleep").arg("600").env(name, value).process_group(0).spawn().expect("it starts");
/// tree.began(child.id());
/// tree.kill();
/// assert!(!child.wait().expect("it ends").success());
/// # }
/// ```
#[derive(Debug)]
pub struct ProcessTree {
    /// What distinguishes it from all others, also those of other processes.
    id: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The leader of the group, until the group was killed: when it is gone, its number may become another's.
    group: Option<u32>,
    #[cfg(target_os = "linux")]
    program: Option<linux::Process>,
}

impl ProcessTree {
    /// A tree of which nothing was started yet.
    #[must_use]
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let random = RandomState::new().hash_one(std::process::id());
        let id = format!("{}.{}.{random:016x}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { id, state: Mutex::default() }
    }

    /// The environment variable to start the program with. It names this tree and, when this process belongs to one
    /// itself, that one as well.
    #[must_use]
    pub fn variable(&self) -> (&'static str, OsString) {
        let mut value = std::env::var_os(VARIABLE).unwrap_or_default();
        if !value.is_empty() {
            value.push("/");
        }
        value.push(&self.id);
        (VARIABLE, value)
    }

    /// Records the program, which was just started as the leader of a process group, with the
    /// [variable](Self::variable), and was not waited for yet.
    pub fn began(&self, program: u32) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.group = Some(program);
        #[cfg(target_os = "linux")]
        {
            state.program = linux::Process::find(program);
        }
    }

    /// Kills everything that is left of it. When the program was waited for, call this at once: while none of the group
    /// lives, its number may become another's.
    ///
    /// It may be called again, from any thread; the group is killed only the first time. On Linux it reads `/proc`, for
    /// some microseconds for each process of the system, and more when something is left.
    pub fn kill(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let group = state.group.take();
        #[cfg(target_os = "linux")]
        if let Some(program) = state.program {
            return linux::kill(program, &self.id, || kill_group(group));
        }
        kill_group(group);
    }
}

impl Default for ProcessTree {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ProcessTree {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(unix)]
fn kill_group(leader: Option<u32>) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = leader.and_then(|leader| i32::try_from(leader).ok()).and_then(Pid::from_raw) {
        // A group of which nothing is left cannot be killed.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill_group(_leader: Option<u32>) {}

#[cfg(all(test, target_os = "linux"))]
mod tests;
