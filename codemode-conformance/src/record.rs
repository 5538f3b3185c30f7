//! What a run of the whole suite came to, for `cargo xtask conformance --record`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use codemode_core::DriverInfo;
use serde::Serialize;

/// The folder in which each driver writes a file of its name, where one is asked for.
pub(crate) fn wanted() -> Option<PathBuf> {
    env::var_os("CODEMODE_RECORD").filter(|folder| !folder.is_empty()).map(PathBuf::from)
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
    pub(crate) fn write(&self, folder: &Path) -> Result<(), String> {
        let file = folder.join(format!("{}.json", self.driver.name));
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        fs::write(&file, text + "\n").map_err(|error| format!("{} cannot be written: {error}", file.display()))
    }
}
