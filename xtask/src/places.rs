//! The folders that tasks work in.

use std::path::{Path, PathBuf};

/// The folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}

/// `target/tools` of this workspace. The build scripts look there too.
pub fn tools() -> PathBuf {
    root().join("target").join("tools")
}
