//! Parses URLs for the guest, whose `URL` class has no parser of its own.
//!
//! An answer depends on nothing but its request, so it is no delivery and does not stand in the journal.

use serde::Serialize;
use url::{Url, quirks};

/// Answers one request of the prelude: `["parse", input, base]` or `["set", href, component, value]`, with the parts
/// of the URL as JSON, or `null` when there is no such URL.
pub(crate) fn answer(request: &str) -> String {
    let words: Vec<Option<String>> = serde_json::from_str(request).unwrap_or_default();
    let words: Vec<Option<&str>> = words.iter().map(Option::as_deref).collect();
    let url = match words.as_slice() {
        [Some("parse"), Some(input), base] => parse(input, *base),
        [Some("set"), Some(href), Some(component), Some(value)] => set(href, component, value),
        _ => None,
    };
    serde_json::to_string(&url.as_ref().map(Parts::of)).expect("strings have a JSON form")
}

fn parse(input: &str, base: Option<&str>) -> Option<Url> {
    let base = base.map(Url::parse).transpose().ok()?;
    Url::options().base_url(base.as_ref()).parse(input).ok()
}

/// Changes one part as the setters of a browser's `URL` do; a value that does not fit changes nothing.
fn set(href: &str, component: &str, value: &str) -> Option<Url> {
    let mut url = Url::parse(href).ok()?;
    match component {
        "href" => quirks::set_href(&mut url, value).ok()?,
        "protocol" => quirks::set_protocol(&mut url, value).ok()?,
        "username" => quirks::set_username(&mut url, value).ok()?,
        "password" => quirks::set_password(&mut url, value).ok()?,
        "host" => quirks::set_host(&mut url, value).ok()?,
        "hostname" => quirks::set_hostname(&mut url, value).ok()?,
        "port" => quirks::set_port(&mut url, value).ok()?,
        "pathname" => quirks::set_pathname(&mut url, value),
        "search" => quirks::set_search(&mut url, value),
        "hash" => quirks::set_hash(&mut url, value),
        _ => return None,
    }
    Some(url)
}

#[derive(Serialize)]
struct Parts<'a> {
    href: &'a str,
    origin: String,
    protocol: &'a str,
    username: &'a str,
    password: &'a str,
    host: &'a str,
    hostname: &'a str,
    port: &'a str,
    pathname: &'a str,
    search: &'a str,
    hash: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a Url) -> Self {
        Self {
            href: quirks::href(url),
            origin: quirks::origin(url),
            protocol: quirks::protocol(url),
            username: quirks::username(url),
            password: quirks::password(url),
            host: quirks::host(url),
            hostname: quirks::hostname(url),
            port: quirks::port(url),
            pathname: quirks::pathname(url),
            search: quirks::search(url),
            hash: quirks::hash(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn urls_are_parsed_changed_and_refused() {
        let href = |request: &str| {
            let parts: serde_json::Value = serde_json::from_str(&answer(request)).expect("an answer is JSON");
            parts.get("href").and_then(|href| href.as_str()).map(str::to_owned)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(href(r#"["parse","HTTP://É.com:80/a b?q#h",null]"#), some("http://xn--9ca.com/a%20b?q#h"));
        assert_eq!(href(r#"["parse","../x","http://a.b/c/d/e"]"#), some("http://a.b/c/x"));
        assert_eq!(href(r#"["set","http://a.b/","port","81"]"#), some("http://a.b:81/"));
        assert_eq!(href(r#"["set","http://a.b/","port","x"]"#), None);
        for broken in ["", "null", "[]", "{}", r#"["parse"]"#, r#"["parse","no base",null]"#, r#"["set","x","y","z"]"#]
        {
            assert_eq!(answer(broken), "null", "{broken}");
        }
    }
}
