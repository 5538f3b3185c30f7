//! Lazy tools: named in the prompt by one line each, and declared in full when somebody asks.
//!
//! The model asks with the tool `discover_tools`, a program with `external_searchTools`. Both give the declarations that
//! the prompt would have had.

use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use serde_json::{Value, json};

use crate::{
    names::{PREFIX, words},
    nearest::{either, nearest},
    stubs::{self, Stubs, ToolSignature, ToolStub},
    tool::{Tool, ToolError},
};

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
        self.stubs().per_tool.iter().find(|stub| stub.guest_name == function)
    }

    /// Answers `discover_tools`: `{ toolNames }` in, `{ tools, unknown? }` out.
    pub(crate) fn discover(&self, input: &Value) -> Value {
        let Some(wanted) = input.get("toolNames").and_then(Value::as_array) else {
            return json!({ "error": "toolNames is missing: call discover_tools with {\"toolNames\": [\"external_…\"]}" });
        };
        let (mut tools, mut unknown) = (Vec::new(), Vec::new());
        for name in wanted.iter().take(MOST_DISCOVERED).filter_map(Value::as_str) {
            match self.find(name) {
                Some((_, function)) => tools.push(self.described(function)),
                None => {
                    let near = nearest(name, self.tools.iter().map(|(_, function)| &**function));
                    let hint = match near.is_empty() {
                        true => "there is no such tool; search with external_searchTools in a program".to_owned(),
                        false => format!("did you mean {}?", either(&near)),
                    };
                    unknown.push(json!({ "name": name, "hint": hint }));
                }
            }
        }
        let mut answer = json!({ "tools": tools });
        if !unknown.is_empty() {
            answer["unknown"] = unknown.into();
        }
        answer
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
    pub(crate) fn search(&self, query: &str, limit: usize, offset: usize) -> Value {
        let wanted = words(query);
        let index =
            self.index.get_or_init(|| self.tools.iter().map(|(tool, function)| Entry::of(tool, function)).collect());
        let mut found: Vec<(u32, usize)> = index
            .iter()
            .enumerate()
            .map(|(at, entry)| (entry.score(&wanted), at))
            .filter(|(score, _)| *score > 0 || wanted.is_empty())
            .collect();
        found.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        let page = found.iter().skip(offset).take(limit).filter_map(|(_, at)| self.tools.get(*at));
        let tools: Vec<Value> = page.map(|(_, function)| self.described(function)).collect();
        let next = offset + tools.len();
        let mut answer = json!({ "total": found.len(), "tools": tools });
        if next < found.len() {
            answer["nextOffset"] = next.into();
        }
        answer
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
        let description = tool.definition.description.split_whitespace().take(MOST_WORDS).flat_map(words).collect();
        Self { name, description }
    }

    /// How well the words fit; 0 for not at all. A word in the name counts more than one in the description, a whole word
    /// more than the beginning of one.
    fn score(&self, wanted: &[String]) -> u32 {
        let fit = |have: &[String], word: &String| {
            have.iter()
                .map(|one| match one.strip_prefix(word.as_str()) {
                    Some("") => 3,
                    Some("s" | "es") => 2,
                    Some(_) if word.len() >= 3 => 1,
                    _ if one.len() >= 3
                        && word.strip_prefix(one.as_str()).is_some_and(|rest| matches!(rest, "s" | "es")) =>
                    {
                        2
                    }
                    _ => 0,
                })
                .max()
                .unwrap_or(0)
        };
        wanted.iter().map(|word| 4 * fit(&self.name, word) + fit(&self.description, word)).sum()
    }
}

/// The tool with which programs look for others. `discovery` is set once all tools have their names.
pub(crate) fn search_tool(discovery: Arc<OnceLock<Discovery>>) -> Tool {
    let input = json!({
        "type": "object",
        "properties": {
            "query": { "type": "string", "description": "Words of what the tool does" },
            "limit": { "type": "integer", "minimum": 1, "maximum": MOST_FOUND, "default": USUALLY_FOUND },
            "offset": { "type": "integer", "minimum": 0 }
        },
        "required": ["query"],
        "additionalProperties": false
    });
    let output = json!({
        "type": "object",
        "properties": {
            "total": { "type": "integer" },
            "tools": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": { "name": { "type": "string" }, "declaration": { "type": "string" } },
                    "required": ["name", "declaration"]
                }
            },
            "nextOffset": { "type": "integer" }
        },
        "required": ["total", "tools"]
    });
    Tool::from_schema(
        SEARCH_TOOL,
        "Finds tools by words and gives their declarations.",
        input,
        Some(output),
        move |input, _| {
            let number = |key: &str, otherwise: usize| {
                input[key].as_u64().map_or(otherwise, |number| usize::try_from(number).unwrap_or(otherwise))
            };
            let (limit, offset) = (number("limit", USUALLY_FOUND).min(MOST_FOUND), number("offset", 0));
            let query = input["query"].as_str().unwrap_or_default();
            let found = discovery.get().map(|discovery| discovery.search(query, limit, offset));
            std::future::ready(found.ok_or_else(|| ToolError::new("the catalog is not ready")))
        },
    )
}

/// The tools as a prompt shows them, in their order, so that the text only grows at its end: declarations, and a line for
/// each lazy tool while `budget` bytes of lines last.
pub(crate) fn catalog_text(tools: &[Tool], functions: &[String], eager: &Stubs, budget: usize) -> String {
    let mut text = String::new();
    let mut declared = eager.per_tool.iter();
    let (mut spent, mut unlisted) = (0, 0);
    for (tool, function) in tools.iter().zip(functions) {
        if !tool.is_lazy() {
            text.push_str(declared.next().and_then(|stub| eager.text.get(stub.place.clone())).unwrap_or_default());
            continue;
        }
        let line = format!("// {function}: {}\n", stubs::summary(&tool.definition.description, LONGEST_SUMMARY));
        spent += line.len();
        if spent <= budget {
            text.push_str(&line);
        } else {
            unlisted += 1;
        }
    }
    if unlisted > 0 {
        let _infallible = writeln!(text, "// and {unlisted} more, to be found with {PREFIX}{SEARCH_TOOL}");
    }
    text
}

const MOST_DISCOVERED: usize = 100;
const USUALLY_FOUND: usize = 10;
const MOST_FOUND: usize = 50;
/// Words of a description that count in a search.
const MOST_WORDS: usize = 200;
const LONGEST_SUMMARY: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn discovery() -> Discovery {
        let tool = |name: &str, description: &str| {
            let input = json!({ "type": "object", "properties": { "id": { "type": "string" } } });
            Tool::from_schema(name, description, input, None, |_, _| async { Ok(Value::Null) }).lazy()
        };
        let tools = [
            tool("listInvoices", "All invoices of a customer."),
            tool("get_customer", "Finds one customer."),
            tool("send-mail", "Sends an invoice, or any other text, by mail."),
            tool("deleteCustomer", "Removes a customer for good."),
        ];
        let functions = crate::names::assign_names(tools.iter().map(Tool::name));
        Discovery::new(tools.into_iter().zip(functions.into_iter().map(Arc::from)))
    }

    fn found(query: &str, limit: usize, offset: usize) -> (Vec<String>, Value) {
        let answer = discovery().search(query, limit, offset);
        let names = answer["tools"].as_array().expect("a list").iter();
        (names.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect(), answer)
    }

    #[test]
    fn names_come_before_descriptions_and_styles_do_not_matter() {
        let all = |query: &str| found(query, 10, 0).0;
        assert_eq!(all("invoice"), ["external_listInvoices", "external_send_mail"]);
        assert_eq!(all("customers"), ["external_get_customer", "external_deleteCustomer", "external_listInvoices"]);
        assert_eq!(all("getCustomer"), ["external_get_customer", "external_deleteCustomer", "external_listInvoices"]);
        assert_eq!(all("delete the customer")[0], "external_deleteCustomer");
        assert_eq!(all("cust").len(), 3);
        assert_eq!(all("weather"), Vec::<String>::new());
        assert_eq!(all("").len(), 4);
    }

    #[test]
    fn a_search_has_pages() {
        let (names, answer) = found("customer", 2, 0);
        assert_eq!((names.len(), &answer["total"], &answer["nextOffset"]), (2, &json!(3), &json!(2)));
        let (names, answer) = found("customer", 2, 2);
        assert_eq!((names.len(), &answer["nextOffset"]), (1, &Value::Null));
        assert_eq!(found("customer", 2, 99).0.len(), 0);
    }

    #[test]
    fn discovery_gives_declarations_and_near_names() {
        let answer =
            discovery().discover(&json!({ "toolNames": ["external_get_customer", "send-mail", "getCustomr"] }));
        assert_eq!(
            answer,
            json!({
                "tools": [
                    { "name": "external_get_customer", "declaration": "/** Finds one customer. @returns unknown */\ndeclare function external_get_customer(input?: { id?: string }): Promise<unknown>;" },
                    { "name": "external_send_mail", "declaration": "/** Sends an invoice, or any other text, by mail. @returns unknown */\ndeclare function external_send_mail(input?: { id?: string }): Promise<unknown>;" }
                ],
                "unknown": [{ "name": "getCustomr", "hint": "did you mean external_get_customer?" }]
            })
        );
        assert!(discovery().discover(&json!({}))["error"].is_string());
    }
}
