//! Lays out a JSON text for people. It works on the text and not on a parsed value, so that numbers keep their digits,
//! keys their order, and a result nested a hundred thousand deep is no problem.

use std::fmt::Write;

use codemode::tools::text::is_hidden;

use crate::output::{
    paint::Paint,
    tokens::{Kind, Token, Tokens},
};

/// The text with one item a line; what holds only scalars (and an object, lists of them) and fits stays on one line. Ends with a newline.
pub fn pretty(json: &str, paint: Paint) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let tokens: Vec<Token<'_>> = Tokens::of(json).collect();
    let spans = spans(&tokens);
    // Each open container: whether it stays on one line.
    let mut open: Vec<bool> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let inline = open.last().copied();
        match token.kind {
            Kind::Open => {
                let span = spans.get(at).copied().unwrap_or_default();
                let flat = inline == Some(true)
                    || span.empty
                    || (span.plain && span.width <= MAX_INLINE_WIDTH)
                    || open.len() >= MAX_DEPTH;
                out.push_str(token.text);
                open.push(flat);
                if !flat {
                    line(&mut out, open.len());
                } else if token.text == "{" && !span.empty {
                    out.push(' ');
                }
            }
            Kind::Close => {
                let flat = open.pop().unwrap_or(true);
                if !flat {
                    line(&mut out, open.len());
                } else if token.text == "}" && !out.ends_with('{') {
                    out.push(' ');
                }
                out.push_str(token.text);
            }
            Kind::Comma => {
                out.push(',');
                if inline == Some(false) { line(&mut out, open.len()) } else { out.push(' ') }
            }
            Kind::Colon => out.push_str(": "),
            Kind::Key => paint.key(&shown(token.text), &mut out),
            Kind::String => paint.string(&shown(token.text), &mut out),
            Kind::Scalar => paint.scalar(token.text, &mut out),
        }
    }
    out.push('\n');
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    (0..depth).for_each(|_| out.push_str("  "));
}

/// A JSON string in which no character does anything to a terminal; it stays the same JSON.
fn shown(string: &str) -> std::borrow::Cow<'_, str> {
    if !string.contains(is_hidden) {
        return string.into();
    }
    let mut out = String::with_capacity(string.len() + 16);
    for c in string.chars() {
        if is_hidden(c) {
            // All of them are below U+10000. Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out.into()
}

/// What lies between the two ends of a container.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    /// Columns on one line.
    width: usize,
    /// Whether it holds nothing but scalars and, in an object, arrays of scalars.
    plain: bool,
    /// Whether it holds a container.
    nested: bool,
    empty: bool,
}

/// For each token that opens a container, its span; nothing for the others.
fn spans(tokens: &[Token<'_>]) -> Vec<Span> {
    let mut spans = vec![Span::default(); tokens.len()];
    let mut open: Vec<usize> = Vec::new();
    let mut widths: Vec<usize> = Vec::with_capacity(tokens.len());
    let mut width = 0;
    for (at, token) in tokens.iter().enumerate() {
        widths.push(width);
        width += token.text.len() + usize::from(matches!(token.kind, Kind::Comma | Kind::Colon));
        match token.kind {
            Kind::Open => {
                open.push(at);
                if let Some(span) = spans.get_mut(at) {
                    span.plain = true;
                }
            }
            Kind::Close => {
                if let Some(begin) = open.pop()
                    && let (Some(span), Some(before)) = (spans.get_mut(begin), widths.get(begin))
                {
                    span.width = width - before;
                    span.empty = at == begin + 1;
                    let list_of_scalars = token.text == "]" && !span.nested;
                    if let Some(outer) = open.last().copied()
                        && let (Some(span), Some(around)) = (spans.get_mut(outer), tokens.get(outer))
                    {
                        span.nested = true;
                        span.plain &= list_of_scalars && around.text == "{";
                    }
                }
            }
            _ => {}
        }
    }
    spans
}

/// Columns into which a container of scalars must fit to stay on one line.
const MAX_INLINE_WIDTH: usize = 90;
/// Containers deeper than this stay on one line, or indentation would outgrow the result.
const MAX_DEPTH: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(json: &str) -> String {
        pretty(json, Paint::off())
    }

    #[test]
    fn small_objects_stay_on_one_line() {
        assert_eq!(
            plain(r#"[{"a":1,"b":"x, y"},{"a":2,"b":null}]"#),
            "[\n  { \"a\": 1, \"b\": \"x, y\" },\n  { \"a\": 2, \"b\": null }\n]\n"
        );
        assert_eq!(plain("[]"), "[]\n");
        assert_eq!(plain(r#"[{"a":[1,2],"b":[]}]"#), "[\n  { \"a\": [1, 2], \"b\": [] }\n]\n");
        assert_eq!(plain(r#"{"a":{},"b":[1,[2]]}"#), "{\n  \"a\": {},\n  \"b\": [\n    1,\n    [2]\n  ]\n}\n");
    }

    #[test]
    fn values_keep_their_text() {
        for scalar in ["100000000000000000000", "1e400", "-0", "true", "\"\\u00e9\\\"\"", "0.1"] {
            assert_eq!(plain(scalar), format!("{scalar}\n"));
        }
        assert_eq!(plain("\"\u{9b}31m\u{7f}\u{202e}é\""), "\"\\u009b31m\\u007f\\u202eé\"\n");
    }

    #[test]
    fn what_it_writes_is_the_same_json() {
        let json = r#"{"list":[1,2.5,[],[{}],{"deep":{"er":[true,false,null]}}],"text":"a \"b\" \\ {,}:[]","":0}"#;
        let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&plain(json)).expect("still JSON"), value);
    }

    #[test]
    fn depth_costs_no_more_than_its_text() {
        let json = "[".repeat(200_000) + &"]".repeat(200_000);
        assert!(plain(&json).len() < json.len() + 10_000);
    }
}
