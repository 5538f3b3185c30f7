//! The scan itself: tokens, levels, and what is open at each of them.

use super::limits::{AHEAD, Limit, MAX_CHAIN, MAX_NESTING, MAX_REREADS, Nesting, TooDeep};
use super::words::{Word, is_word, word_kind};

/// What stood before, as far as it decides what may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// An operator, a keyword, an opening bracket: an operand must follow.
    Operator,
    /// A complete operand: an operator must follow, or the statement ends.
    Operand,
    Dot,
    /// `)` of `if (…)` and its like: a statement follows.
    Control,
    CloseBrace,
    Semicolon,
    /// A word that is a keyword in some places, `>`, or a `!` or `++` after one of these.
    Unclear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opener {
    Bracket,
    ControlParen,
    Template,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    opener: Opener,
    /// Operators since the last separator at this level.
    chain: u32,
    /// The part of `chain` that a comma does not end: what stands before a `<` or a statement keyword.
    base: u32,
    /// Guesses of the parser that are open at this level: its own `(`, each `<`, each `?`.
    guesses: Guesses,
}

/// What is open of that which makes the parser read its text again.
#[derive(Debug, Clone, Copy, Default)]
struct Guesses {
    /// 1 for a `(` that may begin the parameters of an arrow function.
    paren: u32,
    /// `<` without its `>`.
    angles: u32,
    /// `?` of conditions.
    marks: u32,
    /// 1 in a `var`: its names are declared in each block around it.
    var: u32,
}

impl Guesses {
    fn count(self) -> u32 {
        self.paren + self.angles + self.marks
    }
}

pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    levels: Vec<Level>,
    total: u32,
    /// Of all levels.
    guesses: u32,
    vars: u32,
    rereads: u64,
    peak: Nesting,
    before: Before,
    new_line: bool,
    control_word: bool,
    unsure_at: Option<u32>,
    /// Bytes that the search for the end of a regular expression may still read.
    ahead: usize,
}

impl<'a> Scan<'a> {
    pub fn new(text: &'a str) -> Self {
        let ground = Level { opener: Opener::Bracket, chain: 0, base: 0, guesses: Guesses::default() };
        Self {
            bytes: text.as_bytes(),
            at: 0,
            levels: vec![ground],
            total: 0,
            guesses: 0,
            vars: 0,
            rereads: 0,
            peak: Nesting { brackets: 0, chain: 0 },
            before: Before::Semicolon,
            new_line: false,
            control_word: false,
            unsure_at: None,
            ahead: AHEAD * text.len(),
        }
    }

    /// The bounds of the whole text, or where it became ambiguous.
    pub fn run(mut self) -> Result<Result<Nesting, u32>, TooDeep> {
        if self.bytes.starts_with(b"#!") {
            self.skip_line_comment();
        }
        while self.ahead > 0
            && let Some(byte) = self.byte(0)
        {
            match byte {
                b'\n' | b'\r' => {
                    self.new_line = true;
                    self.at += 1;
                }
                b' ' | b'\t' | 0x0B | 0x0C => self.at += 1,
                b'/' if self.byte(1) == Some(b'/') => self.skip_line_comment(),
                b'/' if self.byte(1) == Some(b'*') => self.skip_block_comment(),
                0x80.. if self.skip_wide_space() => {}
                _ => {
                    self.token(byte)?;
                    self.new_line = false;
                }
            }
        }
        Ok(self.unsure_at.map_or(Ok(self.peak), Err))
    }

    fn token(&mut self, byte: u8) -> Result<(), TooDeep> {
        let word = is_word(byte);
        if self.before == Before::Semicolon && !word {
            self.end_statement();
        }
        self.rereads += u64::from(self.guesses);
        if self.vars > 0 && word {
            self.rereads += self.levels.len() as u64;
        }
        if self.rereads > MAX_REREADS {
            return Err(TooDeep { offset: self.at as u32, limit: Limit::Rereads });
        }
        let control_word = std::mem::take(&mut self.control_word);
        match byte {
            _ if word => self.word(control_word)?,
            b'"' | b'\'' => self.string(byte),
            b'`' => {
                self.add(1)?;
                self.at += 1;
                self.template()?;
            }
            b'(' => self.open(if control_word { Opener::ControlParen } else { Opener::Bracket })?,
            b'[' | b'{' => self.open(Opener::Bracket)?,
            b')' | b']' | b'}' => self.close(byte)?,
            b'/' => self.slash()?,
            b';' => {
                self.before = Before::Semicolon;
                self.at += 1;
            }
            b',' => {
                self.end_element();
                self.before = Before::Operator;
                self.at += 1;
            }
            _ => self.operator(byte)?,
        }
        Ok(())
    }

    fn operator(&mut self, byte: u8) -> Result<(), TooDeep> {
        let next = self.byte(1);
        let mut length = 1;
        self.before = match byte {
            b'.' if next == Some(b'.') && self.byte(2) == Some(b'.') => {
                length = 3;
                Before::Operator
            }
            b'.' => Before::Dot,
            b'!' if next != Some(b'=') && !self.new_line => match self.before {
                Before::Operand | Before::Dot => Before::Operand,
                Before::CloseBrace | Before::Unclear => Before::Unclear,
                _ => Before::Operator,
            },
            b'+' | b'-' if next == Some(byte) => {
                length = 2;
                match self.before {
                    Before::Operand | Before::Dot if !self.new_line => Before::Operand,
                    Before::CloseBrace | Before::Unclear => Before::Unclear,
                    _ => Before::Operator,
                }
            }
            b'=' if next == Some(b'>') => {
                length = 2;
                Before::Operator
            }
            b'?' if next == Some(b'?') => {
                length = 2;
                Before::Operator
            }
            // `?` and `*` are also whole types, which the parser reports and reads on.
            b'>' | b'?' | b'*' => Before::Unclear,
            _ => Before::Operator,
        };
        if byte == b'<' && self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"<!--"))
            || byte == b'-' && self.new_line && self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"-->"))
        {
            // A comment in a script, operators in a module.
            self.unsure(self.at);
        }
        self.add(length)?;
        match byte {
            b'<' => {
                self.keep_through_commas();
                self.guess(|guesses| guesses.angles += 1);
            }
            b'>' => self.guess(|guesses| guesses.angles = guesses.angles.saturating_sub(1)),
            // `?.`, `??`, and the mark of what is optional decide nothing.
            b'?' if !matches!(next, Some(b'.' | b'?' | b':' | b')' | b',')) => {
                self.guess(|guesses| guesses.marks += 1);
            }
            _ => {}
        }
        self.at += length as usize;
        Ok(())
    }

    fn word(&mut self, after_control: bool) -> Result<(), TooDeep> {
        let start = self.at;
        let number = self.byte(0).is_some_and(|byte| byte.is_ascii_digit());
        while let Some(byte) = self.byte(0) {
            if !(is_word(byte) || (number && byte == b'.' && self.byte(1) != Some(b'.'))) || self.wide_space().is_some()
            {
                break;
            }
            self.at += 1;
        }
        let word = self.bytes.get(start..self.at).unwrap_or(b"");
        if word.contains(&b'\\') {
            self.unsure(start);
        }
        let kind = if self.before == Before::Dot { Word::Name } else { word_kind(word) };
        let ends = match self.before {
            Before::Semicolon => !matches!(word, b"else" | b"while"),
            Before::CloseBrace => kind != Word::Continues,
            Before::Operand => self.new_line && kind != Word::Continues,
            _ => false,
        };
        if ends {
            self.end_statement();
        }
        self.before = match kind {
            Word::Name => Before::Operand,
            Word::Keyword | Word::Statement | Word::Control => Before::Operator,
            Word::Contextual => Before::Unclear,
            Word::Continues if matches!(word, b"of" | b"as" | b"is" | b"satisfies" | b"implements") => Before::Unclear,
            Word::Continues => Before::Operator,
        };
        if kind != Word::Name {
            self.add(1)?;
        }
        if word == b"var" {
            self.guess(|guesses| guesses.var = 1);
        }
        if matches!(kind, Word::Statement | Word::Control) || matches!(word, b"else" | b"while") {
            self.keep_through_commas();
        }
        self.control_word = kind == Word::Control
            || (kind == Word::Continues && word == b"while")
            || (after_control && word == b"await");
        Ok(())
    }

    /// A slash that starts no comment.
    fn slash(&mut self) -> Result<(), TooDeep> {
        let division = |scan: &mut Self| {
            scan.at += 1;
            scan.before = Before::Operator;
            scan.add(1)
        };
        let unclear = match self.before {
            // In a new line the statement before may be complete: `let a`, `import "a"`, `type A = B`.
            Before::Operand if !self.new_line => return division(self),
            Before::Dot => return division(self),
            Before::Operator | Before::Semicolon => false,
            // `if`, `while` and their like may be names of members as well.
            Before::Operand | Before::Control | Before::CloseBrace | Before::Unclear => true,
        };
        let end = self.regex_end();
        self.ahead = self.ahead.saturating_sub(end.unwrap_or_else(|at| at) - self.at);
        if self.ahead == 0 {
            // Slash after slash that begins nothing: a rest that is not read counts in full.
            self.unsure(self.at);
        }
        let Ok(end) = end else { return division(self) };
        let body = self.bytes.get(self.at + 1..end - 1).unwrap_or(b"");
        if unclear {
            let bracket =
                |byte: &u8| matches!(byte, b'"' | b'\'' | b'`' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'\\');
            if body.iter().any(bracket) || matches!(self.bytes.get(end), Some(b'*' | b'/')) {
                self.unsure(self.at);
                return division(self);
            }
            let operators = body.iter().filter(|byte| !byte.is_ascii_alphanumeric()).count() as u32;
            self.add(operators + 2)?;
        } else {
            let groups = body.iter().filter(|byte| matches!(byte, b'(' | b'[')).count() as u32;
            self.check_brackets(groups)?;
        }
        self.at = end;
        self.before = Before::Operand;
        Ok(())
    }

    /// Where a regular expression that begins here ends, if it does so in its line; else how far that had to be read.
    fn regex_end(&self) -> Result<usize, usize> {
        let mut in_class = false;
        let mut at = self.at + 1;
        loop {
            match self.bytes.get(at) {
                None | Some(b'\n' | b'\r') => return Err(at),
                Some(0xE2) if wide_line_break(self.bytes, at) => return Err(at),
                Some(b'\\') if matches!(self.bytes.get(at + 1), Some(b'\n' | b'\r')) => return Err(at),
                Some(b'\\') => at += 1,
                Some(b'[') => in_class = true,
                Some(b']') => in_class = false,
                Some(b'/') if !in_class => return Ok(at + 1),
                Some(_) => {}
            }
            at += 1;
        }
    }

    fn string(&mut self, quote: u8) {
        if self.before == Before::CloseBrace || (self.before == Before::Operand && self.new_line) {
            self.end_statement();
        }
        self.at += 1;
        while let Some(byte) = self.byte(0) {
            self.at += match byte {
                b'\\' if self.byte(1) == Some(b'\r') && self.byte(2) == Some(b'\n') => 3,
                b'\\' => 2,
                b'\n' | b'\r' => break,
                _ => 1,
            };
            if byte == quote {
                break;
            }
        }
        self.before = Before::Operand;
    }

    /// The text of a template up to its end or its next `${`.
    fn template(&mut self) -> Result<(), TooDeep> {
        while let Some(byte) = self.byte(0) {
            match byte {
                b'\\' => self.at += 2,
                b'`' => {
                    self.at += 1;
                    break;
                }
                b'$' if self.byte(1) == Some(b'{') => {
                    self.at += 1;
                    return self.open(Opener::Template);
                }
                _ => self.at += 1,
            }
        }
        self.before = Before::Operand;
        Ok(())
    }

    fn open(&mut self, opener: Opener) -> Result<(), TooDeep> {
        // Behind an operand it holds arguments, or what a statement is about.
        let arrow = self.byte(0) == Some(b'(') && opener == Opener::Bracket && self.before != Before::Operand;
        self.levels.push(Level { opener, chain: 0, base: 0, guesses: Guesses::default() });
        if arrow {
            self.guess(|guesses| guesses.paren = 1);
        }
        self.at += 1;
        self.before = Before::Operator;
        self.check_brackets(0)
    }

    fn close(&mut self, byte: u8) -> Result<(), TooDeep> {
        self.at += 1;
        let mut opener = Opener::Bracket;
        if self.levels.len() > 1
            && let Some(level) = self.levels.pop()
        {
            self.total -= level.chain;
            self.guesses -= level.guesses.count();
            self.vars -= level.guesses.var;
            opener = level.opener;
            self.add(1)?;
        }
        self.before = match (byte, opener) {
            (b'}', Opener::Template) => return self.template(),
            (b'}', _) => Before::CloseBrace,
            (_, Opener::ControlParen) => Before::Control,
            _ => Before::Operand,
        };
        Ok(())
    }

    fn check_brackets(&mut self, more: u32) -> Result<(), TooDeep> {
        let brackets = self.levels.len() as u32 - 1 + more;
        self.peak.brackets = self.peak.brackets.max(brackets);
        if brackets > MAX_NESTING { Err(TooDeep { offset: self.at as u32, limit: Limit::Brackets }) } else { Ok(()) }
    }

    fn add(&mut self, operators: u32) -> Result<(), TooDeep> {
        if let Some(level) = self.levels.last_mut() {
            level.chain += operators;
            self.total += operators;
        }
        self.peak.chain = self.peak.chain.max(self.total);
        if self.total > MAX_CHAIN { Err(TooDeep { offset: self.at as u32, limit: Limit::Operators }) } else { Ok(()) }
    }

    /// Changes what is open at this level.
    fn guess(&mut self, change: impl FnOnce(&mut Guesses)) {
        if let Some(level) = self.levels.last_mut() {
            let before = level.guesses;
            change(&mut level.guesses);
            self.guesses = self.guesses - before.count() + level.guesses.count();
            self.vars = self.vars - before.var + level.guesses.var;
        }
    }

    fn keep_through_commas(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.base = level.chain;
        }
    }

    fn end_statement(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            self.total -= level.chain;
            (level.chain, level.base) = (0, 0);
        }
        if self.guesses + self.vars > 0 {
            self.guess(|guesses| *guesses = Guesses { paren: guesses.paren, ..Guesses::default() });
        }
    }

    fn end_element(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            self.total -= level.chain - level.base;
            level.chain = level.base;
        }
        if self.guesses > 0 {
            self.guess(|guesses| guesses.marks = 0);
        }
    }

    fn unsure(&mut self, at: usize) {
        self.unsure_at.get_or_insert(at as u32);
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn skip_line_comment(&mut self) {
        while self.byte(0).is_some_and(|byte| !matches!(byte, b'\n' | b'\r')) && !self.at_wide_line_break() {
            self.at += 1;
        }
    }

    fn skip_block_comment(&mut self) {
        self.at += 2;
        while let Some(byte) = self.byte(0) {
            if byte == b'*' && self.byte(1) == Some(b'/') {
                self.at += 2;
                return;
            }
            self.new_line |= matches!(byte, b'\n' | b'\r') || self.at_wide_line_break();
            self.at += 1;
        }
    }

    fn at_wide_line_break(&self) -> bool {
        wide_line_break(self.bytes, self.at)
    }

    fn skip_wide_space(&mut self) -> bool {
        let Some(bytes) = self.wide_space() else { return false };
        self.new_line |= self.at_wide_line_break();
        self.at += bytes;
        true
    }

    /// Length of the white space beyond ASCII that begins here.
    fn wide_space(&self) -> Option<usize> {
        let bytes = self.bytes.get(self.at..)?;
        if *bytes.first()? < 0x80 {
            return None;
        }
        let bytes = bytes.get(..bytes.len().min(4))?;
        let c = bytes.utf8_chunks().next()?.valid().chars().next()?;
        (c.is_whitespace() || c == '\u{FEFF}').then(|| c.len_utf8())
    }
}

/// Whether a line break beyond ASCII begins here.
fn wide_line_break(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at..at + 3), Some([0xE2, 0x80, 0xA8 | 0xA9]))
}
