//! Generated hostile programs: a seed is a program, until the grammar changes.
//!
//! A program is a row of operations grown from the templates in `generated/*.txt`. `@{name}` stands for a line of the
//! section `name`; where it nests too deep, for one of `name leaf`. What a program can reach, functions, classes and
//! accessors, is read from `golden/globals.txt`, so a new global is attacked without a word here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
    time::Duration,
};

use crate::growth::{Random, Sections, add_templates};

/// A program, with what it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Generated {
    pub seed: u64,
    /// Statements; an error of one is caught before the next.
    pub operations: Vec<String>,
    pub timeout: Duration,
    /// Whether it has the default heap, instead of a small one.
    pub default_heap: bool,
}

impl Generated {
    /// The program of a seed.
    pub fn new(seed: u64) -> Self {
        // Neighbours differ in all bits.
        let mut random = Random(seed.wrapping_mul(0xd134_2543_de82_ef95));
        let count = if random.below(2) == 0 { 1 } else { 1 + random.below(20) };
        let kind = random.pick(grammar(), "kind");
        let operations = (0..count).map(|_| {
            // Most rows are of one kind; in the others it changes.
            let kind = if random.below(3) == 0 { random.pick(grammar(), "kind") } else { kind };
            grown(&mut random, kind, DEPTH)
        });
        let operations = operations.collect();
        let timeout = Duration::from_millis(100 + 25 * random.below(17) as u64);
        Self { seed, operations, timeout, default_heap: random.below(3) == 0 }
    }

    /// As TypeScript.
    pub fn text(&self) -> String {
        let mut text = PROLOGUE.to_owned();
        for operation in &self.operations {
            text.push_str(&format!("try {{ {operation} }} catch (error) {{ seen = error }}\n"));
        }
        text + "return typeof seen\n"
    }

    /// One of its operations alone.
    pub fn only(mut self, at: usize) -> Self {
        self.operations = self.operations.into_iter().skip(at).take(1).collect();
        self
    }
}

/// Grows a line of a section.
fn grown(random: &mut Random, name: &str, depth: usize) -> String {
    let leaf = format!("{name} leaf");
    let section = if depth == 0 && grammar().contains_key(&leaf) { &leaf } else { name };
    let template = random.pick(grammar(), section);
    let mut parts = template.split("@{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        text.push_str(&grown(random, name, depth.saturating_sub(1)));
        text.push_str(rest);
    }
    text
}

/// Templates by section.
fn grammar() -> &'static Sections {
    static GRAMMAR: OnceLock<Sections> = OnceLock::new();
    GRAMMAR.get_or_init(|| {
        let mut sections = reachable();
        TEMPLATES.iter().for_each(|text| add_templates(&mut sections, text));
        sections
    })
}

/// The sections `function`, `method` (a function of a prototype), `array method`, `string method`, `static` (of a
/// constructor or namespace), `class` and `accessor`, as expressions.
fn reachable() -> Sections {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |section: &str, text: String| found.entry(section.to_owned()).or_default().insert(text);
    for (path, what) in include_str!("../golden/globals.txt").lines().filter_map(|line| line.split_once(": ")) {
        let Some(expression) = expression(path) else { continue };
        let what = what.split(' ').next().unwrap_or_default();
        match what {
            "function" => {
                add("function", expression.clone());
                let Some((owner, _)) = path.split_once(".prototype") else {
                    add("static", expression);
                    continue;
                };
                match owner {
                    "Array" | "%TypedArray%" => add("array method", expression.clone()),
                    "String" => add("string method", expression.clone()),
                    "Iterator" | "%IteratorHelper%" => add("iterator method", expression.clone()),
                    "RegExp" => add("regexp method", expression.clone()),
                    _ => false,
                };
                add("method", expression);
            }
            "class" => {
                add("class", expression);
            }
            "accessor" => {
                let at = path.rfind(if path.ends_with(']') { '[' } else { '.' }).unwrap_or(0);
                let (owner, key) = path.split_at(at);
                let key = match key.strip_prefix('.') {
                    Some(key) => format!("\"{key}\""),
                    None => key.trim_matches(['[', ']']).to_owned(),
                };
                if let Some(owner) = self::expression(owner).filter(|_| at > 0) {
                    add("accessor", format!("Object.getOwnPropertyDescriptor({owner}, {key})!"));
                }
            }
            _ => {}
        }
    }
    found.into_iter().map(|(section, lines)| (section, lines.into_iter().collect())).collect()
}

/// The expression for a path of the list, where there is one: `%Name%.prototype` is an intrinsic without a global name.
fn expression(path: &str) -> Option<String> {
    let Some(hidden) = path.strip_prefix('%') else { return Some(format!("(globalThis as any).{path}")) };
    let (name, rest) = hidden.split_once('%')?;
    match rest.strip_prefix(".prototype") {
        Some(rest) => (!name.contains(' ')).then(|| format!("hidden.{name}{rest}")),
        None => (name == "TypedArray").then(|| format!("hidden.TypedArrayClass{rest}")),
    }
}

const DEPTH: usize = 4;
const PROLOGUE: &str = include_str!("generated/prologue.ts");
const TEMPLATES: &[&str] = &[
    include_str!("generated/values.txt"),
    include_str!("generated/chains.txt"),
    include_str!("generated/cycles.txt"),
    include_str!("generated/lengths.txt"),
    include_str!("generated/receivers.txt"),
    include_str!("generated/regexps.txt"),
    include_str!("generated/memory.txt"),
    include_str!("generated/floods.txt"),
    include_str!("generated/errors.txt"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_program() {
        assert_eq!(Generated::new(7), Generated::new(7));
        assert_ne!(Generated::new(7).text(), Generated::new(8).text());
    }

    #[test]
    fn every_section_that_is_named_is_there_and_ends() {
        for (section, lines) in grammar() {
            for line in lines {
                for part in line.split("@{").skip(1) {
                    let (name, _) = part.split_once('}').expect("a name ends");
                    assert!(grammar().contains_key(name), "{section}: {line}");
                }
            }
            if let Some(section) = section.strip_suffix(" leaf") {
                assert!(grammar().contains_key(section), "{section}");
            }
        }
    }

    #[test]
    fn programs_stay_small() {
        let longest = (0..2_000).map(|seed| Generated::new(seed).text().len()).max();
        assert!(longest < Some(40_000), "{longest:?}");
    }
}
