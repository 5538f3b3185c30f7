//! [`Usage`]: threads, open files and memory of this process, as Linux reports them.

use std::{
    fmt, fs, thread,
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
        let number = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let files = u64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?;
        Some(Self { threads: number("Threads:")?, files, resident_kib: number("VmRSS:")? })
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

/// Idle worker threads end after two seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
