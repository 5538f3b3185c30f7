//! The names most like one that does not exist: by letters (`getUsr`), by words (`userGet`), by what was left out
//! (`getUser`).

use crate::names::{PREFIX, is_verb, words};

/// A name that could have been meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Near<'a> {
    /// As it was given.
    pub name: &'a str,
    /// 0 for equal, below [`SLIP`] for slips of letters, above it for common words.
    difference: u32,
}

impl Near<'_> {
    /// Equal but for the prefix, case and separators.
    pub fn is_same(&self) -> bool {
        self.difference == 0
    }

    /// Different by a slip of letters at most.
    pub fn is_slip(&self) -> bool {
        self.difference < SLIP
    }
}

/// The names that `wanted` was probably meant to be, best first, at most three of them.
///
/// A name is near when few letters differ or when the words in it agree (`fetchUser`, `get_user`). The `external_` prefix
/// counts for nothing on either side. Empty when nothing is near.
pub fn nearest<'a>(wanted: &str, have: impl Iterator<Item = &'a str>) -> Vec<Near<'a>> {
    if wanted.len() > MAX_NAME_BYTES {
        return Vec::new();
    }
    let wanted = Spelling::of(wanted);
    let near = have
        .filter(|name| name.len() <= MAX_NAME_BYTES)
        .filter_map(|name| Some(Near { name, difference: wanted.difference(&Spelling::of(name))? }));
    best(near.collect())
}

/// As [`nearest`], of a great many names: only those that differ by a slip of letters, without a look at their words.
pub(crate) fn nearest_slips<'a>(wanted: &str, have: impl Iterator<Item = &'a str>) -> Vec<Near<'a>> {
    if wanted.len() > MAX_NAME_BYTES {
        return Vec::new();
    }
    let wanted: Vec<char> = letters(wanted).collect();
    let mut other: Vec<char> = Vec::with_capacity(MAX_NAME_BYTES);
    let near = have.filter(|name| name.len() <= MAX_NAME_BYTES).filter_map(|name| {
        other.clear();
        other.extend(letters(name));
        Some(Near { name, difference: slips(&wanted, &other)? })
    });
    best(near.collect())
}

fn best(mut near: Vec<Near<'_>>) -> Vec<Near<'_>> {
    // Stable: equally near names stay in the order they were given.
    near.sort_by_key(|near| near.difference);
    near.dedup_by_key(|near| near.name);
    // Beside a slip of letters, names that only share a word are noise.
    if near.first().is_some_and(Near::is_slip) {
        near.retain(Near::is_slip);
    }
    near.truncate(MAX_SUGGESTIONS);
    near
}

/// `a`, `a or b`, `a, b or c`; empty for none.
pub fn either(near: &[Near<'_>]) -> String {
    match near {
        [] => String::new(),
        [one] => one.name.to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(|near| near.name).collect();
            format!("{} or {}", first.join(", "), last.name)
        }
    }
}

/// A name without prefix, case and separators, and the words it is made of.
struct Spelling {
    letters: Vec<char>,
    words: Vec<String>,
}

impl Spelling {
    fn of(name: &str) -> Self {
        let mut words = words(name.strip_prefix(PREFIX).unwrap_or(name));
        words.truncate(MAX_WORDS);
        Self { letters: letters(name).collect(), words }
    }

    /// A number that grows with the difference, or `None` when the names have too little in common.
    fn difference(&self, other: &Self) -> Option<u32> {
        let (shorter, longer) = if self.letters.len() <= other.letters.len() { (self, other) } else { (other, self) };
        let (short, long) = (shorter.letters.len(), longer.letters.len());
        if short == 0 {
            return None;
        }
        let slips = slips(&self.letters, &other.letters);
        let part = (short >= 4 && longer.letters.windows(short).any(|window| window == shorter.letters))
            .then(|| SLIP + (20 * (long - short) / long) as u32);
        [slips, part, self.difference_of_words(other)].into_iter().flatten().min()
    }

    /// Shared words count double when they are not one of the verbs that half of all tools start with.
    fn difference_of_words(&self, other: &Self) -> Option<u32> {
        let weight = |word: &String| if is_verb(word) { 1 } else { 2 };
        let total: usize = self.words.iter().chain(&other.words).map(weight).sum();
        let shared: usize =
            self.words.iter().filter(|word| other.words.iter().any(|have| same_word(word, have))).map(weight).sum();
        let percent = (200 * shared).checked_div(total)?.min(100) as u32;
        (percent >= 50).then(|| SLIP + 60 - percent / 2)
    }
}

/// The letters and digits that a name is made of, in lower case, without its prefix.
fn letters(name: &str) -> impl Iterator<Item = char> {
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// How different two names are whose letters differ by slips.
fn slips(a: &[char], b: &[char]) -> Option<u32> {
    let (shorter, longer) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let long = longer.len();
    // Every name of two letters is one slip away from every other.
    let allowed = if long < 3 { 0 } else { (long / 4).clamp(1, MAX_SLIPS) };
    if shorter.is_empty() {
        return None;
    }
    edits(shorter, longer, allowed).map(|edits| (edits * SLIP as usize / (long + 1)) as u32)
}

/// Equal, singular and plural, or one the start of the other (`org`, `organization`).
fn same_word(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest == "s" || rest == "es" || short.len() >= 3)
        || (short.len() >= 4 && short.strip_suffix('y').is_some_and(|stem| long.strip_suffix("ies") == Some(stem)))
}

/// Letters to insert, delete, replace or swap with a neighbour to turn one into the other, if `most` are enough.
fn edits(a: &[char], b: &[char], most: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    // Further from the diagonal everything costs more than `most`.
    let over = most + 1;
    let mut before: Vec<usize> = vec![over; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).map(|cost| cost.min(over)).collect();
    let mut row = before.clone();
    for (i, x) in a.iter().enumerate() {
        let (first, last) = (i.saturating_sub(most), (i + most + 1).min(b.len()));
        let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(over);
        row.fill(over);
        if let (0, Some(cost)) = (first, row.first_mut()) {
            *cost = (i + 1).min(over);
        }
        let mut least = at(&row, 0);
        for j in first..last {
            let y = b.get(j);
            let mut cost = (at(&above, j) + usize::from(Some(x) != y)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == y && b.get(j - 1) == Some(x);
            if swapped {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            if let Some(cell) = row.get_mut(j + 1) {
                *cell = cost.min(over);
            }
            least = least.min(cost);
        }
        if least > most {
            return None;
        }
        std::mem::swap(&mut before, &mut above);
        std::mem::swap(&mut above, &mut row);
    }
    above.last().copied().filter(|cost| *cost <= most)
}

/// Differences from here on are more than slips of letters.
const SLIP: u32 = 40;
const MAX_SLIPS: usize = 4;

/// Suggestions in one message.
const MAX_SUGGESTIONS: usize = 3;

/// Words of a name that are compared with those of others.
const MAX_WORDS: usize = 12;

/// Longer names are not misspelt but generated.
const MAX_NAME_BYTES: usize = 110;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names_come_best_first() {
        let have = [
            "external_getUser",
            "external_getUsers",
            "external_list_orders",
            "external_getWeather",
            "external_createInvoice",
            "external_fetchOrganization",
            "external_x",
        ];
        for (wanted, expected) in [
            ("external_getUsr", vec!["external_getUser", "external_getUsers"]),
            ("getuser", vec!["external_getUser", "external_getUsers"]),
            ("external_fetch_user", vec!["external_getUser", "external_getUsers"]),
            ("external_listOrders", vec!["external_list_orders"]),
            ("orders_list", vec!["external_list_orders"]),
            ("external_getOrg", vec!["external_fetchOrganization"]),
            ("weather", vec!["external_getWeather"]),
            ("external_invoiceCreate", vec!["external_createInvoice"]),
            ("external_sendEmail", vec![]),
            ("", vec![]),
            ("external_", vec![]),
        ] {
            let names: Vec<&str> = nearest(wanted, have.into_iter()).iter().map(|near| near.name).collect();
            assert_eq!(names, expected, "{wanted}");
        }
    }
}
