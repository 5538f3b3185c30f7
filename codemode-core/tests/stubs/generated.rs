//! Schemas made by chance, of every keyword that becomes part of a type, in every place.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Map, Value, json};

use crate::corpus::{Group, Tool};

/// `count` schemas, the same ones in every run.
pub fn group(count: usize) -> Group {
    let mut runner = TestRunner::deterministic();
    let strategy = document();
    let schemas = (0..count).map(|_| strategy.new_tree(&mut runner).expect("a schema").current());
    let tools = schemas.enumerate().map(|(at, schema)| Tool::with_output(format!("made{at}"), schema)).collect();
    Group { name: "generated".into(), tools }
}

/// A schema with two definitions, which may refer to each other through a property.
fn document() -> impl Strategy<Value = Value> {
    (schema(), definition(), definition()).prop_map(|(schema, one, two)| {
        let mut keywords = match schema {
            Value::Object(keywords) => keywords,
            other => Map::from_iter([("allOf".to_owned(), json!([other]))]),
        };
        keywords.insert("$defs".into(), json!({ "One": one, "Two Words": two }));
        Value::Object(keywords)
    })
}

fn definition() -> impl Strategy<Value = Value> {
    (plain(), reference()).prop_map(|(value, other)| {
        json!({ "type": "object", "properties": { "value": value, "other": other }, "required": ["value"] })
    })
}

fn reference() -> impl Strategy<Value = Value> {
    prop_oneof![Just(json!({ "$ref": "#/$defs/One" })), Just(json!({ "$ref": "#/$defs/Two%20Words" }))]
}

fn plain() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => Just(json!({ "type": "string" })),
        1 => Just(json!({ "type": "string", "minLength": 3, "description": "A */ text" })),
        2 => Just(json!({ "type": "number" })),
        1 => Just(json!({ "type": "integer", "maximum": 4 })),
        2 => Just(json!({ "type": "boolean" })),
        1 => Just(json!({ "type": "null" })),
        1 => Just(json!({ "type": ["string", "null"] })),
        1 => Just(json!({ "type": "number", "nullable": true })),
        2 => Just(json!({ "enum": ["a", "b", "c"] })),
        1 => Just(json!({ "enum": [1, "a", null] })),
        1 => Just(json!({ "const": "k" })),
        1 => Just(json!(true)),
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![4 => plain().boxed(), 1 => reference().boxed()];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            4 => object(inner.clone()),
            2 => inner.clone().prop_map(|of| json!({ "type": "array", "items": of })),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({ "type": "array", "prefixItems": [a, b], "minItems": 1 })),
            1 => inner.clone().prop_map(|of| json!({ "type": "object", "additionalProperties": of })),
            1 => inner.clone().prop_map(|of| json!({ "type": "array", "items": of, "minItems": 2, "maxItems": 2 })),
            2 => (plain(), inner.clone()).prop_map(|(a, b)| json!({ "anyOf": [a, b] })),
            1 => (object(plain().boxed()), object(plain().boxed())).prop_map(|(a, b)| json!({ "allOf": [a, b] })),
            1 => (object(plain().boxed()), reference()).prop_map(|(a, b)| json!({ "allOf": [a, b] })),
        ]
    })
}

fn object(of: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["id", "name", "kind", "odd key", "value", "$x"]);
    (prop::collection::btree_map(key, (of, any::<bool>()), 1..4), any::<bool>()).prop_map(|(properties, closed)| {
        let required: Vec<&str> =
            properties.iter().filter(|(_, (_, required))| *required).map(|(key, _)| *key).collect();
        let properties: Map<String, Value> =
            properties.iter().map(|(key, (of, _))| ((*key).to_owned(), of.clone())).collect();
        let mut schema = json!({ "type": "object", "properties": properties, "required": required });
        if closed {
            schema["additionalProperties"] = json!(false);
        }
        schema
    })
}
