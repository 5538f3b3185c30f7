//! The tokens of a JSON text, in order. Expects text that serde_json or an engine wrote; in any other the tokens are
//! odd, never a panic.

/// Reads tokens as they are asked for: whoever shows the beginning of five megabytes reads no more than that.
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    json: &'a str,
    at: usize,
}

/// A piece of the text.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Open,
    Close,
    Comma,
    Colon,
    Key,
    String,
    Scalar,
}

impl<'a> Tokens<'a> {
    /// The tokens of `json`.
    pub fn of(json: &'a str) -> Self {
        Self { json, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn skip_string(&mut self) {
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let begin = self.at;
        let first = self.peek()?;
        self.at += 1;
        let mut kind = match first {
            b'{' | b'[' => Kind::Open,
            b'}' | b']' => Kind::Close,
            b',' => Kind::Comma,
            b':' => Kind::Colon,
            b'"' => {
                self.skip_string();
                Kind::String
            }
            _ => {
                while self.peek().is_some_and(|byte| !b",]} \n\r\t".contains(&byte)) {
                    self.at += 1;
                }
                Kind::Scalar
            }
        };
        // Tokens begin and end at ASCII bytes, so the slice exists.
        let text = self.json.get(begin..self.at).unwrap_or_default();
        if kind == Kind::String {
            self.skip_space();
            if self.peek() == Some(b':') {
                kind = Kind::Key;
            }
        }
        Some(Token { kind, text })
    }
}
