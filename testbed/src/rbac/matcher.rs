//! Envoy's matchers for the values that an `AuthorizationPolicy` compares with.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::Unusable;

const JWT: &str = "envoy.filters.http.jwt_authn";
const PAYLOAD: &str = "payload";

pub(super) fn exact(text: &str) -> Value {
    json!({"exact": text})
}

pub(super) fn prefix(text: &str) -> Value {
    json!({"prefix": text})
}

pub(super) fn suffix(text: &str) -> Value {
    json!({"suffix": text})
}

pub(super) fn regex(regex: &str) -> Value {
    json!({"safe_regex": {"regex": regex}})
}

/// What `*` alone means: there, and not empty.
pub(super) fn anything() -> Value {
    regex(".+")
}

/// A value with or without a `*` at one of its ends.
pub(super) fn string(value: &str) -> Value {
    match (value, value.strip_prefix('*'), value.strip_suffix('*')) {
        ("*", ..) => anything(),
        (_, Some(end), _) => suffix(end),
        (_, _, Some(start)) => prefix(start),
        _ => exact(value),
    }
}

/// A value that is written without the scheme which what it is compared with has.
pub(super) fn principal(value: &str) -> Value {
    match (value, value.strip_prefix('*'), value.strip_suffix('*')) {
        ("*", ..) => anything(),
        // What the author wrote becomes a part of a regular expression as it stands.
        (_, Some(end), _) => regex(&format!("spiffe://.*{end}")),
        (_, _, Some(start)) => prefix(&format!("spiffe://{start}")),
        _ => exact(&format!("spiffe://{value}")),
    }
}

pub(super) fn header(name: &str, value: &str) -> Value {
    match value {
        "*" => json!({"name": name, "present_match": true}),
        _ => json!({"name": name, "string_match": string(value)}),
    }
}

/// The `:authority`, whatever its case, with its port.
pub(super) fn host(value: &str) -> Value {
    let mut matcher = header(":authority", value);
    if let Some(text) = matcher.get_mut("string_match") {
        text["ignore_case"] = json!(true);
    }
    matcher
}

/// A path, without its query; a template if it has `{*}` or `{**}`.
pub(super) fn path(value: &str) -> Value {
    if !value.contains("{*}") && !value.contains("{**}") {
        return json!({"url_path": {"path": string(value)}});
    }
    let template = value.replace("{*}", "*").replace("{**}", "**");
    json!({"uri_template": {
        "name": "uri-template",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
            "path_template": template,
        },
    }})
}

/// An address or a block of them. As in Go's `netip`, bits beyond the block's length may be set,
/// and Envoy does not look at them.
pub(super) fn addresses(value: &str) -> Result<Value, Unusable> {
    let bad = || {
        Unusable(format!(
            "`{value}` is neither an address nor a block of addresses"
        ))
    };
    let (address, length) = match value.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (value, None),
    };
    let address: IpAddr = address.parse().map_err(|_| bad())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        // `+8` and `08` are numbers to Rust, but not here.
        Some(text) if text.starts_with('+') || (text.len() > 1 && text.starts_with('0')) => {
            return Err(bad());
        }
        Some(text) => text.parse().ok().filter(|length| *length <= most),
        None => Some(most),
    };
    let length = length.ok_or_else(bad)?;
    Ok(json!({"address_prefix": address.to_string(), "prefix_len": length}))
}

pub(super) fn port(value: &str) -> Result<Value, Unusable> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    let port = value.parse::<u16>().ok().filter(|_| digits);
    port.map(|port| json!(port))
        .ok_or_else(|| Unusable(format!("`{value}` is not a port")))
}

/// Any of some matchers of values.
fn any_of(mut matchers: Vec<Value>) -> Value {
    match matchers.len() {
        1 => matchers.remove(0),
        _ => json!({"or_match": {"value_matchers": matchers}}),
    }
}

fn in_list(matcher: &Value) -> Value {
    json!({"list_match": {"one_of": matcher}})
}

fn metadata(filter: &str, path: &[&str], value: &Value) -> Value {
    let path: Vec<Value> = path.iter().map(|key| json!({"key": key})).collect();
    json!({"filter": filter, "path": path, "value": value})
}

/// A claim of the token, which is a string.
pub(super) fn claim(name: &str, string: &Value) -> Value {
    metadata(JWT, &[PAYLOAD, name], &json!({"string_match": string}))
}

/// A claim of the token, which is one of these strings or a list that has one of them.
pub(super) fn claims(path: &[&str], values: &[String]) -> Value {
    let strings = values.iter().map(|v| json!({"string_match": string(v)}));
    let one = any_of(strings.collect());
    let path: Vec<&str> = [PAYLOAD].iter().chain(path).copied().collect();
    let either = json!({"or_match": {"value_matchers": [in_list(&one), one]}});
    metadata(JWT, &path, &either)
}

/// Metadata of any filter: a string, or, for a value in brackets, a list that has it.
pub(super) fn filter_metadata(filter: &str, key: &str, values: &[String]) -> Value {
    let matchers = values.iter().map(|value| {
        if value.starts_with('[') && value.ends_with(']') {
            let inner = value.trim_matches(['[', ']']);
            in_list(&json!({"string_match": string(inner)}))
        } else {
            json!({"string_match": string(value)})
        }
    });
    metadata(filter, &[key], &any_of(matchers.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_means_something_at_an_end_only() {
        assert_eq!(string("*"), json!({"safe_regex": {"regex": ".+"}}));
        assert_eq!(string("*b"), json!({"suffix": "b"}));
        assert_eq!(string("a*"), json!({"prefix": "a"}));
        assert_eq!(string("a*b"), json!({"exact": "a*b"}));
        // The first one wins.
        assert_eq!(string("*a*"), json!({"suffix": "a*"}));
        assert_eq!(
            principal("*/sa/a.b"),
            json!({"safe_regex": {"regex": "spiffe://.*/sa/a.b"}})
        );
        assert_eq!(principal("td/*"), json!({"prefix": "spiffe://td/"}));
    }

    #[test]
    fn addresses_and_blocks() {
        let block = |text, length| Ok(json!({"address_prefix": text, "prefix_len": length}));
        assert_eq!(addresses("10.1.2.3"), block("10.1.2.3", 32));
        assert_eq!(addresses("10.1.2.3/8"), block("10.1.2.3", 8));
        assert_eq!(addresses("2001:DB8::/32"), block("2001:db8::", 32));
        assert_eq!(addresses("::/0"), block("::", 0));
        for bad in [
            "",
            "10.1",
            "10.1.2.3/33",
            "10.1.2.3/",
            "10.1.2.3/+8",
            "10.1.2.3/08",
            "x/8",
        ] {
            assert!(addresses(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ports() {
        assert_eq!(port("8080"), Ok(json!(8080)));
        assert_eq!(port("080"), Ok(json!(80)));
        for bad in ["", "65536", "+80", "http"] {
            assert!(port(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_template_is_what_has_braces() {
        let template = path("/a/{*}/{**}");
        assert_eq!(
            template["uri_template"]["typed_config"]["path_template"],
            "/a/*/**"
        );
        assert_eq!(
            path("/a/*"),
            json!({"url_path": {"path": {"prefix": "/a/"}}})
        );
    }
}
