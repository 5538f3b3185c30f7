//! [`declare`]: tools in, declarations out, one tool after the other.

use std::cell::RefCell;

use serde_json::Value;

use super::{
    docs::{Doc, same_letters},
    lower::{Lowered, Lowering, Problem},
    plan::Plan,
    print::{Printer, SeenComments},
    signature::ToolSignature,
    stub::{StubProblem, Stubs, ToolStub},
    type_names::{TypeNames, pascal},
    types::{Object, Others, Type, TypeId, Types, UNKNOWN},
};
use codemode_typescript::names::PREFIX;

/// Declares tools as TypeScript functions.
///
/// ```
/// # use codemode_core::stubs::{ToolSignature, declare};
/// # use serde_json::json;
/// let input = json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]});
/// let output = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
/// let tool = ToolSignature::new("getUser", "external_getUser", "Finds a user.", &input).output(&output);
/// assert_eq!(
///     declare(&[tool]).text,
///     "/** Finds a user. */\ndeclare function external_getUser(input: { id: string }): Promise<{ name: string }>;\n"
/// );
/// ```
pub fn declare(tools: &[ToolSignature<'_>]) -> Stubs {
    let mut declarer = Declarer {
        names: TypeNames::new(),
        seen_comments: RefCell::default(),
        fuel: CATALOG_FUEL,
        stubs: Stubs::default(),
    };
    for tool in tools {
        declarer.declare(tool);
    }
    declarer.stubs
}

/// Declares one tool after the other.
struct Declarer {
    names: TypeNames,
    seen_comments: RefCell<SeenComments>,
    fuel: usize,
    stubs: Stubs,
}

impl Declarer {
    fn declare(&mut self, tool: &ToolSignature<'_>) {
        let name = pascal(&[tool.function.strip_prefix(PREFIX).unwrap_or(tool.function).to_owned()]);
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
        let declaration = |seen_comments: Option<&RefCell<SeenComments>>| {
            let printer = Printer { types: &types, plan: &plan, names: &named.names, seen_comments };
            let parameter = match input_type(&types, &printer, input.of) {
                (of, true) => format!("input?: {of}"),
                (of, false) => format!("input: {of}"),
            };
            let result = output.as_ref().map(|output| printer.text(output.of));
            let promised = result.as_deref().unwrap_or("unknown");
            let text = format!("{comment}declare function {}({parameter}): Promise<{promised}>;", tool.function);
            (text, parameter, result)
        };
        let (text, input_type, output_type) = declaration(None);
        let shorter = declaration(Some(&self.seen_comments)).0;

        let start = self.stubs.text.len();
        for new in named.new.iter().filter_map(|new| named.types.get(*new)) {
            self.append(&new.text);
        }
        self.append(&shorter);
        let function = tool.function.to_owned();
        let span = start..self.stubs.text.len();
        self.stubs.per_tool.push(ToolStub { function, text, input_type, output_type, types: named.types, span });
    }

    fn append(&mut self, text: &str) {
        self.stubs.text.push_str(text);
        self.stubs.text.push('\n');
    }

    /// Lowers one schema of a tool; one that is too large is tried again with fewer levels.
    fn lower(&mut self, types: &mut Types, tool: &ToolSignature<'_>, schema: &Value, side: &str) -> Lowered {
        for levels in LEVELS {
            let allowed = self.fuel.clamp(MIN_FUEL, SCHEMA_FUEL);
            types.refuel(allowed);
            let mut lowering = Lowering::new(types, schema, *levels);
            let lowered = lowering.run();
            let (mut problems, cut, endless) = (std::mem::take(&mut lowering.problems), lowering.cut, lowering.endless);
            self.fuel = self.fuel.saturating_sub(allowed.saturating_sub(types.fuel()));
            let Some(mut lowered) = lowered else { continue };
            let plan = Plan::new(types, &[lowered.of]);
            if plan.total_width(lowered.of) > MAX_STUB_CHARS {
                continue;
            }
            let mut whole = |message: String| {
                lowered.doc = lowered.doc.and(&Doc::of([format!("Schema error: {message}")]));
                problems.push(Problem { pointer: String::new(), message });
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
        self.problem(tool, side, Problem { pointer: String::new(), message });
        Lowered::new(fallback(types, side), doc)
    }

    fn problem(&mut self, tool: &ToolSignature<'_>, side: &str, problem: Problem) {
        self.stubs.problems.push(StubProblem {
            tool: tool.name.to_owned(),
            pointer: format!("{side}#{}", problem.pointer),
            message: problem.message,
        });
    }
}

/// The type of a schema that cannot be used.
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
    if !same_letters(tool.name, tool.function.strip_prefix(PREFIX).unwrap_or(tool.function)) {
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
const MAX_STUB_CHARS: usize = 40_000;

/// Steps for one schema; a step is a schema, a member of a list or a merged property.
const SCHEMA_FUEL: usize = 100_000;

/// Steps for a whole catalog. After that each schema has only [`MIN_FUEL`].
const CATALOG_FUEL: usize = 5_000_000;
const MIN_FUEL: usize = 1_000;
