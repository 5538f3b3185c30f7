//! `LIKE` and `GLOB`. SQLite's own compare a text of megabytes with a pattern for a second or two, one after the other in a
//! row, and look at no interrupt meanwhile. These give the same answers and look.

use std::sync::atomic::AtomicBool;

use rusqlite::{Error, Result, functions::Context};

use super::arguments::{before_nul, look, text};

pub(super) fn answer(context: &Context<'_>, glob: bool, cancelled: &AtomicBool) -> Result<Option<bool>> {
    let (pattern, within) = (text(context, 0)?, text(context, 1)?);
    if pattern.as_ref().is_some_and(|pattern| pattern.len() > MAX_PATTERN_BYTES) {
        return Err(Error::UserFunctionError("LIKE or GLOB pattern too complex".into()));
    }
    let mut dialect = if glob { Dialect::GLOB } else { Dialect::LIKE };
    if context.len() == 3 {
        let Some(escape) = text(context, 2)? else { return Ok(None) };
        let mut characters = Characters(before_nul(&escape));
        let (Some(escape), None) = (characters.next(), characters.next()) else {
            return Err(Error::UserFunctionError("ESCAPE expression must be a single character".into()));
        };
        dialect = dialect.escaped_by(escape);
    }
    let (Some(pattern), Some(within)) = (pattern, within) else { return Ok(None) };
    let mut steps = Steps { left: STEPS_BETWEEN_LOOKS, cancelled };
    dialect.matches(before_nul(&pattern), before_nul(&within), &mut steps).map(Some)
}

/// Looks at the flag now and then.
struct Steps<'a> {
    left: u32,
    cancelled: &'a AtomicBool,
}

impl Steps<'_> {
    fn take(&mut self) -> Result<()> {
        self.left -= 1;
        if self.left > 0 {
            return Ok(());
        }
        self.left = STEPS_BETWEEN_LOOKS;
        look(self.cancelled)
    }
}

/// What the characters of a pattern mean.
#[derive(Debug, Clone, Copy)]
struct Dialect {
    all: Option<u32>,
    one: Option<u32>,
    escape: Option<u32>,
    /// `[` begins a set of characters, and case matters.
    glob: bool,
}

impl Dialect {
    const LIKE: Self = Self { all: Some('%' as u32), one: Some('_' as u32), escape: None, glob: false };
    const GLOB: Self = Self { all: Some('*' as u32), one: Some('?' as u32), escape: None, glob: true };

    /// An escape that is a wildcard is none any more.
    fn escaped_by(self, escape: u32) -> Self {
        let unless = |wildcard: Option<u32>| wildcard.filter(|wildcard| *wildcard != escape);
        Self { all: unless(self.all), one: unless(self.one), escape: Some(escape), ..self }
    }

    /// Whether the text is of the pattern. Behind a wildcard for any text only the last such is tried again: what fits an
    /// earlier one later fits the last one as well.
    fn matches(self, pattern: &[u8], text: &[u8], steps: &mut Steps<'_>) -> Result<bool> {
        let (mut pattern, mut text) = (Characters(pattern), Characters(text));
        // Behind the last wildcard, and where in the text it was tried.
        let mut again: Option<(Characters<'_>, Characters<'_>)> = None;
        loop {
            steps.take()?;
            let fits = match pattern.next() {
                None => text.0.is_empty(),
                Some(c) if Some(c) == self.all => {
                    again = Some((pattern, text));
                    continue;
                }
                Some(c) => {
                    if text.0.is_empty() {
                        // Nothing that follows can be there.
                        return Ok(false);
                    }
                    self.fits_one(c, &mut pattern, &mut text)
                }
            };
            if fits && pattern.0.is_empty() && text.0.is_empty() {
                return Ok(true);
            }
            if !fits {
                let Some((behind, tried)) = &mut again else { return Ok(false) };
                if tried.next().is_none() {
                    return Ok(false);
                }
                (pattern, text) = (*behind, *tried);
            }
        }
    }

    /// Whether the first character of the text is what the pattern wants, of which `c` was read.
    fn fits_one(self, c: u32, pattern: &mut Characters<'_>, text: &mut Characters<'_>) -> bool {
        let Some(found) = text.next() else { return false };
        if self.glob && c == u32::from(b'[') {
            return in_set(pattern, found);
        }
        let (c, is_literal) = match self.escape {
            Some(escape) if escape == c => match pattern.next() {
                Some(c) => (c, true),
                None => return false,
            },
            _ => (c, false),
        };
        let lower = |c: u32| u8::try_from(c).map_or(c, |byte| u32::from(byte.to_ascii_lowercase()));
        c == found
            || (!self.glob && c < 0x80 && found < 0x80 && lower(c) == lower(found))
            || (!is_literal && Some(c) == self.one)
    }
}

/// Whether a character is in the set of which `[` was read.
fn in_set(pattern: &mut Characters<'_>, found: u32) -> bool {
    let (mut seen, mut before) = (false, None);
    let mut c = pattern.next();
    let inverted = c == Some('^' as u32);
    if inverted {
        c = pattern.next();
    }
    if c == Some(']' as u32) {
        seen = found == ']' as u32;
        c = pattern.next();
    }
    while let Some(member) = c.filter(|c| *c != ']' as u32) {
        let is_range = member == '-' as u32 && pattern.0.first().is_some_and(|next| *next != b']');
        match before.take() {
            Some(from) if is_range => {
                let to = pattern.next();
                seen |= to.is_some_and(|to| (from..=to).contains(&found));
            }
            _ => {
                seen |= member == found;
                before = Some(member);
            }
        }
        c = pattern.next();
    }
    c.is_some() && seen != inverted
}

/// The characters of a text as SQLite reads them.
#[derive(Debug, Clone, Copy)]
struct Characters<'a>(&'a [u8]);

impl Iterator for Characters<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        let mut c = u32::from(*first);
        if c < 0xc0 {
            return Some(c);
        }
        c &= match c {
            0xc0..0xe0 => 0x1f,
            0xe0..0xf0 => 0x0f,
            0xf0..0xf8 => 0x07,
            0xf8..0xfc => 0x03,
            0xfc..0xfe => 0x01,
            _ => 0,
        };
        while let Some((next, rest)) = self.0.split_first().filter(|(next, _)| **next & 0xc0 == 0x80) {
            c = (c << 6).wrapping_add(u32::from(next & 0x3f));
            self.0 = rest;
        }
        // What is written too long, half of a pair, or no character.
        let is_none = c < 0x80 || c & 0xffff_f800 == 0xd800 || c & 0xffff_fffe == 0xfffe;
        Some(if is_none { 0xfffd } else { c })
    }
}

/// As SQLite's limit (`limits.rs`), which holds for its own functions.
const MAX_PATTERN_BYTES: usize = 128;
/// A few milliseconds.
const STEPS_BETWEEN_LOOKS: u32 = 100_000;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::Ordering};

    use rusqlite::{Connection, ErrorCode, types::Value};

    use super::*;
    use crate::sqlite::functions::replace_slow;

    #[test]
    fn the_answers_are_those_of_sqlite() {
        let open = || Connection::open_in_memory().expect("opens");
        let (own, sqlite) = (open(), open());
        replace_slow(&own, &Arc::default()).expect("they are taken");
        let ask = |connection: &Connection, sql: &str, values: &[&Value]| -> Result<Option<i64>, String> {
            let mut statement = connection.prepare_cached(sql).expect("it is a statement");
            statement.query_row(rusqlite::params_from_iter(values), |row| row.get(0)).map_err(|error| error.to_string())
        };
        let mut state = 7_u64;
        let mut below = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        let pieces =
            ["a", "A", "b", "%", "_", "*", "?", "[", "]", "^", "-", "é", "É", "日", "\\", "", "aa", "ab", "\u{0}"];
        let mut text = |most: usize| -> Value {
            match below(20) {
                0 => Value::Null,
                1 => Value::Integer(below(100) as i64),
                2 => Value::Blob((0..below(5)).map(|_| [0x61, 0xff, 0xc3, 0x80, 0xed, 0xa0][below(6)]).collect()),
                _ => Value::Text((0..below(most)).map(|_| pieces[below(pieces.len())]).collect()),
            }
        };
        let mut matched = 0;
        for _ in 0..200_000 {
            let (value, pattern, escape) = (text(9), text(7), text(3));
            for (sql, values) in [
                ("SELECT ?1 LIKE ?2", &[&value, &pattern][..]),
                ("SELECT ?1 GLOB ?2", &[&value, &pattern]),
                ("SELECT ?1 LIKE ?2 ESCAPE ?3", &[&value, &pattern, &escape]),
            ] {
                let (ours, theirs) = (ask(&own, sql, values), ask(&sqlite, sql, values));
                assert_eq!(ours, theirs, "{sql} of {values:?}");
                matched += usize::from(ours == Ok(Some(1)));
            }
        }
        assert!(matched > 10_000, "{matched} matched");
    }

    #[test]
    fn a_query_of_many_ends_when_it_is_cancelled() {
        let connection = Connection::open_in_memory().expect("opens");
        let cancelled = Arc::new(AtomicBool::new(false));
        replace_slow(&connection, &cancelled).expect("they are taken");
        let soon = cancelled.clone();
        let cancelling = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(200));
            soon.store(true, Ordering::Relaxed);
        });
        let begun = std::time::Instant::now();
        let calls: Vec<String> = (0..300).map(|n| format!("((a || {n}) LIKE p)")).collect();
        let sql = format!("WITH t(a, p) AS (SELECT ?1, ?2) SELECT {} FROM t", calls.join("+"));
        let (a, p) = ("a".repeat(3_900_000), format!("%{}b", "a_".repeat(60)));
        let ended = connection.query_row(&sql, [&a, &p], |row| row.get::<_, i64>(0)).expect_err("it is ended");
        assert_eq!(ended.sqlite_error_code(), Some(ErrorCode::OperationInterrupted), "{ended}");
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
        cancelling.join().expect("it ends");
    }
}
