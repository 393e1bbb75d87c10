//! What may be wrong with a mesh.

use super::Findings;
use crate::Code;
use crate::decode::suggest;
use crate::mesh::{Cluster, Identity, Mesh};
use crate::name::TrustDomain;
use crate::pattern::AnyOf;
use deserr::ValuePointerRef;
use std::collections::BTreeSet;

/// The most clusters of a mesh: each is compared with each other.
const MOST_CLUSTERS: usize = 4096;

/// Checks a mesh that stands at `at`.
pub fn mesh(mesh: &Mesh, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let regions_at = at.push_key("regions");
    let mut regions = BTreeSet::new();
    for (i, region) in mesh.regions.iter().enumerate() {
        if !regions.insert(region.name.as_str()) {
            let place = regions_at.push_index(i);
            let message = format!("there is another region `{}`", region.name);
            findings.add(place.push_key("name"), Code::DuplicateName, message);
        }
    }
    data_classes(mesh, at.push_key("dataClasses"), findings);
    links(mesh, at.push_key("links"), &regions, findings);
    let clusters_at = at.push_key("clusters");
    let mut clusters = BTreeSet::new();
    if mesh.clusters.iter().count() > MOST_CLUSTERS {
        let message = format!("more clusters than {MOST_CLUSTERS}");
        findings.add(clusters_at, Code::TooMany, message);
        return;
    }
    for (i, cluster) in mesh.clusters.iter().enumerate() {
        let place = clusters_at.push_index(i);
        if !clusters.insert(cluster.name.as_str()) {
            let message = format!("there is another cluster `{}`", cluster.name);
            findings.add(place.push_key("name"), Code::DuplicateName, message);
        }
        if !regions.contains(cluster.region.as_str()) {
            let message = format!("the mesh has no region `{}`", cluster.region);
            let hint = suggest(cluster.region.as_str(), regions.iter().copied());
            findings.add_hinted(place.push_key("region"), Code::UnknownRegion, message, hint);
        }
        let identity = place.push_key("identity");
        check_identity(&cluster.identity, identity, findings);
        let others = mesh
            .clusters
            .iter()
            .take(i)
            .filter(|other| other.name != cluster.name);
        for other in others.filter(|other| overlap(cluster, other)) {
            let mut shared = domains(cluster).filter(|(_, d)| domains(other).any(|(_, o)| o == *d));
            let list = identity.push_key("trustDomains");
            let (at, what) = match shared.next() {
                Some((j, domain)) => (
                    list.push_index(j),
                    format!(" by the trust domain `{domain}`"),
                ),
                None => (identity, String::new()),
            };
            findings.add_hinted(
                at,
                Code::AmbiguousIdentity,
                format!("a caller from cluster `{}` could claim to be from here{what}", other.name),
                Some(
                    "give each of them trust domains, issuers or paths that the other does not have"
                        .to_owned(),
                ),
            );
        }
    }
}

fn data_classes(mesh: &Mesh, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (i, class) in mesh.data_classes.iter().flat_map(AnyOf::iter).enumerate() {
        let place = at.push_index(i);
        if !seen.insert(class.name.as_str()) {
            let message = format!("there is another data class `{}`", class.name);
            findings.add(place.push_key("name"), Code::DuplicateName, message);
        }
        let laws_at = place.push_key("jurisdictions");
        let laws = class.jurisdictions.iter().flat_map(AnyOf::iter);
        for (j, law) in laws.enumerate() {
            if !mesh
                .regions
                .iter()
                .any(|region| region.jurisdiction == *law)
            {
                let message = format!("no region is under the jurisdiction `{law}`");
                let all = mesh.regions.iter().map(|r| r.jurisdiction.as_str());
                let hint = suggest(law.as_str(), all);
                let at = laws_at.push_index(j);
                findings.add_hinted(at, Code::UnknownJurisdiction, message, hint);
            }
        }
        let requests = place.push_key("requests");
        for (j, labelled) in class.requests.iter().enumerate() {
            super::operation::labelled(labelled, requests.push_index(j), findings);
        }
    }
}

fn links(mesh: &Mesh, at: ValuePointerRef<'_>, regions: &BTreeSet<&str>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (i, link) in mesh.links.iter().flat_map(AnyOf::iter).enumerate() {
        let place = at.push_index(i);
        let (from, to) = (link.from.as_str(), link.to.as_str());
        for (key, end) in [("from", from), ("to", to)] {
            if !regions.contains(end) {
                let message = format!("the mesh has no region `{end}`");
                let hint = suggest(end, regions.iter().copied());
                findings.add_hinted(place.push_key(key), Code::UnknownRegion, message, hint);
            }
        }
        if from == to {
            let message = format!("a link from `{from}` to itself");
            findings.add(place.push_key("to"), Code::InvalidValue, message);
        } else if !seen.insert((from.min(to), from.max(to))) {
            let message = format!("there is another link between `{from}` and `{to}`");
            let hint = Some("a link is the same in both directions".to_owned());
            findings.add_hinted(place, Code::DuplicateName, message, hint);
        }
    }
}

fn check_identity(identity: &Identity, at: ValuePointerRef<'_>, findings: &mut Findings) {
    if identity.trust_domains.is_some() || identity.issuers.is_some() {
        return;
    }
    let (message, hint) = match identity.spiffe_paths {
        Some(_) => (
            "`spiffePaths` alone prove nothing: whoever signs for any trust domain can write any path",
            "name the `trustDomains` or `issuers` that the paths are in",
        ),
        None => (
            "nothing proves that a caller is from here",
            "name `trustDomains` or `issuers`",
        ),
    };
    findings.add_hinted(at, Code::MissingField, message, Some(hint.to_owned()));
}

fn domains(cluster: &Cluster) -> impl Iterator<Item = (usize, &str)> {
    let domains = cluster.identity.trust_domains.iter().flat_map(AnyOf::iter);
    domains.map(TrustDomain::as_str).enumerate()
}

/// Whether one caller could prove to be from both: unless something that both ask for tells them
/// apart, it could.
fn overlap(a: &Cluster, b: &Cluster) -> bool {
    let (x, y) = (&a.identity, &b.identity);
    if let (Some(_), Some(_)) = (&x.trust_domains, &y.trust_domains)
        && !domains(a).any(|(_, d)| domains(b).any(|(_, e)| d == e))
    {
        return false;
    }
    if let (Some(p), Some(q)) = (&x.issuers, &y.issuers)
        && !p.iter().any(|issuer| q.iter().any(|other| issuer == other))
    {
        return false;
    }
    if let (Some(p), Some(q)) = (&x.spiffe_paths, &y.spiffe_paths) {
        let (own, others) = (a.name.as_str(), b.name.as_str());
        return p
            .iter()
            .any(|path| q.iter().any(|other| path.overlaps(own, other, others)));
    }
    true
}
