//! What may be wrong with a mesh.

use super::Findings;
use crate::Code;
use crate::decode::suggest;
use crate::mesh::Mesh;
use deserr::ValuePointerRef;
use std::collections::{BTreeMap, BTreeSet};

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
    let clusters_at = at.push_key("clusters");
    let mut clusters = BTreeSet::new();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
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
        let domains = identity.push_key("trustDomains");
        for (j, domain) in cluster.identity.trust_domains.iter().enumerate() {
            if let Some(owner) = owners.insert(domain.as_str(), cluster.name.as_str())
                && owner != cluster.name.as_str()
            {
                findings.add_hinted(
                    domains.push_index(j),
                    Code::AmbiguousIdentity,
                    format!("cluster `{owner}` has the trust domain `{domain}` as well"),
                    Some(
                        "a trust domain proves a cluster only if it is that cluster's alone".into(),
                    ),
                );
            }
        }
    }
}
