//! Lazy tools: named in the prompt by one line each, and declared in full when somebody asks.
//!
//! The model asks with the tool `discover_tools` when it knows names, with `search_tools` when it does not; a program asks
//! with `external_searchTools`. All give the declarations that the prompt would have had.

use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use serde_json::{Value, json};

use crate::{
    code_mode::definition::ToolDefinition,
    stubs::{self, Stubs, ToolSignature, ToolStub},
    tool::{Tool, ToolError},
};
use codemode_typescript::names::{PREFIX, either, nearest, sanitize_tool_name, words};

/// What `external_searchTools` is called among the tools.
pub(crate) const SEARCH_TOOL: &str = "searchTools";

/// The tools of a catalog as somebody looks for them.
pub(crate) struct Discovery {
    tools: Vec<(Tool, Arc<str>)>,
    stubs: OnceLock<Stubs>,
    index: OnceLock<Vec<Entry>>,
}

/// The words by which a tool is found.
struct Entry {
    name: Vec<String>,
    description: Vec<String>,
}

impl Discovery {
    /// Tools and the functions they are in the sandbox.
    pub(crate) fn new(tools: impl IntoIterator<Item = (Tool, Arc<str>)>) -> Self {
        Self { tools: tools.into_iter().collect(), stubs: OnceLock::new(), index: OnceLock::new() }
    }

    /// The declaration of a function, lazy or not.
    pub(crate) fn stub(&self, function: &str) -> Option<&ToolStub> {
        self.stubs().per_tool.iter().find(|stub| stub.function == function)
    }

    /// Answers `discover_tools`: `{ toolNames }` in, `{ tools, unknown?, left? }` out.
    pub(crate) fn discover(&self, input: &Value) -> Value {
        let Some(wanted) = input.get("toolNames").and_then(Value::as_array) else {
            return json!({ "error": "toolNames is missing: call discover_tools with {\"toolNames\": [\"external_…\"]}" });
        };
        let (mut page, mut unknown, mut left) = (Page::default(), Vec::new(), Vec::new());
        for name in wanted.iter().take(MAX_DISCOVERED).filter_map(Value::as_str) {
            match self.find(name) {
                Some((_, function)) => {
                    if !page.take(self.described(function)) {
                        left.push(name);
                    }
                }
                None => {
                    let near = nearest(name, self.tools.iter().map(|(_, function)| &**function));
                    let hint = match near.is_empty() {
                        true => "there is no such tool; search for it by words".to_owned(),
                        false => format!("did you mean {}?", either(&near)),
                    };
                    unknown.push(json!({ "name": name, "hint": hint }));
                }
            }
        }
        let mut answer = json!({ "tools": page.tools });
        if !unknown.is_empty() {
            answer["unknown"] = unknown.into();
        }
        if !left.is_empty() {
            answer["left"] = json!(left);
        }
        answer
    }

    /// Answers `search_tools` and `external_searchTools`: `{ query, limit?, offset? }` in, `{ total, tools, nextOffset? }` out.
    pub(crate) fn answer_search(&self, input: &Value) -> Value {
        let number = |key: &str, otherwise: usize| {
            let given = input.get(key).and_then(Value::as_u64);
            given.map_or(otherwise, |number| usize::try_from(number).unwrap_or(usize::MAX))
        };
        let Some(query) = input.get("query").and_then(Value::as_str) else {
            return json!({ "error": "query is missing: words of what the tool does, or an empty text for all tools" });
        };
        self.search(query, number("limit", USUALLY_FOUND).clamp(1, MAX_FOUND), number("offset", 0))
    }

    /// By the function's name, the tool's own, or the function's without its prefix.
    fn find(&self, name: &str) -> Option<&(Tool, Arc<str>)> {
        let by_function = self.tools.iter().find(|(_, function)| &**function == name);
        by_function.or_else(|| {
            let named = |(tool, function): &&(Tool, Arc<str>)| {
                tool.name() == name || function.strip_prefix(PREFIX).is_some_and(|bare| bare == name)
            };
            self.tools.iter().find(named)
        })
    }

    fn described(&self, function: &str) -> Value {
        let declaration = self.stub(function).map(|stub| {
            let types = stub.types.iter().map(|named| named.text.as_str());
            types.chain([stub.text.as_str()]).collect::<Vec<_>>().join("\n")
        });
        json!({ "name": function, "declaration": declaration })
    }

    /// A page of the tools that fit the words of `query`, best first; all tools in their order for a query without words.
    fn search(&self, query: &str, limit: usize, offset: usize) -> Value {
        let mut wanted = words(query);
        wanted.truncate(MAX_WANTED);
        let found = self.ranked(&wanted);
        let mut page = Page::default();
        for (_, function) in found.iter().skip(offset).take(limit).filter_map(|at| self.tools.get(*at)) {
            if !page.take(self.described(function)) {
                break;
            }
        }
        let next = offset.saturating_add(page.tools.len());
        let mut answer = json!({ "total": found.len(), "tools": page.tools });
        if next < found.len() {
            answer["nextOffset"] = next.into();
        }
        answer
    }

    /// Places in the catalog. A word counts the more the fewer tools have it: in a catalog of customers, `customer` says
    /// little.
    fn ranked(&self, wanted: &[String]) -> Vec<usize> {
        let index =
            self.index.get_or_init(|| self.tools.iter().map(|(tool, function)| Entry::of(tool, function)).collect());
        if wanted.is_empty() {
            return (0..index.len()).collect();
        }
        let fits: Vec<Vec<u32>> =
            index.iter().map(|entry| wanted.iter().map(|word| entry.fit(word)).collect()).collect();
        let rarity: Vec<u32> = (0..wanted.len())
            .map(|word| fits.iter().filter(|fits| fits.get(word).is_some_and(|fit| *fit > 0)).count())
            .map(|having| index.len().checked_div(having).map_or(0, |rare| rare.ilog2() + 1))
            .collect();
        let score = |fits: &Vec<u32>| fits.iter().zip(&rarity).map(|(fit, rarity)| fit * rarity).sum::<u32>();
        let mut found: Vec<(u32, usize)> =
            fits.iter().map(score).enumerate().map(|(at, score)| (score, at)).filter(|(score, _)| *score > 0).collect();
        found.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        found.into_iter().map(|(_, at)| at).collect()
    }

    fn stubs(&self) -> &Stubs {
        self.stubs.get_or_init(|| {
            // Those that the prompt declares come first, so that their types have the names that they have there.
            let (lazy, eager): (Vec<_>, Vec<_>) = self.tools.iter().partition(|(tool, _)| tool.is_lazy());
            let signatures: Vec<ToolSignature<'_>> =
                eager.into_iter().chain(lazy).map(|(tool, function)| tool.signature(function)).collect();
            stubs::declare(&signatures)
        })
    }
}

impl Entry {
    fn of(tool: &Tool, function: &str) -> Self {
        let mut name = words(tool.name());
        name.extend(words(function.strip_prefix(PREFIX).unwrap_or(function)));
        let description = tool.definition.description.split_whitespace().take(MAX_WORDS).flat_map(words).collect();
        Self { name, description }
    }

    /// How well a word fits; 0 for not at all. In the name it counts more than in the description, whole more than as the
    /// beginning of one.
    fn fit(&self, wanted: &str) -> u32 {
        let best = |have: &[String]| have.iter().map(|word| likeness(word, wanted)).max().unwrap_or(0);
        4 * best(&self.name) + best(&self.description)
    }
}

fn likeness(word: &str, wanted: &str) -> u32 {
    if word.bytes().next() != wanted.bytes().next() {
        return 0;
    }
    match word.strip_prefix(wanted) {
        Some("") => 3,
        _ if singular(word) == singular(wanted) => 2,
        Some(_) if wanted.len() >= 3 => 1,
        _ => 0,
    }
}

/// `files` and `file`, `boxes` and `box`, `queries` and `query` are the same, as far as a search is concerned.
fn singular(word: &str) -> (&str, &str) {
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        return (stem, "y");
    }
    let es = word
        .strip_suffix("es")
        .filter(|stem| stem.ends_with(['s', 'x', 'z']) || stem.ends_with("ch") || stem.ends_with("sh"));
    let s = || word.strip_suffix('s').filter(|stem| stem.len() > 2 && !stem.ends_with('s'));
    let stem = es.or_else(s).unwrap_or(word);
    match stem.strip_suffix('y') {
        Some(stem) => (stem, "y"),
        None => (stem, ""),
    }
}

/// Tools of one answer, as long as their declarations do not take too much of a model's context.
#[derive(Default)]
struct Page {
    tools: Vec<Value>,
    bytes: usize,
}

impl Page {
    /// Takes a tool unless the page is full. The first always fits.
    fn take(&mut self, tool: Value) -> bool {
        let bytes = tool["declaration"].as_str().map_or(0, str::len);
        let fits = self.tools.is_empty() || self.bytes + bytes <= MAX_PAGE_BYTES;
        if fits {
            self.bytes += bytes;
            self.tools.push(tool);
        }
        fits
    }
}

/// The tool with which programs look for others. `discovery` is set once all tools have their names.
pub(crate) fn search_tool(discovery: Arc<OnceLock<Discovery>>) -> Tool {
    Tool::from_schema(SEARCH_TOOL, ABOUT_SEARCH, search_schema(), Some(found_schema()), move |input, _| {
        let found = discovery.get().map(|discovery| discovery.answer_search(&input));
        std::future::ready(found.ok_or_else(|| ToolError::new("the catalog is not ready")))
    })
}

/// The same as a tool for the model.
pub(crate) fn search_definition() -> ToolDefinition {
    ToolDefinition {
        name: "search_tools",
        description: ABOUT_SEARCH.to_owned(),
        input_schema: search_schema(),
        output_schema: found_schema(),
    }
}

/// The tool for the model that gives declarations by name.
pub(crate) fn discovery_definition() -> ToolDefinition {
    ToolDefinition {
        name: "discover_tools",
        description:
            "Gives the TypeScript declarations of functions that the catalog lists by name only. Call it before \
                      you use one of them in execute_typescript."
                .to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "toolNames": { "type": "array", "items": { "type": "string" }, "description": "Such as external_getUser" }
            },
            "required": ["toolNames"],
            "additionalProperties": false
        }),
        output_schema: json!({
            "type": "object",
            "properties": {
                "tools": { "type": "array", "items": declared_schema() },
                "unknown": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": { "name": { "type": "string" }, "hint": { "type": "string" } },
                        "required": ["name", "hint"]
                    }
                },
                "left": {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "Names that had no place in the answer: ask for them again"
                },
                "error": { "type": "string" }
            }
        }),
    }
}

fn search_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "query": { "type": "string", "description": "Words of what the tool does" },
            "limit": { "type": "integer", "minimum": 1, "maximum": MAX_FOUND, "default": USUALLY_FOUND },
            "offset": { "type": "integer", "minimum": 0 }
        },
        "required": ["query"],
        "additionalProperties": false
    })
}

fn found_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "total": { "type": "integer" },
            "tools": { "type": "array", "items": declared_schema() },
            "nextOffset": { "type": "integer" }
        },
        "required": ["total", "tools"]
    })
}

fn declared_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "name": { "type": "string" }, "declaration": { "type": "string" } },
        "required": ["name", "declaration"]
    })
}

/// The tools as a prompt shows them, in their order, so that the text only grows at its end: declarations, and a line for
/// each lazy tool while `budget` bytes of lines last.
pub(crate) fn catalog_text(tools: &[Tool], functions: &[String], eager: &Stubs, budget: usize) -> String {
    let mut text = String::new();
    let mut declared = eager.per_tool.iter();
    let (mut spent, mut unlisted) = (0, Vec::new());
    for (tool, function) in tools.iter().zip(functions) {
        if !tool.is_lazy() {
            text.push_str(declared.next().and_then(|stub| eager.text.get(stub.span.clone())).unwrap_or_default());
            continue;
        }
        let line = format!("// {function}: {}\n", stubs::summary(&tool.definition.description, MAX_SUMMARY));
        spent += line.len();
        if spent <= budget {
            text.push_str(&line);
        } else {
            unlisted.push(tool.name());
        }
    }
    if !unlisted.is_empty() {
        let _infallible = writeln!(
            text,
            "// and {} more, to be found with {PREFIX}{SEARCH_TOOL}{}",
            unlisted.len(),
            families(&unlisted)
        );
    }
    text
}

/// What the names before a slash tell of tools that have no line, so that a model knows what to search for:
/// `: external_mail_* (8), external_crm_* (20)`.
fn families(names: &[&str]) -> String {
    let mut families: Vec<(&str, usize)> = Vec::new();
    for family in names.iter().filter_map(|name| Some(name.rsplit_once('/')?.0)) {
        if let Some((_, count)) = families.iter_mut().find(|(known, _)| *known == family) {
            *count += 1;
        } else if families.len() < MAX_FAMILIES {
            families.push((family, 1));
        }
    }
    let told: Vec<String> = families
        .into_iter()
        .map(|(family, count)| format!("{PREFIX}{}_* ({count})", sanitize_tool_name(family)))
        .collect();
    if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) }
}

const ABOUT_SEARCH: &str = "Finds tools by words and gives their declarations.";
const MAX_DISCOVERED: usize = 100;
const USUALLY_FOUND: usize = 10;
const MAX_FOUND: usize = 50;
/// Of declarations in one answer: some 10,000 tokens.
const MAX_PAGE_BYTES: usize = 40_000;
/// Words of a query that count.
const MAX_WANTED: usize = 16;
/// Words of a description that count in a search.
const MAX_WORDS: usize = 200;
const MAX_SUMMARY: usize = 80;
const MAX_FAMILIES: usize = 40;

#[cfg(test)]
mod tests;
