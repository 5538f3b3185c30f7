//! [`Usage`]: threads, open files and memory of this process, as Linux reports them.

use std::{
    fmt, fs, process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Threads, open files and resident memory of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub files: u64,
    /// Resident memory in KiB.
    pub resident_kib: u64,
}

impl Usage {
    /// The usage now; `None` where the system does not report it.
    pub fn now() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let files = u64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?;
        Some(Self { threads: number(&status, "Threads:")?, files, resident_kib: number(&status, "VmRSS:")? })
    }

    /// The usage once it has no more threads and files than `before`, or after idle threads had long enough to end.
    pub(crate) fn settled(before: Option<Self>) -> Option<Self> {
        let begun = Instant::now();
        loop {
            let usage = Self::now()?;
            let settled = before.is_some_and(|before| usage.threads <= before.threads && usage.files <= before.files);
            if settled || begun.elapsed() > IDLE_TIMEOUT {
                return Some(usage);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The usage once it is at most that of `before`, or after a few seconds: memory, too, is given back after the answer.
    pub(crate) fn back_to(before: Self, max_growth_kib: u64) -> Option<Self> {
        let begun = Instant::now();
        loop {
            let usage = Self::now()?;
            if !usage.exceeds(&before, max_growth_kib) || begun.elapsed() > BACK_TIMEOUT {
                return Some(usage);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it has more threads or files than `before`, or more than `max_growth_kib` more memory.
    pub(crate) fn exceeds(&self, before: &Self, max_growth_kib: u64) -> bool {
        let grown = self.resident_kib.saturating_sub(before.resident_kib);
        self.threads > before.threads || self.files > before.files || grown > max_growth_kib
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} threads, {} files, {} KiB", self.threads, self.files, self.resident_kib)
    }
}

/// The names of the threads of this process that compute at the moment, this one excepted.
pub(crate) fn running() -> Vec<String> {
    let own = fs::read_link("/proc/thread-self").ok();
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let others = tasks.filter(|task| own.as_ref().and_then(|own| own.file_name()) != Some(&task.file_name()));
    let names = others.filter_map(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).ok()?;
        // The name may itself hold brackets: it ends at the last one.
        let (name, state) = stat.split_once('(')?.1.rsplit_once(") ")?;
        state.starts_with('R').then(|| name.to_owned())
    });
    names.collect()
}

/// The resident memory of another process in KiB.
pub(crate) fn resident_kib(process: u32) -> Option<u64> {
    number(&fs::read_to_string(format!("/proc/{process}/status")).ok()?, "VmRSS:")
}

fn number(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The most memory that was resident since a moment: as Linux keeps it, or as a thread of ours sees it where Linux does not
/// let us set its mark back.
#[derive(Debug)]
pub(crate) struct Peak {
    seen: Option<Arc<AtomicU64>>,
}

impl Peak {
    /// From now on.
    pub(crate) fn reset() -> Self {
        if fs::write("/proc/self/clear_refs", "5").is_ok() {
            return Self { seen: None };
        }
        let seen = Arc::new(AtomicU64::new(0));
        let kept = Arc::downgrade(&seen);
        thread::spawn(move || {
            while let (Some(seen), Some(resident)) = (kept.upgrade(), resident_kib(process::id())) {
                seen.fetch_max(resident, Ordering::Relaxed);
                drop(seen);
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self { seen: Some(seen) }
    }

    /// In KiB.
    pub(crate) fn kib(&self) -> Option<u64> {
        match &self.seen {
            None => number(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM:"),
            Some(seen) => Some(seen.load(Ordering::Relaxed)),
        }
    }
}

/// Idle worker threads end after two seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// For threads and memory to be given back after an answer, on a loaded machine.
const BACK_TIMEOUT: Duration = Duration::from_secs(6);
