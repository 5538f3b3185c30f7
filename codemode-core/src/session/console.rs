//! [`Console`]: the lines that a program wrote, up to a limit.

use std::sync::Arc;

use crate::types::{ConsoleLine, Level, Limits};

/// What a program has written so far.
#[derive(Debug, Default)]
pub(super) struct Console {
    lines: Vec<ConsoleLine>,
    bytes: usize,
    full: bool,
}

/// What became of a line.
pub(super) enum Written {
    /// It is kept.
    Kept(ConsoleLine),
    /// It is not, and this line says so, once.
    Full(ConsoleLine),
    /// It is not, as was said before.
    Ignored,
}

impl Console {
    /// Keeps a line if it fits `limit`. Each counts more than its text, or lines without text would be free.
    pub(super) fn write(&mut self, level: Level, text: &str, limit: usize) -> Written {
        if self.full {
            return Written::Ignored;
        }
        let bytes = text.len().saturating_add(Limits::LINE_BYTES);
        if bytes > limit.saturating_sub(self.bytes) {
            self.full = true;
            let notice = format!("console output over {limit} bytes is not kept");
            return Written::Full(self.keep(Level::Warn, notice.into()));
        }
        self.bytes += bytes;
        Written::Kept(self.keep(level, text.into()))
    }

    fn keep(&mut self, level: Level, text: Arc<str>) -> ConsoleLine {
        let line = ConsoleLine { level, text };
        self.lines.push(line.clone());
        line
    }

    pub(super) fn into_lines(self) -> Vec<ConsoleLine> {
        self.lines
    }
}
