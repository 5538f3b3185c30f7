//! What a client gets of one execution: structured content for programs, a text for models, images as images. What is
//! over the cap stays here under a handle.

use codemode_core::Reply;
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Map, Value, json};

use crate::store::{Store, Stored};

/// Makes results of at most about so many bytes of text.
#[derive(Debug, Clone)]
pub(crate) struct Shaper {
    pub(crate) store: Store,
    pub(crate) most_bytes: usize,
}

impl Shaper {
    pub(crate) fn result(&self, reply: &Reply) -> CallToolResult {
        let mut notes = Vec::new();
        let mut structured = Map::new();
        structured.insert("success".into(), reply.success.into());
        let mut text = String::new();
        let mut images = Vec::new();
        if let Some(result) = &reply.result {
            let mut value = result.value().unwrap_or_else(|_| result.text().into());
            images = self.images(&value);
            let handles = self.lighten(&mut value, 0);
            let (is_text, whole) = match &value {
                Value::String(text) => (true, text.clone()),
                value if handles > 0 => (false, value.to_string()),
                _ => (false, result.text().to_owned()),
            };
            match self.cut("result", &whole, if is_text { "text/plain" } else { "application/json" }, self.most_bytes) {
                None => {
                    structured.insert("result".into(), value);
                    text.push_str(&whole);
                }
                Some(cut) => {
                    text.push_str(&cut.beginning);
                    structured.insert("result".into(), cut.beginning.into());
                    structured.insert("truncated".into(), cut.about);
                    notes.push(cut.note);
                }
            }
        } else if reply.success {
            text.push_str("The program ended without returning a value.");
        }
        if let Some(error) = &reply.error {
            text.push_str(&failure(error));
            structured.insert("error".into(), serde_json::to_value(error).unwrap_or(Value::Null));
        }
        if !reply.logs.is_empty() {
            let whole = reply.logs.join("\n");
            let logs = match self.cut("logs", &whole, "text/plain", self.most_bytes / 4) {
                None => {
                    structured.insert("logs".into(), json!(reply.logs));
                    whole
                }
                Some(cut) => {
                    structured.insert("logs".into(), json!([cut.beginning, cut.note]));
                    notes.push(cut.note);
                    cut.beginning
                }
            };
            text.push_str("\n\nlogs:\n");
            text.push_str(&logs);
        }
        if !notes.is_empty() {
            text = format!("{}\n\n{text}", notes.join("\n"));
        }
        let mut content = vec![ContentBlock::text(text)];
        content.append(&mut images);
        let mut result = if reply.success { CallToolResult::success(content) } else { CallToolResult::error(content) };
        result.structured_content = Some(structured.into());
        result
    }

    /// A text, cut like a result.
    pub(crate) fn text(&self, what: &str, whole: &str) -> CallToolResult {
        let text = match self.cut(what, whole, "text/plain", self.most_bytes) {
            None => whole.to_owned(),
            Some(cut) => format!("{}\n\n{}", cut.note, cut.beginning),
        };
        CallToolResult::success(vec![ContentBlock::text(text)])
    }

    /// Images that the program returned, by themselves or in a list: the model is to see them, not their bytes.
    fn images(&self, value: &Value) -> Vec<ContentBlock> {
        let candidates = match value {
            Value::Array(items) => items.iter().collect(),
            Value::Object(fields) if fields.get("type").is_none() => fields.values().collect(),
            other => vec![other],
        };
        candidates.into_iter().filter_map(|candidate| self.image(candidate)).take(MOST_IMAGES).collect()
    }

    fn image(&self, value: &Value) -> Option<ContentBlock> {
        if value.get("type")? != "image" {
            return None;
        }
        let mime_type = value.get("mimeType")?.as_str()?.to_owned();
        let data = match (value.get("handle"), value.get("data")) {
            (Some(handle), _) => self.store.get(handle.as_str()?).filter(|stored| stored.base64)?.data.to_string(),
            (None, Some(data)) => data.as_str()?.to_owned(),
            (None, None) => return None,
        };
        (data.len() <= MOST_IMAGE_BYTES).then(|| ContentBlock::image(data, mime_type))
    }

    /// Puts handles in place of the bytes of media: base64 tells a model nothing. Counts them.
    fn lighten(&self, value: &mut Value, depth: usize) -> usize {
        if depth > DEEPEST_MEDIA {
            return 0;
        }
        let fields = match value {
            Value::Array(items) => return items.iter_mut().map(|item| self.lighten(item, depth + 1)).sum(),
            Value::Object(fields) => fields,
            _ => return 0,
        };
        let is_media = matches!(fields.get("type").and_then(Value::as_str), Some("image" | "audio" | "resource"));
        let field = ["data", "blob"]
            .into_iter()
            .find(|field| fields.get(*field).and_then(Value::as_str).is_some_and(|data| data.len() > MOST_MEDIA_BYTES));
        let (true, Some(field)) = (is_media, field) else {
            return fields.values_mut().map(|item| self.lighten(item, depth + 1)).sum();
        };
        let Some(Value::String(data)) = fields.remove(field) else { return 0 };
        let mime_type = fields.get("mimeType").and_then(Value::as_str).unwrap_or("application/octet-stream").into();
        if let Some(handle) = self.store.put(Stored { mime_type, data: data.into(), base64: true }) {
            fields.insert("handle".into(), handle.into());
        }
        1
    }

    /// The beginning of what is too long, and where the rest is.
    fn cut(&self, what: &str, whole: &str, mime_type: &str, most_bytes: usize) -> Option<Cut> {
        if whole.len() <= most_bytes {
            return None;
        }
        let at = whole.floor_char_boundary(most_bytes);
        let beginning = whole.get(..at).unwrap_or_default().to_owned();
        let stored = Stored { mime_type: mime_type.into(), data: whole.into(), base64: false };
        let (bytes, handle) = (whole.len(), self.store.put(stored));
        let rest = match &handle {
            Some(handle) => format!(
                "read on with read_result({{\"handle\": \"{handle}\", \"offset\": {at}}}), or run a program that returns less"
            ),
            None => "the rest is too large to be kept; run a program that returns less".into(),
        };
        let note = format!("[The {what} has {bytes} bytes; these are the first {at}: {rest}.]");
        let about = json!({ "bytes": bytes, "shown": at, "handle": handle, "nextOffset": at });
        Some(Cut { beginning, note, about })
    }
}

struct Cut {
    beginning: String,
    note: String,
    about: Value,
}

/// A failure as a model reads it best: what, where, the line itself, what to do.
fn failure(error: &codemode_core::ReplyError) -> String {
    let mut text = format!("{}: {}", error.name, error.message);
    if let Some(line) = error.line {
        let column = error.column.map(|column| format!(", column {column}")).unwrap_or_default();
        text.push_str(&format!(" (line {line}{column})"));
    }
    for more in [&error.code_frame, &error.hint].into_iter().flatten() {
        text.push_str("\n\n");
        text.push_str(more);
    }
    text
}

/// Base64 of media up to this length stays where it is.
const MOST_MEDIA_BYTES: usize = 4 << 10;
const DEEPEST_MEDIA: usize = 8;
const MOST_IMAGES: usize = 4;
const MOST_IMAGE_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use codemode_core::{Failure, FailureKind, Json, Outcome};

    use super::*;

    fn shaper(most_bytes: usize) -> Shaper {
        Shaper { store: Store::default(), most_bytes }
    }

    fn reply(value: &Value, logs: &[&str]) -> Reply {
        let mut reply = Reply::of(&Outcome::new(Ok(Some(Json::of(value).expect("it is JSON")))));
        reply.logs = logs.iter().map(|line| (*line).to_owned()).collect();
        reply
    }

    fn texts(result: &CallToolResult) -> String {
        result.content.iter().filter_map(|block| Some(block.as_text()?.text.clone())).collect()
    }

    #[test]
    fn a_result_is_structured_and_a_text() {
        let result = shaper(1_000).result(&reply(&json!({ "a": [1, "b"] }), &["one", "two"]));
        assert_eq!(texts(&result), "{\"a\":[1,\"b\"]}\n\nlogs:\none\ntwo");
        let expected = json!({ "success": true, "result": { "a": [1, "b"] }, "logs": ["one", "two"] });
        assert_eq!((result.structured_content, result.is_error), (Some(expected), Some(false)));
    }

    #[test]
    fn a_failure_is_an_error_with_its_place() {
        let failure = Failure::new(FailureKind::Threw, "TypeError", "x is not a function").hint("call y instead");
        let result = shaper(1_000).result(&Reply::of(&Outcome::new(Err(failure))));
        assert_eq!(texts(&result), "TypeError: x is not a function\n\ncall y instead");
        assert_eq!(result.is_error, Some(true));
        let structured = result.structured_content.expect("it is structured");
        assert_eq!(structured["error"]["kind"], "threw");
    }

    #[test]
    fn a_long_result_has_a_note_on_top_and_the_rest_behind_a_handle() {
        let shaper = shaper(100);
        let result = shaper.result(&reply(&json!("é".repeat(200)), &["x".repeat(50).as_str()]));
        let structured = result.structured_content.clone().expect("it is structured");
        let handle = structured["truncated"]["handle"].as_str().expect("a handle");
        assert_eq!(&*shaper.store.get(handle).expect("it is kept").data, "é".repeat(200));
        assert_eq!(
            (&structured["result"], &structured["truncated"]["nextOffset"]),
            (&json!("é".repeat(50)), &json!(100))
        );
        let text = texts(&result);
        assert!(
            text.starts_with(
                "[The result has 400 bytes; these are the first 100: read on with read_result({\"handle\": \"h_"
            ),
            "{text}"
        );
        assert!(text.contains("[The logs has 50 bytes; these are the first 25:"), "{text}");
    }

    #[test]
    fn returned_images_are_shown() {
        let shaper = shaper(1_000);
        let stored = Stored { mime_type: "image/png".into(), data: "QUJD".into(), base64: true };
        let handle = shaper.store.put(stored).expect("it fits");
        let image = json!({ "type": "image", "mimeType": "image/png", "bytes": 3, "handle": handle });
        for value in [image.clone(), json!([image, 1]), json!({ "chart": image })] {
            let result = shaper.result(&reply(&value, &[]));
            let images: Vec<&str> = result.content.iter().filter_map(|block| Some(&*block.as_image()?.data)).collect();
            assert_eq!(images, ["QUJD"], "{value}");
        }
        let inline = json!({ "content": [{ "type": "image", "mimeType": "image/png", "data": "QUJD".repeat(5_000) }] });
        let result = shaper.result(&reply(&inline, &[]));
        let structured = result.structured_content.clone().expect("it is structured");
        let handle = structured["result"]["content"][0]["handle"].as_str().expect("a handle stands for the bytes");
        assert_eq!(shaper.store.get(handle).map(|stored| stored.data.len()), Some(20_000));
        assert!(!texts(&result).contains("QUJD"));
        let forged = json!({ "type": "image", "mimeType": "image/png", "handle": "h_0" });
        assert_eq!(shaper.result(&reply(&forged, &[])).content.len(), 1);
    }
}
