//! Writes to standard output and standard error.

use std::{
    io::{self, Write},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use codemode::tools::text::visible;

use crate::{
    output::{
        paint::Paint,
        queue::{Queue, Taken},
    },
    problem::Problem,
};

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

/// Writes a warning to standard error, on a thread of its own: for those that others wait for. One that nobody reads is left
/// out.
pub fn warning_soon(message: String) {
    let queue = SOON.get_or_init(|| {
        let queue: Arc<Queue<String>> = Arc::new(Queue::new(Duration::ZERO));
        let taken = queue.clone();
        let written = thread::Builder::new().name("codemode warnings".into()).spawn(move || {
            loop {
                match taken.take(None) {
                    Taken::Item(message) => warning(&message),
                    Taken::Nothing => {}
                    Taken::Closed => break,
                }
            }
        });
        if written.is_err() {
            queue.close();
        }
        queue
    });
    queue.add(message.len(), message);
}

/// Waits a moment until the warnings are written.
pub fn flush() {
    if let Some(queue) = SOON.get() {
        queue.flush(MAX_FLUSH);
    }
}

static SOON: OnceLock<Arc<Queue<String>>> = OnceLock::new();
const MAX_FLUSH: Duration = Duration::from_millis(300);

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
