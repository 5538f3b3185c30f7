//! The texts that tell a model how to use `execute_typescript`.
//!
//! What changes least comes first and the declarations come last, so that a tool appended to the catalog leaves the
//! beginning of the prompt, and with it the model's prompt cache, as it was.

use std::{fmt::Write as _, ops::Range, time::Duration};

use serde_json::Value;

use crate::{
    stubs::{ToolSignature, escape::is_identifier, sample},
    types::Limits,
};
use codemode_typescript::names::{PREFIX, is_reserved, is_verb, words};

/// About so many bytes are a token, in English with names in it.
pub(crate) const BYTES_PER_TOKEN: usize = 4;

/// What a prompt is made of.
#[derive(Debug, Clone, Copy)]
pub struct PromptParts<'a> {
    /// The declarations, and a line for each lazy tool.
    pub catalog: &'a str,
    /// The declared tools; the first of them make the example.
    pub tools: &'a [ToolSignature<'a>],
    /// How many lazy tools there are besides.
    pub lazy: usize,
    /// The limits a program should know.
    pub limits: &'a Limits,
}

/// The description of `execute_typescript` in a tool definition: what it is for, and the functions by name.
pub fn tool_description(parts: &PromptParts<'_>) -> String {
    let mut text =
        "Runs one TypeScript program, the body of an async function, in a sandbox and returns its result. In it \
                    every tool is an async function external_<name>(input)."
            .to_owned();
    let names: Vec<&str> =
        parts.tools.iter().map(|tool| tool.function.strip_prefix(PREFIX).unwrap_or(tool.function)).collect();
    let _infallible = match (names.len(), parts.lazy) {
        (0, 0) => write!(text, " There are no tools now."),
        (1..=MAX_NAMES, 0) => write!(text, " Tools: {}.", names.join(", ")),
        (1..=MAX_NAMES, more) => write!(text, " Tools: {}, and {more} more.", names.join(", ")),
        (count, more) => write!(text, " There are {} tools.", count + more),
    };
    text
}

/// The system prompt, and where in it the catalog stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemPrompt {
    /// All of it.
    pub text: String,
    /// Empty when there are no tools.
    catalog: Range<usize>,
}

impl SystemPrompt {
    /// The part that shows the tools.
    pub(crate) fn catalog(&self) -> &str {
        self.text.get(self.catalog.clone()).unwrap_or_default()
    }

    /// The whole with a sentence in the place of that part.
    pub(crate) fn without_catalog(&self, instead: &str) -> String {
        let mut text = self.text.clone();
        if !self.catalog.is_empty() {
            text.replace_range(self.catalog.clone(), &format!("{instead}\n"));
        }
        text
    }

    /// Ends it with the host's own lines. They change from day to day, so they stand behind all that does not.
    pub(crate) fn push_notes(&mut self, notes: &[String]) {
        if !notes.is_empty() {
            self.text.push('\n');
        }
        for note in notes {
            let line: String = note.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
            let _infallible = writeln!(self.text, "Note: {}", line.trim());
        }
    }
}

/// The system prompt: purpose, rules, errors, an example with the host's own tools, and the declarations.
pub fn system_prompt(parts: &PromptParts<'_>) -> SystemPrompt {
    let limits = &parts.limits;
    let mut text = format!(
        "## execute_typescript\n\n\
         Runs one TypeScript program in a sandbox. Use it to call the tools declared below: make many calls, loop, filter, \
         join and compute in one program instead of one call at a time, and return only what you need.\n\n\
         - The program is the body of an async function. `await` every call and `return` the result, a JSON value.\n\
         - Plain TypeScript and the standard library. There are no imports, network, files, DOM or Node APIs; only the \
         external_* functions reach outside.\n\
         - Start calls that do not need each other together with `Promise.all`; {} run at a time, more wait.\n\
         - Each run starts fresh: nothing of an earlier run is kept.\n\
         - Limits of a run: {}, {} calls, {} of result, {} of console.\n\
         - `console.log` lines come back as `logs`.\n\n\
         You get `{{ success, result?, logs?, error? }}`. `error` has message, line and hint: correct the program and run it \
         again. A tool that fails throws an Error at its `await`; catch it if you can go on without it.\n",
        number(u64::from(limits.parallel_calls)),
        seconds(limits.timeout),
        number(u64::from(limits.calls)),
        bytes(limits.result_bytes),
        bytes(limits.console_bytes),
    );
    if parts.catalog.is_empty() {
        text.push_str("\nNo tools are available now; a program can still compute.\n");
        return SystemPrompt { text, catalog: 0..0 };
    }
    text.push_str("\nExample:\n");
    push_code(&mut text, &example(parts.tools));
    text.push_str("\nTools:\n");
    let start = text.len();
    if parts.lazy > 0 {
        text.push_str(LAZY);
    }
    push_code(&mut text, parts.catalog);
    let catalog = start..text.len();
    SystemPrompt { text, catalog }
}

/// Puts the declarations where a host's own text says `{{types}}`. Everything else stays as it is.
pub fn fill_template(template: &str, parts: &PromptParts<'_>) -> String {
    template.replace("{{types}}", parts.catalog.trim_end())
}

/// A fenced block; the fence is longer than any run of backticks inside.
fn push_code(text: &mut String, code: &str) {
    let mut fence = "```".to_owned();
    while code.contains(&fence) {
        fence.push('`');
    }
    let _infallible = write!(text, "{fence}typescript\n{}\n{fence}\n", code.trim_end());
}

/// A program of one or two calls that fits the tools' schemas.
fn example(tools: &[ToolSignature<'_>]) -> String {
    let mut calls: Vec<Call> = tools.iter().take(MAX_LOOKED_AT).map(Call::of).collect();
    // Stable: among equals, the host's first tools come first.
    calls.sort_by_key(|call| call.reluctance);
    calls.truncate(2);
    match calls.as_mut_slice() {
        [] => "const { tools } = await external_searchTools({ query: \"report\" });\nreturn tools;".to_owned(),
        [only] => format!("const {} = await {};\nreturn {};", only.variable, only.text, only.used()),
        [first, second, ..] => {
            if first.variable == second.variable {
                second.variable.push('2');
            }
            format!(
                "const [{}, {}] = await Promise.all([\n  {},\n  {},\n]);\nreturn {{ {}, {} }};",
                first.variable,
                second.variable,
                first.text,
                second.text,
                first.member(),
                second.member(),
            )
        }
    }
}

/// A call of the example.
struct Call {
    variable: String,
    text: String,
    gives_array: bool,
    /// How much better another tool would be as an example.
    reluctance: u32,
}

impl Call {
    fn of(tool: &ToolSignature<'_>) -> Self {
        let sample = sample::sample(tool.input);
        let input = sample::literal(&sample.value);
        let words = words(tool.function.strip_prefix(PREFIX).unwrap_or(tool.function));
        let writes = words.iter().any(|word| WRITING_WORDS.contains(&word.as_str()));
        let reads = words.iter().any(|word| READING_WORDS.contains(&word.as_str()));
        Self {
            variable: variable(&words),
            gives_array: tool.output.is_some_and(|output| output.get("type").and_then(Value::as_str) == Some("array")),
            reluctance: u32::from(!sample.is_sure) * 8
                + u32::from(input.len() > MAX_INPUT) * 4
                + u32::from(writes) * 2
                + u32::from(!reads),
            text: format!("{}({input})", tool.function),
        }
    }

    fn used(&self) -> String {
        if self.gives_array { format!("{}.slice(0, 5)", self.variable) } else { self.variable.clone() }
    }

    fn member(&self) -> String {
        if self.gives_array { format!("{}: {}", self.variable, self.used()) } else { self.variable.clone() }
    }
}

/// `user` for `getUser`: what the tool's name says it gives.
fn variable(words: &[String]) -> String {
    let nouns = words.iter().filter(|word| !is_verb(word)).take(3);
    let mut name = String::new();
    for noun in nouns {
        let mut letters = noun.chars();
        match letters.next() {
            Some(first) if !name.is_empty() => name.push(first.to_ascii_uppercase()),
            first => name.extend(first),
        }
        name.push_str(letters.as_str());
    }
    if !is_identifier(&name) || is_reserved(&name) || name.len() > 30 { "result".to_owned() } else { name }
}

/// Which of the two ways to ask is used where.
const LAZY: &str = "The functions in comments can be called like the others. Get the declaration of one before you use it: \
    call the tool `discover_tools` with `{ toolNames: [\"external_…\"] }`, or, inside a program, \
    `await external_searchTools({ query: \"…\" })`, which also finds functions that are not listed.\n";

fn seconds(time: Duration) -> String {
    match time.as_millis() {
        millis if millis < 1_000 => format!("{millis} ms"),
        _ if time.subsec_millis() == 0 => format!("{} s", number(time.as_secs())),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

fn bytes(bytes: usize) -> String {
    match bytes {
        0 => "0 bytes".to_owned(),
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{} bytes", number(bytes as u64)),
    }
}

/// `1,000`.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// More names than this are counted instead.
const MAX_NAMES: usize = 30;

/// The example is looked for among this many of the first tools, so that appending tools does not change it.
const MAX_LOOKED_AT: usize = 8;

const MAX_INPUT: usize = 120;

const READING_WORDS: &[&str] =
    &["describe", "fetch", "find", "get", "list", "load", "lookup", "query", "read", "search", "show"];

const WRITING_WORDS: &[&str] = &[
    "cancel", "clear", "create", "delete", "drop", "execute", "insert", "kill", "move", "pay", "post", "put", "remove",
    "reset", "send", "set", "stop", "update", "write",
];
