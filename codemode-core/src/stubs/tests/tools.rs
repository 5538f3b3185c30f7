//! Whole tools and catalogs: the function's form, names across tools, and schemas that mean harm.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::stubs::{Stubs, ToolSignature, declare};
use codemode_typescript::names::assign_names;

/// Declares tools given as name, description, input and output schema.
fn catalog(tools: &[(&str, &str, Value, Option<Value>)]) -> Stubs {
    let names = assign_names(tools.iter().map(|tool| tool.0));
    let tools: Vec<ToolSignature<'_>> = tools
        .iter()
        .zip(&names)
        .map(|((name, description, input, output), function)| {
            ToolSignature::new(name, function, description, input).output(output.as_ref())
        })
        .collect();
    declare(&tools)
}

fn input_only(input: Value) -> Stubs {
    catalog(&[("t", "", input, None)])
}

fn node(extra: &str) -> Value {
    json!({"$ref": "#/$defs/Item", "$defs": {"Item": {"properties": {"next": {"$ref": "#/$defs/Item"}, extra: {"type": "string"}}}}})
}

#[test]
fn a_tool_is_one_documented_function() {
    let input = json!({
        "type": "object",
        "description": "Who to look for.",
        "properties": {"id": {"type": "string"}, "verbose": {"type": "boolean", "description": "All fields.", "default": false}},
        "required": ["id"],
    });
    let output = json!({"type": "object", "description": "The user.", "properties": {"name": {"type": "string"}}});
    let stubs = catalog(&[("get-user", "Finds  a\nuser.", input, Some(output))]);
    assert_eq!(
        stubs.text,
        "/** Finds a user. @param input Who to look for. @returns The user. */\n\
         declare function external_get_user(input: { id: string; /** All fields. @default false */ verbose?: boolean }): \
         Promise<{ name?: string }>;\n"
    );
    assert_eq!(stubs.per_tool[0].text, stubs.text.trim_end());
    assert!(stubs.problems.is_empty());
}

#[test]
fn input_is_optional_where_an_empty_one_is_valid() {
    for (schema, expected) in [
        (json!({"type": "object"}), "input?: {}"),
        (json!({"type": "object", "properties": {}, "additionalProperties": false}), "input?: {}"),
        (json!(true), "input?: {}"),
        (json!({"type": "object", "properties": {"a": {"type": "string"}}}), "input?: { a?: string }"),
        (json!({"type": "object", "additionalProperties": {"type": "string"}}), "input?: Record<string, string>"),
        (
            json!({"anyOf": [{"required": ["a"]}, {"properties": {"b": {}}}]}),
            "input?: { a: unknown } | { b?: unknown }",
        ),
        (json!({"type": "object", "required": ["a"]}), "input: { a: unknown }"),
        (json!({"type": "string"}), "input: string"),
        (json!(false), "input: never"),
    ] {
        let expected = format!("/** @returns unknown */\ndeclare function external_t({expected}): Promise<unknown>;\n");
        assert_eq!(input_only(schema).text, expected);
    }
}

#[test]
fn a_tool_that_had_to_be_renamed_says_its_own_name() {
    let any = || json!({"type": "object"});
    let stubs = catalog(&[("a-b", "", any(), Some(json!(true))), ("a.b", "", any(), Some(json!(true)))]);
    assert_eq!(
        stubs.text,
        "declare function external_a_b(input?: {}): Promise<unknown>;\n\
         /** @tool a.b */\ndeclare function external_a_b_2(input?: {}): Promise<unknown>;\n"
    );
}

#[test]
fn one_bad_schema_spoils_one_tool() {
    let good = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let stubs = catalog(&[
        ("one", "One.", json!([1]), Some(good.clone())),
        ("two", "Two.", good.clone(), Some(json!(3))),
        (
            "three",
            "Three.",
            json!({"properties": {"x/y": {"type": "strin"}, "z": {"$ref": "https://x.test/s"}}}),
            Some(good),
        ),
    ]);
    assert_eq!(
        stubs.text,
        "/** One. @param input Schema error: a schema is an object or a boolean, not an array */\n\
         declare function external_one(input?: Record<string, unknown>): Promise<{ a?: string }>;\n\
         /** Two. @returns Schema error: a schema is an object or a boolean, not a number */\n\
         declare function external_two(input?: { a?: string }): Promise<unknown>;\n\
         /** Three. */\n\
         declare function external_three(input?: {\n  \
         /** Schema error: \"strin\" is no type; there are string, number, integer, boolean, null, array, object */ \"x/y\"?: unknown;\n  \
         /** Schema error: $ref \"https://x.test/s\" leads to another document, and none is ever fetched */ z?: unknown;\n\
         }): Promise<{ a?: string }>;\n"
    );
    let places: Vec<(&str, &str)> =
        stubs.problems.iter().map(|problem| (problem.tool.as_str(), problem.pointer.as_str())).collect();
    let expected = [
        ("one", "input#"),
        ("two", "output#"),
        ("three", "input#/properties/x~1y/type"),
        ("three", "input#/properties/z/$ref"),
    ];
    assert_eq!(places, expected);
}

#[test]
fn tools_share_types_and_never_confuse_them() {
    let tools = [
        ("a", "", node("x"), None),
        ("b", "", node("x"), None),
        ("c", "", node("y"), None),
        ("d", "", node("y"), None),
    ];
    let stubs = catalog(&tools);
    let types: Vec<Vec<&str>> =
        stubs.per_tool.iter().map(|tool| tool.types.iter().map(|of| of.name.as_str()).collect()).collect();
    assert_eq!(types, [["Item"], ["Item"], ["CItem"], ["CItem"]]);
    assert_eq!(stubs.text.matches("type Item = { next?: Item; x?: string };\n").count(), 1);
    assert_eq!(stubs.text.matches("type CItem = { next?: CItem; y?: string };\n").count(), 1);
    for count in 0..tools.len() {
        let fewer = catalog(&tools[..count]);
        assert!(stubs.text.starts_with(&fewer.text), "appending a tool changed what was there");
    }
    assert_eq!(stubs, catalog(&tools));
}

/// What is left of a declaration without comments and strings. Panics at the end of an open comment.
fn bare_code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("/*") {
            let end = rest.find("*/").expect("a comment is closed");
            rest = &rest[end + 2..];
        } else if first == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|letter| {
                let closes = letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                closes
            });
            rest = &rest[end.expect("a string is closed") + 2..];
            code.push('S');
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    code
}

#[test]
fn no_text_of_a_stranger_leaves_its_comment_or_string() {
    let pieces = [
        "*/",
        "*",
        "/",
        "/*",
        "//",
        "\n",
        "\r",
        "\u{2028}",
        "\u{2029}",
        "\"",
        "\\",
        "`",
        "${",
        "\0",
        "\u{202e}",
        "\u{e0041}",
        " ",
        "x",
    ];
    for first in pieces {
        for second in pieces {
            for third in pieces {
                let evil = format!("{first}{second}{third}");
                let schema = json!({
                    "description": evil, "type": "object", "required": [evil],
                    "properties": {evil.clone(): {
                        "description": evil, "title": evil, "default": evil, "examples": [evil], "pattern": evil,
                        "format": evil, "not": {"const": evil}, "enum": [evil, 1],
                    }},
                });
                let text = catalog(&[("t", &evil, schema, None)]).text;
                let line_breaks = |letter: char| {
                    letter == '\r' || letter == '\u{2028}' || letter == '\u{2029}' || letter == '\u{202e}'
                };
                assert!(!text.contains(line_breaks), "{text:?}");
                let code: Vec<String> = bare_code(&text).split_whitespace().map(str::to_owned).collect();
                let key = if evil == "xxx" { "xxx:" } else { "S:" };
                let expected =
                    ["declare", "function", "external_t(input:", "{", key, "S", "|", "1", "}):", "Promise<unknown>;"];
                let expected = expected.map(|word| if word == "1" { "1;".to_owned() } else { word.to_owned() });
                let code: Vec<String> =
                    code.into_iter().map(|word| if word == "1" { "1;".to_owned() } else { word }).collect();
                assert_eq!(code, expected, "{text}");
            }
        }
    }
}

#[test]
fn a_long_description_is_cut() {
    let stubs = catalog(&[("t", &"ab ".repeat(1_000_000), json!({}), Some(json!({})))]);
    assert_eq!(
        stubs.text.lines().next().map(|line| line.chars().count()),
        Some("/** ".len() + 2_000 + "… */".chars().count())
    );
}

/// Declares in a small stack and returns the longest time any of a few bombs may take.
fn defuse(name: &str, schema: Value) -> Stubs {
    // Values nested very deep overflow the stack when serde_json drops them; that is not what is tested.
    let schema: &'static Value = Box::leak(Box::new(schema));
    let work = move || {
        let output = Some(schema);
        let tool = ToolSignature::new("t", "external_t", "", schema).output(output);
        declare(&[tool])
    };
    let start = Instant::now();
    let stubs = std::thread::Builder::new().stack_size(1 << 20).spawn(work).expect("a thread starts").join();
    assert!(start.elapsed() < Duration::from_secs(20), "{name} took {:?}", start.elapsed());
    stubs.unwrap_or_else(|_| panic!("{name} panicked"))
}

#[test]
fn bombs_cost_bounded_time_stack_and_text() {
    let each = |count: usize, of: &dyn Fn(usize) -> Value| {
        let definitions: serde_json::Map<String, Value> = (0..count).map(|at| (format!("D{at}"), of(at))).collect();
        json!({"$ref": "#/$defs/D0", "$defs": definitions})
    };
    let to = |at: usize| json!({"$ref": format!("#/$defs/D{at}")});
    // `json!` copies what it is given, level for level, so the nesting is made by moving.
    let nested = |wrap: &dyn Fn(Value) -> Value| (0..20_000).fold(json!({"type": "string"}), |inner, _| wrap(inner));
    let object = |key: &str, inner: Value| Value::Object([(key.to_owned(), inner)].into_iter().collect());
    let array = |inner: Value| Value::Array(vec![inner]);
    let mut wide = String::from("{\"type\":\"object\",\"properties\":{");
    for at in 0..200_000 {
        let _infallible =
            write!(wide, "\"property_{at}\":{{\"type\":\"string\",\"description\":\"{}\"}},", "x".repeat(60));
    }
    wide.push_str("\"last\":{}}}");
    for (name, schema) in [
        ("doubling properties", each(60, &|at| json!({"properties": {"a": to(at + 1), "b": to(at + 1)}}))),
        (
            "doubling allOf",
            each(60, &|at| json!({"allOf": [to(at + 1), to(at + 1), {"required": [format!("k{at}")]}]})),
        ),
        ("doubling anyOf", each(60, &|at| json!({"anyOf": [to(at + 1), {"type": "array", "items": to(at + 1)}]}))),
        (
            "multiplying unions",
            json!({"allOf": (0..40).map(|at| json!({"anyOf": [{"required": [format!("a{at}")]}, {"required": [format!("b{at}")]}]})).collect::<Vec<_>>()}),
        ),
        ("growing objects", each(1_000, &|at| json!({"allOf": [to(at + 1), {"properties": {format!("k{at}"): {}}}]}))),
        ("a long chain", each(5_000, &|at| to(at + 1))),
        ("a long circle", each(5_000, &|at| to((at + 1) % 5_000))),
        ("a long circle of objects", each(5_000, &|at| json!({"properties": {"n": to((at + 1) % 5_000)}}))),
        ("a thin circle", each(1_000, &|at| json!({"anyOf": [to((at + 1) % 1_000), to(at / 2), {"const": at}]}))),
        (
            "everything to everything",
            each(
                200,
                &|_| json!({"properties": (0..200).map(|at| (format!("p{at}"), to(at))).collect::<serde_json::Map<_, _>>()}),
            ),
        ),
        ("deep properties", nested(&|inner| object("properties", object("a", inner)))),
        ("deep items", nested(&|inner| object("items", inner))),
        ("deep anyOf", nested(&|inner| object("anyOf", array(inner)))),
        ("deep allOf", nested(&|inner| object("allOf", array(inner)))),
        ("deep not", object("not", nested(&array))),
        ("deep default", object("default", nested(&array))),
        ("deep const", object("const", nested(&array))),
        ("deep enum", object("enum", nested(&array))),
        ("20 MB", serde_json::from_str(&wide).expect("the schema is JSON")),
        ("100,000 values", json!({"enum": (0..100_000).collect::<Vec<_>>()})),
        ("100,000 members", json!({"anyOf": (0..100_000).map(|at| json!({"const": at})).collect::<Vec<_>>()})),
        ("a long reference", json!({"$ref": format!("#/{}", "a/".repeat(1_000_000))})),
        (
            "10,000 lost references",
            json!({"anyOf": (0..10_000).map(|at| json!({"$id": format!("x{at}"), "$ref": format!("y{at}")})).collect::<Vec<_>>()}),
        ),
    ] {
        let stubs = defuse(name, schema);
        assert!(stubs.text.len() < 300_000, "{name} gave {} bytes", stubs.text.len());
        assert!(stubs.text.contains("declare function external_t(input"), "{name}");
    }
}

/// Random JSON made of schema keywords, in which most things are in the wrong place.
fn noise(random: &mut impl FnMut(usize) -> usize, depth: usize) -> Value {
    const WORDS: &[&str] = &[
        "type",
        "properties",
        "items",
        "$ref",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "enum",
        "const",
        "required",
        "additionalProperties",
        "patternProperties",
        "prefixItems",
        "$defs",
        "$id",
        "$anchor",
        "default",
        "examples",
        "minItems",
        "maxItems",
        "minimum",
        "propertyNames",
        "nullable",
        "description",
        "title",
        "format",
        "object",
        "array",
        "string",
        "integer",
        "#",
        "#/$defs/type",
        "#/properties/items",
        "#/allOf/0",
        "#type",
        "type#",
        "__proto__",
        "*/",
    ];
    let word = |random: &mut dyn FnMut(usize) -> usize| WORDS[random(WORDS.len())].to_owned();
    match random(if depth == 0 { 5 } else { 12 }) {
        0 => Value::Null,
        1 => Value::Bool(random(2) == 0),
        2 => json!(random(7)),
        3 | 4 => Value::String(word(random)),
        5 | 6 => (0..random(4)).map(|_| noise(random, depth - 1)).collect(),
        _ => Value::Object((0..random(6)).map(|_| (word(random), noise(random, depth - 1))).collect()),
    }
}

#[test]
fn nonsense_never_panics() {
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..2_000 {
        let (input, output) = (noise(&mut random, 5), noise(&mut random, 5));
        let text = catalog(&[("t", "", input, Some(output))]).text;
        assert!(bare_code(&text).contains("declare function external_t(input"));
    }
}
