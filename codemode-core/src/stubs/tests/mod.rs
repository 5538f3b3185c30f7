//! Schemas and the exact text they become.
//!
//! Each text was checked with the TypeScript compiler (`strict`) when it was written down.

mod tools;

use serde_json::Value;

use crate::stubs::{ToolSignature, declare};

/// Declares a tool with each schema as its output and compares the named types and the output type.
fn check(cases: &[(&str, &str)]) {
    for (schema, expected) in cases {
        let schema: Value = serde_json::from_str(schema).expect("the schema is JSON");
        let input = Value::Bool(true);
        let tool = ToolSignature::new("t", "external_t", "", &input).output(&schema);
        let text = declare(&[tool]).text;
        let shown = text.replace("declare function external_t(input?: {}): Promise<", "").replace(">;\n", "\n");
        assert_eq!(shown.trim_end(), expected.trim_start(), "{schema}");
    }
}

#[test]
fn plain_values() {
    check(&[
        (r#"{"type":"string"}"#, "string"),
        (
            r#"{"type":"integer"}"#,
            r"/** @returns @integer */
number",
        ),
        (r#"{"type":"boolean"}"#, "boolean"),
        (r#"{"type":"null"}"#, "null"),
        ("{}", "unknown"),
        ("true", "unknown"),
        ("false", "never"),
        (
            r#"{"type":["null","string","integer"]}"#,
            r"/** @returns @integer */
string | number | null",
        ),
        (r#"{"type":"string","nullable":true}"#, "string | null"),
    ]);
}

#[test]
fn literals() {
    check(&[
        (r#"{"enum":["a","b"]}"#, r#""a" | "b""#),
        (r#"{"enum":["a",1,null,true]}"#, r#""a" | 1 | true | null"#),
        (r#"{"type":"string","enum":["a",1]}"#, r#""a""#),
        (r#"{"type":"string","enum":["a"],"nullable":true}"#, r#""a" | null"#),
        (r#"{"enum":[true,false,"x"]}"#, r#"boolean | "x""#),
        (r#"{"const":-1.5}"#, "-1.5"),
        (r#"{"const":{"a":[1,{"b c":null}]}}"#, r#"{ a: [1, { "b c": null }] }"#),
        (r#"{"enum":[]}"#, "never"),
        (r#"{"enum":["\"\\\n\u2028*/\u202e"]}"#, r#""\"\\\n\u2028*/\u202e""#),
    ]);
}

#[test]
fn objects() {
    check(&[
        (
            r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"number"}},"required":["a"]}"#,
            "{ a: string; b?: number }",
        ),
        (r#"{"properties":{"a":{"type":"string"}}}"#, "{ a?: string }"),
        (r#"{"required":["a"]}"#, "{ a: unknown }"),
        (r#"{"type":"object"}"#, "Record<string, unknown>"),
        (r#"{"type":"object","additionalProperties":false}"#, "Record<string, never>"),
        (r#"{"type":"object","additionalProperties":{"type":"number"}}"#, "Record<string, number>"),
        (
            r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":true}"#,
            "{ a: string; [key: string]: unknown }",
        ),
        (
            r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":{"type":"number"}}"#,
            "{ a: string; [key: string]: number | string }",
        ),
        (
            r#"{"type":"object","properties":{"a":{"enum":["x"]}},"additionalProperties":{"type":"string"}}"#,
            r#"{ a?: "x"; [key: string]: string | undefined }"#,
        ),
        (
            r#"{"type":"object","patternProperties":{"^x-":{"type":"number"}},"additionalProperties":false}"#,
            r"/** @returns (keys match ^x-) */
Record<string, number>",
        ),
        (
            r#"{"type":"object","propertyNames":{"enum":["a","b"]},"additionalProperties":{"type":"number"},"required":["a"]}"#,
            "{ a: number; b?: number }",
        ),
        (
            r#"{"type":"object","properties":{"a-b":{"type":"string"},"1":{"type":"string"},"":{"type":"string"},
                "new":{"type":"string"},"\u00e9":{"type":"string"},"\"":{"type":"string"}}}"#,
            r#"{
  "a-b"?: string;
  "1"?: string;
  ""?: string;
  new?: string;
  "é"?: string;
  "\""?: string;
}"#,
        ),
        (r#"{"type":"object","properties":{"a":{"type":"string","required":true}}}"#, "{ a: string }"),
    ]);
}

#[test]
fn arrays_and_tuples() {
    check(&[
        (r#"{"type":"array"}"#, "unknown[]"),
        (r#"{"type":"array","items":{"type":"string"}}"#, "string[]"),
        (r#"{"type":"array","items":{"type":["string","number"]}}"#, "(string | number)[]"),
        (
            r#"{"type":"array","items":{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"number"}}]}}"#,
            "(string | number[])[]",
        ),
        (r#"{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"number"}}]}"#, "string | number[]"),
        (
            r##"{"type":"array","items":{"allOf":[{"$ref":"#/$defs/A"},{"$ref":"#/$defs/B"}]},"$defs":{"A":{"type":"array",
                "prefixItems":[{}]},"B":{"type":"array","prefixItems":[{"type":"string"}]}}}"##,
            "([unknown] & [string])[]",
        ),
        (r#"{"type":"array","prefixItems":[{"type":"string"},{"type":"number"}]}"#, "[string, number]"),
        (
            r#"{"type":"array","prefixItems":[{"type":"string"},{"type":["number","null"]}],"minItems":1,"items":false}"#,
            "[string, (number | null)?]",
        ),
        (
            r#"{"type":"array","items":[{"type":"string"}],"additionalItems":{"type":["number","boolean"]}}"#,
            "[string, ...(number | boolean)[]]",
        ),
        (r#"{"type":"array","prefixItems":[{"type":"string"}],"items":true,"minItems":0}"#, "[string?, ...unknown[]]"),
        (r#"{"type":"array","items":{"type":"number"},"minItems":2,"maxItems":2}"#, "[number, number]"),
        (r#"{"type":"array","items":false}"#, "[]"),
        (r#"{"type":"array","items":{"type":"string","description":"One tag."}}"#, "(/** One tag. */ string)[]"),
    ]);
}

#[test]
fn combinations() {
    check(&[
        (
            r#"{"oneOf":[{"type":"object","properties":{"kind":{"const":"a"}},"required":["kind"]},{"type":"null"}],
                "discriminator":{"propertyName":"kind"}}"#,
            r#"{ kind: "a" } | null"#,
        ),
        (
            r#"{"anyOf":[{"type":"string","description":"by name"},{"type":"number","description":"by number"}]}"#,
            "/** by name */ string | /** by number */ number",
        ),
        (
            r#"{"anyOf":[{"type":"string","description":"only"}]}"#,
            r"/** @returns only */
string",
        ),
        (
            r#"{"allOf":[{"properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"number"},
                "a":{"enum":["x","y"]}}}]}"#,
            r#"{ a: "x" | "y"; b?: number }"#,
        ),
        (r#"{"allOf":[{"type":"string"},{"enum":["a",1]}]}"#, r#""a""#),
        (r#"{"allOf":[{"type":"string"},{"type":"number"}]}"#, "never"),
        (r#"{"allOf":[{"type":["string","number"]},{"type":["number","null"]}]}"#, "number"),
        (
            r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"anyOf":[{"required":["a"]},
                {"required":["b"]}]}"#,
            "{ a: string; b?: string } | { a?: string; b: string }",
        ),
        (
            r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"},"c":{"type":"string"},"d":{"type":"string"}},
                "oneOf":[{"required":["a"]},{"required":["b"]}]}"#,
            "{ a?: string; b?: string; c?: string; d?: string } & ({ a: unknown } | { b: unknown })",
        ),
        (
            r#"{"type":"object","properties":{"k":{"enum":["a","b"]}},"if":{"properties":{"k":{"const":"a"}}},
                "then":{"properties":{"x":{"type":"number"}}}}"#,
            r#"/** @returns (if {"properties":{"k":{"const":"a"}}}, then {"properties":{"x":{"type":"number"}}}) */
{ k?: "a" | "b"; x?: number }"#,
        ),
        (
            r#"{"type":"object","if":{"properties":{"k":{"const":"a"}}},"then":{"properties":{"x":{"type":"number"}}},
                "else":{"properties":{"y":{"type":"number"}}}}"#,
            r#"{ k?: "a"; x?: number } | { y?: number }"#,
        ),
        (
            r#"{"type":"string","not":{"const":"a"}}"#,
            r#"/** @returns (not {"const":"a"}) */
string"#,
        ),
        (
            r#"{"not":{}}"#,
            r"/** @returns (not {}) */
never",
        ),
    ]);
}

#[test]
fn references() {
    check(&[
        (r##"{"$ref":"#/$defs/A","$defs":{"A":{"type":"string"}}}"##, "string"),
        (r##"{"$ref":"#/definitions/a~1b~0c%20d","definitions":{"a/b~c d":{"type":"number"}}}"##, "number"),
        (r##"{"$ref":"#here","$defs":{"A":{"$anchor":"here","type":"number"}}}"##, "number"),
        (
            r##"{"$ref":"schemas/b","$id":"https://x.test/a","$defs":{"B":{"$id":"https://x.test/schemas/b","$ref":"#/$defs/C",
                "$defs":{"C":{"type":"string"}}}}}"##,
            "string",
        ),
        (
            r##"{"$ref":"#/$defs/A","properties":{"b":{"type":"number"}},"$defs":{"A":{"properties":{"a":{"type":"string"}}}}}"##,
            "{ b?: number; a?: string }",
        ),
        (
            r##"{"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/A","properties":{"b":{"type":"number"}},
                "definitions":{"A":{"properties":{"a":{"type":"string"}}}}}"##,
            "{ a?: string }",
        ),
        (
            r##"{"allOf":[{"$ref":"#/$defs/A"}],"nullable":true,"$defs":{"A":{"properties":{"a":{"type":"string"}}}}}"##,
            "{ a?: string } | null",
        ),
        (
            r##"{"properties":{"a":{"$ref":"#/$defs/A"},"b":{"$ref":"#/$defs/A","description":"Mine."}},"$defs":{"A":{"type":"string",
                "description":"A name."}}}"##,
            "{ /** A name. */ a?: string; /** Mine. */ b?: string }",
        ),
    ]);
}

#[test]
fn names_only_where_they_save() {
    check(&[
        (
            r##"{"properties":{"from":{"$ref":"#/$defs/Addr"},"to":{"$ref":"#/$defs/Addr"}},"$defs":{"Addr":{"description":"Where.",
                "properties":{"street":{"type":"string"},"city":{"type":"string"},"postcode":{"type":"string"}}}}}"##,
            r"/** Where. */
type Addr = { street?: string; city?: string; postcode?: string };
{ from?: Addr; to?: Addr }",
        ),
        (
            r##"{"properties":{"a":{"$ref":"#/$defs/P"},"b":{"$ref":"#/$defs/P"}},"$defs":{"P":{"properties":{"x":{"type":"number"}}}}}"##,
            "{ a?: { x?: number }; b?: { x?: number } }",
        ),
        (
            r#"{"properties":{"homeAddress":{"properties":{"street":{"type":"string"},"city":{"type":"string"},
                "postcode":{"type":"string"}}},"workAddress":{"properties":{"street":{"type":"string"},"city":{"type":"string"},
                "postcode":{"type":"string"}}}}}"#,
            r"type Address = { street?: string; city?: string; postcode?: string };
{ homeAddress?: Address; workAddress?: Address }",
        ),
        (
            r#"{"properties":{"this":{"properties":{"street":{"type":"string"},"city":{"type":"string"},"postcode":{"type":"string"}}},
                "that":{"properties":{"street":{"type":"string"},"city":{"type":"string"},"postcode":{"type":"string"}}}}}"#,
            r"{
  this?: { street?: string; city?: string; postcode?: string };
  that?: { street?: string; city?: string; postcode?: string };
}",
        ),
    ]);
}

#[test]
fn recursion() {
    check(&[
        (
            r##"{"properties":{"kids":{"type":"array","items":{"$ref":"#"}}}}"##,
            r"type TOutput = { kids?: TOutput[] };
TOutput",
        ),
        (
            r##"{"$ref":"#/$defs/A","$defs":{"A":{"properties":{"b":{"$ref":"#/$defs/B"}}},"B":{"properties":{"a":{"anyOf":[{"$ref":"#/$defs/A"},
                {"type":"null"}]}}}}}"##,
            r"type A = { b?: { a?: A | null } };
A",
        ),
        (
            r##"{"$ref":"#/$defs/Json","$defs":{"Json":{"anyOf":[{"type":"string"},{"type":"array","items":{"$ref":"#/$defs/Json"}},
                {"type":"object","additionalProperties":{"$ref":"#/$defs/Json"}}]}}}"##,
            r"type Json = string | Json[] | { [key: string]: Json };
Json",
        ),
        (
            r##"{"$ref":"#/$defs/Dog","$defs":{"Pet":{"properties":{"owner":{"$ref":"#/$defs/Pet"}}},"Dog":{"allOf":[{"$ref":"#/$defs/Pet"},
                {"properties":{"bark":{"type":"boolean"}}}]}}}"##,
            r"type Pet = { owner?: Pet };
{ owner?: Pet; bark?: boolean }",
        ),
        (
            r##"{"$ref":"#/$defs/Node","$defs":{"Node":{"properties":{"kids":{"type":"array","items":{"allOf":[{"$ref":"#/$defs/Node"},
                {"required":["extra"]}]}}}}}}"##,
            r"type TNode = { kids?: (TNode & { extra: unknown })[] };
TNode",
        ),
        (
            r##"{"$ref":"#/$defs/Date","$defs":{"Date":{"properties":{"next":{"$ref":"#/$defs/Date"}}}}}"##,
            r"type TDate = { next?: TDate };
TDate",
        ),
        (
            r##"{"$ref":"#/$defs/A","$defs":{"A":{"anyOf":[{"$ref":"#/$defs/A"},{"type":"string"}]}}}"##,
            r"type A = unknown;
/** @returns Schema error: a $ref leads back to itself with nothing in between */
A",
        ),
        (
            r##"{"$ref":"#/$defs/A","$defs":{"A":{"$ref":"#/$defs/B"},"B":{"$ref":"#/$defs/A"}}}"##,
            r"/** @returns Schema error: a $ref leads back to itself with nothing in between */
unknown",
        ),
    ]);
}

#[test]
fn docs() {
    check(&[
        (
            r#"{"properties":{"a":{"type":"integer","description":"How\n many.","default":20,"minimum":1,"maximum":100,
                "deprecated":true}}}"#,
            r"{
  /** How many. @deprecated @integer @minimum 1 @maximum 100 @default 20 */ a?: number;
}",
        ),
        (
            r#"{"properties":{"a":{"type":"string","format":"date-time","pattern":"^*/$","minLength":1,"examples":["x",
                {"y":1},"z"]}}}"#,
            r#"{
  /** @format date-time @pattern ^*\/$ @minLength 1 @example "x" @example {"y":1} */ a?: string;
}"#,
        ),
        (
            r#"{"properties":{"a":{"type":"string","title":"A"},"b":{"type":"string","title":"Second one"}}}"#,
            "{ a?: string; /** Second one */ b?: string }",
        ),
        (
            r#"{"properties":{"a":{"type":"number","minimum":0,"exclusiveMinimum":true,"maximum":9007199254740991}}}"#,
            "{ /** @exclusiveMinimum 0 */ a?: number }",
        ),
        (
            r#"{"properties":{"a":{"type":"string","description":"*/ evil(); /*","default":"*/\u2028"}}}"#,
            r#"{ /** *\/ evil(); /* @default "*\/\u2028" */ a?: string }"#,
        ),
        (
            r#"{"properties":{"long_property_name_one":{"type":"string","description":"The first of several."},
                "long_property_name_two":{"properties":{"a":{"type":"string"}}}}}"#,
            r"{
  /** The first of several. */ long_property_name_one?: string;
  long_property_name_two?: { a?: string };
}",
        ),
    ]);
}
