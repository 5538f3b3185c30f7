//! Places in a program: [`Position`], and [`Frame`] of its call stack.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::PROGRAM_FILE;

/// A place in a text, counted from 1; columns in UTF-16 code units, as JavaScript engines count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// One frame of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The function's name; empty for the program itself and for functions without a name.
    pub function: String,
    /// Where in the program.
    #[serde(flatten)]
    pub position: Position,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position;
        if self.function.is_empty() {
            write!(f, "    at {PROGRAM_FILE}:{line}:{column}")
        } else {
            write!(f, "    at {} ({PROGRAM_FILE}:{line}:{column})", self.function)
        }
    }
}
