//! The package `codemode-benches`: its folder, and how cargo is told to build it.

use std::{path::PathBuf, process::Command};

use crate::places::root;

/// The folder of the benches, in which everything that is kept lies.
pub fn folder() -> PathBuf {
    root().join("benches")
}

/// The same command for the benches with these drivers compiled in.
pub fn with_features(mut command: Command, features: &[String]) -> Command {
    command.args(["--package", "codemode-benches", "--no-default-features", "--features", &features.join(",")]);
    command
}
