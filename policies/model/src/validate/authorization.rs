//! What may be wrong with an authorization policy.

use super::operation::{conditions, never_matches, operation};
use super::target;
use super::{Findings, Names};
use crate::Code;
use crate::authorization::{Action, Authorization, Mode, Rule, Source};
use crate::decode::suggest;
use crate::pattern::{AnyOf, Pattern};
use deserr::ValuePointerRef;
use std::collections::BTreeSet;

/// A pair of lists with their field names, and what each of their values is checked with.
type Checked<'a, Check> = (
    &'static str,
    &'a Option<AnyOf<Pattern>>,
    &'static str,
    &'a Option<AnyOf<Pattern>>,
    Check,
);

/// Checks the spec of a policy of the namespace `own` that stands at `at`.
pub fn authorization(
    policy: &Authorization,
    own: &str,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    target::target(&policy.target, own, names, at.push_key("target"), findings);
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
    check_rules(rules, names, at.push_key("rules"), findings);
}

/// Checks rules that stand at `at`.
pub(super) fn check_rules(
    rules: &AnyOf<Rule>,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let mut seen = BTreeSet::new();
    for (i, rule) in rules.iter().enumerate() {
        let place = at.push_index(i);
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
        let place = place.push_key("operation");
        operation(&to.operation, names, place, findings);
    }
    let when = rule.when.iter().flat_map(AnyOf::iter);
    conditions(when, at.push_key("when"), findings);
    if let Some(validity) = &rule.validity {
        let place = at.push_key("validity");
        match (validity.not_before, validity.not_after) {
            (None, None) => empty(place, "validity", findings),
            (Some(before), Some(after)) if before >= after => findings.add(
                place.push_key("notAfter"),
                Code::InvalidValue,
                "the rule would end before it begins",
            ),
            _ => {}
        }
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
            if let Some(hint) = principal(pattern) {
                never_matches(pattern, hint, place.push_index(i), findings);
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
    contradiction(
        source.trust_domains.as_ref(),
        source.not_trust_domains.as_ref(),
        at.push_key("notTrustDomains"),
        findings,
    );
    contradiction(
        source.ip_blocks.as_ref(),
        source.not_ip_blocks.as_ref(),
        at.push_key("notIpBlocks"),
        findings,
    );
}

/// Why no SPIFFE ID matches a pattern.
pub(super) fn principal(pattern: &Pattern) -> Option<String> {
    let full = pattern.literal().starts_with("spiffe://");
    full.then(|| "leave `spiffe://` out, as Istio does".to_owned())
}

pub(super) fn empty(at: ValuePointerRef<'_>, list: &str, findings: &mut Findings) {
    findings.add_hinted(
        at,
        Code::MissingField,
        "expected at least one field",
        Some(format!("leave `{list}` out to match anything")),
    );
}

/// A value that is both wanted and excluded.
pub(super) fn contradiction<T: PartialEq>(
    wanted: Option<&AnyOf<T>>,
    excluded: Option<&AnyOf<T>>,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if let (Some(wanted), Some(excluded)) = (wanted, excluded)
        && wanted.iter().all(|w| excluded.iter().any(|e| e == w))
    {
        never(at, findings);
    }
}

pub(super) fn never(at: ValuePointerRef<'_>, findings: &mut Findings) {
    findings.add(
        at,
        Code::Contradiction,
        "every value that is wanted is excluded as well, so this never matches",
    );
}
