//! The `mcpServers` file as it is written, and how it becomes checked [`ServerConfig`]s.

use std::{collections::BTreeMap, time::Duration};

use codemode_core::{Error, ErrorKind};
#[cfg(feature = "client-http")]
use http::{HeaderName, HeaderValue};
use indexmap::IndexMap;
use serde::Deserialize;

#[cfg(feature = "client-http")]
use super::server::HttpEndpoint;
use super::{
    expand::expand,
    server::{Command, DEFAULT_START_TIMEOUT, Endpoint, ServerConfig},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(alias = "servers")]
    mcp_servers: IndexMap<String, Server>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Server {
    #[serde(rename = "type", alias = "transport")]
    kind: Option<String>,
    command: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    cwd: Option<String>,
    url: Option<String>,
    #[serde(default)]
    #[cfg_attr(not(feature = "client-http"), expect(dead_code, reason = "part of the format in every build"))]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    lazy: bool,
    #[serde(default)]
    disabled: bool,
    timeout_ms: Option<u64>,
    start_timeout_ms: Option<u64>,
    max_concurrency: Option<usize>,
}

const FIELDS: [&str; 16] = [
    "type",
    "command",
    "args",
    "env",
    "cwd",
    "url",
    "headers",
    "include",
    "exclude",
    "lazy",
    "disabled",
    "timeoutMs",
    "startTimeoutMs",
    "maxConcurrency",
    "mcpServers",
    "servers",
];

/// The servers that are not disabled, and a warning for each unknown field. `name` stands for the text in errors.
pub(super) fn read(
    text: &str,
    name: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<(Vec<ServerConfig>, Vec<String>), Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('[') {
        return Err(wrong(name, ".", "is a list; it must be { \"mcpServers\": { \"name\": { … } } }", None));
    }
    let mut ignored = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let file: Result<File, _> = serde_ignored::deserialize(tracked, |path| ignored.push(path.to_string()));
    let file = match file {
        Ok(file) => file,
        Err(error) => {
            let (path, at) = (track.path().to_string(), (error.line(), error.column()));
            return Err(wrong(name, &path, &format!("{error}"), (at.0 > 0).then_some(at.0)));
        }
    };
    deserializer.end().map_err(|error| wrong(name, ".", &error.to_string(), Some(error.line())))?;
    let warnings = ignored.iter().map(|path| format!("{name}: {}", unknown(path))).collect();
    let mut servers = Vec::new();
    for (server, raw) in file.mcp_servers {
        if !raw.disabled {
            let place = |field: &str| format!("mcpServers.{server}{field}");
            let checked = checked(&server, raw, lookup).map_err(|(field, why)| {
                wrong(name, &place(&field.map(|f| format!(".{f}")).unwrap_or_default()), &why, None)
            })?;
            servers.push(checked);
        }
    }
    Ok((servers, warnings))
}

/// A mistake in one server of the file: the field, and what is wrong with it.
type Wrong = (Option<&'static str>, String);

fn checked(name: &str, raw: Server, lookup: &dyn Fn(&str) -> Option<String>) -> Result<ServerConfig, Wrong> {
    if name.is_empty() || name.chars().any(char::is_control) || name.len() > MAX_NAME_BYTES {
        return Err((None, "the name of a server must be a text of 1 to 64 bytes without control characters".into()));
    }
    let duration = |field, millis: Option<u64>| match millis {
        Some(millis) if millis == 0 || millis > MAX_TIMEOUT_MS => {
            Err((Some(field), format!("is {millis}; it must be from 1 to {MAX_TIMEOUT_MS} (7 days)")))
        }
        millis => Ok(millis.map(Duration::from_millis)),
    };
    let timeout = duration("timeoutMs", raw.timeout_ms)?;
    let start_timeout = duration("startTimeoutMs", raw.start_timeout_ms)?.unwrap_or(DEFAULT_START_TIMEOUT);
    if raw.max_concurrency == Some(0) {
        return Err((Some("maxConcurrency"), "is 0; calls would wait for ever".into()));
    }
    let (include, exclude) = (raw.include.clone(), raw.exclude.clone());
    let (lazy, max_concurrency) = (raw.lazy, raw.max_concurrency);
    let server = ServerConfig::from_endpoint(name, endpoint(raw, lookup)?);
    Ok(ServerConfig { include, exclude, lazy, timeout, max_concurrency, start_timeout, ..server })
}

/// The outer error is a mistake in the file, the inner one a problem of this machine or build, such as a missing variable.
fn endpoint(raw: Server, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Result<Endpoint, String>, Wrong> {
    let http = match (raw.kind.as_deref(), &raw.command, &raw.url) {
        (_, Some(_), Some(_)) => {
            return Err((None, "has both command and url; a server is a program or an address, not both".into()));
        }
        (Some("sse"), ..) => {
            let why = "the old HTTP+SSE transport is not supported; give the server's streamable HTTP address and \"type\": \"http\"";
            return Err((Some("type"), why.into()));
        }
        (Some("stdio"), None, _) => return Err((Some("command"), "is missing".into())),
        (Some("http" | "streamable-http" | "streamableHttp" | "streamable_http"), _, None) => {
            return Err((Some("url"), "is missing".into()));
        }
        (None | Some("stdio"), Some(_), None) => false,
        (None | Some("http" | "streamable-http" | "streamableHttp" | "streamable_http"), None, Some(_)) => true,
        (None, None, None) => return Err((None, "has neither command nor url".into())),
        (Some(kind), ..) => return Err((Some("type"), format!("is {kind:?}; it must be \"stdio\" or \"http\""))),
    };
    Ok(if http { http_endpoint(raw, lookup)? } else { stdio_endpoint(raw, lookup)? })
}

fn stdio_endpoint(raw: Server, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Result<Endpoint, String>, Wrong> {
    let command = raw.command.unwrap_or_default();
    if command.is_empty() {
        return Err((Some("command"), "is empty".into()));
    }
    if let Some(name) = raw.env.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
        return Err((Some("env"), format!("{name:?} cannot be the name of a variable")));
    }
    let expanded = || -> Result<Command, String> {
        let put = |field: &str, text: &str| match expand(text, lookup) {
            Ok(text) if text.contains('\0') => Err(format!("{field}: holds a NUL character")),
            Ok(text) => Ok(text),
            Err(why) => Err(format!("{field}: {why}")),
        };
        Ok(Command {
            command: put("command", &command)?,
            args: raw.args.iter().map(|text| put("args", text)).collect::<Result<_, _>>()?,
            env: raw
                .env
                .iter()
                .map(|(name, text)| Ok((name.clone(), put(&format!("env.{name}"), text)?)))
                .collect::<Result<_, String>>()?,
            cwd: raw.cwd.as_deref().map(|text| put("cwd", text)).transpose()?,
        })
    };
    Ok(expanded().map(Endpoint::Stdio))
}

#[cfg(not(feature = "client-http"))]
fn http_endpoint(_raw: Server, _lookup: &dyn Fn(&str) -> Option<String>) -> Result<Result<Endpoint, String>, Wrong> {
    Ok(
        Err("url: this build has no HTTP client; it was compiled without the feature client-http of codemode-mcp"
            .into()),
    )
}

#[cfg(feature = "client-http")]
fn http_endpoint(raw: Server, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Result<Endpoint, String>, Wrong> {
    let mut headers = Vec::new();
    for (name, text) in &raw.headers {
        let name = HeaderName::try_from(name)
            .map_err(|_| (Some("headers"), format!("{name:?} cannot be the name of a header")))?;
        headers.push((name, text));
    }
    let expanded = || -> Result<Endpoint, String> {
        let url = expand(raw.url.as_deref().unwrap_or_default(), lookup).map_err(|why| format!("url: {why}"))?;
        let parsed = reqwest::Url::parse(&url).map_err(|error| format!("url: it is no URL: {error}"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(format!("url: its scheme is {:?}; it must be http or https", parsed.scheme()));
        }
        let mut sent = Vec::new();
        for (name, text) in headers {
            let value = expand(text, lookup).map_err(|why| format!("headers.{name}: {why}"))?;
            let mut value = HeaderValue::try_from(value)
                .map_err(|_| format!("headers.{name}: its value holds characters that no header may hold"))?;
            value.set_sensitive(true);
            sent.push((name, value));
        }
        let mut endpoint = HttpEndpoint::new(url);
        endpoint.headers = sent;
        Ok(endpoint.into())
    };
    Ok(expanded())
}

fn unknown(path: &str) -> String {
    let field = path.rsplit('.').next().unwrap_or(path);
    let near = FIELDS.into_iter().find(|known| known.eq_ignore_ascii_case(field));
    let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    format!("{path} means nothing here and was ignored{hint}")
}

fn wrong(name: &str, field: &str, why: &str, line: Option<usize>) -> Error {
    let line = line.map(|line| format!(":{line}")).unwrap_or_default();
    let field = if field == "." { String::new() } else { format!(" {field}:") };
    // serde_json repeats the place at the end.
    let why = why.split(" at line ").next().unwrap_or(why);
    Error::new(ErrorKind::Config, format!("{name}{line}:{field} {why}"))
}

const MAX_NAME_BYTES: usize = 64;
const MAX_TIMEOUT_MS: u64 = 7 * 24 * 3600 * 1000;
