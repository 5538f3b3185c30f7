//! The program that a person names: a file, or standard input.

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use codemode::tools::file;

use crate::{output, problem::Problem};

/// The text of a program; `-` is standard input.
///
/// # Errors
/// When it cannot be read, is not UTF-8, is empty or holds more than `max_bytes`.
pub fn program(path: &Path, max_bytes: usize) -> Result<String, Problem> {
    let text = if is_dash(path) {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            output::note("reading the program from the terminal; end it with Ctrl-D");
        }
        file::read_text_from(stdin.lock(), "standard input", max_bytes)?
    } else {
        file::read_text(path, max_bytes)?
    };
    if text.trim().is_empty() {
        return Err(Problem::new(format!("{} is empty", name(path)))
            .help("a program is the body of an async function, such as: return 1 + 1"));
    }
    Ok(text)
}

/// Whether `path` stands for standard input or output.
pub fn is_dash(path: &Path) -> bool {
    path == Path::new("-")
}

/// What to call a program in messages.
pub fn name(path: &Path) -> String {
    if is_dash(path) { "standard input".into() } else { path.display().to_string() }
}
