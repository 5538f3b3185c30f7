//! The names most like a misspelt one: by letters (`getUsr`), by words (`userGet`), by what was left out (`getUser`).

use std::collections::HashSet;

use super::reading::EXTERNAL;

/// Suggestions in one message at most.
const MOST: usize = 3;
/// Scores below this are slips of letters, above it names with common words.
const SLIP: f64 = 0.4;
/// Names longer than this are not misspelt but generated.
const LONGEST: usize = 100;

/// A name that could have been meant.
#[derive(Debug, PartialEq)]
pub(super) struct Near<'a> {
    pub name: &'a str,
    score: f64,
}

impl Near<'_> {
    /// Equal but for the prefix, case and separators.
    pub fn is_same(&self) -> bool {
        self.score == 0.0
    }

    /// Different by a slip of letters at most.
    pub fn is_slip(&self) -> bool {
        self.score < SLIP
    }
}

/// The names most like `name`, best first.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<Near<'a>> {
    let stem = stem(name);
    if stem.len() > LONGEST {
        return Vec::new();
    }
    let letters = letters_of(stem);
    let words = words_of(stem);
    let mut scored: Vec<(f64, &str)> = known
        .filter(|other| other.len() <= LONGEST + EXTERNAL.len())
        .filter_map(|other| Some((score(&letters, &words, self::stem(other))?, other)))
        .collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
    // A name that differs in letters makes those that only share a word noise.
    let limit = scored.first().map_or(0.0, |(best, _)| if *best < SLIP { SLIP } else { 1.0 });
    let best = scored.into_iter().filter(|(score, _)| *score < limit).take(MOST);
    best.map(|(score, name)| Near { name, score }).collect()
}

/// 0 for equal, below `SLIP` for a slip of letters, below 1 for common words; `None` for unlike.
fn score(letters: &[char], words: &HashSet<String>, other: &str) -> Option<f64> {
    let other_letters = letters_of(other);
    let longest = letters.len().max(other_letters.len());
    // Every name of two letters is one slip away from every other.
    let allowed = if longest < 3 { 0 } else { (longest / 3).min(4) };
    if letters.len().abs_diff(other_letters.len()) <= allowed {
        let distance = distance(letters, &other_letters);
        if distance <= allowed {
            return Some(SLIP * distance as f64 / (allowed + 1) as f64);
        }
    }
    let other_words = words_of(other);
    let common: usize = words.intersection(&other_words).filter(|word| word.len() > 1).map(String::len).sum();
    let all: usize = words.union(&other_words).map(String::len).sum();
    let share = if all == 0 { 0.0 } else { common as f64 / all as f64 };
    (share >= 0.4).then(|| SLIP + (1.0 - SLIP) * (1.0 - share))
}

fn stem(name: &str) -> &str {
    name.strip_prefix(EXTERNAL).filter(|stem| !stem.is_empty()).unwrap_or(name)
}

fn letters_of(name: &str) -> Vec<char> {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// `getUserByID` and `get_user_by_id` have the same words; a plural is its singular.
fn words_of(name: &str) -> HashSet<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let starts = !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase());
        if starts {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    let singular = |word: String| match word.strip_suffix('s') {
        Some(stem) if stem.len() > 2 => stem.to_owned(),
        _ => word,
    };
    words.into_iter().filter(|word| !word.is_empty()).map(singular).collect()
}

/// Edits that turn one into the other, a swap of neighbours counting as one.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX - 1);
            let mut cost = (at(&above, j) + usize::from(x != y)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}
