//! Differences between what was expected and what came, as text for a person at a terminal.

use std::fmt::Write as _;

use serde_json::Value;

/// The difference of two values, or `None` when they are equal. Objects are equal with their keys in any order.
pub(crate) fn values(what: &str, expected: &Value, got: &Value) -> Option<String> {
    if expected == got {
        return None;
    }
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string());
    let (expected, got) = (pretty(expected), pretty(got));
    Some(lines(what, &split(&expected), &split(&got)))
}

/// The difference of two texts, or `None` when they are equal.
pub(crate) fn texts(what: &str, expected: &str, got: &str) -> Option<String> {
    (expected != got).then(|| lines(what, &split(expected), &split(got)))
}

/// The difference of two lists of lines, or `None` when they are equal.
pub(crate) fn lists(what: &str, expected: &[String], got: &[String]) -> Option<String> {
    (expected != got).then(|| lines(what, expected, got))
}

fn split(text: &str) -> Vec<String> {
    text.split('\n').map(str::to_owned).collect()
}

/// Marks missing lines with `-` and unexpected ones with `+`.
fn lines(what: &str, expected: &[String], got: &[String]) -> String {
    let mut out = format!("{what} (- expected, + got):\n");
    for (mark, line) in difference(expected, got) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {mark} {}", clip(line));
    }
    out
}

fn difference<'a>(expected: &'a [String], got: &'a [String]) -> Vec<(char, &'a str)> {
    let same_start = expected.iter().zip(got).take_while(|(e, g)| e == g).count();
    let (expected_rest, got_rest) = (&expected[same_start..], &got[same_start..]);
    let same_end = expected_rest.iter().rev().zip(got_rest.iter().rev()).take_while(|(e, g)| e == g).count();
    let (expected_middle, expected_end) = expected_rest.split_at(expected_rest.len() - same_end);
    let (got_middle, got_end) = got_rest.split_at(got_rest.len() - same_end);
    let mut out = Vec::new();
    let start = &expected[..same_start];
    out.extend(start[start.len().saturating_sub(CONTEXT)..].iter().map(|line| (' ', line.as_str())));
    out.extend(longest_common(expected_middle, got_middle));
    out.extend(expected_end.iter().zip(got_end).take(CONTEXT).map(|(line, _)| (' ', line.as_str())));
    out
}

/// A line diff by longest common subsequence; too long for that, all of one and then all of the other.
fn longest_common<'a>(expected: &'a [String], got: &'a [String]) -> Vec<(char, &'a str)> {
    let all = |mark: char, lines: &'a [String]| lines.iter().take(MAX_LINES).map(move |line| (mark, line.as_str()));
    if expected.len().saturating_mul(got.len()) > 250_000 {
        return all('-', expected).chain(all('+', got)).collect();
    }
    let width = got.len() + 1;
    let mut common = vec![0u32; (expected.len() + 1) * width];
    for e in (0..expected.len()).rev() {
        for g in (0..got.len()).rev() {
            common[e * width + g] = if expected[e] == got[g] {
                common[(e + 1) * width + g + 1] + 1
            } else {
                common[(e + 1) * width + g].max(common[e * width + g + 1])
            };
        }
    }
    let (mut e, mut g, mut out) = (0, 0, Vec::new());
    while e < expected.len() && g < got.len() {
        if expected[e] == got[g] {
            out.push((' ', expected[e].as_str()));
            (e, g) = (e + 1, g + 1);
        } else if common[(e + 1) * width + g] >= common[e * width + g + 1] {
            out.push(('-', expected[e].as_str()));
            e += 1;
        } else {
            out.push(('+', got[g].as_str()));
            g += 1;
        }
    }
    out.extend(all('-', &expected[e..]));
    out.extend(all('+', &got[g..]));
    out
}

/// Long lines show their ends and their length.
pub(crate) fn clip(line: &str) -> String {
    let count = line.chars().count();
    if count <= MAX_CHARS {
        return line.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'");
    }
    let start: String = line.chars().take(MAX_CHARS * 2 / 3).collect();
    let end: String = line.chars().skip(count - MAX_CHARS / 3).collect();
    format!("{}…{} ({count} characters)", start.escape_debug(), end.escape_debug())
}

const CONTEXT: usize = 3;
const MAX_CHARS: usize = 400;
const MAX_LINES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_is_missing_and_what_is_too_much() {
        let list = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lists("x", &list("a b c"), &list("a b c")), None);
        let shown = lists("events", &list("a b c d e f g"), &list("a b c x e g")).expect("they differ");
        assert_eq!(shown, "events (- expected, + got):\n    a\n    b\n    c\n  - d\n  + x\n    e\n  - f\n    g\n");
    }

    #[test]
    fn long_lines_are_clipped() {
        let shown = texts("result", &"x".repeat(5_000), "y").expect("they differ");
        assert!(shown.len() < 2_000 && shown.contains("(5000 characters)"), "{shown}");
    }
}
