//! [`Document`]: finds what a `$ref` names, inside one schema document and nowhere else.
//!
//! Understood are JSON pointers (`#/$defs/a~1b`), anchors of every draft, and the `$id` of a schema embedded in the
//! document. Nothing is ever fetched: a reference that leads outside is an error of that one reference.

use std::{cell::OnceCell, collections::HashMap};

use serde_json::{Map, Value};

/// A schema and all that its references can reach.
pub(super) struct Document<'a> {
    root: &'a Value,
    index: OnceCell<Index<'a>>,
}

/// A schema inside a document.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) schema: &'a Value,
    /// The nearest schema around it that has an `$id`, to which its references are relative.
    pub(super) base: &'a Value,
}

#[derive(Default)]
struct Index<'a> {
    anchors: HashMap<&'a str, &'a Value>,
    ids: HashMap<&'a str, &'a Value>,
}

impl<'a> Document<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root, index: OnceCell::new() }
    }

    pub(super) fn root(&self) -> Place<'a> {
        Place { schema: self.root, base: self.root }
    }

    /// Whether keywords beside a `$ref` are to be ignored, as drafts up to 7 say. Without `$schema`, they count.
    pub(super) fn ignores_siblings(&self) -> bool {
        let dialect = self.root.get("$schema").and_then(Value::as_str).unwrap_or_default();
        ["draft-03", "draft-04", "draft-05", "draft-06", "draft-07"].iter().any(|old| dialect.contains(old))
    }

    /// Finds what `reference`, written somewhere below `base`, names; or says why it cannot be found.
    pub(super) fn resolve(&self, reference: &str, base: &'a Value) -> Result<Place<'a>, String> {
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let resource = if document.is_empty() { base } else { self.resource(document)? };
        let missing = || format!("$ref \"{reference}\" names nothing in this schema");
        if fragment.is_empty() {
            return Ok(Place { schema: resource, base: resource });
        }
        let fragment = percent_decode(fragment);
        if fragment.starts_with('/') {
            // Bundlers often leave pointers from the document's own root inside embedded schemas.
            return step(resource, &fragment).or_else(|| step(self.root, &fragment)).ok_or_else(missing);
        }
        let schema = self.index().anchors.get(fragment.as_str()).copied().ok_or_else(missing)?;
        Ok(Place { schema, base: resource })
    }

    fn resource(&self, uri: &str) -> Result<&'a Value, String> {
        let index = self.index();
        if let Some(found) = index.ids.get(uri) {
            return Ok(*found);
        }
        // A relative reference and an absolute `$id`, or the reverse, agree in their last parts.
        let tail = |uri: &str| uri.trim_start_matches("./").trim_start_matches('/').to_owned();
        let wanted = tail(uri);
        if index.ids.len() > MAX_GUESSED {
            return Err(outside(uri));
        }
        let mut matching = index.ids.iter().filter(|(id, _)| {
            let id = tail(id);
            id == wanted || id.ends_with(&format!("/{wanted}")) || wanted.ends_with(&format!("/{id}"))
        });
        match (matching.next(), matching.next()) {
            (Some((_, only)), None) => Ok(*only),
            _ => Err(outside(uri)),
        }
    }

    fn index(&self) -> &Index<'a> {
        self.index.get_or_init(|| {
            let mut index = Index::default();
            let mut open = vec![self.root];
            while let Some(value) = open.pop() {
                match value {
                    Value::Array(items) => open.extend(items),
                    Value::Object(members) => {
                        index.note(members, value);
                        open.extend(
                            members.iter().filter(|(key, _)| !PLAIN_VALUES.contains(&key.as_str())).map(|(_, v)| v),
                        );
                    }
                    _ => {}
                }
            }
            index
        })
    }
}

impl<'a> Index<'a> {
    fn note(&mut self, members: &'a Map<String, Value>, value: &'a Value) {
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(anchor) = members.get(keyword).and_then(Value::as_str) {
                self.anchors.entry(anchor).or_insert(value);
            }
        }
        if let Some(id) = own_id(members) {
            match id.strip_prefix('#') {
                Some(anchor) => self.anchors.entry(anchor).or_insert(value),
                None => self.ids.entry(id.trim_end_matches('#')).or_insert(value),
            };
        }
    }
}

fn outside(uri: &str) -> String {
    format!("$ref \"{uri}\" leads to another document, and none is ever fetched")
}

/// The schema's own identifier; drafts 3 and 4 call it `id`.
fn own_id(members: &Map<String, Value>) -> Option<&str> {
    members.get("$id").or_else(|| members.get("id")).and_then(Value::as_str)
}

/// The base for references inside `schema`: itself when it has an `$id`.
pub(super) fn base_within<'a>(schema: &'a Value, base: &'a Value) -> &'a Value {
    match schema.get("$id").and_then(Value::as_str) {
        Some(id) if !id.starts_with('#') => schema,
        _ => base,
    }
}

/// Follows a JSON pointer.
fn step<'a>(resource: &'a Value, pointer: &str) -> Option<Place<'a>> {
    let mut place = Place { schema: resource, base: resource };
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        place.schema = match place.schema {
            Value::Object(members) => members.get(&token)?,
            Value::Array(items) => items.get(token.parse::<usize>().ok()?)?,
            _ => return None,
        };
        place.base = base_within(place.schema, place.base);
    }
    Some(place)
}

/// The last part of a reference that says what it is: `Address` of `#/$defs/Address`, `tag` of `#/properties/tag/items`.
pub(super) fn last_word(reference: &str) -> String {
    let decoded = percent_decode(reference);
    let mut parts = decoded.rsplit(['/', '#']).filter(|part| !part.is_empty());
    let word = parts.find(|part| !STRUCTURE.contains(part) && part.parse::<usize>().is_err()).unwrap_or_default();
    let word = word.replace("~1", "/").replace("~0", "~");
    word.strip_suffix(".json").map_or(word.clone(), str::to_owned)
}

fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Over this many `$id`s only an exact match counts, so that hostile references cannot cost time squared.
const MAX_GUESSED: usize = 200;

/// Keywords whose values are data, in which `$id` and `$anchor` mean nothing.
const PLAIN_VALUES: &[&str] = &["enum", "const", "default", "examples", "example"];

/// Parts of a pointer that name a place in a schema, not a thing.
const STRUCTURE: &[&str] = &[
    "$defs",
    "definitions",
    "properties",
    "patternProperties",
    "additionalProperties",
    "items",
    "prefixItems",
    "allOf",
    "anyOf",
    "oneOf",
    "components",
    "schemas",
    "schema",
];
