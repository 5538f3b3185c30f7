//! Process groups of running commands. A command may start processes of its own; all of them end with the call.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::process::Child;

/// The groups that run now, over all tools of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Children(Arc<Mutex<BTreeSet<u32>>>);

/// One group. Dropping it kills whatever is left of it.
#[derive(Debug)]
pub(super) struct Group {
    leader: Option<u32>,
    children: Children,
}

impl Children {
    /// The group of a child that was started as the leader of one.
    pub(super) fn group_of(&self, child: &Child) -> Group {
        let leader = child.id();
        if let Some(leader) = leader {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(leader);
        }
        Group { leader, children: self.clone() }
    }

    /// Kills all groups. For the end of the process: calls on a thread that never came back drop nothing.
    pub(super) fn kill_all(&self) {
        let leaders = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        leaders.into_iter().for_each(kill);
    }
}

impl Group {
    /// Kills whatever is left of the group.
    pub(super) fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            // Only once: when the group is gone, its number may become another's.
            if self.children.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&leader) {
                kill(leader);
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(unix)]
fn kill(leader: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        // A group of which nothing is left cannot be killed.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Without process groups only the command itself is killed, by tokio when the child is dropped.
#[cfg(not(unix))]
fn kill(_leader: u32) {}
