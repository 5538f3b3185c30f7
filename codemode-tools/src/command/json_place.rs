//! Finds the place of a value in a JSON text, for errors about values that were parsed long ago. Expects text that
//! serde_json accepted; in any other the answer is `None` or a wrong place, never a panic.

/// One step into a JSON value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    /// The value of a property.
    Key(&'a str),
    /// An item of an array, from 0.
    Index(usize),
}

/// Line and column, from 1, at which the value at `path` begins; the column counts characters.
pub(super) fn find(text: &str, path: &[Step<'_>]) -> Option<(usize, usize)> {
    let mut cursor = Cursor { bytes: text.as_bytes(), at: 0 };
    cursor.skip_space();
    for step in path {
        cursor.enter(*step)?;
    }
    let before = text.get(..cursor.at)?;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Some((before.matches('\n').count() + 1, before.get(line_start..)?.chars().count() + 1))
}

/// The path as people write it: `[1].command[0]`.
pub(super) fn shown(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.push_str(&format!(".{key}")),
        }
    }
    text
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    /// Moves from the beginning of a container to the beginning of one value in it.
    fn enter(&mut self, step: Step<'_>) -> Option<()> {
        self.take(if matches!(step, Step::Key(_)) { b'{' } else { b'[' })?;
        for nth in 0.. {
            self.skip_space();
            match step {
                Step::Key(wanted) => {
                    let begin = self.at;
                    self.skip_value()?;
                    let key: String = serde_json::from_slice(self.bytes.get(begin..self.at)?).ok()?;
                    self.skip_space();
                    self.take(b':')?;
                    self.skip_space();
                    if key == wanted {
                        return Some(());
                    }
                }
                Step::Index(wanted) if nth == wanted => return Some(()),
                Step::Index(_) => {}
            }
            self.skip_value()?;
            self.skip_space();
            self.take(b',')?;
        }
        None
    }

    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth > 0 => self.at += 1,
                _ => self.skip_scalar(),
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    fn skip_scalar(&mut self) {
        // At least one byte, so that a text that is not JSON ends as well.
        self.at += 1;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-')) {
            self.at += 1;
        }
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_path() {
        let text =
            "[\n  {\"é\": [1, {\"}\": \"\\\"]\"}], \"b\": {}},\n  {\"command\": [\"x\", \"y\"], \"b\": -1.5e3}\n]";
        for (path, place) in [
            (&[][..], (1, 1)),
            (&[Step::Index(1)], (3, 3)),
            (&[Step::Index(0), Step::Key("é"), Step::Index(1), Step::Key("}")], (2, 19)),
            (&[Step::Index(1), Step::Key("command"), Step::Index(1)], (3, 21)),
            (&[Step::Index(1), Step::Key("b")], (3, 32)),
        ] {
            assert_eq!(find(text, path), Some(place), "{}", shown(path));
        }
        assert_eq!(find(text, &[Step::Index(2)]), None);
        assert_eq!(find(text, &[Step::Key("command")]), None);
        assert_eq!(shown(&[Step::Index(1), Step::Key("command"), Step::Index(0)]), "[1].command[0]");
    }

    #[test]
    fn text_that_is_not_json_ends() {
        for text in ["", "[", "[1", "[\"", "[\"\\", "{\"a\" 1}", "[}", "[[[[", "[?]", "{\"a\":"] {
            assert_eq!(find(text, &[Step::Index(3)]), None, "{text}");
            assert_eq!(find(text, &[Step::Key("b")]), None, "{text}");
        }
    }
}
