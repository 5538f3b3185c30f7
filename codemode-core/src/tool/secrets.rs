//! Parameters of tools that look as if they wanted a secret.
//!
//! A program is written by a model: whatever it passes to a tool stood in the model's context before, and may be sent to
//! any other tool. A key belongs into the tool's own code.

use std::{fmt, sync::Arc};

use serde_json::Value;

use crate::stubs::has_type_of_text;
use codemode_typescript::names::words;

/// What to do about parameters that look like secrets.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum SecretCheck {
    /// Say so through [`CodeModeBuilder::on_warning`](crate::CodeModeBuilder::on_warning) when the catalog is built.
    #[default]
    Warn,
    /// Do not build the catalog.
    Refuse,
    /// Say nothing.
    Ignore,
    /// Ask for each of them.
    Ask(Arc<dyn Fn(&SecretParameter) -> SecretCheck + Send + Sync>),
}

impl SecretCheck {
    /// Asks `decide` for each parameter. If it returns [`Ask`](Self::Ask) itself, the parameter is treated as
    /// [`Warn`](Self::Warn).
    pub fn ask(decide: impl Fn(&SecretParameter) -> SecretCheck + Send + Sync + 'static) -> Self {
        Self::Ask(Arc::new(decide))
    }

    /// Warnings, or the parameter for which nothing may be built.
    pub(crate) fn judge(&self, found: Vec<SecretParameter>) -> Result<Vec<String>, SecretParameter> {
        let mut warnings = Vec::new();
        for parameter in found {
            let asked = match self {
                Self::Ask(decide) => decide(&parameter),
                known => known.clone(),
            };
            match asked {
                Self::Ignore => {}
                Self::Refuse => return Err(parameter),
                Self::Warn | Self::Ask(_) => warnings.push(parameter.to_string()),
            }
        }
        Ok(warnings)
    }
}

impl fmt::Debug for SecretCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warn => "Warn",
            Self::Refuse => "Refuse",
            Self::Ignore => "Ignore",
            Self::Ask(_) => "Ask",
        })
    }
}

/// A parameter that looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretParameter {
    /// The tool's own name.
    pub tool: String,
    /// The parameter, with the objects around it, such as `auth.apiKey`.
    pub path: String,
}

impl fmt::Display for SecretParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the parameter {} of tool {} looks like a secret: programs are written by a model, which would have to know it; keep it in the tool itself",
            self.path, self.tool
        )
    }
}

/// The parameters of a tool that look like secrets.
pub(crate) fn secret_parameters(tool: &str, input: &Value) -> Vec<SecretParameter> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), input, 0)];
    while let Some((path, schema, depth)) = open.pop() {
        if depth > MAX_DEPTH || found.len() >= MAX_FOUND {
            continue;
        }
        for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if looks_secret(key) && has_type_of_text(inner) {
                found.push(SecretParameter { tool: tool.to_owned(), path });
            } else {
                open.push((path, inner, depth + 1));
            }
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let members = schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
            open.extend(members.map(|member| (path.clone(), member, depth + 1)));
        }
        open.extend(schema.get("items").map(|items| (format!("{path}[]"), items, depth + 1)));
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.dedup();
    found
}

/// `apiKey`, `access_token`, `password`; not `nextPageToken`, `maxTokens`, `publicKey`, `byApiKey`.
fn looks_secret(name: &str) -> bool {
    let words = words(name);
    let has = |word: &str| words.iter().any(|have| have == word);
    let pair = |one: &str, two: &str| words.windows(2).any(|pair| pair[0] == one && pair[1] == two);
    let harmless = HARMLESS.iter().any(|word| has(word));
    let certain = CERTAIN.iter().any(|word| has(word));
    let key =
        ["api", "access", "private", "secret", "auth", "encryption", "signing", "ssh"].iter().any(|of| pair(of, "key"));
    !harmless && (certain || key || has("apikey") || words.last().is_some_and(|last| last == "token"))
}

const CERTAIN: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "credential",
    "credentials",
    "authorization",
    "bearer",
    "cvv",
];

/// Tokens that mark a place in a list, counts, and questions about a secret.
const HARMLESS: &[&str] = &[
    "page",
    "next",
    "previous",
    "prev",
    "sync",
    "continuation",
    "cursor",
    "max",
    "min",
    "count",
    "limit",
    "by",
    "has",
    "is",
    "name",
    "id",
    "type",
    "expires",
    "public",
    "reset",
];

const MAX_DEPTH: usize = 8;
const MAX_FOUND: usize = 20;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_told_from_what_only_sounds_like_them() {
        for name in ["password", "apiKey", "api_key", "accessToken", "token", "clientSecret", "Authorization", "sshKey"]
        {
            assert!(looks_secret(name), "{name}");
        }
        for name in
            ["nextPageToken", "maxTokens", "pageToken", "key", "publicKey", "byApiKey", "tokens", "secretId", "name"]
        {
            assert!(!looks_secret(name), "{name}");
        }
    }

    #[test]
    fn they_are_found_inside_and_only_where_they_take_text() {
        let input = json!({
            "properties": {
                "auth": { "type": "object", "properties": { "apiKey": { "type": "string" } } },
                "token": { "type": "boolean" },
                "users": { "type": "array", "items": { "properties": { "password": {} } } }
            }
        });
        let found = secret_parameters("login", &input);
        let paths: Vec<&str> = found.iter().map(|parameter| parameter.path.as_str()).collect();
        assert_eq!(paths, ["auth.apiKey", "users[].password"]);
    }

    #[test]
    fn the_host_decides() {
        let found = || secret_parameters("login", &json!({ "properties": { "password": {}, "token": {} } }));
        assert_eq!(SecretCheck::Warn.judge(found()).map(|warnings| warnings.len()), Ok(2));
        assert_eq!(SecretCheck::Ignore.judge(found()), Ok(Vec::new()));
        assert_eq!(SecretCheck::Refuse.judge(found()).map_err(|parameter| parameter.path), Err("password".to_owned()));
        let ask = SecretCheck::ask(|parameter| match parameter.path.as_str() {
            "token" => SecretCheck::Refuse,
            _ => SecretCheck::Ignore,
        });
        assert_eq!(ask.judge(found()).map_err(|parameter| parameter.path), Err("token".to_owned()));
    }
}
