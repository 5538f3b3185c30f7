//! Running other programs.

use std::{
    env,
    process::{Command, Stdio},
};

use crate::v8_library;

/// The cargo that runs this task. It finds the V8 library that was built here.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    if let Some((variable, archive)) = v8_library::built_here() {
        command.env(variable, archive);
    }
    command
}

/// Whether a program answers to `--version`.
pub fn installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Runs a command to its end; the error names it.
pub fn run(mut command: Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    let status = command.status().map_err(|error| format!("{shown} could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown} failed")) }
}

/// What a command says on its standard output; the rest goes where ours goes.
pub fn output(mut command: Command) -> Result<String, String> {
    let shown = format!("{command:?}");
    command.stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("{shown} could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{shown} failed"));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{shown}: {error}"))
}
