//! Gateways that are trusted by a name which those of several clusters have.

use super::{Findings, Names};
use crate::Code;
use crate::authorization::Source;
use crate::pattern::{AnyOf, Pattern};
use deserr::ValuePointerRef;

/// Checks sources that stand at `at`, each of gateways.
pub(super) fn gateways<'s>(
    list: impl Iterator<Item = &'s Source>,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    for (i, source) in list.enumerate() {
        if is_placed(source) {
            continue;
        }
        let shared = names.shared_trust_domains();
        let Some(domain) = shared.into_iter().find(|domain| may_be_of(source, domain)) else {
            continue;
        };
        findings.add_hinted(
            at.push_index(i),
            Code::GatewayOfAnyCluster,
            format!("trusts such gateways of every cluster in the trust domain `{domain}`"),
            Some("say of which cluster it is: add `clusters`".to_owned()),
        );
    }
}

/// Whether a source says where callers are.
fn is_placed(s: &Source) -> bool {
    let places = [
        &s.clusters,
        &s.not_clusters,
        &s.regions,
        &s.not_regions,
        &s.jurisdictions,
        &s.not_jurisdictions,
        &s.networks,
        &s.not_networks,
    ];
    places.into_iter().any(Option::is_some)
}

/// Whether its principals and trust domains may be of this one.
fn may_be_of(source: &Source, domain: &str) -> bool {
    let of = |list: &Option<AnyOf<Pattern>>, may_be: &dyn Fn(&Pattern) -> bool| match list {
        None => true,
        Some(list) => list.iter().any(may_be),
    };
    let front = format!("{domain}/");
    of(&source.trust_domains, &|pattern| pattern.matches(domain))
        && of(&source.principals, &|pattern| match pattern {
            Pattern::Exact(id) => id.starts_with(&front),
            Pattern::Prefix(start) => start.starts_with(&front) || front.starts_with(start),
            Pattern::Suffix(_) | Pattern::Present => true,
        })
}
