//! The width of the terminal.

use std::io::{self, IsTerminal};

/// How wide lines on standard error may be; `None` when it is not a terminal.
pub fn terminal_width() -> Option<usize> {
    let stderr = io::stderr();
    if !stderr.is_terminal() {
        return None;
    }
    #[cfg(unix)]
    let columns = rustix::termios::tcgetwinsize(&stderr).map_or(0, |size| usize::from(size.ws_col));
    #[cfg(not(unix))]
    let columns = 0;
    Some(if columns < MIN_WIDTH { DEFAULT_WIDTH } else { columns })
}

const MIN_WIDTH: usize = 20;
const DEFAULT_WIDTH: usize = 80;
