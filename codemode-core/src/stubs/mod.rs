//! JSON Schema to TypeScript: the declarations of tools that a model reads.
//!
//! A schema that is wrong, hostile or huge never fails the catalog: the part that cannot be said becomes `unknown`, the
//! reason stands in a comment beside it and in [`Stubs::problems`].

mod algebra;
mod combine;
mod docs;
pub(crate) mod escape;
mod lower;
mod plan;
mod print;
mod resolve;
pub(crate) mod sample;
mod shapes;
#[cfg(test)]
mod tests;
mod type_names;
mod types;

use std::{cell::RefCell, ops::Range};

use serde_json::Value;

use self::{
    docs::{Doc, same_letters},
    lower::{Lowered, Lowering},
    plan::Plan,
    print::{Printer, Told},
    type_names::{TypeNames, pascal},
    types::{Object, Others, Type, TypeId, Types, UNKNOWN},
};
use codemode_typescript::names::PREFIX;

/// What is known of a tool before it runs.
#[derive(Debug, Clone, Copy)]
pub struct ToolSignature<'a> {
    /// The name the host gave it.
    pub name: &'a str,
    /// The function's name inside the sandbox, from [`assign_names`](codemode_typescript::names::assign_names).
    pub guest_name: &'a str,
    /// What the tool does, in its author's words.
    pub description: &'a str,
    /// JSON Schema of the input, of any draft from 4 on or of OpenAPI.
    pub input: &'a Value,
    /// JSON Schema of the output, where the tool declares one.
    pub output: Option<&'a Value>,
}

/// The declarations of a catalog of tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stubs {
    /// All of it, as the text of a `.d.ts` file. Appending a tool only appends text. What is said of a key is said once:
    /// the same words about the same key in another tool are left out.
    pub text: String,
    /// Each tool alone, whole, in the order of the tools.
    pub per_tool: Vec<ToolStub>,
    /// What is wrong in the schemas.
    pub problems: Vec<StubProblem>,
}

/// The declaration of one tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolStub {
    /// The function's name inside the sandbox.
    pub guest_name: String,
    /// The comment and the `declare function` line.
    pub text: String,
    /// The input's type as the parameter, such as `input?: { id: number }`.
    pub takes: String,
    /// The type of the answer; `None` without an output schema.
    pub gives: Option<String>,
    /// Every named type that `text` needs, those that others are made of first. Tools may share them.
    pub types: Vec<TypeStub>,
    /// Where in [`Stubs::text`] the tool stands, with the types that it is the first to need.
    pub place: Range<usize>,
}

/// A named type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeStub {
    /// Unique in the catalog.
    pub name: String,
    /// The comment, if any, and the `type` line.
    pub text: String,
}

/// Something in a tool's schema that could not be made into a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StubProblem {
    /// The tool's own name.
    pub tool: String,
    /// Where: `input` or `output`, `#` and a JSON pointer.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

/// Declares tools as TypeScript functions.
///
/// ```
/// # use codemode_core::stubs::{ToolSignature, declare};
/// # use serde_json::json;
/// let input = json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]});
/// let tool = ToolSignature {
///     name: "getUser",
///     guest_name: "external_getUser",
///     description: "Finds a user.",
///     input: &input,
///     output: Some(&json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]})),
/// };
/// assert_eq!(
///     declare(&[tool]).text,
///     "/** Finds a user. */\ndeclare function external_getUser(input: { id: string }): Promise<{ name: string }>;\n"
/// );
/// ```
pub fn declare(tools: &[ToolSignature<'_>]) -> Stubs {
    let mut catalog =
        Catalog { names: TypeNames::new(), told: RefCell::default(), fuel: CATALOG_FUEL, stubs: Stubs::default() };
    for tool in tools {
        catalog.declare(tool);
    }
    catalog.stubs
}

/// The first sentence of a description, for a list.
pub(crate) fn summary(description: &str, most: usize) -> String {
    let text = escape::prose(description, most);
    match text.split_once(". ") {
        Some((sentence, _)) => sentence.to_owned(),
        None => text.trim_end_matches('.').to_owned(),
    }
}

/// Whether a schema may take text.
pub(crate) fn has_type_of_text(schema: &Value) -> bool {
    match schema.as_object() {
        Some(keywords) => !keywords.contains_key("type") || docs::has_type(keywords, "string"),
        None => *schema == Value::Bool(true),
    }
}

struct Catalog {
    names: TypeNames,
    told: RefCell<Told>,
    fuel: usize,
    stubs: Stubs,
}

impl Catalog {
    fn declare(&mut self, tool: &ToolSignature<'_>) {
        let name = pascal(&[tool.guest_name.strip_prefix(PREFIX).unwrap_or(tool.guest_name).to_owned()]);
        let mut types = Types::new();
        let input = self.lower(&mut types, tool, tool.input, "input");
        let output = tool.output.map(|output| self.lower(&mut types, tool, output, "output"));
        for (lowered, side) in [(Some(&input), "Input"), (output.as_ref(), "Output")] {
            let root = lowered.map(|lowered| types.solid(lowered.of));
            if let Some(root) = root.filter(|root| types.words(*root).is_empty()) {
                types.name(root, vec![format!("{name}{side}")]);
            }
        }
        let roots: Vec<TypeId> = std::iter::once(&input).chain(&output).map(|lowered| lowered.of).collect();
        let plan = Plan::new(&types, &roots);
        let named = self.names.name(&types, &plan, &name);
        let doc = tool_doc(tool, &input.doc, output.as_ref().map(|output| &output.doc));
        let comment = if doc.is_empty() { String::new() } else { format!("{doc}\n") };
        let declaration = |told: Option<&RefCell<Told>>| {
            let printer = Printer { types: &types, plan: &plan, names: &named.names, told };
            let takes = match input_type(&types, &printer, input.of) {
                (of, true) => format!("input?: {of}"),
                (of, false) => format!("input: {of}"),
            };
            let gives = output.as_ref().map(|output| printer.text(output.of));
            let promised = gives.as_deref().unwrap_or("unknown");
            let text = format!("{comment}declare function {}({takes}): Promise<{promised}>;", tool.guest_name);
            (text, takes, gives)
        };
        let (text, takes, gives) = declaration(None);
        let shorter = declaration(Some(&self.told)).0;

        let start = self.stubs.text.len();
        for new in named.new.iter().filter_map(|new| named.types.get(*new)) {
            self.append(&new.text);
        }
        self.append(&shorter);
        let guest_name = tool.guest_name.to_owned();
        let place = start..self.stubs.text.len();
        self.stubs.per_tool.push(ToolStub { guest_name, text, takes, gives, types: named.types, place });
    }

    fn append(&mut self, text: &str) {
        self.stubs.text.push_str(text);
        self.stubs.text.push('\n');
    }

    /// Lowers one schema of a tool; one that is too large is tried again with fewer levels.
    fn lower(&mut self, types: &mut Types, tool: &ToolSignature<'_>, schema: &Value, side: &str) -> Lowered {
        for levels in LEVELS {
            let allowed = self.fuel.clamp(LEAST_FUEL, SCHEMA_FUEL);
            types.refuel(allowed);
            let mut lowering = Lowering::new(types, schema, *levels);
            let lowered = lowering.run();
            let (mut problems, cut, endless) = (std::mem::take(&mut lowering.problems), lowering.cut, lowering.endless);
            self.fuel = self.fuel.saturating_sub(allowed.saturating_sub(types.fuel()));
            let Some(mut lowered) = lowered else { continue };
            let plan = Plan::new(types, &[lowered.of]);
            if plan.total_width(lowered.of) > LONGEST_STUB {
                continue;
            }
            let mut whole = |message: String| {
                lowered.doc = lowered.doc.and(&Doc::of([format!("Schema error: {message}")]));
                problems.push(lower::Problem { pointer: String::new(), message });
            };
            if cut {
                whole(format!("too large to show whole; what is over {levels} levels deep is left out"));
            }
            if endless || !plan.empty_cycles.is_empty() {
                whole("a $ref leads back to itself with nothing in between".to_owned());
            }
            for problem in problems {
                self.problem(tool, side, problem);
            }
            if !schema.is_object() && !schema.is_boolean() {
                lowered.of = fallback(types, side);
            }
            return lowered;
        }
        let message = "too large to show".to_owned();
        let doc = Doc::of([format!("Schema error: {message}")]);
        self.problem(tool, side, lower::Problem { pointer: String::new(), message });
        Lowered::new(fallback(types, side), doc)
    }

    fn problem(&mut self, tool: &ToolSignature<'_>, side: &str, problem: lower::Problem) {
        self.stubs.problems.push(StubProblem {
            tool: tool.name.to_owned(),
            pointer: format!("{side}#{}", problem.pointer),
            message: problem.message,
        });
    }
}

/// What a schema that says nothing usable stands for.
fn fallback(types: &mut Types, side: &str) -> TypeId {
    if side == "input" {
        types.add(Type::Object(Object { properties: Vec::new(), others: Others::Of(UNKNOWN) }))
    } else {
        UNKNOWN
    }
}

/// The input's type, and whether a call may leave the input out.
fn input_type(types: &Types, printer: &Printer<'_>, of: TypeId) -> (String, bool) {
    let optional = types.accepts_empty_object(of);
    let nothing = match types.get(types.solid(of)).as_ref() {
        Type::Unknown => true,
        Type::Object(object) => object.properties.is_empty() && !matches!(object.others, Others::Of(_)),
        _ => false,
    };
    (if nothing { "{}".to_owned() } else { printer.text(of) }, optional)
}

fn tool_doc(tool: &ToolSignature<'_>, input: &Doc, output: Option<&Doc>) -> Doc {
    let description = Doc::of([tool.description.to_owned()]);
    let mut parts = vec![tool.description.to_owned()];
    if !same_letters(tool.name, tool.guest_name.strip_prefix(PREFIX).unwrap_or(tool.guest_name)) {
        parts.push(format!("@tool {}", tool.name));
    }
    if !input.is_empty() && !description.text().contains(input.text()) {
        parts.push(format!("@param input {}", input.text()));
    }
    match output {
        None => parts.push("@returns unknown".to_owned()),
        Some(doc) if doc.is_empty() || description.text().contains(doc.text()) => {}
        Some(doc) => parts.push(format!("@returns {}", doc.text())),
    }
    Doc::of(parts)
}

/// How many levels of a schema are shown, from all down to one.
const LEVELS: &[usize] = &[usize::MAX, 6, 4, 2, 1];

/// Letters one schema may take in the prompt, about 10,000 tokens.
const LONGEST_STUB: usize = 40_000;

/// Steps for one schema; a step is a schema, a member of a list or a merged property.
const SCHEMA_FUEL: usize = 100_000;

/// Steps for a whole catalog. After that each schema has only [`LEAST_FUEL`].
const CATALOG_FUEL: usize = 5_000_000;
const LEAST_FUEL: usize = 1_000;
