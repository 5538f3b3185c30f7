//! What marks the processes of a tree.

/// The environment variable that holds the ids of the trees to which a process belongs.
pub(super) const VARIABLE: &str = "CODEMODE_PROCESS_TREE";
