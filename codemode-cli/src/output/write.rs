//! Writes to standard output and standard error.

use std::io::{self, Write};

use codemode::tools::text::visible;

use crate::{output::paint::Paint, problem::Problem};

/// Writes what is wrong to standard error.
pub fn report(problem: &Problem) {
    let paint = Paint::stderr();
    let mut text = format!("{}: {}\n", paint.error("error"), visible(&problem.message));
    if let Some(help) = &problem.help {
        text.push_str(&format!("{}: {}\n", paint.hint("help"), visible(help)));
    }
    say(&text);
}

/// Writes a notice to standard error.
pub fn note(message: &str) {
    say(&format!("{}: {}\n", Paint::stderr().dim("codemode"), visible(message)));
}

/// Writes a warning to standard error.
pub fn warning(message: &str) {
    say(&format!("{}: {}\n", Paint::stderr().warn("warning"), visible(message)));
}

/// Writes to standard error as it is.
pub fn say(text: &str) {
    let mut stderr = io::stderr().lock();
    // Where standard error is gone there is no place left to say so.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Writes to standard output, whole.
///
/// # Errors
/// When it cannot take the text, a full disk for example. A reader that went away does not count.
pub fn print(text: &str) -> Result<(), Problem> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::new(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}
