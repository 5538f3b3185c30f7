//! What a run of the whole suite came to, for `cargo xtask conformance --record`.

use std::{env, fs, path::PathBuf};

use codemode_core::DriverInfo;
use serde::Serialize;

/// The file to write, where one is asked for.
pub(crate) fn wanted() -> Option<PathBuf> {
    env::var_os("CODEMODE_RECORD").filter(|file| !file.is_empty()).map(PathBuf::from)
}

/// What is kept of a driver whose suite is green.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    /// What the driver says of itself.
    #[serde(flatten)]
    pub driver: DriverInfo,
    /// All cases, gaps included.
    pub cases: usize,
    /// The cases it is known to fail.
    pub gaps: Vec<String>,
}

impl Record {
    pub(crate) fn write(&self, file: PathBuf) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        fs::write(&file, text + "\n").map_err(|error| format!("{} cannot be written: {error}", file.display()))
    }
}
