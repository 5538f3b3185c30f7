//! [`TypeNames`]: the names of types over a whole catalog.
//!
//! A tool that needs the same types as one before it uses the same names. Otherwise a name that is taken is qualified with
//! the tool's: names depend on earlier tools only, so a catalog grows at its end.

use std::collections::{HashMap, HashSet};

use super::{
    plan::Plan,
    print::Printer,
    stub::TypeStub,
    types::{TypeId, Types},
};

/// Every name given so far, and what it stands for.
pub(super) struct TypeNames {
    taken: HashSet<String>,
    /// Types that refer to each other, as text, and the names they got.
    groups: HashMap<String, Vec<String>>,
}

/// The named types of one tool.
#[derive(Default)]
pub(super) struct Named {
    pub(super) names: HashMap<TypeId, String>,
    pub(super) types: Vec<TypeStub>,
    /// Which of `types` no earlier tool declared.
    pub(super) new: Vec<usize>,
}

impl TypeNames {
    pub(super) fn new() -> Self {
        Self { taken: RESERVED.iter().map(|name| (*name).to_owned()).collect(), groups: HashMap::new() }
    }

    /// Names the types of one tool, those that others are made of first.
    pub(super) fn name(&mut self, types: &Types, plan: &Plan, tool: &str) -> Named {
        let mut named = Named::default();
        let docs = if plan.named.is_empty() { HashMap::new() } else { types.docs_by_type() };
        for group in groups(types, plan) {
            let bases = distinct(group.iter().map(|id| base_name(types, *id)));
            for (id, base) in group.iter().zip(&bases) {
                named.names.insert(*id, base.clone());
            }
            let key = {
                let printer = Printer { types, plan, names: &named.names, seen_comments: None };
                let texts = group.iter().zip(&bases).map(|(id, base)| format!("{base}={}", printer.body(*id)));
                texts.collect::<Vec<_>>().join(";")
            };
            let known = self.groups.get(&key).cloned();
            let is_new = known.is_none();
            let finals = known.unwrap_or_else(|| {
                let finals: Vec<String> = bases.into_iter().map(|base| self.free(base, tool)).collect();
                self.groups.insert(key, finals.clone());
                finals
            });
            for (id, name) in group.iter().zip(finals) {
                named.names.insert(*id, name);
            }
            for id in group {
                let Some(name) = named.names.get(&id).cloned() else { continue };
                let body = Printer { types, plan, names: &named.names, seen_comments: None }.body(id);
                let comment = docs.get(&id).map_or_else(String::new, |doc| format!("{doc}\n"));
                if is_new {
                    named.new.push(named.types.len());
                }
                named.types.push(TypeStub { text: format!("{comment}type {name} = {body};"), name });
            }
        }
        named
    }

    fn free(&mut self, base: String, tool: &str) -> String {
        if self.taken.insert(base.clone()) {
            return base;
        }
        let qualified = format!("{}{base}", pascal(&[tool.to_owned()]));
        let numbered = (2_u32..).map(|number| format!("{qualified}{number}"));
        let name = std::iter::once(qualified.clone()).chain(numbered).find(|name| !self.taken.contains(name));
        let name = name.unwrap_or(qualified);
        self.taken.insert(name.clone());
        name
    }
}

/// The named types in groups that refer to each other (Tarjan's strongly connected components, with a list instead of the
/// stack), each group after those it needs.
fn groups(types: &Types, plan: &Plan) -> Vec<Vec<TypeId>> {
    let place: HashMap<TypeId, usize> = plan.named.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let mut found: HashMap<TypeId, (usize, usize)> = HashMap::new();
    let (mut open, mut groups): (Vec<TypeId>, Vec<Vec<TypeId>>) = (Vec::new(), Vec::new());
    let mut is_open = HashSet::new();
    for start in &plan.named {
        if found.contains_key(start) {
            continue;
        }
        let mut walk = vec![(*start, named_inside(types, plan, *start).into_iter())];
        found.insert(*start, (found.len(), found.len()));
        open.push(*start);
        is_open.insert(*start);
        while let Some((id, rest)) = walk.last_mut() {
            let id = *id;
            if let Some(next) = rest.next() {
                if !found.contains_key(&next) {
                    found.insert(next, (found.len(), found.len()));
                    open.push(next);
                    is_open.insert(next);
                    walk.push((next, named_inside(types, plan, next).into_iter()));
                } else if is_open.contains(&next) {
                    let number = found.get(&next).map_or(0, |(number, _)| *number);
                    lower_link(&mut found, id, number);
                }
                continue;
            }
            walk.pop();
            let (number, link) = found.get(&id).copied().unwrap_or_default();
            if let Some((parent, _)) = walk.last() {
                lower_link(&mut found, *parent, link);
            }
            if number == link {
                let from = open.iter().rposition(|open| *open == id).unwrap_or(0);
                let mut group = open.split_off(from);
                group.iter().for_each(|member| {
                    is_open.remove(member);
                });
                group.sort_by_key(|member| place.get(member).copied());
                groups.push(group);
            }
        }
    }
    groups
}

fn lower_link(found: &mut HashMap<TypeId, (usize, usize)>, id: TypeId, to: usize) {
    if let Some((_, link)) = found.get_mut(&id) {
        *link = (*link).min(to);
    }
}

/// The named types that a type's own text mentions.
fn named_inside(types: &Types, plan: &Plan, id: TypeId) -> Vec<TypeId> {
    let (mut inside, mut seen) = (Vec::new(), HashSet::new());
    let mut open = types.children(id);
    open.reverse();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        if plan.is_named(id) {
            inside.push(id);
        } else {
            open.extend(types.children(id).into_iter().rev());
        }
    }
    inside
}

fn base_name(types: &Types, id: TypeId) -> String {
    match pascal(types.words(id)) {
        name if name.is_empty() => "Shared".to_owned(),
        name => name,
    }
}

/// `home-address` and `home`, `address` become `HomeAddress`: ASCII letters and digits, a letter first, at most 40.
pub(super) fn pascal(words: &[String]) -> String {
    let parts = words.iter().flat_map(|word| word.split(|letter: char| !letter.is_ascii_alphanumeric()));
    let mut name = String::new();
    for part in parts.filter(|part| !part.is_empty()) {
        let mut letters = part.chars();
        if name.is_empty() && part.starts_with(|letter: char| letter.is_ascii_digit()) {
            name.push('T');
        }
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name.truncate(MAX_TYPE_NAME_CHARS);
    name
}

fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut counts: HashMap<String, u32> = HashMap::new();
    let mut seen = HashSet::new();
    names
        .map(|name| {
            let count = counts.entry(name.clone()).or_insert(0);
            loop {
                *count += 1;
                let numbered = if *count == 1 { name.clone() } else { format!("{name}{count}") };
                if seen.insert(numbered.clone()) {
                    return numbered;
                }
            }
        })
        .collect()
}

const MAX_TYPE_NAME_CHARS: usize = 40;

/// Names that mean something already: in the language, in its library, or in a browser's, which people may compile with.
const RESERVED: &[&str] = &[
    "AbortController",
    "AbortSignal",
    "AggregateError",
    "Animation",
    "Array",
    "ArrayBuffer",
    "ArrayBufferView",
    "ArrayLike",
    "AsyncGenerator",
    "AsyncIterable",
    "AsyncIterableIterator",
    "AsyncIterator",
    "Attr",
    "Audio",
    "Awaited",
    "BigInt",
    "Blob",
    "Boolean",
    "Buffer",
    "Cache",
    "CallableFunction",
    "Capitalize",
    "Comment",
    "Console",
    "ConcatArray",
    "Crypto",
    "Date",
    "DateConstructor",
    "DataView",
    "Disposable",
    "Document",
    "Element",
    "Error",
    "ErrorConstructor",
    "EvalError",
    "Event",
    "EventTarget",
    "Exclude",
    "Extract",
    "File",
    "FileList",
    "FileReader",
    "FinalizationRegistry",
    "Float32Array",
    "Float64Array",
    "FormData",
    "Function",
    "Generator",
    "Headers",
    "History",
    "IArguments",
    "Image",
    "Infinity",
    "InstanceType",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "Intl",
    "Iterable",
    "IterableIterator",
    "Iterator",
    "IteratorResult",
    "JSON",
    "Location",
    "Lock",
    "Lowercase",
    "Map",
    "Math",
    "MediaRecorder",
    "MessageEvent",
    "NaN",
    "Navigator",
    "NewableFunction",
    "Node",
    "NodeList",
    "NoInfer",
    "NonNullable",
    "Notification",
    "Number",
    "Object",
    "Omit",
    "Option",
    "Parameters",
    "Partial",
    "Performance",
    "Permissions",
    "Pick",
    "Plugin",
    "PromiseLike",
    "Promise",
    "PropertyDescriptor",
    "PropertyKey",
    "Proxy",
    "Range",
    "RangeError",
    "Readonly",
    "ReadonlyArray",
    "ReadonlyMap",
    "ReadonlySet",
    "Record",
    "ReferenceError",
    "Reflect",
    "RegExp",
    "RegExpMatchArray",
    "Report",
    "Request",
    "RequestInfo",
    "RequestInit",
    "Required",
    "Response",
    "ReturnType",
    "Screen",
    "Selection",
    "Set",
    "SharedArrayBuffer",
    "Storage",
    "String",
    "Symbol",
    "SyntaxError",
    "Temporal",
    "Text",
    "TextDecoder",
    "TextEncoder",
    "ThisType",
    "Touch",
    "TypeError",
    "TypedPropertyDescriptor",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uncapitalize",
    "Uppercase",
    "URIError",
    "URL",
    "URLSearchParams",
    "WeakKey",
    "WeakMap",
    "WeakRef",
    "WeakSet",
    "WebAssembly",
    "WebSocket",
    "Window",
    "Worker",
];
