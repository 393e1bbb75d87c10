//! The names that a mesh gives: what policies may refer to.

use super::Findings;
use crate::Code;
use crate::decode::suggest;
use crate::mesh::{Cluster, Mesh};
use crate::pattern::{AnyOf, Pattern};
use deserr::ValuePointerRef;
use std::collections::{BTreeMap, BTreeSet};

/// What policies may refer to.
#[derive(Clone, Debug)]
pub struct Names {
    clusters: BTreeSet<String>,
    regions: BTreeSet<String>,
    jurisdictions: BTreeSet<String>,
    networks: BTreeSet<String>,
    data_classes: BTreeSet<String>,
    by_region: BTreeMap<String, String>,
}

impl Names {
    /// The names of a mesh.
    pub fn new(mesh: &Mesh) -> Self {
        let text = |c: &Cluster| c.network.as_ref().map(|n| n.as_str().to_owned());
        Self {
            clusters: mesh
                .clusters
                .iter()
                .map(|c| c.name.as_str().to_owned())
                .collect(),
            regions: mesh
                .regions
                .iter()
                .map(|r| r.name.as_str().to_owned())
                .collect(),
            jurisdictions: mesh
                .regions
                .iter()
                .map(|r| r.jurisdiction.as_str().to_owned())
                .collect(),
            networks: mesh.clusters.iter().filter_map(text).collect(),
            data_classes: mesh
                .data_classes
                .iter()
                .flat_map(AnyOf::iter)
                .map(|class| class.name.as_str().to_owned())
                .collect(),
            by_region: mesh
                .regions
                .iter()
                .map(|r| {
                    (
                        r.name.as_str().to_owned(),
                        r.jurisdiction.as_str().to_owned(),
                    )
                })
                .collect(),
        }
    }

    /// The jurisdiction of a region.
    pub fn jurisdiction(&self, region: &str) -> Option<&str> {
        self.by_region.get(region).map(String::as_str)
    }

    pub(crate) fn known_cluster(
        &self,
        name: &str,
        at: ValuePointerRef<'_>,
        findings: &mut Findings,
    ) {
        let pattern = Pattern::Exact(name.to_owned());
        self.clusters(&pattern, at, findings);
    }

    pub(super) fn clusters(&self, p: &Pattern, at: ValuePointerRef<'_>, findings: &mut Findings) {
        known(
            p,
            &self.clusters,
            "cluster",
            Code::UnknownCluster,
            at,
            findings,
        );
    }

    pub(super) fn regions(&self, p: &Pattern, at: ValuePointerRef<'_>, findings: &mut Findings) {
        known(
            p,
            &self.regions,
            "region",
            Code::UnknownRegion,
            at,
            findings,
        );
    }

    pub(super) fn jurisdictions(
        &self,
        p: &Pattern,
        at: ValuePointerRef<'_>,
        findings: &mut Findings,
    ) {
        let code = Code::UnknownJurisdiction;
        known(p, &self.jurisdictions, "jurisdiction", code, at, findings);
    }

    pub(super) fn networks(&self, p: &Pattern, at: ValuePointerRef<'_>, findings: &mut Findings) {
        known(
            p,
            &self.networks,
            "network",
            Code::UnknownNetwork,
            at,
            findings,
        );
    }

    pub(super) fn data_classes(
        &self,
        p: &Pattern,
        at: ValuePointerRef<'_>,
        findings: &mut Findings,
    ) {
        let code = Code::UnknownDataClass;
        known(p, &self.data_classes, "data class", code, at, findings);
    }
}

fn known(
    pattern: &Pattern,
    names: &BTreeSet<String>,
    what: &str,
    code: Code,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if names.iter().any(|name| pattern.matches(name)) {
        return;
    }
    let message = match pattern {
        Pattern::Exact(name) => format!("the mesh has no {what} `{name}`"),
        pattern => format!("the mesh has no {what} that `{pattern}` matches"),
    };
    let hint = suggest(pattern.literal(), names.iter().map(String::as_str));
    findings.add_hinted(at, code, message, hint);
}
