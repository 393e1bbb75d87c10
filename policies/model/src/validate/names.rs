//! The names that a mesh gives: what policies may refer to.

use super::Findings;
use crate::Code;
use crate::decode::suggest;
use crate::mesh::Mesh;
use crate::name::NetworkName;
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
    /// The region of each cluster.
    by_cluster: BTreeMap<String, String>,
    /// The regions at the ends of each link, and whether it has a price.
    links: Vec<(String, String, bool)>,
    /// The jurisdictions that each data class which has some may go to.
    residency: Vec<(String, Vec<String>)>,
    /// How many clusters are in each trust domain, of those that no SPIFFE path tells apart.
    by_trust_domain: BTreeMap<String, usize>,
}

impl Names {
    /// The names of a mesh.
    pub fn new(mesh: &Mesh) -> Self {
        let clusters = || mesh.clusters.iter();
        let regions = || mesh.regions.iter();
        let networks = clusters().filter_map(|c| c.network.as_ref());
        let classes = mesh.data_classes.iter().flat_map(AnyOf::iter);
        let mut by_region = BTreeMap::new();
        for region in regions() {
            let jurisdiction = region.jurisdiction.as_str().to_owned();
            by_region.insert(region.name.as_str().to_owned(), jurisdiction);
        }
        let mut by_trust_domain: BTreeMap<String, usize> = BTreeMap::new();
        let identities = mesh.clusters.iter().map(|c| &c.identity);
        let by_name = identities.filter(|identity| identity.spiffe_paths.is_none());
        for domain in by_name.flat_map(|i| i.trust_domains.iter().flat_map(AnyOf::iter)) {
            let count = by_trust_domain.entry(domain.as_str().to_owned());
            let count = count.or_default();
            *count = count.saturating_add(1);
        }
        let mut by_cluster = BTreeMap::new();
        for cluster in clusters() {
            let region = cluster.region.as_str().to_owned();
            by_cluster.insert(cluster.name.as_str().to_owned(), region);
        }
        let links = mesh.links.iter().flat_map(AnyOf::iter).map(|link| {
            let ends = [&link.from, &link.to].map(|end| end.as_str().to_owned());
            let [from, to] = ends;
            (from, to, link.price_per_gib.is_some())
        });
        let mut residency = Vec::new();
        for class in mesh.data_classes.iter().flat_map(AnyOf::iter) {
            let laws = class.jurisdictions.iter().flat_map(AnyOf::iter);
            let laws: Vec<String> = laws.map(|law| law.as_str().to_owned()).collect();
            if !laws.is_empty() {
                residency.push((class.name.as_str().to_owned(), laws));
            }
        }
        Self {
            links: links.collect(),
            by_cluster,
            residency,
            clusters: set(&mut clusters().map(|c| c.name.as_str())),
            regions: set(&mut regions().map(|r| r.name.as_str())),
            jurisdictions: set(&mut regions().map(|r| r.jurisdiction.as_str())),
            networks: set(&mut networks.map(NetworkName::as_str)),
            data_classes: set(&mut classes.map(|class| class.name.as_str())),
            by_region,
            by_trust_domain,
        }
    }

    /// The trust domains in which workloads of several clusters may have one name.
    pub(super) fn shared_trust_domains(&self) -> Vec<&str> {
        let shared = self.by_trust_domain.iter().filter(|(_, count)| **count > 1);
        shared.map(|(domain, _)| domain.as_str()).collect()
    }

    /// The jurisdiction of a region.
    pub fn jurisdiction(&self, region: &str) -> Option<&str> {
        self.by_region.get(region).map(String::as_str)
    }

    /// The jurisdiction of a cluster.
    pub(super) fn law_of(&self, cluster: &str) -> Option<&str> {
        self.jurisdiction(self.region_of(cluster)?)
    }

    /// The region of a cluster.
    pub(super) fn region_of(&self, cluster: &str) -> Option<&str> {
        self.by_cluster.get(cluster).map(String::as_str)
    }

    /// Whether there are any links.
    pub(super) fn has_links(&self) -> bool {
        !self.links.is_empty()
    }

    /// Whether there is a price for what goes between two regions.
    pub(super) fn has_price(&self, a: &str, b: &str) -> bool {
        let joins = |from: &str, to: &str| (from, to) == (a, b) || (from, to) == (b, a);
        let mut links = self.links.iter();
        links.any(|(from, to, priced)| *priced && joins(from, to))
    }

    /// The jurisdictions that each data class which has some may go to.
    pub(super) fn residency(&self) -> impl Iterator<Item = (&str, &[String])> {
        let classes = self.residency.iter();
        classes.map(|(class, laws)| (class.as_str(), laws.as_slice()))
    }

    pub(crate) fn known_region(
        &self,
        name: &str,
        at: ValuePointerRef<'_>,
        findings: &mut Findings,
    ) {
        self.regions(&Pattern::Exact(name.to_owned()), at, findings);
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

/// One by one: a filter has no use for another sort.
fn set(names: &mut dyn Iterator<Item = &'_ str>) -> BTreeSet<String> {
    let mut set = BTreeSet::new();
    for name in names {
        set.insert(name.to_owned());
    }
    set
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
