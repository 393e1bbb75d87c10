//! The mesh as deciding needs it: a cluster is a number, and where it is a set of such numbers.

use crate::Truth;
use crate::caller::SpiffeId;
use landbridge_model::{
    Cluster, DistinguishedName, Mesh, Pattern, Segment, SpiffePath, validate::Names,
};
use std::collections::BTreeMap;

/// A cluster of the mesh, by its place in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterId(pub u16);

/// By what a cluster is matched; networks may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    Cluster,
    Region,
    Jurisdiction,
    Network,
}

#[derive(Debug)]
struct Place {
    name: Box<str>,
    region: Box<str>,
    jurisdiction: Box<str>,
    network: Option<Box<str>>,
    proof: Proof,
}

impl Place {
    fn called(&self, by: Where) -> Option<&str> {
        match by {
            Where::Cluster => Some(&self.name),
            Where::Region => Some(&self.region),
            Where::Jurisdiction => Some(&self.jurisdiction),
            Where::Network => self.network.as_deref(),
        }
    }
}

/// What a caller from a cluster has to prove beside its trust domain: all of what is there.
#[derive(Debug)]
struct Proof {
    issuers: Option<Box<[DistinguishedName]>>,
    paths: Option<Vec<SpiffePath>>,
}

/// What a caller proves: its cluster, and who it is there where a template says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proven<'a> {
    pub(crate) cluster: Option<ClusterId>,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) service_account: Option<&'a str>,
}

/// The clusters of a mesh and what proves them.
#[derive(Debug)]
pub struct MeshIndex {
    places: Vec<Place>,
    /// The clusters that a trust domain is a proof of, alone or with more.
    by_trust_domain: BTreeMap<Box<str>, Vec<ClusterId>>,
    /// The clusters that an issuer is a proof of, and no trust domain.
    rest: Vec<ClusterId>,
    needs_issuer: bool,
}

impl MeshIndex {
    /// Indexes a valid mesh; `None` where it has more clusters than can be numbered.
    pub fn new(mesh: &Mesh) -> Option<Self> {
        let names = Names::new(mesh);
        let mut index = Self {
            places: Vec::new(),
            by_trust_domain: BTreeMap::new(),
            rest: Vec::new(),
            needs_issuer: mesh.clusters.iter().any(|c| c.identity.issuers.is_some()),
        };
        for (i, cluster) in mesh.clusters.iter().enumerate() {
            let id = ClusterId(u16::try_from(i).ok()?);
            index.places.push(place(cluster, &names));
            match &cluster.identity.trust_domains {
                Some(domains) => {
                    for domain in domains.iter() {
                        index
                            .by_trust_domain
                            .entry(domain.as_str().into())
                            .or_default()
                            .push(id);
                    }
                }
                None if cluster.identity.issuers.is_some() => index.rest.push(id),
                // What asks for neither, nobody proves.
                None => {}
            }
        }
        Some(index)
    }

    /// Whether the issuer of a caller's certificate is part of a proof.
    pub fn needs_issuer(&self) -> bool {
        self.needs_issuer
    }

    /// The cluster that a caller proves. Valid meshes have at most one.
    pub(crate) fn prove<'a>(&self, id: &SpiffeId<'a>, issuer: Option<&str>) -> Proven<'a> {
        let by_domain = self.by_trust_domain.get(id.trust_domain);
        let mut issuer = Issuer {
            text: issuer,
            parsed: None,
        };
        for cluster in by_domain.into_iter().flatten().chain(&self.rest) {
            let Some(place) = self.places.get(usize::from(cluster.0)) else {
                continue;
            };
            if let Some(proven) = place.proof.holds(id, &mut issuer, &place.name) {
                return Proven {
                    cluster: Some(*cluster),
                    ..proven
                };
            }
        }
        Proven::default()
    }

    /// A trust domain that proves the cluster of this name by itself: the first in the order of
    /// text.
    pub fn trust_domain_of(&self, cluster: &str) -> Option<&str> {
        let proves = |ids: &Vec<ClusterId>| ids.iter().any(|id| self.name(*id) == cluster);
        self.by_trust_domain
            .iter()
            .find(|(_, ids)| proves(ids))
            .map(|(domain, _)| &**domain)
    }

    /// Whether there is a cluster of this name.
    pub fn has(&self, cluster: &str) -> bool {
        self.places.iter().any(|p| &*p.name == cluster)
    }

    /// The name of a cluster.
    pub fn name(&self, id: ClusterId) -> &str {
        self.places.get(usize::from(id.0)).map_or("", |p| &*p.name)
    }

    /// What a cluster is called, by this.
    pub(crate) fn place_name(&self, id: ClusterId, by: Where) -> Option<String> {
        let place = self.places.get(usize::from(id.0))?;
        place.called(by).map(|name| name.to_string())
    }

    /// What the clusters that a match does not rule out are called, each name once.
    pub(crate) fn place_names(&self, set: &ClusterSet, by: Where) -> Vec<String> {
        let names = set
            .possible()
            .filter_map(|id| self.place_name(ClusterId(id), by));
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.dedup();
        names
    }

    /// The clusters that any of the patterns matches, by what `by` says of them.
    pub(crate) fn select<'a>(
        &self,
        by: Where,
        patterns: impl Iterator<Item = &'a Pattern> + Clone,
    ) -> ClusterSet {
        let truth = |place: &Place| match place.called(by) {
            Some(value) => patterns.clone().any(|p| p.matches(value)).into(),
            None => Truth::Unknown,
        };
        ClusterSet(self.places.iter().map(truth).collect())
    }
}

fn place(cluster: &Cluster, names: &Names) -> Place {
    let identity = &cluster.identity;
    Place {
        name: cluster.name.as_str().into(),
        region: cluster.region.as_str().into(),
        jurisdiction: names
            .jurisdiction(cluster.region.as_str())
            .unwrap_or_default()
            .into(),
        network: cluster.network.as_ref().map(|n| n.as_str().into()),
        proof: Proof {
            issuers: identity
                .issuers
                .as_ref()
                .map(|list| list.iter().cloned().collect()),
            paths: identity
                .spiffe_paths
                .as_ref()
                .map(|list| list.iter().cloned().collect()),
        },
    }
}

/// The issuer of a caller's certificate, parsed once and only where a proof asks for it.
struct Issuer<'i> {
    text: Option<&'i str>,
    parsed: Option<Option<DistinguishedName>>,
}

impl Issuer<'_> {
    fn get(&mut self) -> Option<&DistinguishedName> {
        let text = self.text;
        self.parsed
            .get_or_insert_with(|| text.and_then(DistinguishedName::parse))
            .as_ref()
    }
}

impl Proof {
    /// Whether a caller proves all of it.
    fn holds<'a>(
        &self,
        id: &SpiffeId<'a>,
        issuer: &mut Issuer<'_>,
        cluster: &str,
    ) -> Option<Proven<'a>> {
        if let Some(issuers) = &self.issuers
            && !issuers.contains(issuer.get()?)
        {
            return None;
        }
        match &self.paths {
            None => Some(Proven::default()),
            Some(paths) => paths.iter().find_map(|path| meets(path, id, cluster)),
        }
    }
}

fn meets<'a>(template: &SpiffePath, id: &SpiffeId<'a>, cluster: &str) -> Option<Proven<'a>> {
    let mut segments = id.path().split('/');
    let mut proven = Proven::default();
    for segment in template.segments() {
        let own = segments.next()?;
        match segment {
            Segment::Literal(s) if own != s => return None,
            Segment::Cluster if own != cluster => return None,
            Segment::Namespace => proven.namespace = Some(own),
            Segment::ServiceAccount => proven.service_account = Some(own),
            Segment::Literal(_) | Segment::Cluster | Segment::Any => {}
        }
    }
    segments.next().is_none().then_some(proven)
}

/// For each cluster, whether a match holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClusterSet(Vec<Truth>);

impl ClusterSet {
    /// The clusters for which the match is not ruled out.
    pub(crate) fn possible(&self) -> impl Iterator<Item = u16> {
        let possible = (0..).zip(&self.0).filter(|(_, truth)| **truth != Truth::No);
        possible.map(|(id, _)| id)
    }

    pub(crate) fn contains(&self, cluster: Option<ClusterId>) -> Truth {
        cluster
            .and_then(|id| self.0.get(usize::from(id.0)).copied())
            .unwrap_or(Truth::Unknown)
    }
}
