//! What config files mean, and the errors for files that are wrong.

#[cfg(feature = "client-http")]
use std::time::Duration;

use super::*;

fn parse(text: &str) -> Result<McpConfig, String> {
    let lookup = |name: &str| match name {
        "TOKEN" => Some("s3cret".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    McpConfig::parse_with(text, "mcp.json", &lookup).map_err(|error| error.to_string())
}

fn only(text: &str) -> ServerConfig {
    let mut config = parse(text).expect("the config is right");
    assert_eq!(config.servers.len(), 1);
    config.servers.remove(0)
}

#[cfg(feature = "client-http")]
#[test]
fn a_config_of_both_kinds_is_read_in_order() {
    let config = parse(
        r#"{ "mcpServers": {
            "files": { "command": "npx", "args": ["-y", "server", "${HOME:-/home}"], "env": { "A": "x${TOKEN}y" },
                       "include": ["read_*"], "exclude": ["read_secret"], "timeoutMs": 500, "maxConcurrency": 2 },
            "off": { "command": "x", "disabled": true },
            "web": { "type": "http", "url": "https://example.com/mcp", "headers": { "Authorization": "Bearer ${env:TOKEN}" }, "lazy": true }
        } }"#,
    )
    .expect("the config is right");
    let names: Vec<&str> = config.servers.iter().map(|server| server.name.as_str()).collect();
    assert_eq!((names, config.warnings.len()), (vec!["files", "web"], 0));
    let files = &config.servers[0];
    let Ok(Endpoint::Stdio(command)) = &files.endpoint else { panic!("files is a program") };
    assert_eq!(command.args, ["-y", "server", "/home"]);
    assert_eq!(command.env, [("A".to_owned(), "xs3crety".to_owned())]);
    assert_eq!((files.timeout, files.max_concurrency), (Some(Duration::from_millis(500)), Some(2)));
    assert!(files.includes("read_file") && !files.includes("read_secret") && !files.includes("write_file"));
    let web = &config.servers[1];
    let Ok(Endpoint::Http(endpoint)) = &web.endpoint else { panic!("web is an address") };
    assert_eq!(endpoint.url, "https://example.com/mcp");
    assert_eq!(endpoint.headers[0].1.as_bytes(), b"Bearer s3cret");
    assert!(web.lazy);
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn what_is_wrong_with_the_file_is_an_error_with_its_place() {
    for (text, expected) in [
        ("", "mcp.json:1: EOF while parsing a value"),
        ("[]", "mcp.json: is a list; it must be { \"mcpServers\": { \"name\": { … } } }"),
        ("{}", "mcp.json:1: missing field `mcpServers`"),
        ("{\"mcpServers\":{}} x", "mcp.json:1: trailing characters"),
        (
            "{\"mcpServers\": {\"a\": {\"command\": 5}}}",
            "mcp.json:1: mcpServers.a.command: invalid type: integer `5`, expected a string",
        ),
        (
            "{\"mcpServers\": {\n\"a\": {\"command\": \"x\",\n \"args\": [\"y\", 7]}}}",
            "mcp.json:3: mcpServers.a.args[1]: invalid type: integer `7`, expected a string",
        ),
        ("{\"mcpServers\": {\"a\": {}}}", "mcp.json: mcpServers.a: has neither command nor url"),
        (
            "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"url\": \"http://x\"}}}",
            "mcp.json: mcpServers.a: has both command and url; a server is a program or an address, not both",
        ),
        ("{\"mcpServers\": {\"a\": {\"command\": \"\"}}}", "mcp.json: mcpServers.a.command: is empty"),
        (
            "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"type\": \"http\"}}}",
            "mcp.json: mcpServers.a.url: is missing",
        ),
        (
            "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"type\": \"carrier pigeon\"}}}",
            "mcp.json: mcpServers.a.type: is \"carrier pigeon\"; it must be \"stdio\" or \"http\"",
        ),
        (
            "{\"mcpServers\": {\"a\": {\"command\": \"x\", \"maxConcurrency\": 0}}}",
            "mcp.json: mcpServers.a.maxConcurrency: is 0; calls would wait for ever",
        ),
        (
            "{\"mcpServers\": {\"a\\nb\": {\"command\": \"x\"}}}",
            "mcp.json: mcpServers.a\nb: the name of a server must be a text of 1 to 64 bytes without control characters",
        ),
        #[cfg(feature = "client-http")]
        (
            "{\"mcpServers\": {\"a\": {\"url\": \"http://x\", \"headers\": {\"a b\": \"c\"}}}}",
            "mcp.json: mcpServers.a.headers: \"a b\" cannot be the name of a header",
        ),
    ] {
        assert_eq!(parse(text).expect_err("the config is wrong"), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_with_one_server_costs_that_server_and_shows_no_secret() {
    for (text, expected) in [
        (
            r#"{"mcpServers":{"a":{"command":"x","env":{"KEY":"${TOKEN}${NOPE}"}}}}"#,
            "env.KEY: the environment variable NOPE is not set",
        ),
        (r#"{"mcpServers":{"a":{"command":"x","args":["${TOKEN"]}}}"#, "args: \"${\" has no closing \"}\""),
        #[cfg(feature = "client-http")]
        (r#"{"mcpServers":{"a":{"url":"${TOKEN}"}}}"#, "url: it is no URL: relative URL without a base"),
        #[cfg(feature = "client-http")]
        (r#"{"mcpServers":{"a":{"url":"ftp://x"}}}"#, "url: its scheme is \"ftp\"; it must be http or https"),
    ] {
        assert_eq!(only(text).endpoint.err().expect("it cannot be reached"), expected);
    }
}

#[test]
fn a_default_stands_in_for_a_missing_or_empty_variable() {
    let server = only(
        r#"{"mcpServers":{"a":{"command":"x","args":["${NOPE:-a}","${EMPTY:-b}","${EMPTY}","$5","${TOKEN:-c}"]}}}"#,
    );
    let Ok(Endpoint::Stdio(command)) = server.endpoint else { panic!("a program") };
    assert_eq!(command.args, ["a", "b", "", "$5", "s3cret"]);
}

#[test]
fn unknown_fields_are_named_with_the_nearest_known_one() {
    let config = parse(r#"{"mcpServers":{"a":{"command":"x","timeoutMS":5,"autoApprove":[]}}}"#).expect("it is read");
    assert_eq!(
        config.warnings,
        [
            "mcp.json: mcpServers.a.timeoutMS means nothing here and was ignored; did you mean timeoutMs?",
            "mcp.json: mcpServers.a.autoApprove means nothing here and was ignored"
        ]
    );
}

#[cfg(not(feature = "client-http"))]
#[test]
fn a_url_without_the_http_client_costs_that_server() {
    let why = only(r#"{"mcpServers":{"a":{"url":"https://example.com/mcp"}}}"#).endpoint.err().expect("no HTTP");
    assert!(why.contains("the feature client-http"), "{why}");
}

#[cfg(feature = "client-http")]
#[test]
fn headers_are_checked_and_never_shown() {
    let endpoint = HttpEndpoint::new("https://example.com/mcp").header("Authorization", "Bearer s3cret").expect("fine");
    assert!(endpoint.headers[0].1.is_sensitive());
    let error = endpoint.clone().header("a b", "s3cret").err().expect("the name has a space").to_string();
    assert_eq!(error, "the name of an HTTP header is not allowed (name: a b)");
    let error = endpoint.header("a", "s3cret\n").err().expect("the value has a line break").to_string();
    assert_eq!(error, "the value of an HTTP header is not allowed (name: a)");
}

#[cfg(feature = "client-http")]
#[test]
fn the_file_in_the_documents_is_right() {
    let text = include_str!("../../../docs/mcp.md");
    let block =
        text.split("```json\n").filter_map(|rest| rest.split("```").next()).find(|block| block.contains("exclude"));
    let lookup = |name: &str| Some(name.to_lowercase());
    let config = McpConfig::parse_with(block.expect("a file of servers"), "docs/mcp.md", &lookup).expect("it is right");
    assert_eq!((config.servers.len(), config.warnings), (2, vec![]));
    assert!(config.servers.iter().all(|server| server.endpoint.is_ok()));
}
