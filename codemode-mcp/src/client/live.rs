//! The server processes of this process, for the case that it ends before they can be stopped.

use std::sync::{Arc, Mutex, Weak};

use codemode_tools::ProcessTree;

use super::poison::lock;

static LIVE: Mutex<Live> = Mutex::new(Live { trees: Vec::new(), is_over: false });

struct Live {
    trees: Vec<Weak<ProcessTree>>,
    is_over: bool,
}

/// Kills all servers that this process started, with all that they started, and lets none start from now on. For a process
/// that is about to end, for instance because of a signal, and has no time to
/// [close](crate::McpToolset::close) its toolsets. Needs no runtime.
pub fn kill_servers() {
    let trees = {
        let mut live = lock(&LIVE);
        live.is_over = true;
        std::mem::take(&mut live.trees)
    };
    trees.iter().filter_map(Weak::upgrade).for_each(|tree| tree.kill());
}

/// Starts a program, unless [`kill_servers`] was called. Of two at once the other one waits, so that none is missed.
pub(super) fn start<T, E>(tree: &Arc<ProcessTree>, start: impl FnOnce() -> Result<T, E>) -> Option<Result<T, E>> {
    let mut live = lock(&LIVE);
    if live.is_over {
        return None;
    }
    live.trees.retain(|tree| tree.strong_count() > 0);
    live.trees.push(Arc::downgrade(tree));
    Some(start())
}
