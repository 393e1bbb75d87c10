//! What may be wrong with an authorization policy.

use super::{Findings, Names};
use crate::Code;
use crate::authorization::{Action, Authorization, Mode, Operation, Rule, Source};
use crate::decode::suggest;
use crate::pattern::{AnyOf, Pattern};
use deserr::ValuePointerRef;
use std::collections::BTreeSet;
use std::net::Ipv6Addr;

/// A pair of lists with their field names, and what each of their values is checked with.
type Checked<'a, Check> = (
    &'static str,
    &'a Option<AnyOf<Pattern>>,
    &'static str,
    &'a Option<AnyOf<Pattern>>,
    Check,
);

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
];

/// Checks the spec of a policy that stands at `at`.
pub fn authorization(
    policy: &Authorization,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if let Some(clusters) = &policy.target.clusters {
        let target = at.push_key("target");
        let place = target.push_key("clusters");
        for (i, cluster) in clusters.iter().enumerate() {
            names.known_cluster(cluster.as_str(), place.push_index(i), findings);
        }
    }
    check_mode(policy, at, findings);
    let Some(rules) = &policy.rules else {
        if policy.action != Action::Allow {
            findings.add_hinted(
                at.push_key("action"),
                Code::NeverMatches,
                format!(
                    "a policy with action `{}` and no rules does nothing",
                    policy.action.as_str()
                ),
                Some("a rule `{}` matches every request".to_owned()),
            );
        }
        return;
    };
    let rules_at = at.push_key("rules");
    let mut seen = BTreeSet::new();
    for (i, rule) in rules.iter().enumerate() {
        let place = rules_at.push_index(i);
        if let Some(name) = &rule.name
            && !seen.insert(name.as_str())
        {
            let message = format!("there is another rule `{name}`");
            findings.add(place.push_key("name"), Code::DuplicateName, message);
        }
        check_rule(rule, names, place, findings);
    }
}

fn check_mode(policy: &Authorization, at: ValuePointerRef<'_>, findings: &mut Findings) {
    if policy.mode != Mode::Enforce && policy.action == Action::Audit {
        findings.add_hinted(
            at.push_key("mode"),
            Code::InvalidValue,
            format!(
                "an AUDIT policy decides nothing, so `{}` says nothing",
                policy.mode.as_str()
            ),
            Some("leave `mode` out".to_owned()),
        );
    }
    if policy.mode != Mode::Shadow && policy.replaces.is_some() {
        findings.add_hinted(
            at.push_key("replaces"),
            Code::InvalidValue,
            "only a policy with `mode: Shadow` can be tried in the place of another",
            Some("set `mode: Shadow`, or delete the other policy".to_owned()),
        );
    }
}

/// Checks that what a policy `replaces` is among those there are: (name, mode).
pub(super) fn replaces(
    policy: &Authorization,
    own: &str,
    policies: &[(String, Mode)],
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let place = at.push_key("replaces");
    for (i, name) in policy.replaces.iter().flat_map(AnyOf::iter).enumerate() {
        let name = name.full_name(own);
        match policies.iter().find(|(known, _)| *known == name) {
            Some((_, Mode::Shadow)) => findings.add(
                place.push_index(i),
                Code::InvalidValue,
                format!("`{name}` is not in force itself"),
            ),
            Some(_) => {}
            None => {
                let hint = suggest(&name, policies.iter().map(|(known, _)| known.as_str()));
                let message = format!("no policy is called `{name}`");
                findings.add_hinted(place.push_index(i), Code::UnknownPolicy, message, hint);
            }
        }
    }
}

fn check_rule(rule: &Rule, names: &Names, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let from_at = at.push_key("from");
    for (i, from) in rule.from.iter().flat_map(AnyOf::iter).enumerate() {
        let place = from_at.push_index(i);
        source(&from.source, names, place.push_key("source"), findings);
    }
    let to_at = at.push_key("to");
    for (i, to) in rule.to.iter().flat_map(AnyOf::iter).enumerate() {
        let place = to_at.push_index(i);
        operation(&to.operation, place.push_key("operation"), findings);
    }
    let when_at = at.push_key("when");
    for (i, condition) in rule.when.iter().flat_map(AnyOf::iter).enumerate() {
        let place = when_at.push_index(i);
        if condition.values.is_none() && condition.not_values.is_none() {
            findings.add(
                place,
                Code::MissingField,
                "`values` or `notValues` is missing",
            );
        }
        contradiction(
            condition.values.as_ref(),
            condition.not_values.as_ref(),
            place.push_key("notValues"),
            findings,
        );
    }
}

/// Checks a list of sources that stands at `at`.
pub fn sources<'a>(
    sources: impl Iterator<Item = &'a Source>,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    for (i, s) in sources.enumerate() {
        let place = at.push_index(i);
        if s.is_empty() {
            findings.add_hinted(
                place,
                Code::MissingField,
                "a source without a field would trust every caller",
                Some("name at least one field".to_owned()),
            );
            continue;
        }
        source(s, names, place, findings);
    }
}

fn source(source: &Source, names: &Names, at: ValuePointerRef<'_>, findings: &mut Findings) {
    if source.is_empty() {
        empty(at, "from", findings);
    }
    type Check = fn(&Names, &Pattern, ValuePointerRef<'_>, &mut Findings);
    let checked: [Checked<'_, Check>; 4] = [
        (
            "clusters",
            &source.clusters,
            "notClusters",
            &source.not_clusters,
            Names::clusters,
        ),
        (
            "regions",
            &source.regions,
            "notRegions",
            &source.not_regions,
            Names::regions,
        ),
        (
            "jurisdictions",
            &source.jurisdictions,
            "notJurisdictions",
            &source.not_jurisdictions,
            Names::jurisdictions,
        ),
        (
            "networks",
            &source.networks,
            "notNetworks",
            &source.not_networks,
            Names::networks,
        ),
    ];
    for (key, list, not_key, not_list, check) in checked {
        for (key, list) in [(key, list), (not_key, not_list)] {
            let place = at.push_key(key);
            for (i, pattern) in list.iter().flat_map(AnyOf::iter).enumerate() {
                check(names, pattern, place.push_index(i), findings);
            }
        }
        contradiction(
            list.as_ref(),
            not_list.as_ref(),
            at.push_key(not_key),
            findings,
        );
    }
    for (key, list) in [
        ("principals", &source.principals),
        ("notPrincipals", &source.not_principals),
    ] {
        let place = at.push_key(key);
        for (i, pattern) in list.iter().flat_map(AnyOf::iter).enumerate() {
            if pattern.literal().starts_with("spiffe://") {
                findings.add_hinted(
                    place.push_index(i),
                    Code::InvalidValue,
                    format!("`{pattern}` would never match"),
                    Some("leave `spiffe://` out, as Istio does".to_owned()),
                );
            }
        }
    }
    contradiction(
        source.principals.as_ref(),
        source.not_principals.as_ref(),
        at.push_key("notPrincipals"),
        findings,
    );
    contradiction(
        source.namespaces.as_ref(),
        source.not_namespaces.as_ref(),
        at.push_key("notNamespaces"),
        findings,
    );
}

fn operation(operation: &Operation, at: ValuePointerRef<'_>, findings: &mut Findings) {
    if operation.is_empty() {
        empty(at, "to", findings);
    }
    type Check = fn(&Pattern) -> Option<String>;
    let checked: [Checked<'_, Check>; 3] = [
        (
            "hosts",
            &operation.hosts,
            "notHosts",
            &operation.not_hosts,
            host,
        ),
        (
            "methods",
            &operation.methods,
            "notMethods",
            &operation.not_methods,
            method,
        ),
        (
            "paths",
            &operation.paths,
            "notPaths",
            &operation.not_paths,
            path,
        ),
    ];
    for (key, list, not_key, not_list, check) in checked {
        for (key, list) in [(key, list), (not_key, not_list)] {
            let place = at.push_key(key);
            for (i, pattern) in list.iter().flat_map(AnyOf::iter).enumerate() {
                if let Some(hint) = check(pattern) {
                    let message = format!("`{pattern}` would never match");
                    let at = place.push_index(i);
                    findings.add_hinted(at, Code::InvalidValue, message, Some(hint));
                }
            }
        }
        contradiction(
            list.as_ref(),
            not_list.as_ref(),
            at.push_key(not_key),
            findings,
        );
    }
}

fn host(pattern: &Pattern) -> Option<String> {
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

fn method(pattern: &Pattern) -> Option<String> {
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
fn path(pattern: &Pattern) -> Option<String> {
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

fn empty(at: ValuePointerRef<'_>, list: &str, findings: &mut Findings) {
    findings.add_hinted(
        at,
        Code::MissingField,
        "expected at least one field",
        Some(format!("leave `{list}` out to match anything")),
    );
}

/// A value that is both wanted and excluded.
fn contradiction(
    wanted: Option<&AnyOf<Pattern>>,
    excluded: Option<&AnyOf<Pattern>>,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let (Some(wanted), Some(excluded)) = (wanted, excluded) else {
        return;
    };
    if wanted.iter().all(|w| excluded.iter().any(|e| e == w)) {
        findings.add(
            at,
            Code::Contradiction,
            "every value that is wanted is excluded as well, so this never matches",
        );
    }
}
