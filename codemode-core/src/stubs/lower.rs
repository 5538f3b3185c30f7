//! [`Lowering`]: turns one schema document into entries of [`Types`].
//!
//! Every schema reached by `$ref` is a definition of its own, lowered once from a queue, and so is any schema nested over
//! 32 deep. That makes recursion, exponential references and depth bombs ordinary: time grows with the document, and
//! the stack does not grow at all.

use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value};

use super::{
    docs::{Doc, annotations, same_letters},
    escape::prose,
    resolve::{Document, Place, base_within, last_word},
    types::{Body, Definition, Property, Type, TypeId, Types, UNKNOWN},
};
use codemode_typescript::names::words;

/// Lowers one document. What is wrong in it is noted and becomes `unknown`.
pub(super) struct Lowering<'t, 'a> {
    pub(super) types: &'t mut Types,
    document: Document<'a>,
    ignores_siblings: bool,
    /// How many levels of properties and items are shown; deeper ones are `unknown`.
    levels: usize,
    pub(super) cut: bool,
    /// Whether some `$ref` leads back to itself with nothing in between.
    pub(super) endless: bool,
    by_address: HashMap<*const Value, Definition>,
    waiting: HashMap<Definition, Waiting<'a>>,
    queue: VecDeque<Definition>,
    path: Vec<Step<'a>>,
    pub(super) problems: Vec<Problem>,
}

/// Something wrong in a schema, and where.
pub(super) struct Problem {
    pub(super) pointer: String,
    pub(super) message: String,
}

/// What a schema became, and what it says to readers.
pub(super) struct Lowered {
    pub(super) of: TypeId,
    pub(super) doc: Doc,
    /// Properties that only `then` or `else` name: allowed, but worth no constraint.
    pub(super) weak: Vec<Property>,
}

/// Where in the document a schema stands, as far as its type depends on it.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) base: &'a Value,
    pub(super) level: usize,
    pub(super) nesting: usize,
    /// The property around it, for the names of types; `item` when it is one of many of that property.
    key: Option<&'a str>,
    item: bool,
}

impl Lowered {
    pub(super) fn new(of: TypeId, doc: Doc) -> Self {
        Self { of, doc, weak: Vec::new() }
    }
}

struct Waiting<'a> {
    place: Place<'a>,
    at: At<'a>,
    pointer: String,
    name: Option<String>,
}

#[derive(Clone)]
pub(super) enum Step<'a> {
    Start(String),
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    /// One property or item further in.
    pub(super) fn inside(self, key: Option<&'a str>) -> Self {
        Self { level: self.level + 1, nesting: self.nesting + 1, key: key.or(self.key), item: key.is_none(), ..self }
    }

    /// Another schema for the same value.
    pub(super) fn beside(self) -> Self {
        Self { nesting: self.nesting + 1, ..self }
    }
}

impl<'t, 'a> Lowering<'t, 'a> {
    pub(super) fn new(types: &'t mut Types, root: &'a Value, levels: usize) -> Self {
        let document = Document::new(root);
        Self {
            types,
            ignores_siblings: document.ignores_siblings(),
            document,
            levels,
            cut: false,
            endless: false,
            by_address: HashMap::new(),
            waiting: HashMap::new(),
            queue: VecDeque::new(),
            path: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Lowers the document. `None` when the fuel ran out.
    pub(super) fn run(&mut self) -> Option<Lowered> {
        let Place { schema, base } = self.document.root();
        let at = At { base, level: 0, nesting: 0, key: None, item: false };
        let first = self.types.definitions();
        let root = self.definition(Place { schema, base }, at, "", None);
        self.lower_definition(root, 0);
        while let Some(next) = self.queue.pop_front() {
            self.lower_definition(next, 0);
        }
        self.endless = self.types.settle(first);
        let doc = self.types.doc(root);
        let of = match self.types.body(root) {
            Body::Done(of) => of,
            Body::Waiting | Body::InProgress => UNKNOWN,
        };
        (self.types.fuel() > 0).then_some(Lowered::new(of, doc))
    }

    /// The definition for a place, a new one when it is seen for the first time.
    fn definition(&mut self, place: Place<'a>, at: At<'a>, pointer: &str, name: Option<String>) -> Definition {
        let address = std::ptr::from_ref(place.schema);
        if let Some(known) = self.by_address.get(&address) {
            return *known;
        }
        let definition = self.types.define();
        self.by_address.insert(address, definition);
        let at = At { base: place.base, ..at };
        self.waiting.insert(definition, Waiting { place, at, pointer: pointer.to_owned(), name });
        self.queue.push_back(definition);
        definition
    }

    pub(super) fn lower_definition(&mut self, definition: Definition, nesting: usize) {
        let Some(Waiting { place, at, pointer, name }) = self.waiting.remove(&definition) else {
            return;
        };
        self.types.set_body(definition, Body::InProgress);
        let outer = std::mem::replace(&mut self.path, vec![Step::Start(pointer)]);
        let lowered = self.lower(place.schema, At { nesting, ..at });
        self.path = outer;
        self.types.set_body(definition, Body::Done(lowered.of));
        self.types.set_doc(definition, lowered.doc);
        if let Some(name) = name {
            self.types.name(lowered.of, vec![name]);
        }
    }

    /// Lowers a schema that stands at `step` below the current one.
    pub(super) fn below(&mut self, steps: &[Step<'a>], schema: &'a Value, at: At<'a>) -> Lowered {
        self.path.extend_from_slice(steps);
        let lowered = self.lower(schema, at);
        self.path.truncate(self.path.len().saturating_sub(steps.len()));
        lowered
    }

    /// The type of a schema where only a type can stand: what it says to readers goes in front.
    pub(super) fn type_below(&mut self, steps: &[Step<'a>], schema: &'a Value, at: At<'a>) -> TypeId {
        let lowered = self.below(steps, schema, at);
        self.types.documented(lowered.doc, lowered.of)
    }

    fn lower(&mut self, schema: &'a Value, at: At<'a>) -> Lowered {
        let plain = |of| Lowered::new(of, Doc::default());
        if !self.types.spend(1) {
            return plain(UNKNOWN);
        }
        match schema {
            Value::Bool(true) => plain(UNKNOWN),
            Value::Bool(false) => plain(self.types.add(Type::Never)),
            Value::Object(keywords) if at.nesting > MAX_NESTING => {
                let place = Place { schema, base: at.base };
                let name = keywords.get("title").and_then(Value::as_str).or(at.key).map(str::to_owned);
                let definition = self.definition(place, at, &self.pointer(&[]), name);
                plain(self.types.add(Type::Reference(definition)))
            }
            Value::Object(keywords) => {
                let at = At { base: base_within(schema, at.base), ..at };
                self.lower_keywords(keywords, at)
            }
            other => {
                let doc = self.problem(&[], format!("a schema is an object or a boolean, not {}", kind(other)));
                Lowered::new(UNKNOWN, doc)
            }
        }
    }

    /// A type for each group of keywords, and then all of them together.
    fn lower_keywords(&mut self, keywords: &'a Map<String, Value>, at: At<'a>) -> Lowered {
        let mut doc = annotations(keywords, at.key.filter(|_| !at.item));
        let mut weak = Vec::new();
        let mut parts = Vec::new();
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            if let Some(reference) = keywords.get(keyword) {
                match self.reference(reference, at) {
                    Ok(of) => parts.push(of),
                    Err(message) => doc = doc.and(&self.problem(&[Step::Key(keyword)], message)),
                }
            }
        }
        if let (true, [reference]) = (self.ignores_siblings, parts.as_slice()) {
            return Lowered { of: *reference, doc, weak };
        }
        let own = self.own_type(keywords, at, &mut doc);
        parts.insert(0, own);
        for (index, member) in self.list(keywords, "allOf", &mut doc) {
            let lowered = self.below(&[Step::Key("allOf"), Step::Index(index)], member, at.beside());
            doc = if doc.text().contains(lowered.doc.text()) { doc } else { doc.and(&lowered.doc) };
            weak.extend(lowered.weak);
            parts.push(lowered.of);
        }
        for keyword in ["anyOf", "oneOf"] {
            let members = self.list(keywords, keyword, &mut doc);
            if !members.is_empty() {
                let members: Vec<TypeId> = members
                    .into_iter()
                    .map(|(index, of)| self.type_below(&[Step::Key(keyword), Step::Index(index)], of, at.beside()))
                    .collect();
                parts.push(self.types.union(members));
            }
        }
        parts.extend(self.conditional(keywords, at, &mut doc, &mut weak));
        let mut of = self.together(parts, at);
        if keywords
            .get("not")
            .is_some_and(|not| *not == Value::Bool(true) || not.as_object().is_some_and(Map::is_empty))
        {
            of = self.types.add(Type::Never);
        }
        if ["nullable", "x-nullable"].iter().any(|keyword| keywords.get(*keyword) == Some(&Value::Bool(true))) {
            let null = self.types.add(Type::Null);
            of = self.types.union([of, null]);
        }
        (of, weak) = self.with_weak(of, weak);
        // `anyOf` with one member: what the member says, this schema says.
        if let Type::Documented(inner, bare) = self.types.get(of).as_ref() {
            doc = doc.and(inner);
            of = *bare;
        }
        if let Some(words) = self.hint(keywords, at) {
            self.types.hint(of, words);
        }
        Lowered { of, doc, weak }
    }

    fn reference(&mut self, reference: &'a Value, at: At<'a>) -> Result<TypeId, String> {
        let reference = reference.as_str().ok_or_else(|| format!("a $ref is a string, not {}", kind(reference)))?;
        if reference.len() > MAX_REFERENCE_BYTES {
            return Err(format!("a $ref of {} letters is not followed", reference.len()));
        }
        let place = self.document.resolve(reference, at.base)?;
        let name = last_word(reference);
        let at = At { key: None, item: false, ..at };
        let definition = self.definition(place, at, reference, (!name.is_empty()).then_some(name));
        Ok(self.types.add(Type::Reference(definition)))
    }

    /// The schemas of a keyword that holds a list.
    fn list(
        &mut self,
        keywords: &'a Map<String, Value>,
        keyword: &'static str,
        doc: &mut Doc,
    ) -> Vec<(usize, &'a Value)> {
        match keywords.get(keyword) {
            None => Vec::new(),
            // Paid for in advance: a list that cannot be afforded is not begun.
            Some(Value::Array(members)) if !self.types.spend(members.len()) => Vec::new(),
            Some(Value::Array(members)) => members.iter().enumerate().collect(),
            Some(other) => {
                let message = format!("{keyword} is a list of schemas, not {}", kind(other));
                *doc = doc.and(&self.problem(&[Step::Key(keyword)], message));
                Vec::new()
            }
        }
    }

    fn hint(&self, keywords: &Map<String, Value>, at: At<'a>) -> Option<Vec<String>> {
        let title = keywords.get("title").and_then(Value::as_str).filter(|title| title.len() <= 40);
        let title = title.filter(|title| !at.key.is_some_and(|key| same_letters(key, title)));
        let mut words = words(title.or(at.key)?);
        if let (true, None, Some(last)) = (at.item, title, words.last_mut()) {
            let singular = last.strip_suffix("ies").map(|stem| format!("{stem}y"));
            *last = singular.unwrap_or_else(|| last.strip_suffix('s').unwrap_or(last).to_owned());
        }
        Some(words)
    }

    /// Whether what is inside this place is left out because the whole is too large.
    pub(super) fn is_cut(&mut self, at: At<'a>) -> bool {
        let cut = at.level >= self.levels;
        self.cut |= cut;
        cut
    }

    /// Notes what is wrong below the current place and returns the comment that says so.
    pub(super) fn problem(&mut self, steps: &[Step<'a>], message: String) -> Doc {
        let message = prose(&message, MAX_MESSAGE_BYTES);
        let doc = Doc::of([format!("Schema error: {message}")]);
        if self.problems.len() < MAX_PROBLEMS {
            let pointer = self.pointer(steps);
            self.problems.push(Problem { pointer, message });
        }
        doc
    }

    /// The JSON pointer of the current place; a very long one is cut.
    fn pointer(&self, steps: &[Step<'a>]) -> String {
        let mut pointer = String::new();
        for step in self.path.iter().chain(steps) {
            if pointer.len() > MAX_REFERENCE_BYTES {
                pointer.push('…');
                break;
            }
            match step {
                Step::Start(start) => pointer.push_str(start.trim_start_matches('#')),
                Step::Key(key) => pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
                Step::Index(index) => pointer.push_str(&format!("/{index}")),
            }
        }
        pointer
    }
}

/// What a JSON value is, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Schemas nested deeper than this are lowered from the queue, so that the stack stays small.
pub(super) const MAX_NESTING: usize = 32;

const MAX_REFERENCE_BYTES: usize = 1_000;
const MAX_MESSAGE_BYTES: usize = 300;
const MAX_PROBLEMS: usize = 20;
