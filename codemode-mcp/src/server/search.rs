//! Ranked search over a catalog that is too large to be given whole.

use std::collections::HashMap;

use codemode_core::FunctionInfo;

/// One function that was found, best first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found<'a> {
    pub(crate) function: &'a str,
    /// The first sentence or so of the description.
    pub(crate) summary: String,
}

/// The functions that fit the query best. A word counts the more the fewer functions have it; in a name it counts more
/// than in a description, whole more than in part. An empty query lists the catalog.
pub(crate) fn search<'a>(catalog: impl Iterator<Item = FunctionInfo<'a>>, query: &str) -> Vec<Found<'a>> {
    let catalog: Vec<Entry<'a>> = catalog.map(Entry::of).collect();
    let wanted = words(query);
    let found = |entry: &Entry<'a>| Found { function: entry.function, summary: summary(entry.description) };
    if wanted.is_empty() {
        return catalog.iter().map(found).collect();
    }
    let mut frequency: HashMap<&str, usize> = HashMap::new();
    for word in &wanted {
        let count = catalog.iter().filter(|entry| entry.weight(word) > 0.0).count();
        frequency.insert(word, count);
    }
    let mut ranked: Vec<(f64, &Entry<'a>)> = catalog
        .iter()
        .filter_map(|entry| {
            let score: f64 = wanted
                .iter()
                .map(|word| {
                    let rarity =
                        (catalog.len() as f64 / frequency.get(word.as_str()).copied().unwrap_or(1).max(1) as f64).ln()
                            + 1.0;
                    entry.weight(word) * rarity
                })
                .sum();
            (score > 0.0).then_some((score, entry))
        })
        .collect();
    // Stable: of equals, the catalog's first comes first.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.into_iter().map(|(_, entry)| found(entry)).collect()
}

struct Entry<'a> {
    function: &'a str,
    description: &'a str,
    name_words: Vec<String>,
    words: Vec<String>,
}

impl<'a> Entry<'a> {
    fn of(FunctionInfo { name: function, description, .. }: FunctionInfo<'a>) -> Self {
        let name_words = words(function.strip_prefix("external_").unwrap_or(function));
        Self { function, description, name_words, words: words(description) }
    }

    fn weight(&self, wanted: &str) -> f64 {
        let best = |have: &[String]| {
            have.iter()
                .map(|word| match () {
                    () if word == wanted || stem(word) == stem(wanted) => 1.0,
                    () if wanted.len() >= 3 && word.starts_with(wanted) => 0.6,
                    () if word.len() >= 3 && wanted.starts_with(word.as_str()) => 0.4,
                    () => 0.0,
                })
                .fold(0.0, f64::max)
        };
        3.0 * best(&self.name_words) + best(&self.words)
    }
}

/// `files` and `file`, `queries` and `query`.
fn stem(word: &str) -> String {
    match word {
        word if word.len() > 4 && word.ends_with("ies") => format!("{}y", word.strip_suffix("ies").unwrap_or(word)),
        word if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") => {
            word.strip_suffix('s').unwrap_or(word).to_owned()
        }
        word => word.to_owned(),
    }
}

/// Splits `listUserIDs`, `list_user_ids` and `List user IDs` into the same lower-case words. Long texts are cut.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let letters: Vec<char> = text.chars().take(MOST_LETTERS).collect();
    for (i, letter) in letters.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| letters.get(i));
        let after = letters.get(i + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase()));
        if (begins || !letter.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// One line of a description.
fn summary(description: &str) -> String {
    let line = description.trim().lines().next().unwrap_or_default();
    let end = line.find(". ").map_or(line.len(), |at| at + 1);
    let text: String = line.get(..end).unwrap_or(line).chars().filter(|letter| !letter.is_control()).collect();
    if text.chars().count() <= MOST_SUMMARY { text } else { text.chars().take(MOST_SUMMARY).chain(['…']).collect() }
}

const MOST_LETTERS: usize = 2_000;
const MOST_SUMMARY: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOG: [(&str, &str); 6] = [
        ("external_files_readTextFile", "Reads a file as text. Fails when it is binary."),
        ("external_files_list_directory", "Lists what is in a folder"),
        ("external_mail_send", "Sends a mail with files attached"),
        ("external_crm_searchCustomers", "Find customers by name, mail or phone"),
        ("external_crm_listOrders", "Orders of a customer"),
        ("external_weather_get", "Weather of a city"),
    ];

    fn catalog() -> impl Iterator<Item = FunctionInfo<'static>> {
        CATALOG.into_iter().map(|(name, description)| FunctionInfo { name, tool: name, description })
    }

    fn names(query: &str) -> Vec<&'static str> {
        search(catalog(), query).into_iter().map(|found| found.function).collect()
    }

    #[test]
    fn the_best_fit_comes_first() {
        assert_eq!(names("read file")[0], "external_files_readTextFile");
        assert_eq!(names("customer orders")[0], "external_crm_listOrders");
        assert_eq!(names("searchCustomers")[0], "external_crm_searchCustomers");
        assert_eq!(names("send email mail")[0], "external_mail_send");
        assert_eq!(names("directories"), ["external_files_list_directory"]);
        assert_eq!(names("teleport"), [] as [&str; 0]);
        assert_eq!(names(" ").len(), 6);
    }

    #[test]
    fn a_summary_is_one_short_line() {
        assert_eq!(search(catalog(), "text")[0].summary, "Reads a file as text.");
        assert_eq!(summary(&"x\ty".repeat(100)).chars().count(), 121);
    }
}
