//! Keys of limits, and rates for some of their values.

use super::super::authorization::principal;
use super::super::operation::{host, method, never_matches, paths};
use super::super::{Findings, Names};
use super::parts::few;
use crate::Code;
use crate::pattern::{AnyOf, Pattern};
use crate::shaping::{Enforcement, Limit, LimitKey, LimitOverride, Shaping};
use deserr::ValuePointerRef;

/// The most overrides of one limit.
const MOST_OVERRIDES: usize = 256;
/// What paths have in common that match none of the limit's patterns.
const OTHER_PATHS: &str = "other";

fn parts(limit: &Limit) -> impl Iterator<Item = &LimitKey> {
    limit.key.iter().flat_map(AnyOf::iter)
}

pub(super) fn keys(limit: &Limit, names: &Names, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let key_at = at.push_key("key");
    for (i, part) in parts(limit).enumerate() {
        if parts(limit).take(i).any(|before| before == part) {
            let message = format!("`{part}` is there already");
            findings.add(key_at.push_index(i), Code::DuplicateName, message);
        }
    }
    by_path(limit, at, findings);
    if limit.key.is_none() && limit.max_keys.is_some() {
        let message = "without a `key` there is one count, and nothing to tell apart";
        findings.add(at.push_key("maxKeys"), Code::InvalidValue, message);
    }
    let overrides_at = at.push_key("overrides");
    let Some(overrides) = &limit.overrides else {
        return;
    };
    if limit.key.is_none() {
        let hint = Some("write the `key` whose values have other rates".to_owned());
        let message = "without a `key` there are no values with other rates";
        findings.add_hinted(overrides_at, Code::InvalidValue, message, hint);
    } else if few(
        overrides,
        MOST_OVERRIDES,
        "overrides",
        overrides_at,
        findings,
    ) {
        for (i, other) in overrides.iter().enumerate() {
            let place = overrides_at.push_index(i);
            values(other, limit, names, place.push_key("values"), findings);
        }
    }
}

/// There are as many paths as callers can think of: only patterns of them are counted by.
fn by_path(limit: &Limit, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let paths_at = at.push_key("paths");
    let part = parts(limit).position(|part| *part == LimitKey::Path);
    match (part, &limit.paths) {
        (Some(i), None) => {
            let key_at = at.push_key("key");
            findings.add_hinted(
                key_at.push_index(i),
                Code::MissingField,
                "`paths` is missing: every path would be counted by itself",
                Some("write the patterns that paths are counted by".to_owned()),
            );
        }
        (None, Some(_)) => findings.add_hinted(
            paths_at,
            Code::InvalidValue,
            "the key does not ask for the path",
            Some(
                "add `request.path` to `key`; which requests are counted, `requests` says"
                    .to_owned(),
            ),
        ),
        _ => {}
    }
    let patterns = limit.paths.iter().flat_map(AnyOf::iter);
    paths(patterns, paths_at, findings);
}

fn values(
    other: &LimitOverride,
    limit: &Limit,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let (written, needed) = (other.values.iter().count(), parts(limit).count());
    if written != needed {
        findings.add_hinted(
            at,
            Code::InvalidValue,
            format!("expected as many values as the key has parts, {needed}, got {written}"),
            Some("`*` stands for any value of a part".to_owned()),
        );
        return;
    }
    for (i, (pattern, part)) in other.values.iter().zip(parts(limit)).enumerate() {
        let place = at.push_index(i);
        let hint = match part {
            LimitKey::SourceCluster => {
                names.clusters(pattern, place, findings);
                None
            }
            LimitKey::SourceRegion => {
                names.regions(pattern, place, findings);
                None
            }
            LimitKey::SourcePrincipal => principal(pattern),
            LimitKey::Method => method(pattern),
            LimitKey::Path => path(pattern, limit),
            LimitKey::Host => host(pattern),
            LimitKey::SourceNamespace | LimitKey::Header(_) | LimitKey::Claim(_) => None,
        };
        if let Some(hint) = hint {
            never_matches(pattern, hint, place, findings);
        }
    }
}

/// What paths are counted by is the text of a pattern.
fn path(pattern: &Pattern, limit: &Limit) -> Option<String> {
    let mut known = limit.paths.iter().flat_map(AnyOf::iter);
    let is_there =
        pattern.matches(OTHER_PATHS) || known.any(|path| pattern.matches(&path.to_string()));
    (!is_there && limit.paths.is_some())
        .then(|| format!("write what one of `paths` begins with and `*`, or `{OTHER_PATHS}`"))
}

/// Whether somebody else than the caller says it.
fn is_proven(part: &LimitKey) -> bool {
    match part {
        LimitKey::SourceCluster
        | LimitKey::SourceRegion
        | LimitKey::SourcePrincipal
        | LimitKey::SourceNamespace
        | LimitKey::Claim(_) => true,
        LimitKey::Method | LimitKey::Path | LimitKey::Host | LimitKey::Header(_) => false,
    }
}

fn has_header(limit: &Limit) -> bool {
    parts(limit).any(|part| matches!(part, LimitKey::Header(_)))
}

/// A limit by a header alone is none for those who send another value each time, unless another
/// limit counts the same requests.
pub(super) fn chosen_by_caller(
    limit: &Limit,
    policy: &Shaping,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if !has_header(limit) || parts(limit).any(is_proven) {
        return;
    }
    let holds = |other: &Limit| {
        let same = other.requests.is_none() || other.requests == limit.requests;
        let in_force = other.mode == Enforcement::Enforce || other.mode == limit.mode;
        !has_header(other) && same && in_force
    };
    let mut others = policy.limits.iter().flat_map(AnyOf::iter);
    if !others.any(holds) {
        findings.add_hinted(
            at,
            Code::KeyChosenByCaller,
            "whoever sends another value each time is never limited",
            Some(
                "add a limit that counts the same requests without a header in its key, or add `source.principal` to this one"
                    .to_owned(),
            ),
        );
    }
}
