//! The TypeScript types that schemas are lowered to: a table in which equal types are one entry.
//!
//! Because equal types share an entry, "used twice" is a count of edges and an exponential schema is a small table. A
//! cycle can only pass through [`Type::Reference`]; [`Types::solid`] follows those to the type they stand for.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::docs::Doc;

/// An entry of [`Types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TypeId(u32);

/// The first entry of every table.
pub(super) const UNKNOWN: TypeId = TypeId(0);

/// A schema that was reached by `$ref`, or that was nested so deep that it is lowered on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Definition(u32);

/// One type. Children are entries of the same table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Type {
    Unknown,
    Never,
    Null,
    Boolean,
    Number,
    String,
    /// The literal as TypeScript writes it, and the type it belongs to.
    Literal(Primitive, Rc<str>),
    Array(TypeId),
    Tuple {
        items: Vec<TypeId>,
        required: usize,
        rest: Option<TypeId>,
    },
    Object(Object),
    Union(Vec<TypeId>),
    Intersection(Vec<TypeId>),
    /// A type with a comment in front of it, where no property can carry the comment.
    Documented(Doc, TypeId),
    Reference(Definition),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Primitive {
    Boolean,
    Number,
    String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Object {
    pub(super) properties: Vec<Property>,
    pub(super) others: Others,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Property {
    pub(super) key: Rc<str>,
    pub(super) required: bool,
    pub(super) doc: Doc,
    pub(super) of: TypeId,
}

/// What a schema says of properties that it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Others {
    /// Nothing: they are allowed, and worth no index signature.
    #[default]
    Unsaid,
    Forbidden,
    Of(TypeId),
}

/// The state of a definition while schemas are lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Waiting,
    InProgress,
    Done(TypeId),
}

#[derive(Debug)]
struct Defined {
    body: Body,
    doc: Doc,
}

/// The table of the types of one tool.
#[derive(Debug)]
pub(super) struct Types {
    entries: Vec<Rc<Type>>,
    ids: HashMap<Rc<Type>, TypeId>,
    definitions: Vec<Defined>,
    /// What an entry would be called, as the words of the keys, titles or definitions it was found under.
    hints: HashMap<TypeId, Vec<String>>,
    pub(super) intersections: HashMap<(TypeId, TypeId), TypeId>,
    fuel: usize,
}

impl Types {
    pub(super) fn new() -> Self {
        let mut types = Self {
            entries: Vec::new(),
            ids: HashMap::new(),
            definitions: Vec::new(),
            hints: HashMap::new(),
            intersections: HashMap::new(),
            fuel: 0,
        };
        types.add(Type::Unknown);
        types
    }

    /// Sets how many more steps may be spent on schemas.
    pub(super) fn refuel(&mut self, steps: usize) {
        self.fuel = steps;
    }

    pub(super) fn fuel(&self) -> usize {
        self.fuel
    }

    /// Pays for work. Once it returns false, what is built is a stump and must be thrown away.
    pub(super) fn spend(&mut self, steps: usize) -> bool {
        self.fuel = self.fuel.saturating_sub(steps);
        self.fuel > 0
    }

    pub(super) fn add(&mut self, of: Type) -> TypeId {
        if let Some(id) = self.ids.get(&of) {
            return *id;
        }
        let id = TypeId(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        let entry = Rc::new(of);
        self.entries.push(Rc::clone(&entry));
        self.ids.insert(entry, id);
        id
    }

    pub(super) fn get(&self, id: TypeId) -> Rc<Type> {
        self.entries.get(id.0 as usize).map_or_else(|| Rc::new(Type::Unknown), Rc::clone)
    }

    pub(super) fn define(&mut self) -> Definition {
        let definition = Definition(u32::try_from(self.definitions.len()).unwrap_or(u32::MAX));
        self.definitions.push(Defined { body: Body::Waiting, doc: Doc::default() });
        definition
    }

    pub(super) fn body(&self, definition: Definition) -> Body {
        self.definitions.get(definition.0 as usize).map_or(Body::Waiting, |defined| defined.body)
    }

    pub(super) fn doc(&self, definition: Definition) -> Doc {
        self.definitions.get(definition.0 as usize).map_or_else(Doc::default, |defined| defined.doc.clone())
    }

    pub(super) fn set_body(&mut self, definition: Definition, body: Body) {
        if let Some(defined) = self.definitions.get_mut(definition.0 as usize) {
            defined.body = body;
        }
    }

    pub(super) fn set_doc(&mut self, definition: Definition, doc: Doc) {
        if let Some(defined) = self.definitions.get_mut(definition.0 as usize) {
            defined.doc = doc;
        }
    }

    pub(super) fn definitions(&self) -> usize {
        self.definitions.len()
    }

    /// Makes every definition from `first` on that is only a reference stand for the type at the end of the chain, and
    /// have the chain's first doc. Returns whether some chain had no end.
    pub(super) fn settle(&mut self, first: usize) -> bool {
        let mut endless = false;
        let mut settled: HashSet<usize> = HashSet::new();
        for start in first..self.definitions.len() {
            let (mut path, mut seen, mut at) = (Vec::new(), HashSet::new(), start);
            let end = loop {
                let Some(Defined { body: Body::Done(body), .. }) = self.definitions.get(at) else { break UNKNOWN };
                let next = match self.get(*body).as_ref() {
                    Type::Reference(next) if !settled.contains(&at) => next.0 as usize,
                    _ => break *body,
                };
                if !seen.insert(at) {
                    endless = true;
                    break UNKNOWN;
                }
                path.push(at);
                at = next;
            };
            let mut doc = self.definitions.get(at).map_or_else(Doc::default, |defined| defined.doc.clone());
            for at in path.into_iter().rev() {
                if let Some(defined) = self.definitions.get_mut(at) {
                    defined.body = Body::Done(end);
                    defined.doc = defined.doc.or(&doc);
                    doc = defined.doc.clone();
                }
                settled.insert(at);
            }
        }
        endless
    }

    /// What definitions say to readers, by the type they stand for.
    pub(super) fn docs_by_type(&self) -> HashMap<TypeId, Doc> {
        let mut docs = HashMap::new();
        for defined in self.definitions.iter().filter(|defined| !defined.doc.is_empty()) {
            if let Body::Done(body) = defined.body {
                docs.entry(self.solid(body)).or_insert_with(|| defined.doc.clone());
            }
        }
        docs
    }

    /// The type itself, after any references; a reference that leads only to references is `unknown`.
    pub(super) fn solid(&self, mut id: TypeId) -> TypeId {
        for _ in 0..=self.definitions.len() {
            match self.get(id).as_ref() {
                Type::Reference(definition) => match self.body(*definition) {
                    Body::Done(body) => id = body,
                    Body::Waiting | Body::InProgress => break,
                },
                _ => return id,
            }
        }
        UNKNOWN
    }

    /// Remembers what an entry could be called. Where two names differ, the last words they share stay: an entry found
    /// as `homeAddress` and `workAddress` is an `Address`.
    pub(super) fn hint(&mut self, id: TypeId, words: Vec<String>) {
        if !matches!(self.get(id).as_ref(), Type::Object(_) | Type::Union(_) | Type::Tuple { .. } | Type::Array(_)) {
            return;
        }
        match self.hints.get_mut(&id) {
            None => {
                self.hints.insert(id, words);
            }
            Some(have) => {
                let shared = have.iter().rev().zip(words.iter().rev()).take_while(|(a, b)| a == b).count();
                have.drain(..have.len() - shared);
            }
        }
    }

    /// Overrules every hint: a definition's own name.
    pub(super) fn name(&mut self, id: TypeId, words: Vec<String>) {
        self.hints.insert(id, words);
    }

    pub(super) fn words(&self, id: TypeId) -> &[String] {
        self.hints.get(&id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn literal(&mut self, of: Primitive, text: impl Into<Rc<str>>) -> TypeId {
        self.add(Type::Literal(of, text.into()))
    }

    pub(super) fn documented(&mut self, doc: Doc, of: TypeId) -> TypeId {
        if doc.is_empty() { of } else { self.add(Type::Documented(doc, of)) }
    }

    /// `a | b`: flat, without repetition, `null` last; `unknown` takes everything, `never` adds nothing.
    pub(super) fn union(&mut self, members: impl IntoIterator<Item = TypeId>) -> TypeId {
        let mut flat = Vec::new();
        let mut seen = HashSet::new();
        let mut null = None;
        for member in members {
            let parts = match self.get(member).as_ref() {
                Type::Union(parts) => parts.clone(),
                _ => vec![member],
            };
            for part in parts {
                match self.get(self.bare(part)).as_ref() {
                    Type::Never => {}
                    Type::Unknown => return self.add(Type::Unknown),
                    Type::Null => null = null.or(Some(part)),
                    _ if seen.insert(part) => flat.push(part),
                    _ => {}
                }
            }
        }
        let yes = self.literal(Primitive::Boolean, "true");
        let no = self.literal(Primitive::Boolean, "false");
        if seen.contains(&yes) && seen.contains(&no) {
            let boolean = self.add(Type::Boolean);
            flat.retain(|part| *part != no && *part != boolean);
            flat.iter_mut().filter(|part| **part == yes).for_each(|part| *part = boolean);
        }
        flat.extend(null);
        match flat.as_slice() {
            [] => self.add(Type::Never),
            [one] => *one,
            _ => self.add(Type::Union(flat)),
        }
    }

    /// The type without the comment in front of it.
    pub(super) fn bare(&self, mut id: TypeId) -> TypeId {
        while let Type::Documented(_, of) = self.get(id).as_ref() {
            id = *of;
        }
        id
    }

    /// Whether `{}` is a value of the type.
    pub(super) fn accepts_empty_object(&self, id: TypeId) -> bool {
        let open = |id: TypeId| match self.get(self.solid(self.bare(id))).as_ref() {
            Type::Unknown => true,
            Type::Object(object) => object.properties.iter().all(|property| !property.required),
            _ => false,
        };
        // Unions are flat and hardly ever hold an intersection, so one level of each is looked at.
        match self.get(self.solid(self.bare(id))).as_ref() {
            Type::Union(members) => members.iter().any(|member| open(*member)),
            Type::Intersection(members) => members.iter().all(|member| open(*member)),
            _ => open(id),
        }
    }

    /// The entries a type is directly made of, references followed.
    pub(super) fn children(&self, id: TypeId) -> Vec<TypeId> {
        let children = match self.get(id).as_ref() {
            Type::Array(of) | Type::Documented(_, of) => vec![*of],
            Type::Reference(_) => vec![id],
            Type::Tuple { items, rest, .. } => items.iter().copied().chain(*rest).collect(),
            Type::Union(members) | Type::Intersection(members) => members.clone(),
            Type::Object(object) => {
                let others = match object.others {
                    Others::Of(of) => Some(of),
                    Others::Unsaid | Others::Forbidden => None,
                };
                object.properties.iter().map(|property| property.of).chain(others).collect()
            }
            _ => Vec::new(),
        };
        children.into_iter().map(|child| self.solid(child)).collect()
    }
}
