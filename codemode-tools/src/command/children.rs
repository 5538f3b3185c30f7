//! The commands that run now. A command may start processes of its own; all of them end with the call.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::ProcessTree;

/// The commands that run now, over all tools of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Children(Arc<Mutex<Running>>);

#[derive(Debug, Default)]
struct Running {
    trees: BTreeMap<u64, Arc<ProcessTree>>,
    next: u64,
}

/// One command and its children. Dropping it kills whatever is left of them.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) tree: Arc<ProcessTree>,
    number: u64,
    children: Children,
}

impl Children {
    /// A command that is about to be started.
    pub(super) fn family(&self) -> Family {
        let tree = Arc::new(ProcessTree::new());
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = running.next;
        running.next += 1;
        running.trees.insert(number, tree.clone());
        Family { tree, number, children: self.clone() }
    }

    /// Kills all of them. For the end of the process: calls on a thread that never came back drop nothing.
    pub(super) fn kill_all(&self) {
        let running = std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).trees);
        running.into_values().for_each(|tree| tree.kill());
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        self.tree.kill();
        self.children.0.lock().unwrap_or_else(PoisonError::into_inner).trees.remove(&self.number);
    }
}
