//! What may be wrong with what a rule or a data class asks of a request.

use super::authorization::{contradiction, empty};
use super::{Findings, Names};
use crate::Code;
use crate::authorization::Operation;
use crate::condition::{Condition, ConditionValues};
use crate::decode::suggest;
use crate::path_pattern::{PathPattern, PathSegment, PathTemplate};
use crate::pattern::{AnyOf, Pattern};
use deserr::ValuePointerRef;
use std::fmt;
use std::net::Ipv6Addr;

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
];

/// Checks an operation that stands at `at`.
pub(super) fn operation(
    operation: &Operation,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if operation.is_empty() {
        empty(at, "to", findings);
    }
    let o = operation;
    texts(
        &o.hosts,
        &o.not_hosts,
        ["hosts", "notHosts"],
        host,
        at,
        findings,
    );
    texts(
        &o.methods,
        &o.not_methods,
        ["methods", "notMethods"],
        method,
        at,
        findings,
    );
    texts(
        &o.paths,
        &o.not_paths,
        ["paths", "notPaths"],
        path,
        at,
        findings,
    );
    contradiction(
        o.grpc_services.as_ref(),
        o.not_grpc_services.as_ref(),
        at.push_key("notGrpcServices"),
        findings,
    );
    for (key, list) in [
        ("dataClasses", &o.data_classes),
        ("notDataClasses", &o.not_data_classes),
    ] {
        let place = at.push_key(key);
        for (i, pattern) in list.iter().flat_map(AnyOf::iter).enumerate() {
            names.data_classes(pattern, place.push_index(i), findings);
        }
    }
    contradiction(
        o.data_classes.as_ref(),
        o.not_data_classes.as_ref(),
        at.push_key("notDataClasses"),
        findings,
    );
}

/// Checks a list and its `not…` twin, each value by itself: `check` says what is wrong.
fn texts<T: PartialEq + fmt::Display>(
    list: &Option<AnyOf<T>>,
    not_list: &Option<AnyOf<T>>,
    [key, not_key]: [&str; 2],
    check: impl Fn(&T) -> Option<String>,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    for (key, list) in [(key, list), (not_key, not_list)] {
        let list = list.iter().flat_map(AnyOf::iter);
        values(list, at.push_key(key), &check, findings);
    }
    contradiction(
        list.as_ref(),
        not_list.as_ref(),
        at.push_key(not_key),
        findings,
    );
}

fn values<'a, T: fmt::Display + 'a>(
    list: impl Iterator<Item = &'a T>,
    at: ValuePointerRef<'_>,
    check: impl Fn(&T) -> Option<String>,
    findings: &mut Findings,
) {
    for (i, pattern) in list.enumerate() {
        if let Some(hint) = check(pattern) {
            never_matches(pattern, hint, at.push_index(i), findings);
        }
    }
}

/// A pattern that no request would match, and why.
pub(super) fn never_matches(
    pattern: &impl fmt::Display,
    hint: String,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let message = format!("`{pattern}` would never match");
    findings.add_hinted(at, Code::InvalidValue, message, Some(hint));
}

/// Checks patterns of paths that stand at `at`.
pub(super) fn paths<'a>(
    list: impl Iterator<Item = &'a PathPattern>,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    values(list, at, path, findings);
}

/// Checks the hosts and paths of a data class that stand at `at`.
pub(super) fn labelled(
    labelled: &crate::mesh::Labelled,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if labelled.hosts.is_none() && labelled.paths.is_none() && labelled.when.is_none() {
        empty(at, "dataClasses", findings);
    }
    let hosts = labelled.hosts.iter().flat_map(AnyOf::iter);
    values(hosts, at.push_key("hosts"), host, findings);
    let patterns = labelled.paths.iter().flat_map(AnyOf::iter);
    paths(patterns, at.push_key("paths"), findings);
    conditions(
        labelled.when.iter().flat_map(AnyOf::iter),
        at.push_key("when"),
        findings,
    );
}

/// Checks conditions that stand at `at`.
pub(super) fn conditions<'a>(
    conditions: impl Iterator<Item = &'a Condition>,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    for (i, condition) in conditions.enumerate() {
        if let (Some(wanted), Some(excluded)) = (&condition.values, &condition.not_values)
            && all_in(wanted, excluded)
        {
            let place = at.push_index(i);
            super::authorization::never(place.push_key("notValues"), findings);
        }
    }
}

/// Whether every value that is wanted is excluded.
fn all_in(wanted: &ConditionValues, excluded: &ConditionValues) -> bool {
    use ConditionValues as Values;
    fn within<T: PartialEq>(a: &[T], b: &[T]) -> bool {
        a.iter().all(|value| b.contains(value))
    }
    match (wanted, excluded) {
        (Values::Texts(a), Values::Texts(b)) => within(a, b),
        (Values::Addresses(a), Values::Addresses(b)) => within(a, b),
        (Values::Ports(a), Values::Ports(b)) => within(a, b),
        (Values::Accounts(a), Values::Accounts(b)) => within(a, b),
        (Values::RequestPrincipals(a), Values::RequestPrincipals(b)) => within(a, b),
        _ => false,
    }
}

pub(super) fn host(pattern: &Pattern) -> Option<String> {
    let s = pattern.literal();
    if s.contains("://") || s.contains('/') {
        return Some("a host is neither a URL nor a path".to_owned());
    }
    let whole_end = matches!(pattern, Pattern::Exact(_) | Pattern::Suffix(_));
    if s.starts_with('[') {
        // In its shortest form (RFC 5952), as the authority is required to have it.
        let address = s.strip_prefix('[').and_then(|s| s.strip_suffix(']'));
        let parsed = address.and_then(|a| Some((a, a.parse::<Ipv6Addr>().ok()?)));
        let normal = parsed.is_some_and(|(a, parsed)| parsed.to_string() == a.to_lowercase());
        return (whole_end && !normal)
            .then(|| "an IPv6 address stands in brackets, in its shortest form".to_owned());
    }
    if s.contains(':') {
        return Some("a host is judged without its port: use `ports`".to_owned());
    }
    if whole_end && s.ends_with('.') {
        return Some("a host is judged without a final dot".to_owned());
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (!s.bytes().all(plain)).then(|| "a host is letters, digits, `-`, `_` and `.`".to_owned())
}

pub(super) fn method(pattern: &Pattern) -> Option<String> {
    let s = pattern.literal();
    if s.bytes().any(|b| b.is_ascii_lowercase()) {
        return Some(format!(
            "methods are case-sensitive: `{}`",
            s.to_ascii_uppercase()
        ));
    }
    match pattern {
        Pattern::Exact(s) if !METHODS.contains(&s.as_str()) && s.len() <= 7 => {
            // A method of one's own is fine; a slip of the pen is not.
            suggest(s, METHODS).filter(|hint| hint.starts_with("did you mean"))
        }
        _ => None,
    }
}

/// A path is judged in its normal form: a pattern in another would match nothing, and a DENY
/// refuse nothing.
pub(super) fn path(pattern: &PathPattern) -> Option<String> {
    match pattern {
        PathPattern::Text(pattern) => path_text(pattern),
        PathPattern::Template(template) => template_text(template),
    }
}

fn template_text(template: &PathTemplate) -> Option<String> {
    template
        .segments()
        .iter()
        .find_map(|segment| match segment {
            PathSegment::Literal(s) => path_text(&Pattern::Exact(format!("/{s}"))),
            PathSegment::One | PathSegment::Rest => None,
        })
}

fn path_text(pattern: &Pattern) -> Option<String> {
    let s = pattern.literal();
    if s.contains('?') || s.contains('#') {
        return Some("a path is judged without its query".to_owned());
    }
    if matches!(pattern, Pattern::Exact(_) | Pattern::Prefix(_)) && !s.starts_with('/') {
        return (s != "*").then(|| "a path starts with `/`".to_owned());
    }
    if s.contains("//") {
        return Some("repeated slashes are made one before a path is judged".to_owned());
    }
    let mut segments = s.split('/').peekable();
    while let Some(segment) = segments.next() {
        let cut = segments.peek().is_none() && matches!(pattern, Pattern::Prefix(_));
        if matches!(segment, "." | "..") && !cut {
            return Some("dot segments are resolved before a path is judged".to_owned());
        }
    }
    if s.bytes().any(|b| b <= b' ' || b >= 0x7f || b == b'\\') {
        return Some(
            "write what is not plain ASCII as `%XX` of its UTF-8, and `/` for `\\`".to_owned(),
        );
    }
    (!escapes_are_normal(s)).then(|| {
        "escapes have two upper-case digits, and letters, digits, `-`, `.`, `_`, `~` and slashes none"
            .to_owned()
    })
}

fn escapes_are_normal(s: &str) -> bool {
    s.split('%').skip(1).all(|behind| {
        let digits = behind.get(..2).unwrap_or_default();
        let normal = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
        let byte = u8::from_str_radix(digits, 16).unwrap_or_default();
        let unescaped = byte.is_ascii_alphanumeric() || b"-._~/\\\0".contains(&byte);
        digits.len() == 2 && digits.bytes().all(normal) && !unescaped
    })
}
