//! The proof of the type stubs: every declaration is compiled by the real TypeScript compiler, and values are assignable to
//! a stub exactly when a JSON Schema validator takes them, but for a listed set of differences.
//!
//! The compiler and the published schemas come from `cargo xtask setup`. Where they are missing, the test says so and
//! passes, or fails when `CODEMODE_REQUIRE_ALL` is set.

mod compiler;
mod corpus;
mod differences;
mod generated;
mod values;

use std::{collections::BTreeMap, fmt::Write as _};

use codemode_core::{
    names::assign_names,
    stubs::{StubProblem, ToolSignature, declare},
};
use serde_json::{Value, json};

use compiler::Compiler;
use corpus::{Group, Side};
use differences::{DIFFERENCES, rewrite};
use values::{Random, candidates};

/// One file of declarations and checks.
struct File {
    name: String,
    text: String,
    checks: BTreeMap<usize, Check>,
}

/// A line that must compile, or must not.
struct Check {
    schema: String,
    value: String,
    fits: bool,
}

#[derive(Default)]
struct Tally {
    schemas: usize,
    too_large: usize,
    fitting: usize,
    unfitting: usize,
    /// Values on which the schema as written and as rewritten disagree.
    differing: usize,
    met: BTreeMap<&'static str, usize>,
}

#[test]
fn stubs_say_what_schemas_say() {
    let compiler = match Compiler::find() {
        Ok(compiler) => compiler,
        Err(why) => return missing(&format!("THE TYPESCRIPT COMPILER IS MISSING: THE STUBS WERE NOT CHECKED ({why})")),
    };
    let mut groups = vec![corpus::handmade(), generated::group(250)];
    match corpus::published() {
        Ok(published) => groups.extend(published),
        Err(why) => missing(&format!("THE PUBLISHED SCHEMAS ARE MISSING: ONLY OUR OWN WERE CHECKED ({why})")),
    }
    let mut tally = Tally::default();
    let files: Vec<File> = groups.iter().map(|group| file_of(group, &mut tally)).collect();
    let began = std::time::Instant::now();
    let errors = compiler.check(files.iter().map(|file| (file.name.as_str(), file.text.as_str())));
    let mut wrong = Vec::new();
    for file in &files {
        let mut errors = errors.get(&file.name).cloned().unwrap_or_default();
        for (line, Check { schema, value, fits }) in &file.checks {
            match (errors.remove(line), fits) {
                (None, true) | (Some(_), false) => {}
                (Some(error), true) => {
                    wrong.push(format!("{schema}\n  takes {value}\n  but the stub does not: {error}"))
                }
                (None, false) => wrong.push(format!("{schema}\n  refuses {value}\n  but the stub takes it")),
            }
        }
        for (line, error) in errors {
            let text = file.text.lines().nth(line - 1).unwrap_or_default();
            wrong.push(format!("{} does not compile: {error}\n  {text}", file.name));
        }
    }
    let Tally { schemas, too_large, fitting, unfitting, differing, met } = &tally;
    println!(
        "{schemas} schemas ({too_large} cut), {fitting} values that fit and {unfitting} that do not, {differing} by a difference"
    );
    println!("{met:?}, compiled in {:?}", began.elapsed());
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.iter().take(30).cloned().collect::<Vec<_>>().join("\n")
    );
    assert!(*schemas >= 300 && *fitting > 1_000 && *unfitting > 1_000, "the corpus is too small");
    for (name, reason) in DIFFERENCES {
        assert!(met.contains_key(name), "no schema shows the difference \"{name}\" ({reason}): is it still one?");
    }
}

fn missing(message: &str) {
    assert!(std::env::var_os("CODEMODE_REQUIRE_ALL").is_none(), "{message}; run `cargo xtask setup`");
    println!("{message}; run `cargo xtask setup`");
}

/// Declares the tools of a group and writes a line for each value.
fn file_of(group: &Group, tally: &mut Tally) -> File {
    let nothing = json!({});
    let names = assign_names(group.tools.iter().map(|tool| tool.name.as_str()));
    let signatures: Vec<ToolSignature<'_>> = group
        .tools
        .iter()
        .zip(&names)
        .map(|(tool, function)| {
            let input = tool.input.as_ref().unwrap_or(&nothing);
            ToolSignature::new(&tool.name, function, &tool.description, input).output(tool.output.as_ref())
        })
        .collect();
    let stubs = declare(&signatures);
    let mut text = format!("export {{}};\n{}", stubs.text);
    let mut line = text.lines().count();
    let mut checks = BTreeMap::new();
    let mut random = Random(group.tools.len() as u64);
    for (tool, function) in group.tools.iter().zip(&names) {
        for (side, schema) in tool.sides() {
            tally.schemas += 1;
            if is_cut(&stubs.problems, &tool.name, side) {
                tally.too_large += 1;
                continue;
            }
            for (value, fits) in judged(schema, &mut random, tally) {
                // An input that may be left out altogether is `{}`, which takes all but null.
                if side == Side::Input
                    && stubs.per_tool.iter().any(|stub| stub.function == *function && stub.text.contains("input?: {})"))
                {
                    continue;
                }
                line += 1;
                let of = match side {
                    Side::Input => format!("Exclude<Parameters<typeof {function}>[0], undefined>"),
                    Side::Output => format!("Awaited<ReturnType<typeof {function}>>"),
                };
                // To the compiler these end a line, also in a string.
                let value = value.to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
                let _infallible = writeln!(text, "{{ const value: {of} = {value}; }}");
                let schema = format!("{} {}: {}", group.name, tool.name, short(schema));
                checks.insert(line, Check { schema, value, fits });
            }
        }
    }
    File { name: group.name.clone(), text, checks }
}

fn is_cut(problems: &[StubProblem], tool: &str, side: Side) -> bool {
    problems.iter().any(|problem| {
        problem.tool == tool && problem.pointer.starts_with(side.as_str()) && problem.message.starts_with("too large")
    })
}

/// Values, and whether the schema, as its stub says it, takes them.
fn judged(schema: &Value, random: &mut Random, tally: &mut Tally) -> Vec<(Value, bool)> {
    let (rewritten, rewriting) = rewrite(schema);
    let build =
        |schema: &Value| jsonschema::options().offline().with_draft(jsonschema::Draft::Draft202012).build(schema);
    let rewritten =
        build(&rewritten).unwrap_or_else(|error| panic!("{error}: {}\nmade of {}", short(&rewritten), short(schema)));
    let written = jsonschema::options().offline().build(schema).ok();
    let values = candidates(schema, random);
    for (name, times) in &rewriting.met {
        *tally.met.entry(name).or_default() += times;
    }
    values
        .into_iter()
        .map(|value| {
            let fits = rewritten.is_valid(&value);
            if written.as_ref().is_some_and(|written| written.is_valid(&value) != fits) {
                assert!(!rewriting.met.is_empty(), "an unlisted difference: {}\n{value}", short(schema));
                tally.differing += 1;
            }
            *(if fits { &mut tally.fitting } else { &mut tally.unfitting }) += 1;
            (value, fits)
        })
        .collect()
}

fn short(schema: &Value) -> String {
    let text = schema.to_string();
    text.chars().take(1_500).collect()
}
