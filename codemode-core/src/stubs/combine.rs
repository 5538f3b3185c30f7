//! Keywords that stand side by side: `allOf`, `$ref` with siblings, `if`/`then`/`else`.
//!
//! All of them hold at once, so their types are intersected; where one is a reference, its definition is lowered first if
//! that can be done without going in circles.

use serde_json::{Map, Value};

use super::{
    docs::Doc,
    escape::short_json,
    lower::{At, Lowering, MAX_NESTING, Step},
    types::{Body, Object, Others, Property, Type, TypeId, UNKNOWN},
};

impl<'a> Lowering<'_, 'a> {
    /// The intersection of the parts. References are looked into where something else must be merged with them.
    pub(super) fn together(&mut self, parts: Vec<TypeId>, at: At<'a>) -> TypeId {
        let empty = self.types.add(Type::Object(Object::default()));
        let mut telling: Vec<TypeId> = parts.into_iter().filter(|part| *part != UNKNOWN).collect();
        // `type: object` beside a reference or an object adds nothing.
        if telling.iter().any(|part| *part != empty && self.is_object_like(*part)) {
            telling.retain(|part| *part != empty);
        }
        if let [only] = telling.as_slice() {
            return *only;
        }
        let bodies: Vec<TypeId> = telling.iter().map(|part| self.look_into(*part, at)).collect();
        let merged = bodies.iter().fold(UNKNOWN, |all, body| self.types.intersect(all, *body));
        // `Status & string` is `Status`: keep the name.
        let named = telling.iter().zip(&bodies).find(|(_, body)| **body == merged);
        named.map_or(merged, |(part, _)| *part)
    }

    fn is_object_like(&self, id: TypeId) -> bool {
        match self.types.get(id).as_ref() {
            Type::Object(_) | Type::Reference(_) => true,
            Type::Union(members) => members.iter().all(|member| {
                matches!(self.types.get(self.types.bare(*member)).as_ref(), Type::Object(_) | Type::Reference(_))
            }),
            _ => false,
        }
    }

    /// The body of a reference, lowered now if need be; anything else, and what is still being lowered, as it is.
    fn look_into(&mut self, mut part: TypeId, at: At<'a>) -> TypeId {
        for _ in 0..MAX_CHAIN {
            let Type::Reference(definition) = *self.types.get(part) else {
                break;
            };
            if at.nesting < MAX_NESTING {
                self.lower_definition(definition, at.nesting + 1);
            }
            match self.types.body(definition) {
                Body::Done(body) => part = body,
                Body::Waiting | Body::InProgress => break,
            }
        }
        part
    }

    /// `if`/`then`/`else`: with both branches, one of them holds. With one branch nothing holds for sure, so the reader
    /// gets the rule as text and the properties that only the branch names.
    pub(super) fn conditional(
        &mut self,
        keywords: &'a Map<String, Value>,
        at: At<'a>,
        doc: &mut Doc,
        weak: &mut Vec<Property>,
    ) -> Option<TypeId> {
        let condition = keywords.get("if")?;
        let (then, otherwise) = (keywords.get("then"), keywords.get("else"));
        let mut branch = |keyword: &'static str, schema: Option<&'a Value>| {
            schema.map(|schema| self.below(&[Step::Key(keyword)], schema, at.beside()).of)
        };
        let holds = branch("if", Some(condition)).unwrap_or(UNKNOWN);
        let (yes, no) = (branch("then", then), branch("else", otherwise));
        if let (Some(yes), Some(no)) = (yes, no) {
            let yes = self.together(vec![holds, yes], at);
            return Some(self.types.union([yes, no]));
        }
        let (word, rule, of) = match (yes, no, then.or(otherwise)) {
            (Some(of), None, Some(rule)) => ("then", rule, of),
            (None, Some(of), Some(rule)) => ("else", rule, of),
            _ => return None,
        };
        let rule = format!("(if {}, {word} {})", short_json(condition, 120), short_json(rule, 120));
        *doc = doc.and(&Doc::of([rule]));
        if let Type::Object(object) = self.types.get(self.types.solid(of)).as_ref() {
            weak.extend(object.properties.iter().map(|property| Property { required: false, ..property.clone() }));
        }
        None
    }

    /// Adds properties that nothing constrains to an object that lacks them; on anything else they wait for one.
    pub(super) fn with_weak(&mut self, of: TypeId, mut weak: Vec<Property>) -> (TypeId, Vec<Property>) {
        let entry = self.types.get(of);
        let Type::Object(object) = entry.as_ref() else {
            return (of, weak);
        };
        if object.properties.is_empty() || !self.types.spend(weak.len()) {
            return (of, weak);
        }
        let mut object = object.clone();
        weak.retain(|property| {
            let lacks = !object.properties.iter().any(|have| have.key == property.key);
            if lacks && object.others != Others::Forbidden {
                object.properties.push(property.clone());
            }
            false
        });
        (self.types.add(Type::Object(object)), weak)
    }
}

/// References that lead to references are followed this far where types are merged.
const MAX_CHAIN: usize = 8;
