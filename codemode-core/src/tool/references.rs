//! [`References`]: what the references of a schema can mean, as far as that matters for how much work it makes.

use std::collections::HashMap;

use serde_json::Value;

/// The places of a schema that its references can lead to.
pub(super) struct References<'a> {
    /// The schema itself, and each part that has an id of its own: pointers begin there.
    documents: Vec<&'a Value>,
    /// Parts by the last part of their names and ids.
    named: HashMap<&'a str, Vec<&'a Value>>,
}

impl<'a> References<'a> {
    pub(super) fn of(schema: &'a Value) -> Self {
        let mut references = Self { documents: vec![schema], named: HashMap::new() };
        references.collect(schema, true);
        references
    }

    fn collect(&mut self, schema: &'a Value, is_root: bool) {
        match schema {
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, false)),
            Value::Object(members) => {
                for (key, member) in members {
                    let is_id = matches!(key.as_str(), "$id" | "id");
                    let name =
                        member.as_str().filter(|_| is_id || matches!(key.as_str(), "$anchor" | "$dynamicAnchor"));
                    if let Some(name) = name.and_then(|name| name.trim_end_matches('#').rsplit(['#', '/']).next()) {
                        self.named.entry(name).or_default().push(schema);
                    }
                    if is_id && member.is_string() && !is_root {
                        self.documents.push(schema);
                    }
                    self.collect(member, false);
                }
            }
            _ => {}
        }
    }

    /// What it takes to look one up, in visits of a part: a pointer is tried in each document.
    pub(super) fn lookup_steps(&self) -> u64 {
        self.documents.len() as u64 / 16
    }

    /// Everything that a reference can mean; the whole schema when nothing is found. Which document is meant is not worked
    /// out: in each that has such a place, it is one.
    pub(super) fn targets(&self, reference: &str) -> Vec<&'a Value> {
        let (document, place) = reference.split_once('#').unwrap_or((reference, ""));
        let targets: Vec<&'a Value> = if place.starts_with('/') {
            let place = percent_decoded(place);
            self.documents.iter().filter_map(|document| document.pointer(&place)).collect()
        } else {
            let name = if place.is_empty() { document.rsplit('/').next().unwrap_or(document) } else { place };
            match name {
                "" => self.documents.clone(),
                name => self.named.get(name).cloned().unwrap_or_default(),
            }
        };
        if targets.is_empty() { self.documents.iter().take(1).copied().collect() } else { targets }
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match (byte, rest.clone().next(), rest.clone().nth(1)) {
            (b'%', high, low) if hex(high).is_some() && hex(low).is_some() => {
                let value = hex(high).unwrap_or(0) * 16 + hex(low).unwrap_or(0);
                bytes.push(u8::try_from(value).unwrap_or(b'%'));
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_is_found_by_pointer_anchor_and_name() {
        let schema = json!({
            "$defs": { "a b/c": { "const": 1 }, "n": { "$anchor": "here", "const": 2 }, "i": { "$id": "http://x/y.json" } }
        });
        let references = References::of(&schema);
        assert_eq!(references.targets("#/$defs/a%20b~1c"), [&json!({ "const": 1 })]);
        assert_eq!(references.targets("#here"), [&schema["$defs"]["n"]]);
        assert_eq!(references.targets("y.json"), [&schema["$defs"]["i"]]);
        assert_eq!(references.targets("elsewhere"), [&schema]);
        // A pointer may mean a place in any document of the schema.
        let two = json!({ "$defs": { "a": { "const": 1 }, "r": { "$id": "r", "$defs": { "a": { "const": 2 } } } } });
        let references = References::of(&two);
        for reference in ["#/$defs/a", "r#/$defs/a", "http://h/r#/$defs/a"] {
            assert_eq!(references.targets(reference), [&json!({ "const": 1 }), &json!({ "const": 2 })]);
        }
    }
}
