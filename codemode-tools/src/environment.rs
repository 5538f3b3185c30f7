//! The environment variables that a program started for a tool gets. One list for commands and for MCP servers.

use std::ffi::OsString;

/// The environment variables of this process that a program started for a tool inherits: what programs need to find
/// others and to speak the user's language, and no secrets.
///
/// On every system these are `PATH`, `HOME`, `USER`, `LOGNAME`, `SHELL`, `LANG`, `LC_*`, `TZ`, `TMPDIR` and `TERM`; on
/// Windows also those without which programs do not start, such as `SYSTEMROOT` and `APPDATA`.
///
/// ```
/// use std::process::Command;
///
/// let mut command = Command::new("program");
/// command.env_clear().envs(codemode_tools::inherited_environment());
/// assert!(command.get_envs().all(|(name, _)| name != "API_KEY"));
/// ```
pub fn inherited_environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(|name| is_inherited(name, cfg!(windows))))
}

fn is_inherited(name: &str, windows: bool) -> bool {
    INHERITED.contains(&name)
        || name.starts_with("LC_")
        || (windows && INHERITED_ON_WINDOWS.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

const INHERITED: [&str; 9] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TERM"];
/// Windows does not distinguish the case of names; `Path` is common.
const INHERITED_ON_WINDOWS: [&str; 12] = [
    "APPDATA",
    "COMSPEC",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATH",
    "PATHEXT",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERPROFILE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_get_their_path_and_language_and_no_secrets() {
        for name in ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"] {
            assert!(is_inherited(name, false) && is_inherited(name, true), "{name}");
        }
        for name in ["API_KEY", "AWS_SECRET_ACCESS_KEY", "LD_PRELOAD", "NODE_OPTIONS", "HOMEBREW", "XLC_ALL", ""] {
            assert!(!is_inherited(name, false) && !is_inherited(name, true), "{name}");
        }
    }

    #[test]
    fn windows_needs_more_and_ignores_case() {
        for name in ["Path", "SystemRoot", "APPDATA", "LocalAppData", "HOMEDRIVE", "HOMEPATH", "PATHEXT", "USERPROFILE"]
        {
            assert!(is_inherited(name, true), "{name}");
            assert!(!is_inherited(name, false), "{name}");
        }
    }

    #[test]
    fn only_variables_that_are_set_are_given() {
        let given: Vec<_> = inherited_environment().collect();
        assert!(given.iter().all(|(name, value)| std::env::var_os(name).as_ref() == Some(value)));
        assert_eq!(given.iter().any(|(name, _)| name == "PATH"), std::env::var_os("PATH").is_some());
    }
}
