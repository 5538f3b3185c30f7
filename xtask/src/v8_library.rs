//! Which V8 library a build takes: the one that `RUSTY_V8_ARCHIVE` names, else the one that `cargo xtask v8 build` made.

use std::{env, path::PathBuf};

use crate::places::tools;

/// The environment variable of the `v8` crate.
pub const VARIABLE: &str = "RUSTY_V8_ARCHIVE";

/// The version that the workspace pins.
pub const VERSION: &str = "152.2.0";

/// The archive that [`VARIABLE`] names.
pub fn chosen() -> Option<PathBuf> {
    env::var_os(VARIABLE).filter(|archive| !archive.is_empty()).map(PathBuf::from)
}

/// Where `cargo xtask v8 build` works and leaves what it makes. Another version has another folder.
pub fn folder() -> PathBuf {
    tools().join(format!("v8-{VERSION}"))
}

/// What `cargo xtask v8 build` makes.
pub fn archive() -> PathBuf {
    folder().join("librusty_v8.a.gz")
}

/// The environment variable and its value for the archive that was built here, where nobody chose another.
pub fn built_here() -> Option<(&'static str, PathBuf)> {
    let archive = archive();
    (chosen().is_none() && archive.is_file()).then_some((VARIABLE, archive))
}

#[cfg(test)]
mod tests {
    use toml_edit::DocumentMut;

    use super::*;
    use crate::places::root;

    #[test]
    fn the_version_is_the_one_that_the_workspace_pins() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
        let manifest: DocumentMut = manifest.parse().expect("TOML");
        let pinned = manifest["workspace"]["dependencies"]["v8"].as_str();
        assert_eq!(pinned, Some(format!("={VERSION}").as_str()));
    }
}
