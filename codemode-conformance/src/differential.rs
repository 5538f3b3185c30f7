//! Generated programs, the same on several drivers: result, console, calls and posts must come out equal.
//!
//! A program is grown from the templates in `differential/grammar.txt`, where `#n`, `#s` and so on stand for further
//! expressions. A seed is a program until the grammar changes. What the language leaves to the engine, such as the
//! wording of its errors or the last digit of a sine, the grammar keeps out.

use std::sync::{Arc, OnceLock};

use codemode_core::{ExecuteOptions, FailureKind, IsolateDriver, Limits, Recorder, Tool, journal::Line};

use crate::{
    event_text::event_text,
    fixtures::code_mode,
    growth::{Random, Sections, add_templates},
    show,
    test_tools::TestTools,
};

/// The program of a seed, in TypeScript.
pub fn program(seed: u64) -> String {
    Growth { random: Random(seed), values: 0 }.program()
}

/// Runs the program of a seed on each driver. The error shows the program and the first driver that departs.
///
/// # Errors
/// A text for a person: a difference, or a host that failed.
pub async fn compare(drivers: &[Arc<dyn IsolateDriver>], seed: u64) -> Result<(), String> {
    let program = program(seed);
    let mut first: Option<(String, Vec<String>)> = None;
    for driver in drivers {
        let seen = run(driver, &program, seed).await.map_err(|why| format!("seed {seed}, {}: {why}", driver.name()))?;
        match &first {
            None => first = Some((driver.name().to_owned(), seen)),
            Some((name, expected)) => {
                if let Some(difference) = show::lists(&format!("{name} against {}", driver.name()), expected, &seen) {
                    return Err(format!("seed {seed}\n{program}\n{difference}"));
                }
            }
        }
    }
    Ok(())
}

/// Everything that can be observed, as lines.
async fn run(driver: &Arc<dyn IsolateDriver>, program: &str, seed: u64) -> Result<Vec<String>, String> {
    let tools = TestTools::new(&[]);
    let tools: Option<Vec<Tool>> = TOOLS.iter().map(|name| tools.get(name)).collect();
    let code_mode = code_mode(driver, tools.ok_or("a test tool is missing")?, Limits::default())?;
    let (recorder, events) = (Recorder::default(), Arc::new(std::sync::Mutex::new(Vec::new())));
    let options = ExecuteOptions::default().seed(seed).epoch_ms(EPOCH_MS).journal(recorder.clone());
    let observed = events.clone();
    let options = options.on_event(move |event| {
        observed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(event_text(&event));
    });
    let outcome = code_mode.execute(program, options).await.map_err(|error| error.to_string())?;
    let mut seen: Vec<String> = events.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    // How it ended is below, without the wording of the engine.
    seen.pop();
    seen.extend(posts(&recorder));
    seen.push(match outcome.result {
        Ok(None) => "returned nothing".into(),
        Ok(Some(json)) => format!("returned {}", json.text()),
        Err(failure) if matches!(failure.kind, FailureKind::Syntax | FailureKind::Invalid) => {
            return Err(format!("the grammar made something that is not a program: {failure}\n{program}"));
        }
        Err(failure) if failure.message.starts_with(OURS) => format!("{}: {}", failure.name, failure.message),
        Err(failure) => format!("{} {}", failure.kind.as_str(), failure.name),
    });
    // In the text of a function, on drivers that stop a program by them.
    Ok(seen.into_iter().map(|line| line.replace("$tick();", "")).collect())
}

/// What the guest said, less what an error says of the engine: its words and its stack.
fn posts(recorder: &Recorder) -> Vec<String> {
    let said = recorder.take().lines.into_iter().filter_map(|line| match line {
        Line::Posted(text) if text.starts_with("fail\n") => Some("post fail".into()),
        Line::Posted(text) => Some(format!("post {text}")),
        _ => None,
    });
    said.collect()
}

struct Growth {
    random: Random,
    /// Values that the program has so far: `v0`, `v1`, …
    values: usize,
}

impl Growth {
    fn program(mut self) -> String {
        let mut text = PROLOGUE.to_owned();
        for _ in 0..6 + self.below(10) {
            let kinds = ["n", "s", "b", "a", "o", "x", "n", "s", "a"];
            let kind = kinds[self.below(kinds.len())];
            let value = self.values;
            let line = match self.below(10) {
                0..6 => {
                    let expression = self.expression(kind, 3);
                    format!("const v{value} = attempt(() => {expression}); console.log(\"v{value}\", v{value});\n")
                }
                _ => {
                    let statement = self.pick("statement");
                    let statement = self.fill(statement, 2);
                    format!("let v{value}: any; try {{ {statement} }} catch (error) {{ caught(error) }}\n")
                        .replace("@v", &format!("v{value}"))
                }
            };
            text.push_str(&line);
            self.values += 1;
        }
        let last = self.pick("end");
        let last = self.fill(last, 2);
        let all: Vec<String> = (0..self.values).map(|value| format!("v{value}")).collect();
        text + &last.replace("@all", &all.join(", ")) + "\n"
    }

    fn expression(&mut self, kind: &str, depth: usize) -> String {
        if self.values > 0 && self.below(4) == 0 {
            let value = self.below(self.values);
            return match kind {
                "n" => format!("num(v{value})"),
                "s" => format!("str(v{value})"),
                "a" => format!("arr(v{value})"),
                "o" => format!("obj(v{value})"),
                "b" => format!("!!v{value}"),
                _ => format!("v{value}"),
            };
        }
        let leaf = depth == 0 || self.below(5) == 0;
        let template = self.pick(&if leaf { format!("{kind} leaf") } else { kind.to_owned() });
        let text = self.fill(template, depth.saturating_sub(1));
        // An object literal would be a block, and a number needs room before a dot.
        format!("({text})")
    }

    /// Puts expressions in place of `#n` and the like.
    fn fill(&mut self, template: &str, depth: usize) -> String {
        let mut parts = template.split('#');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let kind = part.get(..1).unwrap_or_default();
            match kind {
                "i" => text.push_str(&self.below(12).to_string()),
                "r" => text.push_str(self.pick("regexp")),
                "n" | "s" | "b" | "a" | "o" | "x" => text.push_str(&self.expression(kind, depth)),
                _ => {
                    text.push('#');
                    text.push_str(kind);
                }
            }
            text.push_str(part.get(1..).unwrap_or_default());
        }
        text
    }

    fn pick(&mut self, section: &str) -> &'static str {
        self.random.pick(grammar(), section)
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.below(end)
    }
}

/// Templates by section.
fn grammar() -> &'static Sections {
    static GRAMMAR: OnceLock<Sections> = OnceLock::new();
    GRAMMAR.get_or_init(|| {
        let mut sections = Sections::new();
        add_templates(&mut sections, include_str!("differential/grammar.txt"));
        sections
    })
}

const TOOLS: &[&str] = &["echo", "fail", "add", "count", "find_user"];
const EPOCH_MS: u64 = 1_700_000_000_123;
/// Messages of errors begin so that programs throw themselves.
const OURS: &str = "~";
const PROLOGUE: &str = include_str!("differential/prologue.ts");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_program() {
        assert_eq!(program(7), program(7));
        assert_ne!(program(7), program(8));
    }

    #[test]
    fn no_template_is_left_unfilled() {
        for seed in 0..500 {
            let program = program(seed);
            // `#p` is a private field.
            assert!(!program.replace("#p", "").contains(['#', '@']), "{program}");
        }
    }
}
