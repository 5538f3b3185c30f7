//! Intersection: what `allOf`, and any keywords that stand side by side, mean together.
//!
//! Objects are merged into one object. References are not looked into here: they stay as `A & B`, which also ends the
//! recursion on recursive types. The work is paid from the table's fuel and every pair is done once.

use std::collections::{HashMap, HashSet};

use super::types::{Object, Others, Primitive, Property, Type, TypeId, Types, UNKNOWN};

impl Types {
    /// The values that are in both types.
    pub(super) fn intersect(&mut self, a: TypeId, b: TypeId) -> TypeId {
        if a == b {
            return a;
        }
        if let Some(done) = self.intersections.get(&(a, b)) {
            return *done;
        }
        if !self.spend(1) {
            return UNKNOWN;
        }
        let result = self.intersect_anew(a, b);
        self.intersections.insert((a, b), result);
        result
    }

    fn intersect_anew(&mut self, a: TypeId, b: TypeId) -> TypeId {
        let (left, right) = (self.get(a), self.get(b));
        match (left.as_ref(), right.as_ref()) {
            (Type::Unknown, _) | (_, Type::Never) => b,
            (_, Type::Unknown) | (Type::Never, _) => a,
            (Type::Documented(doc, of), _) => {
                let of = self.intersect(*of, b);
                self.documented(doc.clone(), of)
            }
            (_, Type::Documented(_, of)) => self.intersect(a, *of),
            (Type::Reference(_) | Type::Intersection(_), _) | (_, Type::Reference(_) | Type::Intersection(_)) => {
                self.intersection(&[a, b])
            }
            (Type::Union(members), _) => self.intersect_union(members, a, b),
            (_, Type::Union(members)) => self.intersect_union(members, b, a),
            (Type::Object(one), Type::Object(two)) => self.merge(one, two),
            (Type::Literal(of, _), whole) if is_whole(*of, whole) => a,
            (whole, Type::Literal(of, _)) if is_whole(*of, whole) => b,
            (Type::Array(one), Type::Array(two)) => {
                let of = self.intersect(*one, *two);
                self.add(Type::Array(of))
            }
            (Type::Tuple { items, required, rest }, Type::Array(of))
            | (Type::Array(of), Type::Tuple { items, required, rest }) => {
                let items = items.iter().map(|item| self.intersect(*item, *of)).collect();
                let rest = rest.map(|rest| self.intersect(rest, *of));
                self.add(Type::Tuple { items, required: *required, rest })
            }
            (Type::Tuple { .. }, Type::Tuple { .. }) => self.intersection(&[a, b]),
            _ => self.add(Type::Never),
        }
    }

    /// Takes the union apart where that stays small; else it stays whole: `{ … } & (A | B)`.
    fn intersect_union(&mut self, members: &[TypeId], union: TypeId, other: TypeId) -> TypeId {
        let against = self.get(other);
        if let Type::Union(others) = against.as_ref()
            && members.iter().chain(others).all(|member| matches!(self.get(*member).as_ref(), Type::Literal(..)))
        {
            let others: HashSet<&TypeId> = others.iter().collect();
            return self.union(members.iter().copied().filter(|member| others.contains(member)));
        }
        let possible: Vec<TypeId> = members.iter().copied().filter(|member| !self.are_apart(*member, other)).collect();
        let width = match against.as_ref() {
            Type::Union(others) => others.len(),
            _ => 1,
        };
        let large = matches!(against.as_ref(), Type::Object(object) if object.properties.len() > MAX_COPIED);
        if possible.len() > 1 && (large || possible.len().saturating_mul(width) > MAX_PAIRS) {
            // Comparing with what was there finds `{ … } & (A | B)` only where some member says more.
            let rest = if possible.len() == members.len() { union } else { self.union(possible) };
            return self.intersection(&[other, rest]);
        }
        let parts: Vec<TypeId> = possible.into_iter().map(|member| self.intersect(other, member)).collect();
        self.union(parts)
    }

    /// Whether two types are known to share no value, judged by their kind alone.
    fn are_apart(&self, a: TypeId, b: TypeId) -> bool {
        match (self.kind(a), self.kind(b)) {
            (Some(a), Some(b)) => a != b,
            _ => false,
        }
    }

    /// The same for the members of an intersection, once all references can be followed. TypeScript itself lets a string
    /// pass as `string & { a?: number }`.
    pub(super) fn share_nothing(&self, members: &[TypeId]) -> bool {
        let mut kinds = members.iter().filter_map(|member| self.kind(self.solid(self.bare(*member))));
        kinds.next().is_some_and(|first| kinds.any(|kind| kind != first))
    }

    fn kind(&self, id: TypeId) -> Option<Kind> {
        match self.get(self.bare(id)).as_ref() {
            Type::Null => Some(Kind::Null),
            Type::Boolean | Type::Literal(Primitive::Boolean, _) => Some(Kind::Boolean),
            Type::Number | Type::Literal(Primitive::Number, _) => Some(Kind::Number),
            Type::String | Type::Literal(Primitive::String, _) => Some(Kind::String),
            Type::Array(_) | Type::Tuple { .. } => Some(Kind::Array),
            Type::Object(_) => Some(Kind::Object),
            _ => None,
        }
    }

    /// One object with the properties of both. Two closed objects are taken to mean the properties of both, which is
    /// what people write, though no value would be valid.
    fn merge(&mut self, one: &Object, two: &Object) -> TypeId {
        if !self.spend(one.properties.len() + two.properties.len()) {
            return UNKNOWN;
        }
        let at: HashMap<&str, &Property> =
            two.properties.iter().map(|property| (property.key.as_ref(), property)).collect();
        let mut properties = Vec::with_capacity(one.properties.len() + two.properties.len());
        for property in &one.properties {
            properties.push(match at.get(property.key.as_ref()) {
                Some(same) => Property {
                    key: property.key.clone(),
                    required: property.required || same.required,
                    doc: property.doc.or(&same.doc),
                    of: self.intersect(property.of, same.of),
                },
                None => self.narrowed(property, two.others),
            });
        }
        let have: HashSet<&str> = one.properties.iter().map(|property| property.key.as_ref()).collect();
        for property in two.properties.iter().filter(|property| !have.contains(property.key.as_ref())) {
            properties.push(self.narrowed(property, one.others));
        }
        let others = match (one.others, two.others) {
            (Others::Of(a), Others::Of(b)) => Others::Of(self.intersect(a, b)),
            (Others::Forbidden, _) | (_, Others::Forbidden) => Others::Forbidden,
            (Others::Of(of), Others::Unsaid) | (Others::Unsaid, Others::Of(of)) => Others::Of(of),
            (Others::Unsaid, Others::Unsaid) => Others::Unsaid,
        };
        self.add(Type::Object(Object { properties, others }))
    }

    fn narrowed(&mut self, property: &Property, others: Others) -> Property {
        let of = match others {
            Others::Of(others) => self.intersect(property.of, others),
            Others::Unsaid | Others::Forbidden => property.of,
        };
        Property { of, ..property.clone() }
    }

    /// `A & B`, flat and without repetition.
    pub(super) fn intersection(&mut self, members: &[TypeId]) -> TypeId {
        let mut flat: Vec<TypeId> = Vec::new();
        for member in members {
            let parts = match self.get(*member).as_ref() {
                Type::Unknown => Vec::new(),
                Type::Intersection(parts) => parts.clone(),
                _ => vec![*member],
            };
            for part in parts {
                if !flat.contains(&part) {
                    flat.push(part);
                }
            }
        }
        if !self.spend(flat.len()) {
            return UNKNOWN;
        }
        // An object that says nothing adds nothing to `A & B`.
        let empty = self.add(Type::Object(Object::default()));
        if flat.len() > 1 {
            flat.retain(|part| *part != empty);
        }
        match flat.as_slice() {
            [] => UNKNOWN,
            [one] => *one,
            _ => self.add(Type::Intersection(flat)),
        }
    }
}

#[derive(PartialEq)]
enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

fn is_whole(of: Primitive, whole: &Type) -> bool {
    matches!(
        (of, whole),
        (Primitive::Boolean, Type::Boolean) | (Primitive::Number, Type::Number) | (Primitive::String, Type::String)
    )
}

/// An object with more properties than this is not copied into each member of a union.
const MAX_COPIED: usize = 3;

/// Two unions with more pairs than this stay `(A | B) & (C | D)`.
const MAX_PAIRS: usize = 64;
