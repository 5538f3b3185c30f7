//! Bounds what an engine needs to compile the regular expressions that stand in a program: memory that no limit counts, and
//! time in which nothing can stop it. The prelude measures those that a program makes of texts in the same way.

use oxc::ast::AstKind;

use super::diagnostic::{DiagnosticKind, Reporter};

/// What the expressions up to here need together.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    bytes: usize,
}

impl Patterns {
    /// Refuses one node, if it is an expression that is too large by itself, or with those before it.
    pub fn check(&mut self, kind: AstKind<'_>, reporter: &mut Reporter<'_>) {
        let AstKind::RegExpLiteral(literal) = kind else { return };
        let bytes = estimate(&literal.regex.pattern.text);
        let before = self.bytes;
        self.bytes = before.saturating_add(bytes);
        let (message, hint) = if bytes > MAX {
            let hint =
                "use several smaller ones, with fewer classes such as \\p{L} and fewer groups inside one another";
            ("The regular expression is too large for this sandbox", hint)
        } else if before <= 2 * MAX && self.bytes > 2 * MAX {
            let hint = "use fewer of them, or fewer classes such as \\p{L}";
            ("The regular expressions up to here are too large for this sandbox together", hint)
        } else {
            return;
        };
        let span = literal.span;
        reporter.report(DiagnosticKind::TooLarge, (span.start, span.end), message, Some(hint.to_owned()));
    }
}

/// Bytes that V8 needs to compile a pattern. The others need less, and by about as much more time for it. What repeats is
/// compiled again and again, as deep as it stands in groups.
fn estimate(pattern: &str) -> usize {
    let mut sum = match pattern.encode_utf16().count() {
        0..=SHORT => 0,
        units if units > LONGEST => return usize::MAX,
        units => units * UNIT,
    };
    let (mut depth, mut in_class, mut at) = (0_usize, false, 0);
    while let Some(byte) = pattern.as_bytes().get(at) {
        at += 1;
        match byte {
            b'\\' => {
                sum += match &pattern.as_bytes()[at..] {
                    [b'p' | b'P', b'{', b'R', b'G', b'I', b'_', ..] => EMOJI,
                    [b'p' | b'P', ..] => PROPERTY,
                    _ => 0,
                };
                at += 1;
            }
            b']' => in_class = false,
            _ if in_class => {}
            b'[' => in_class = true,
            b'(' => {
                depth += 1;
                sum += depth * GROUP;
            }
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    sum
}

/// The bytes of one expression; all of a program may need twice as many.
const MAX: usize = 32 << 20;
/// Units of UTF-16: a shorter pattern costs nothing by its length, and a longer one is refused.
const SHORT: usize = 256;
const LONGEST: usize = 32_768;
/// Bytes of a unit, of a group in another one, of a class by property, and of one that holds sequences of emoji.
const UNIT: usize = 400;
const GROUP: usize = 300;
const PROPERTY: usize = 40_000;
const EMOJI: usize = 900_000;

#[cfg(test)]
mod tests {
    use crate::{CompileOptions, DiagnosticKind, compile};

    fn refused(source: &str) -> Option<String> {
        let found = compile(source, &CompileOptions::new(256 << 10, &|_| true, &[])).err()?;
        assert!(found.iter().all(|it| it.kind == DiagnosticKind::TooLarge), "{found:?}");
        Some(found[0].message.clone())
    }

    #[test]
    fn large_expressions_are_refused_one_by_one_and_together() {
        for (pattern, flags) in [
            (r"\p{L}".repeat(1_000), "u"),
            (format!("[{}]", r"\P{Lu}".repeat(1_000)), "u"),
            (r"[\p{RGI_Emoji}]".repeat(40), "v"),
            ("x".repeat(40_000), ""),
            ("(".repeat(500) + &")*".repeat(500), ""),
        ] {
            let message = refused(&format!("return /{pattern}/{flags}.test('a')"));
            assert_eq!(
                message.as_deref(),
                Some("The regular expression is too large for this sandbox"),
                "{pattern:.20}"
            );
        }
        let one = format!("/{}/u;", r"\p{L}".repeat(400));
        assert_eq!(refused(&one), None);
        let message = refused(&one.repeat(6));
        assert_eq!(
            message.as_deref(),
            Some("The regular expressions up to here are too large for this sandbox together")
        );
    }

    #[test]
    fn usual_expressions_are_taken() {
        for source in [
            r"/^(?:[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*)@((?:[a-z0-9-]+\.)+[a-z]{2,})$/iu.test('a@b.cd')".to_owned(),
            r"'a'.match(/[\p{RGI_Emoji}]/gv)".to_owned(),
            format!("/{}/.test('a')", "(?:one|two|three)?".repeat(500)),
            "/[((((]\\(\\(/;".repeat(5_000),
        ] {
            assert_eq!(refused(&source), None, "{source:.40}");
        }
    }
}
