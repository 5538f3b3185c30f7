//! Finds the processes of a tree in `/proc`, and kills them. What forks while it is looked for is found by looking again:
//! everything found is stopped first, and only when nothing new appears all of it is killed.

use std::{collections::BTreeSet, fs::File, io::Read, str::FromStr, thread, time::Duration};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use super::variable::VARIABLE;

/// One process. A number alone is used again; with the time of its start it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Process {
    pid: i32,
    /// In ticks since the system started.
    began: u64,
}

/// What `/proc/N/stat` says of a process.
#[derive(Debug, Clone, Copy)]
struct Status {
    process: Process,
    parent: i32,
}

impl Process {
    /// The process that has this number now, also when it has ended and was not waited for.
    pub(super) fn find(pid: u32) -> Option<Self> {
        let pid = i32::try_from(pid).ok()?;
        Fields::read(pid)?.process(pid)
    }

    /// Sends a signal to this process and to no other that got its number.
    fn signal(self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        // From here on the descriptor stands for one process, whatever becomes of the number.
        let descriptor = pidfd_open(pid, PidfdFlags::empty());
        if status(self.pid).is_none_or(|now| now.process != self) {
            return;
        }
        // It may have ended meanwhile, or belong to another user: then nothing can be done.
        let _ = match descriptor {
            Ok(descriptor) => pidfd_send_signal(descriptor, signal),
            // Before Linux 5.3, or out of descriptors.
            Err(_) => kill_process(pid, signal),
        };
    }
}

/// Kills what descends from `program` or has `id` in its environment; `kill_group` kills the group of the program.
pub(super) fn kill(program: Process, id: &str, kill_group: impl FnOnce()) {
    let mut found = BTreeSet::new();
    let mut find_more = |signal| {
        for _ in 0..ROUNDS {
            let new: Vec<Process> =
                members(program, id, &found).into_iter().filter(|process| !found.contains(process)).collect();
            if new.is_empty() {
                break;
            }
            new.iter().for_each(|process| process.signal(signal));
            found.extend(new);
        }
        found.clone()
    };
    // Before the group is killed, which takes their parents from those outside of it.
    let stopped = find_more(Signal::STOP);
    kill_group();
    stopped.iter().for_each(|process| process.signal(Signal::KILL));
    if !stopped.is_empty() {
        find_more(Signal::KILL);
    }
}

/// The living processes of the tree, those `known` to belong to it included.
fn members(program: Process, id: &str, known: &BTreeSet<Process>) -> BTreeSet<Process> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    // Nothing that is older than the program belongs to it.
    let mut others: Vec<Status> =
        all().filter(|status| status.process.began >= program.began && status.process.pid != own).collect();
    let mut members: BTreeSet<Process> = BTreeSet::new();
    let belongs = |status: &Status| {
        status.process == program || known.contains(&status.process) || has_variable(status.process.pid, id)
    };
    others.retain(|status| !(belongs(status) && members.insert(status.process)));
    loop {
        let parents: BTreeSet<i32> = members.iter().map(|process| process.pid).collect();
        let before = members.len();
        others.retain(|status| !(parents.contains(&status.parent) && members.insert(status.process)));
        if members.len() == before {
            return members;
        }
    }
}

/// All living processes.
fn all() -> impl Iterator<Item = Status> {
    // Without /proc the group is all that can be known.
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| status(entry.file_name().to_str()?.parse().ok()?))
}

/// What is known of a process that has not ended.
fn status(pid: i32) -> Option<Status> {
    let fields = Fields::read(pid)?;
    // A process whose first thread ended is shown as a zombie while the others go on.
    let threads: u32 = fields.number(Fields::THREADS)?;
    let ended = matches!(fields.get(Fields::STATE)?, "X" | "x") || (fields.get(Fields::STATE)? == "Z" && threads <= 1);
    let status = Status { process: fields.process(pid)?, parent: fields.number(Fields::PARENT)? };
    (!ended).then_some(status)
}

/// The fields of `/proc/N/stat`, each under its number in proc_pid_stat(5).
struct Fields {
    /// From the third field on.
    text: String,
}

impl Fields {
    const STATE: usize = 3;
    const PARENT: usize = 4;
    const THREADS: usize = 20;
    const BEGAN: usize = 22;
    /// The bytes of its address space.
    const MEMORY: usize = 23;
    /// Where its environment begins.
    const ENVIRONMENT: usize = 50;
    const ENVIRONMENT_END: usize = 51;

    fn read(pid: i32) -> Option<Self> {
        let mut text = Vec::new();
        File::open(format!("/proc/{pid}/stat")).ok()?.take(MAX_STATUS_BYTES).read_to_end(&mut text).ok()?;
        // The second field is a name in brackets, which may hold spaces, brackets and bytes of any kind.
        let begin = text.iter().rposition(|byte| *byte == b')')? + 1;
        String::from_utf8(text.split_off(begin)).ok().map(|text| Self { text })
    }

    fn process(&self, pid: i32) -> Option<Process> {
        Some(Process { pid, began: self.number(Self::BEGAN)? })
    }

    fn get(&self, number: usize) -> Option<&str> {
        self.text.split_ascii_whitespace().nth(number - 3)
    }

    fn number<N: FromStr>(&self, number: usize) -> Option<N> {
        self.get(number)?.parse().ok()
    }
}

/// Whether the process was started with the variable of the tree. Those of other users cannot be asked.
fn has_variable(pid: i32, id: &str) -> bool {
    // While a process becomes another program it has no environment for a moment, and it must not be taken for a stranger.
    let environment = (0..LOOKS_AT_ONE).find_map(|look| {
        if look > 0 {
            thread::sleep(BETWEEN_LOOKS);
        }
        settled_environment(pid)
    });
    environment.unwrap_or_default().split(|byte| *byte == 0).any(|variable| {
        let value = variable.strip_prefix(VARIABLE.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
        value.is_some_and(|value| value.split(|byte| *byte == b'/').any(|tree| tree == id.as_bytes()))
    })
}

/// The environment of a process as it was started, empty if there is none to be read; `None` while its program is being
/// loaded.
fn settled_environment(pid: i32) -> Option<Vec<u8>> {
    let mut environment = Vec::new();
    let read = File::open(format!("/proc/{pid}/environ"))
        .and_then(|file| file.take(MAX_ENVIRONMENT_BYTES).read_to_end(&mut environment));
    if read.is_err() || !environment.is_empty() {
        return Some(environment);
    }
    // Empty for good is what has no memory any more, as a process that ends, and what says where its empty one stands.
    let fields = Fields::read(pid);
    let number = |field| fields.as_ref().and_then(|fields| fields.number::<u64>(field)).unwrap_or(0);
    let (begin, end) = (number(Fields::ENVIRONMENT), number(Fields::ENVIRONMENT_END));
    (number(Fields::MEMORY) == 0 || (begin != 0 && begin == end)).then_some(environment)
}

/// How often to look again for what was started while looking.
const ROUNDS: usize = 50;
/// How often to look at one process that is becoming another program, which a busy machine makes long.
const LOOKS_AT_ONE: usize = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
const MAX_STATUS_BYTES: u64 = 4 << 10;
/// As much as Linux gives to arguments and environment together, unless the stack is made larger.
const MAX_ENVIRONMENT_BYTES: u64 = 2 << 20;
