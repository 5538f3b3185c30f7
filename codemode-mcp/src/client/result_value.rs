//! From an MCP tool result to the value that a program gets: the value itself, without its envelope.
//!
//! In this order: `isError` throws; `structuredContent`; a text that is JSON, parsed; a text; other content as typed
//! objects, in which a handle replaces large data.

use codemode_core::{Artifact, ArtifactStore, ToolError};
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::{Number, Value, json};

/// The value of a result.
///
/// # Errors
/// With the server's own text, when it reports that the tool failed.
pub(crate) fn result_value(result: CallToolResult, store: &ArtifactStore) -> Result<Value, ToolError> {
    if result.is_error == Some(true) {
        return Err(failure(result));
    }
    if let Some(structured) = result.structured_content {
        return Ok(structured);
    }
    let mut blocks = result.content;
    if let [ContentBlock::Text(_)] | [] = blocks.as_slice() {
        return Ok(match blocks.pop() {
            Some(ContentBlock::Text(text)) => parsed(text.text),
            _ => Value::Null,
        });
    }
    if blocks.iter().all(|block| matches!(block, ContentBlock::Text(_))) {
        return Ok(blocks.into_iter().map(|block| text_of(block).map_or(Value::Null, parsed)).collect());
    }
    let mut objects: Vec<Value> = blocks.into_iter().map(|block| object(block, store)).collect();
    Ok(if objects.len() == 1 { objects.remove(0) } else { objects.into() })
}

fn failure(result: CallToolResult) -> ToolError {
    let texts: Vec<String> = result.content.into_iter().filter_map(text_of).collect();
    let mut message = texts.join("\n");
    if message.trim().is_empty() {
        message = match &result.structured_content {
            Some(structured) => structured.to_string(),
            None => "the tool failed and its server did not say why".into(),
        };
    }
    if message.len() > MAX_ERROR_BYTES {
        message.truncate(message.floor_char_boundary(MAX_ERROR_BYTES));
        message.push_str(" … (cut)");
    }
    let error = ToolError::new(message).code("TOOL_FAILED");
    match result.structured_content {
        Some(structured) => error.data(structured),
        None => error,
    }
}

fn text_of(block: ContentBlock) -> Option<String> {
    match block {
        ContentBlock::Text(text) => Some(text.text),
        _ => None,
    }
}

/// The value of a text that is JSON, or the text itself where parsing would lose digits.
fn parsed(text: String) -> Value {
    let looks = text.trim_start().as_bytes().first().is_some_and(|byte| b"{[\"-0123456789tfn".contains(byte));
    if !looks {
        return text.into();
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Number(number)) if !survives(&number, text.trim()) => text.into(),
        Ok(value) => value,
        Err(_) => text.into(),
    }
}

/// Whether a number is the same after JavaScript has read it. An order number of 19 digits is not.
fn survives(number: &Number, text: &str) -> bool {
    const MAX_EXACT: u64 = 1 << 53;
    match (number.as_i64(), number.as_u64()) {
        (Some(whole), _) => whole.unsigned_abs() <= MAX_EXACT,
        (None, Some(_)) => false,
        (None, None) => number.to_string() == text,
    }
}

/// Content other than text, as a typed object.
fn object(block: ContentBlock, store: &ArtifactStore) -> Value {
    match block {
        ContentBlock::Text(text) => json!({ "type": "text", "text": text.text }),
        ContentBlock::Image(image) => binary("image", None, Some(image.mime_type), image.data, store),
        ContentBlock::Audio(audio) => binary("audio", None, Some(audio.mime_type), audio.data, store),
        ContentBlock::Resource(embedded) => match embedded.resource {
            ResourceContents::TextResourceContents { uri, mime_type, text, .. } => {
                let mut object = json!({ "type": "resource", "uri": uri, "text": text });
                if let (Some(mime_type), Some(object)) = (mime_type, object.as_object_mut()) {
                    object.insert("mimeType".into(), mime_type.into());
                }
                object
            }
            ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
                binary("resource", Some(uri), mime_type, blob, store)
            }
            #[allow(unreachable_patterns)] // The enum may grow.
            _ => json!({ "type": "unknown" }),
        },
        // A resource link, and kinds that the protocol may add: unchanged, without the protocol's own metadata.
        other => {
            let mut value = serde_json::to_value(&other).unwrap_or(Value::Null);
            if let Some(object) = value.as_object_mut() {
                object.retain(|name, _| !matches!(name.as_str(), "_meta" | "annotations" | "icons"));
            }
            value
        }
    }
}

fn binary(kind: &str, uri: Option<String>, mime_type: Option<String>, data: String, store: &ArtifactStore) -> Value {
    // It is kept with the data; no type of content has a name so long.
    let mime_type = mime_type.filter(|mime_type| mime_type.len() <= MAX_MIME_TYPE_BYTES);
    let mime_type = mime_type.unwrap_or_else(|| "application/octet-stream".into());
    let mut object = json!({ "type": kind, "mimeType": mime_type, "bytes": decoded_bytes(&data) });
    let Some(fields) = object.as_object_mut() else { return object };
    if let Some(uri) = uri {
        fields.insert("uri".into(), uri.into());
    }
    let name = if kind == "resource" { "blob" } else { "data" };
    if data.len() <= MAX_INLINE_BYTES {
        fields.insert(name.into(), data.into());
        return object;
    }
    match store.put(Artifact::base64(mime_type, data)) {
        Some(handle) => fields.insert("handle".into(), handle.into()),
        None => fields.insert("error".into(), "it is larger than everything that is kept here together".into()),
    };
    object
}

/// The decoded length of a base64 text.
fn decoded_bytes(base64: &str) -> usize {
    let padding = base64.bytes().rev().take_while(|byte| *byte == b'=').count().min(2);
    (base64.len() / 4 * 3).saturating_sub(padding)
}

/// Base64 up to this length, some thousand tokens, is returned inline; a handle replaces longer data.
const MAX_INLINE_BYTES: usize = 4 << 10;
const MAX_ERROR_BYTES: usize = 8 << 10;
const MAX_MIME_TYPE_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use rmcp::model::Resource;

    use super::*;

    fn texts(texts: &[&str]) -> CallToolResult {
        CallToolResult::success(texts.iter().map(|text| ContentBlock::text(*text)).collect())
    }

    fn unwrapped(result: CallToolResult) -> Value {
        result_value(result, &ArtifactStore::default()).expect("the tool worked")
    }

    #[test]
    fn structured_content_comes_before_text_and_null_counts() {
        let mut result = texts(&["{\"a\":1}"]);
        result.structured_content = Some(json!({ "a": 2 }));
        assert_eq!(unwrapped(result.clone()), json!({ "a": 2 }));
        result.structured_content = Some(Value::Null);
        assert_eq!(unwrapped(result), Value::Null);
    }

    #[test]
    fn a_text_that_is_json_is_parsed_unless_digits_would_be_lost() {
        for (text, expected) in [
            ("{\"a\":[1]}", json!({ "a": [1] })),
            (" [1, 2]\n", json!([1, 2])),
            ("42", json!(42)),
            ("-0.5", json!(-0.5)),
            ("true", json!(true)),
            ("null", Value::Null),
            ("\"quoted\"", json!("quoted")),
            ("9007199254740993", json!("9007199254740993")),
            ("12345678901234567890", json!("12345678901234567890")),
            ("1.00", json!("1.00")),
            ("007", json!("007")),
            ("{not json", json!("{not json")),
            ("plain", json!("plain")),
            ("", json!("")),
        ] {
            assert_eq!(unwrapped(texts(&[text])), expected, "{text}");
        }
        assert_eq!(unwrapped(texts(&[&"[".repeat(5_000)])), json!("[".repeat(5_000)));
    }

    #[test]
    fn several_texts_are_a_list_and_none_is_null() {
        assert_eq!(unwrapped(texts(&["a", "{\"b\":1}"])), json!(["a", { "b": 1 }]));
        assert_eq!(unwrapped(texts(&[])), Value::Null);
    }

    #[test]
    fn a_failed_tool_throws_its_own_text() {
        let mut result = texts(&["no such city", "try Rome"]);
        result.is_error = Some(true);
        result.structured_content = Some(json!({ "city": "x" }));
        let error = result_value(result, &ArtifactStore::default()).expect_err("it failed");
        assert_eq!(error, ToolError::new("no such city\ntry Rome").code("TOOL_FAILED").data(json!({ "city": "x" })));
    }

    #[test]
    fn other_content_is_typed_and_large_data_is_a_handle() {
        let store = ArtifactStore::default();
        let large = "QUJD".repeat(2_000);
        let result = CallToolResult::success(vec![
            ContentBlock::text("42"),
            ContentBlock::image("QUI=", "image/png"),
            ContentBlock::image(large.clone(), "image/png"),
            ContentBlock::resource(ResourceContents::text("hello", "file:///a")),
            ContentBlock::resource_link(Resource::new("file:///b", "b")),
        ]);
        let value = result_value(result, &store).expect("the tool worked");
        let handle = value[2]["handle"].as_str().expect("a large image has a handle");
        assert_eq!(&*store.get(handle).expect("it is kept").data, large);
        assert_eq!(
            value,
            json!([
                { "type": "text", "text": "42" },
                { "type": "image", "mimeType": "image/png", "bytes": 2, "data": "QUI=" },
                { "type": "image", "mimeType": "image/png", "bytes": 6_000, "handle": handle },
                { "type": "resource", "uri": "file:///a", "text": "hello", "mimeType": "text/plain" },
                { "type": "resource_link", "uri": "file:///b", "name": "b" },
            ])
        );
        let lone = CallToolResult::success(vec![ContentBlock::image("QUI=", "image/png")]);
        assert_eq!(unwrapped(lone)["type"], "image");
    }
}
