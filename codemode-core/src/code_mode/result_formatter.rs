//! [`ResultFormatter`]: from the [`Reply`] of an execution to what a client gets: structured content for programs, a text
//! for models, images as images. What exceeds the size limit goes to an [`ArtifactStore`], with a handle in the text.
//!
//! It knows no protocol: the caller turns a [`FormattedResult`] into content blocks, messages or a response body.

use serde_json::{Map, Value, json};

use crate::code_mode::{
    artifact::{Artifact, ArtifactStore},
    prompt::BYTES_PER_TOKEN,
    reply::{Reply, ReplyError},
};

/// Formats results within a size limit.
///
/// A truncated text tells the model to read on with the tool `read_result({ handle, offset })`, which the caller provides
/// over [`ArtifactStore::chunk`].
#[derive(Debug, Clone)]
pub struct ResultFormatter {
    store: ArtifactStore,
    max_bytes: usize,
}

/// A formatted [`Reply`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FormattedResult {
    /// Whether the program returned.
    pub success: bool,
    /// The result for a model: the value, the failure with its code frame, the logs, and notes on what was truncated.
    pub text: String,
    /// The result for a program: the reply as JSON, with `truncated` where the result did not fit; see
    /// [`ResultFormatter::truncation_schema`].
    pub structured: Value,
    /// Images that the program returned, as base64.
    pub images: Vec<Artifact>,
}

impl ResultFormatter {
    /// A formatter whose texts hold about `max_bytes` bytes of the result and a quarter as much of the logs.
    pub fn new(store: ArtifactStore, max_bytes: usize) -> Self {
        Self { store, max_bytes }
    }

    /// A formatter for results of about `tokens` tokens, at four bytes each, and at least 1,000 bytes.
    pub fn with_token_budget(store: ArtifactStore, tokens: usize) -> Self {
        Self::new(store, tokens.saturating_mul(BYTES_PER_TOKEN).max(MIN_BYTES))
    }

    /// The store for what does not fit.
    pub fn store(&self) -> &ArtifactStore {
        &self.store
    }

    /// The size limit of one result.
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Formats a reply.
    pub fn format(&self, reply: &Reply) -> FormattedResult {
        let mut notes = Vec::new();
        let mut structured = Map::new();
        structured.insert("success".into(), reply.success.into());
        let mut text = String::new();
        let mut images = Vec::new();
        if let Some(result) = &reply.result {
            let mut value = result.value().unwrap_or_else(|_| result.text().into());
            images = self.images(&value);
            let replaced = self.replace_media(&mut value, 0);
            let (is_text, whole) = match &value {
                Value::String(text) => (true, text.clone()),
                value if replaced > 0 => (false, value.to_string()),
                _ => (false, result.text().to_owned()),
            };
            let mime_type = if is_text { "text/plain" } else { "application/json" };
            match self.excerpt("result", &whole, mime_type, self.max_bytes) {
                None => {
                    structured.insert("result".into(), value);
                    text.push_str(&whole);
                }
                Some(excerpt) => {
                    text.push_str(&excerpt.beginning);
                    structured.insert("result".into(), excerpt.beginning.into());
                    structured.insert("truncated".into(), excerpt.truncation);
                    notes.push(excerpt.note);
                }
            }
        } else if reply.success {
            text.push_str("The program ended without returning a value.");
        }
        if let Some(error) = &reply.error {
            text.push_str(&failure_text(error));
            structured.insert("error".into(), serde_json::to_value(error).unwrap_or(Value::Null));
        }
        if !reply.logs.is_empty() {
            let whole = reply.logs.join("\n");
            let logs = match self.excerpt("logs", &whole, "text/plain", self.max_bytes / 4) {
                None => {
                    structured.insert("logs".into(), json!(reply.logs));
                    whole
                }
                Some(excerpt) => {
                    structured.insert("logs".into(), json!([excerpt.beginning, excerpt.note]));
                    notes.push(excerpt.note);
                    excerpt.beginning
                }
            };
            text.push_str("\n\nlogs:\n");
            text.push_str(&logs);
        }
        if !notes.is_empty() {
            text = format!("{}\n\n{text}", notes.join("\n"));
        }
        FormattedResult { success: reply.success, text, structured: structured.into(), images }
    }

    /// A text within the size limit; `what` names it in the note, such as `answer`.
    pub fn truncate(&self, what: &str, text: &str) -> String {
        match self.excerpt(what, text, "text/plain", self.max_bytes) {
            None => text.to_owned(),
            Some(excerpt) => format!("{}\n\n{}", excerpt.note, excerpt.beginning),
        }
    }

    /// The JSON Schema of `truncated` in [`FormattedResult::structured`].
    pub fn truncation_schema() -> Value {
        json!({
            "type": "object",
            "description": "The result was too long: `result` is the beginning of its text; read_result gives the rest",
            "properties": {
                "bytes": { "type": "integer" },
                "shown": { "type": "integer" },
                "handle": { "type": ["string", "null"] },
                "nextOffset": { "type": "integer" }
            },
            "required": ["bytes", "shown", "handle", "nextOffset"]
        })
    }

    /// The images in a result: the result itself, or the items of a list or fields of an object.
    fn images(&self, value: &Value) -> Vec<Artifact> {
        let candidates = match value {
            Value::Array(items) => items.iter().collect(),
            Value::Object(fields) if fields.get("type").is_none() => fields.values().collect(),
            other => vec![other],
        };
        candidates.into_iter().filter_map(|candidate| self.image(candidate)).take(MAX_IMAGES).collect()
    }

    fn image(&self, value: &Value) -> Option<Artifact> {
        if value.get("type")? != "image" {
            return None;
        }
        let mime_type = value.get("mimeType")?.as_str()?;
        let data = match (value.get("handle"), value.get("data")) {
            (Some(handle), _) => self.store.get(handle.as_str()?).filter(|artifact| artifact.base64)?.data,
            (None, Some(data)) => data.as_str()?.into(),
            (None, None) => return None,
        };
        (data.len() <= MAX_IMAGE_BYTES).then(|| Artifact::base64(mime_type, data))
    }

    /// Replaces the bytes of media by handles, since a model cannot read base64. Returns how many it replaced.
    fn replace_media(&self, value: &mut Value, depth: usize) -> usize {
        if depth > MAX_MEDIA_DEPTH {
            return 0;
        }
        let fields = match value {
            Value::Array(items) => return items.iter_mut().map(|item| self.replace_media(item, depth + 1)).sum(),
            Value::Object(fields) => fields,
            _ => return 0,
        };
        let is_media = matches!(fields.get("type").and_then(Value::as_str), Some("image" | "audio" | "resource"));
        let field = ["data", "blob"].into_iter().find(|field| {
            fields.get(*field).and_then(Value::as_str).is_some_and(|data| data.len() > MAX_INLINE_MEDIA_BYTES)
        });
        let (true, Some(field)) = (is_media, field) else {
            return fields.values_mut().map(|item| self.replace_media(item, depth + 1)).sum();
        };
        let Some(Value::String(data)) = fields.remove(field) else { return 0 };
        let mime_type = fields.get("mimeType").and_then(Value::as_str).unwrap_or("application/octet-stream");
        if let Some(handle) = self.store.put(Artifact::base64(mime_type, data)) {
            fields.insert("handle".into(), handle.into());
        }
        1
    }

    /// The beginning of a text over `max_bytes`, and where the rest is; `None` when the text fits.
    fn excerpt(&self, what: &str, whole: &str, mime_type: &str, max_bytes: usize) -> Option<Excerpt> {
        if whole.len() <= max_bytes {
            return None;
        }
        let at = whole.floor_char_boundary(max_bytes);
        let beginning = whole.get(..at).unwrap_or_default().to_owned();
        let (bytes, handle) = (whole.len(), self.store.put(Artifact::text(mime_type, whole)));
        let rest = match &handle {
            Some(handle) => format!(
                "read on with read_result({{\"handle\": \"{handle}\", \"offset\": {at}}}), or run a program that returns less"
            ),
            None => "the rest is too large to be kept; run a program that returns less".into(),
        };
        let note = format!("[The {what} has {bytes} bytes; these are the first {at}: {rest}.]");
        let truncation = json!({ "bytes": bytes, "shown": at, "handle": handle, "nextOffset": at });
        Some(Excerpt { beginning, note, truncation })
    }
}

struct Excerpt {
    beginning: String,
    /// For the model: sizes, handle, what to do.
    note: String,
    /// The same for a program.
    truncation: Value,
}

/// A failure in the order that helps a model most: what, where, the code frame, what to do next.
fn failure_text(error: &ReplyError) -> String {
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

const MIN_BYTES: usize = 1_000;
/// Base64 of media up to this length stays in the result.
const MAX_INLINE_MEDIA_BYTES: usize = 4 << 10;
const MAX_MEDIA_DEPTH: usize = 8;
const MAX_IMAGES: usize = 4;
const MAX_IMAGE_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Failure, FailureKind, Json, Outcome};

    fn formatter(max_bytes: usize) -> ResultFormatter {
        ResultFormatter::new(ArtifactStore::default(), max_bytes)
    }

    fn reply(value: &Value, logs: &[&str]) -> Reply {
        let mut reply = Reply::of(&Outcome::new(Ok(Some(Json::of(value).expect("it is JSON")))));
        reply.logs = logs.iter().map(|line| (*line).to_owned()).collect();
        reply
    }

    #[test]
    fn a_result_is_structured_and_a_text() {
        let result = formatter(1_000).format(&reply(&json!({ "a": [1, "b"] }), &["one", "two"]));
        assert_eq!(result.text, "{\"a\":[1,\"b\"]}\n\nlogs:\none\ntwo");
        let expected = json!({ "success": true, "result": { "a": [1, "b"] }, "logs": ["one", "two"] });
        assert_eq!((result.structured, result.success), (expected, true));
    }

    #[test]
    fn a_failure_is_an_error_with_its_place() {
        let failure = Failure::new(FailureKind::Threw, "TypeError", "x is not a function").hint("call y instead");
        let result = formatter(1_000).format(&Reply::of(&Outcome::new(Err(failure))));
        assert_eq!(result.text, "TypeError: x is not a function\n\ncall y instead");
        assert!(!result.success);
        assert_eq!(result.structured["error"]["kind"], "threw");
    }

    #[test]
    fn a_long_result_has_a_note_on_top_and_the_rest_behind_a_handle() {
        let formatter = formatter(100);
        let result = formatter.format(&reply(&json!("é".repeat(200)), &["x".repeat(50).as_str()]));
        let structured = &result.structured;
        let handle = structured["truncated"]["handle"].as_str().expect("a handle");
        assert_eq!(&*formatter.store.get(handle).expect("it is kept").data, "é".repeat(200));
        assert_eq!(
            (&structured["result"], &structured["truncated"]["nextOffset"]),
            (&json!("é".repeat(50)), &json!(100))
        );
        let text = &result.text;
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
        let formatter = formatter(1_000);
        let handle = formatter.store.put(Artifact::base64("image/png", "QUJD")).expect("it fits");
        let image = json!({ "type": "image", "mimeType": "image/png", "bytes": 3, "handle": handle });
        for value in [image.clone(), json!([image, 1]), json!({ "chart": image })] {
            let result = formatter.format(&reply(&value, &[]));
            assert_eq!(result.images, [Artifact::base64("image/png", "QUJD")], "{value}");
        }
        let inline = json!({ "content": [{ "type": "image", "mimeType": "image/png", "data": "QUJD".repeat(5_000) }] });
        let result = formatter.format(&reply(&inline, &[]));
        let handle = result.structured["result"]["content"][0]["handle"].as_str().expect("a handle replaces the bytes");
        assert_eq!(formatter.store.get(handle).map(|artifact| artifact.data.len()), Some(20_000));
        assert!(!result.text.contains("QUJD"));
        let forged = json!({ "type": "image", "mimeType": "image/png", "handle": "h_0" });
        assert_eq!(formatter.format(&reply(&forged, &[])).images, []);
    }

    #[test]
    fn a_text_over_the_limit_is_truncated() {
        let formatter = formatter(10);
        assert_eq!(formatter.truncate("answer", "short"), "short");
        let text = formatter.truncate("answer", "0123456789abc");
        assert!(
            text.starts_with("[The answer has 13 bytes; these are the first 10: ") && text.ends_with("\n\n0123456789")
        );
    }
}
