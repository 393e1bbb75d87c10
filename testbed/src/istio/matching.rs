//! What of a request a `VirtualService` matches.

use serde_json::{Value, json};

use super::Problem;
use super::field::Field;

/// Envoy's `match` of a route, from an entry of `http[].match`.
pub(crate) fn of_request(request: &Field<'_>) -> Result<Value, Problem> {
    request.only(&[
        "name",
        "uri",
        "headers",
        "withoutHeaders",
        "method",
        "authority",
        "scheme",
        "ignoreUriCase",
    ])?;
    let ignore_case = request
        .get("ignoreUriCase")
        .is_some_and(|it| it.value == &json!(true));
    let mut route = json!({"case_sensitive": !ignore_case});
    match request.get("uri") {
        None => route["prefix"] = json!("/"),
        Some(uri) => {
            let (how, value) = string(&uri)?;
            match how {
                "exact" => route["path"] = json!(value),
                // Envoy wants whole segments; a bare `/` is no segment.
                "prefix" => route["prefix"] = json!(value),
                _ => route["safe_regex"] = json!({"regex": value}),
            }
        }
    }
    let mut headers = Vec::new();
    for (name, field) in request.entries("headers")? {
        headers.push(header(name, &field, false)?);
    }
    for (name, field) in request.entries("withoutHeaders")? {
        headers.push(header(name, &field, true)?);
    }
    for (field, name) in [
        ("method", ":method"),
        ("authority", ":authority"),
        ("scheme", ":scheme"),
    ] {
        if let Some(field) = request.get(field) {
            headers.push(header(name, &field, false)?);
        }
    }
    if !headers.is_empty() {
        route["headers"] = json!(headers);
    }
    Ok(route)
}

fn header(name: &str, field: &Field<'_>, without: bool) -> Result<Value, Problem> {
    let mut header = json!({"name": name});
    let any = field
        .value
        .as_object()
        .is_some_and(serde_json::Map::is_empty);
    if any {
        header["present_match"] = json!(true);
    } else {
        let (how, value) = string(field)?;
        header["string_match"] = match how {
            "regex" => json!({"safe_regex": {"regex": value}}),
            how => json!({how: value}),
        };
    }
    if without {
        header["invert_match"] = json!(true);
        if !any {
            // A header that is not there has not that value.
            header["treat_missing_header_as_empty"] = json!(true);
        }
    }
    Ok(header)
}

/// An Istio `StringMatch`: how, and what.
fn string<'a>(field: &Field<'a>) -> Result<(&'static str, &'a str), Problem> {
    field.only(&["exact", "prefix", "regex"])?;
    for how in ["exact", "prefix", "regex"] {
        if let Some(value) = field.maybe(how)? {
            return Ok((how, value));
        }
    }
    Err(field.problem("it says neither exact nor prefix nor regex"))
}
