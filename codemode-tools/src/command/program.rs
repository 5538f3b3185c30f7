//! Finds the program of a command.

use std::path::{Path, PathBuf};

/// Where a program is: beside the file of tools when it is a relative path, in `PATH` when it is a name.
pub(super) fn find(program: &str, tools: &Path) -> Result<PathBuf, String> {
    if program.contains(std::path::is_separator) {
        let folder = tools.parent().unwrap_or(Path::new(""));
        // Absolute, because a relative path without a slash would be looked up in PATH.
        let path = std::path::absolute(folder.join(program)).map_err(|error| error.to_string())?;
        return if is_program(&path) {
            Ok(path)
        } else {
            Err(format!("{} is no program that can be run", path.display()))
        };
    }
    let places = std::env::var_os("PATH").unwrap_or_default();
    let names = [program.to_owned(), format!("{program}{}", std::env::consts::EXE_SUFFIX)];
    let mut candidates = std::env::split_paths(&places).flat_map(|place| names.clone().map(|name| place.join(name)));
    match candidates.find(|path| is_program(path)) {
        Some(path) => Ok(std::path::absolute(&path).unwrap_or(path)),
        None => Err(format!(
            "there is no program {program:?} in PATH; a relative path such as \"./{program}\" is looked up beside this file"
        )),
    }
}

fn is_program(path: &Path) -> bool {
    let Ok(about) = std::fs::metadata(path) else { return false };
    #[cfg(unix)]
    let runs = std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let runs = true;
    about.is_file() && runs
}
