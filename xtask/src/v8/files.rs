//! Files that appear whole or not at all.

use std::{fs, path::Path};

/// Moves what is finished to its final place.
pub fn rename(from: &Path, to: &Path) -> Result<(), String> {
    fs::rename(from, to).map_err(|error| format!("{} could not be moved into place: {error}", from.display()))
}

/// Removes a file or a folder if it is there.
pub fn remove(path: &Path) -> Result<(), String> {
    let removed = match path {
        _ if path.is_dir() => fs::remove_dir_all(path),
        _ if path.exists() => fs::remove_file(path),
        _ => Ok(()),
    };
    removed.map_err(|error| format!("{} could not be removed: {error}", path.display()))
}
