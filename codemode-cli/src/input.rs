//! Reads the files a person names: bounded, as UTF-8, and with the path in every error. A file may be missing, a
//! directory, a pipe, ten gigabytes or a photograph.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::Path,
};

use crate::{output, problem::Problem, size::shown_bytes};

/// The text of a program; `-` is standard input.
///
/// # Errors
/// When it cannot be read, is not UTF-8, is empty or holds more than `most_bytes`.
pub fn program(path: &Path, most_bytes: usize) -> Result<String, Problem> {
    let text = if is_dash(path) {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            output::note("reading the program from the terminal; end it with Ctrl-D");
        }
        read(stdin.lock(), "standard input", most_bytes)?
    } else {
        text(path, most_bytes)?
    };
    if text.trim().is_empty() {
        return Err(Problem::new(format!("{} is empty", name(path)))
            .help("a program is the body of an async function, such as: return 1 + 1"));
    }
    Ok(text)
}

/// The text of a file, without a byte order mark.
///
/// # Errors
/// When it cannot be read, is not UTF-8 or holds more than `most_bytes`.
pub fn text(path: &Path, most_bytes: usize) -> Result<String, Problem> {
    let shown = path.display().to_string();
    let file = open(path)?;
    // The length of a pipe is not known; reading it is bounded below.
    if let Ok(about) = file.metadata()
        && about.is_file()
        && about.len() > most_bytes as u64
    {
        return Err(too_large(&shown, &shown_bytes(about.len()), most_bytes));
    }
    read(file, &shown, most_bytes)
}

/// Opens a file for reading.
///
/// # Errors
/// When there is none, it is a directory or it must not be read.
pub fn open(path: &Path) -> Result<File, Problem> {
    let shown = path.display();
    if path.is_dir() {
        return Err(Problem::new(format!("{shown} is a directory; give a file")));
    }
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Problem::new(format!("{shown} does not exist")),
        _ => Problem::new(format!("{shown} cannot be read: {error}")),
    })
}

/// Whether `path` stands for standard input or output.
pub fn is_dash(path: &Path) -> bool {
    path == Path::new("-")
}

/// What to call a program in messages.
pub fn name(path: &Path) -> String {
    if is_dash(path) { "standard input".into() } else { path.display().to_string() }
}

fn read(input: impl Read, shown: &str, most_bytes: usize) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    // One byte more tells "just fits" from "too large".
    input
        .take((most_bytes as u64).saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Problem::new(format!("{shown} cannot be read: {error}")))?;
    if bytes.len() > most_bytes {
        return Err(too_large(shown, &format!("more than {}", shown_bytes(most_bytes as u64)), most_bytes));
    }
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(shown, error.as_bytes()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn too_large(shown: &str, holds: &str, most_bytes: usize) -> Problem {
    Problem::new(format!("{shown} holds {holds}; at most {} are read", shown_bytes(most_bytes as u64)))
}

fn not_utf8(shown: &str, bytes: &[u8]) -> Problem {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Problem::new(format!("{shown} is UTF-16 text; save it as UTF-8"));
    }
    let good = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
    let before = bytes.get(..good).unwrap_or_default();
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let byte = bytes.get(good).copied().unwrap_or_default();
    Problem::new(format!("{shown} is not UTF-8 text: byte 0x{byte:02x} on line {line} (offset {good})"))
        .help("save it as UTF-8")
}
