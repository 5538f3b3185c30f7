//! [`Printer`]: types as TypeScript, on one line where they fit and one property a line where they do not.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
};

use super::{
    docs::Doc,
    escape::property_key,
    plan::Plan,
    types::{Object, Others, Primitive, Property, Type, TypeId, Types},
};

/// Prints the types of one tool by its plan.
pub(super) struct Printer<'p> {
    pub(super) types: &'p Types,
    pub(super) plan: &'p Plan,
    pub(super) names: &'p HashMap<TypeId, String>,
    /// The comments on keys that earlier tools have shown; `None` shows all of them again.
    pub(super) seen_comments: Option<&'p RefCell<SeenComments>>,
}

/// Hashes of keys together with their comments.
#[derive(Default)]
pub(super) struct SeenComments {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl SeenComments {
    /// Notes a comment; true when this key has not had it before.
    fn is_new(&mut self, key: &str, doc: &Doc) -> bool {
        self.hashes.insert(self.hasher.hash_one((key, doc)))
    }
}

/// What a type stands in, which decides on parentheses.
#[derive(Clone, Copy, PartialEq)]
enum Around {
    Nothing,
    Union,
    Intersection,
    /// `T[]`, `T?`: binds tighter than all else.
    Suffix,
}

impl Printer<'_> {
    /// A type as it stands in a declaration.
    pub(super) fn text(&self, id: TypeId) -> String {
        let mut out = String::new();
        self.write(id, Around::Nothing, 0, &mut out);
        out
    }

    /// What a name stands for.
    pub(super) fn body(&self, id: TypeId) -> String {
        let mut out = String::new();
        self.write_whole(id, Around::Nothing, 0, &mut out);
        out
    }

    fn write(&self, id: TypeId, around: Around, indent: usize, out: &mut String) {
        let solid = self.types.solid(id);
        if let Some(name) = self.names.get(&solid) {
            out.push_str(name);
            return;
        }
        match self.types.get(id).as_ref() {
            Type::Reference(definition) => {
                self.write_documented(&self.types.doc(*definition), solid, around, indent, out);
            }
            _ => self.write_whole(solid, around, indent, out),
        }
    }

    fn write_documented(&self, doc: &Doc, of: TypeId, around: Around, indent: usize, out: &mut String) {
        let solid = self.types.solid(of);
        let inner = if around == Around::Nothing { Around::Nothing } else { Around::Intersection };
        let closed = around == Around::Suffix && !doc.is_empty();
        if closed {
            out.push('(');
        }
        if !doc.is_empty() {
            out.push_str(&format!("{doc} "));
        }
        match self.names.get(&solid) {
            Some(name) => out.push_str(name),
            None => self.write_whole(solid, if doc.is_empty() { around } else { inner }, indent, out),
        }
        if closed {
            out.push(')');
        }
    }

    /// Writes the type itself, not its name.
    fn write_whole(&self, id: TypeId, around: Around, indent: usize, out: &mut String) {
        if self.plan.empty_cycles.contains(&id) {
            out.push_str("unknown");
            return;
        }
        match self.types.get(id).as_ref() {
            Type::Unknown | Type::Reference(_) => out.push_str("unknown"),
            Type::Never => out.push_str("never"),
            Type::Null => out.push_str("null"),
            Type::Boolean => out.push_str("boolean"),
            Type::Number => out.push_str("number"),
            Type::String => out.push_str("string"),
            Type::Literal(_, text) => out.push_str(text),
            Type::Array(of) => {
                self.write(*of, Around::Suffix, indent, out);
                out.push_str("[]");
            }
            Type::Tuple { items, required, rest } => self.write_tuple(items, *required, *rest, indent, out),
            Type::Object(object) => self.write_object(id, object, indent, out),
            Type::Union(members) => {
                let closed = matches!(around, Around::Intersection | Around::Suffix);
                self.write_members(members, " | ", Around::Union, closed, indent, out);
            }
            Type::Intersection(members) if self.types.share_nothing(members) => out.push_str("never"),
            Type::Intersection(members) => {
                self.write_members(members, " & ", Around::Intersection, around == Around::Suffix, indent, out);
            }
            Type::Documented(doc, of) => self.write_documented(doc, *of, around, indent, out),
        }
    }

    fn write_members(
        &self,
        members: &[TypeId],
        between: &str,
        around: Around,
        closed: bool,
        indent: usize,
        out: &mut String,
    ) {
        if closed {
            out.push('(');
        }
        for (at, member) in members.iter().enumerate() {
            if at > 0 {
                out.push_str(between);
            }
            self.write(*member, around, indent, out);
        }
        if closed {
            out.push(')');
        }
    }

    fn write_tuple(&self, items: &[TypeId], required: usize, rest: Option<TypeId>, indent: usize, out: &mut String) {
        out.push('[');
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                out.push_str(", ");
            }
            let optional = at >= required;
            self.write(*item, if optional { Around::Suffix } else { Around::Nothing }, indent, out);
            if optional {
                out.push('?');
            }
        }
        if let Some(rest) = rest {
            out.push_str(if items.is_empty() { "..." } else { ", ..." });
            self.write(rest, Around::Suffix, indent, out);
            out.push_str("[]");
        }
        out.push(']');
    }

    fn write_object(&self, id: TypeId, object: &Object, indent: usize, out: &mut String) {
        if object.properties.is_empty() {
            self.write_record(object.others, indent, out);
            return;
        }
        let wide = self.plan.width(id) + indent > MAX_LINE_WIDTH;
        let inner = if wide { indent + 2 } else { indent };
        let separator = if wide { format!("\n{:inner$}", "") } else { " ".to_owned() };
        out.push('{');
        for property in &object.properties {
            out.push_str(&separator);
            self.write_property(property, inner, out);
            out.push(';');
        }
        if let Others::Of(of) = object.others {
            out.push_str(&separator);
            out.push_str("[key: string]: ");
            self.write_index(object, of, inner, out);
            out.push(';');
        }
        if wide {
            out.push_str(&format!("\n{:indent$}}}", ""));
        } else {
            // `{ a: string; b: number }`: the last semicolon is not worth its token.
            out.truncate(out.trim_end_matches(';').len());
            out.push_str(" }");
        }
    }

    fn write_property(&self, property: &Property, indent: usize, out: &mut String) {
        let solid = self.types.solid(property.of);
        let named = self.names.contains_key(&solid);
        let inherited = match self.types.get(property.of).as_ref() {
            Type::Reference(definition) if !named => self.types.doc(*definition),
            _ => Doc::default(),
        };
        let doc = property.doc.or(&inherited);
        // The same comment on the same key in another tool adds nothing.
        let is_new = self.seen_comments.is_none_or(|seen| seen.borrow_mut().is_new(&property.key, &doc));
        if !doc.is_empty() && is_new {
            out.push_str(&format!("{doc} "));
        }
        out.push_str(&property_key(&property.key));
        out.push_str(if property.required { ": " } else { "?: " });
        // The property carries the comment, so the type is written without it.
        self.write(if named { property.of } else { solid }, Around::Nothing, indent, out);
    }

    fn write_record(&self, others: Others, indent: usize, out: &mut String) {
        match others {
            Others::Unsaid => out.push_str("Record<string, unknown>"),
            Others::Forbidden => out.push_str("Record<string, never>"),
            Others::Of(of) => {
                let signature = self.plan.needs_index_signature(self.types, of);
                out.push_str(if signature { "{ [key: string]: " } else { "Record<string, " });
                self.write(of, Around::Nothing, indent, out);
                out.push_str(if signature { " }" } else { ">" });
            }
        }
    }

    /// TypeScript wants every property to fit the index signature: it becomes the union of them all, or `unknown` where
    /// that would be long.
    fn write_index(&self, object: &Object, of: TypeId, indent: usize, out: &mut String) {
        let mut members = vec![of];
        let mut width = 0;
        let whole = |id: TypeId| self.types.solid(self.types.bare(id));
        for property in &object.properties {
            let known = members.iter().any(|member| self.takes(whole(*member), whole(property.of)));
            if !known {
                members.push(property.of);
                width +=
                    if self.names.contains_key(&whole(property.of)) { 8 } else { self.plan.width(whole(property.of)) };
            }
        }
        if width > MAX_INDEX_WIDTH || matches!(self.types.get(whole(of)).as_ref(), Type::Unknown) {
            out.push_str("unknown");
            return;
        }
        self.write_members(&members, " | ", Around::Union, false, indent, out);
        if object.properties.iter().any(|property| !property.required) {
            out.push_str(" | undefined");
        }
    }

    /// Whether one type is known to hold the other, without looking inside.
    fn takes(&self, outer: TypeId, inner: TypeId) -> bool {
        let (wide, narrow) = (self.types.get(outer), self.types.get(inner));
        outer == inner
            || match (wide.as_ref(), narrow.as_ref()) {
                (_, Type::Never) | (Type::Unknown, _) => true,
                (Type::String, Type::Literal(of, _)) => *of == Primitive::String,
                (Type::Number, Type::Literal(of, _)) => *of == Primitive::Number,
                (Type::Union(members), _) => members.contains(&inner),
                _ => false,
            }
    }
}

const MAX_LINE_WIDTH: usize = 80;

/// An index signature that repeats more than this of the properties' types becomes `unknown`.
const MAX_INDEX_WIDTH: usize = 60;
