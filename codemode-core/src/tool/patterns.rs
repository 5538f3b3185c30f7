//! What the regular expressions of a schema take, estimated from their texts.
//!
//! A pattern of twenty bytes (`\p{L}{999}`) can take megabytes and a good part of a second to compile, and one that repeats
//! (`[abc]*a[abc]{3000}`) looks at each character of a text a few thousand times. Their engine bounds each, nobody all.

use std::ops::AddAssign;

/// What patterns take together. Saturates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Patterns {
    pub count: u64,
    /// Bytes that they take when they are compiled.
    pub bytes: u64,
    /// Places in them at which a search can stand, repetitions written out: a search looks at so many for each character.
    pub places: u64,
}

impl AddAssign for Patterns {
    fn add_assign(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.places = self.places.saturating_add(other.places);
    }
}

impl Patterns {
    pub(super) fn of(pattern: &str) -> Self {
        let Part { bytes, places } = Reader { rest: pattern, folds: pattern.contains("(?") }.alternatives();
        Self { count: 1, bytes, places }
    }

    /// Evaluations that a search of a text of so many bytes counts as.
    pub(super) fn steps(&self, text: u64) -> u64 {
        text.saturating_mul(self.places) / PLACES_PER_STEP + text / BYTES_PER_STEP
    }
}

/// A part of a pattern.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    bytes: u64,
    places: u64,
}

impl Part {
    fn one(bytes: u64) -> Self {
        Self { bytes, places: 1 }
    }

    fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.places = self.places.saturating_add(other.places);
    }

    fn times(self, times: u64) -> Self {
        Self { bytes: self.bytes.saturating_mul(times), places: self.places.saturating_mul(times) }
    }
}

struct Reader<'a> {
    rest: &'a str,
    /// Whether letters may stand for their other case, which makes a class of each.
    folds: bool,
}

impl Reader<'_> {
    /// Reads to the end, without recursion: what is open waits in a list.
    fn alternatives(&mut self) -> Part {
        // Of each group: what stands before its last part, and that part, which a repetition takes.
        let mut open = vec![(Part::default(), Part::default())];
        while let Some(character) = self.next() {
            let part = match character {
                '(' => {
                    open.push((Part::one(CHARACTER), Part::default()));
                    continue;
                }
                ')' if open.len() > 1 => {
                    let (mut group, last) = open.pop().unwrap_or_default();
                    group.add(last);
                    group
                }
                '*' | '+' | '?' => Part::one(CHARACTER),
                '{' => match self.repetition() {
                    Some(times) => {
                        if let Some((_, last)) = open.last_mut() {
                            *last = last.times(times);
                        }
                        continue;
                    }
                    None => Part::one(CHARACTER),
                },
                '[' => self.class(),
                '\\' => Part::one(self.escape()),
                '.' => Part::one(ANY),
                _ => Part::one(self.character()),
            };
            let Some((before, last)) = open.last_mut() else { break };
            before.add(*last);
            *last = part;
        }
        let mut all = Part::default();
        for (before, last) in open {
            all.add(before);
            all.add(last);
        }
        all
    }

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next()?;
        self.rest = characters.as_str();
        Some(next)
    }

    fn character(&self) -> u64 {
        if self.folds { 4 * CHARACTER } else { CHARACTER }
    }

    /// What stands behind `{`: how often the part before it stands there when it is written out.
    fn repetition(&mut self) -> Option<u64> {
        let (counts, rest) = self.rest.split_once('}')?;
        let (least, most) = counts.split_once(',').unwrap_or((counts, counts));
        let least: u64 = least.trim().parse().ok()?;
        let most = if most.trim().is_empty() { least + 1 } else { most.trim().parse().ok()? };
        self.rest = rest;
        Some(most.max(least).max(1))
    }

    /// What stands behind `[`.
    fn class(&mut self) -> Part {
        let mut bytes = CHARACTER;
        if let Some(rest) = self.rest.strip_prefix('^') {
            (self.rest, bytes) = (rest, ANY);
        }
        while let Some(character) = self.next() {
            bytes += match character {
                ']' => break,
                '\\' => self.escape(),
                _ => self.character(),
            };
        }
        Part::one(bytes)
    }

    /// What stands behind `\`.
    fn escape(&mut self) -> u64 {
        let escaped = self.next();
        // The name of a property, or the number of a character: no repetition.
        if matches!(escaped, Some('p' | 'P' | 'u' | 'x'))
            && let Some((_, rest)) = self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}'))
        {
            self.rest = rest;
        }
        match escaped {
            Some('p' | 'P') => PROPERTY,
            Some('W' | 'S' | 'D') => ANY,
            Some('w' | 's' | 'd') => ASCII,
            _ => self.character(),
        }
    }
}

/// Bytes that a compiled pattern takes for a character, for one of `\w`, `\d` and `\s`, for any character at all, and for a
/// class by property, which is a few hundred ranges.
const CHARACTER: u64 = 100;
const ASCII: u64 = 1_000;
const ANY: u64 = 2_000;
const PROPERTY: u64 = 60_000;
/// What takes as long as one evaluation: looks at a place of a pattern, and bytes that are only gone over.
const PLACES_PER_STEP: u64 = 6;
const BYTES_PER_STEP: u64 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_written_out() {
        let places = |pattern: &str| Patterns::of(pattern).places;
        for (pattern, expected) in [
            ("abc", 3),
            ("[abc]{30}", 30),
            ("a{2,}", 3),
            ("a{2,5}", 5),
            ("(ab){10}", 30),
            (r"\{a{x}", 5),
            (r"[\]]]", 2),
            (r"\p{L}{3}\u{41}{2}", 5),
            ("((a{10}){10}){10}", 1_110),
            ("a{0}", 1),
            ("", 0),
            (")(", 2),
        ] {
            assert_eq!(places(pattern), expected, "{pattern}");
        }
        assert!(Patterns::of(r"^\p{L}{1,64}$").bytes > 3 << 20);
        assert!(Patterns::of(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$").bytes < 64 << 10);
        assert_eq!(Patterns::of("((a{4000000000}){4000000000}){4000000000}").places, u64::MAX);
    }
}
