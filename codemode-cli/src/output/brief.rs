//! The beginning of a JSON value on one line, written as a programmer writes it: keys without quotes, and a query of
//! ten lines as one.

use codemode::tools::text::one_line;

use crate::output::tokens::{Kind, Tokens};

/// The value in at most `width` columns. It is for reading only: not all of it is JSON.
pub fn brief(json: &str, width: usize) -> String {
    let mut out = String::new();
    let mut before = Kind::Comma;
    for token in Tokens::of(json) {
        // Every character takes a column, so no more of them can be shown.
        if out.chars().count() > width {
            break;
        }
        match token.kind {
            Kind::Open => out.push_str(if token.text == "{" { "{ " } else { "[" }),
            Kind::Close if token.text == "}" => {
                if before == Kind::Open {
                    out.pop();
                } else {
                    out.push(' ');
                }
                out.push('}');
            }
            Kind::Close => out.push(']'),
            Kind::Comma => out.push_str(", "),
            Kind::Colon => out.push_str(": "),
            Kind::Key => out.push_str(bare(token.text)),
            Kind::String => unfolded(token.text, width, &mut out),
            Kind::Scalar => out.push_str(token.text),
        }
        before = token.kind;
    }
    one_line(&out, width)
}

/// The key without quotes, where TypeScript would let it stand so.
fn bare(key: &str) -> &str {
    let name = key.trim_matches('"');
    let identifier = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
    if identifier { name } else { key }
}

/// Appends the beginning of a JSON string in which each line break, with the space around it, is one space.
fn unfolded(string: &str, width: usize, out: &mut String) {
    let mut chars = string.chars().peekable();
    for _ in 0..=width {
        let Some(c) = chars.next() else { return };
        let escaped = if c == '\\' { chars.next() } else { None };
        match escaped {
            Some('n' | 'r' | 't') => {
                while chars.next_if(|c| *c == ' ').is_some() {}
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            Some(escaped) => out.extend([c, escaped]),
            None => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_read_like_typescript() {
        for (json, shown) in [
            (r#"{"sql":"SELECT 1","params":[5,null]}"#, r#"{ sql: "SELECT 1", params: [5, null] }"#),
            (r#"{"a-b":{},"1":[],"":0, "$x" : true}"#, r#"{ "a-b": {}, "1": [], "": 0, $x: true }"#),
            ("3", "3"),
            ("", ""),
        ] {
            assert_eq!(brief(json, 80), shown);
        }
    }

    #[test]
    fn lines_are_unfolded_and_other_escapes_stay() {
        assert_eq!(
            brief(r#""SELECT 1\n     FROM t \t\r\n WHERE x = '\\n \"q\"'""#, 80),
            r#""SELECT 1 FROM t WHERE x = '\\n \"q\"'""#
        );
    }

    #[test]
    fn only_the_beginning_is_shown() {
        assert_eq!(brief(r#"{"text":"aaaaaaaaaaaaaaaaaaaaaaaa"}"#, 12), "{ text: \"aa…");
        let long = format!("[{}1]", "1,".repeat(1_000_000));
        assert_eq!(brief(&long, 10).chars().count(), 10);
        // Text that ends inside a string is not JSON, and must not panic.
        assert_eq!(brief("{\"a\\", 10), "{ ");
    }
}
