//! What this process holds, as Linux tells it.

use std::{fmt, fs};

/// Threads, open files and resident memory of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub files: u64,
    /// Resident memory in KiB.
    pub resident_kib: u64,
}

impl Usage {
    /// As it is now; `None` where the system does not tell.
    pub fn now() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let number = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let files = u64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?;
        Some(Self { threads: number("Threads:")?, files, resident_kib: number("VmRSS:")? })
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} threads, {} files, {} KiB", self.threads, self.files, self.resident_kib)
    }
}
