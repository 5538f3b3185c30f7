//! Reads the files a person names: bounded, as UTF-8, and with the path in every error. A file may be missing, a
//! directory, a pipe, ten gigabytes or a photograph.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::{Error, ErrorKind, text::format_bytes};

/// The text of a file, without a byte order mark.
///
/// # Errors
/// When it cannot be read, is not UTF-8 or holds more than `max_bytes`.
pub fn read_text(path: &Path, max_bytes: usize) -> Result<String, Error> {
    let shown = path.display().to_string();
    let file = open(path)?;
    // The length of a pipe is not known; reading it is bounded below.
    if let Ok(about) = file.metadata()
        && about.is_file()
        && about.len() > max_bytes as u64
    {
        return Err(too_large(&shown, &format_bytes(about.len()), max_bytes));
    }
    read_text_from(file, &shown, max_bytes)
}

/// Opens a file for reading.
///
/// # Errors
/// When it does not exist, is a directory or must not be read.
pub fn open(path: &Path) -> Result<File, Error> {
    let shown = path.display();
    if path.is_dir() {
        return Err(Error::new(ErrorKind::Io, format!("{shown} is a directory; give a file")));
    }
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::new(ErrorKind::NotFound, format!("{shown} does not exist")),
        _ => Error::new(ErrorKind::Io, format!("{shown} cannot be read: {error}")),
    })
}

/// The text of an input that errors call `shown`, without a byte order mark.
///
/// # Errors
/// When it cannot be read, is not UTF-8 or holds more than `max_bytes`.
pub fn read_text_from(input: impl Read, shown: &str, max_bytes: usize) -> Result<String, Error> {
    let mut bytes = Vec::new();
    // One byte more tells "just fits" from "too large".
    input
        .take((max_bytes as u64).saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Error::new(ErrorKind::Io, format!("{shown} cannot be read: {error}")))?;
    if bytes.len() > max_bytes {
        return Err(too_large(shown, &format!("more than {}", format_bytes(max_bytes as u64)), max_bytes));
    }
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(shown, error.as_bytes()))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn too_large(shown: &str, holds: &str, max_bytes: usize) -> Error {
    let max = format_bytes(max_bytes as u64);
    Error::new(ErrorKind::Io, format!("{shown} holds {holds}; at most {max} are read"))
}

fn not_utf8(shown: &str, bytes: &[u8]) -> Error {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Error::new(ErrorKind::Io, format!("{shown} is UTF-16 text; save it as UTF-8"));
    }
    let good = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
    let before = bytes.get(..good).unwrap_or_default();
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let byte = bytes.get(good).copied().unwrap_or_default();
    let message = format!("{shown} is not UTF-8 text: byte 0x{byte:02x} on line {line} (offset {good})");
    Error::new(ErrorKind::Io, message).with_help("save it as UTF-8")
}
