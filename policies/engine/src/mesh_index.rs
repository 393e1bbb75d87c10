//! The mesh as deciding needs it: a cluster is a number, and where it is a set of such numbers.

use landbridge_model::{Cluster, Mesh, Pattern, validate::Names};
use std::collections::BTreeMap;

/// A cluster of the mesh, by its place in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterId(pub u16);

/// What a location of a cluster is called; networks may be unknown.
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
}

/// The clusters of a mesh and what proves them.
#[derive(Debug)]
pub struct MeshIndex {
    places: Vec<Place>,
    trust_domains: BTreeMap<Box<str>, ClusterId>,
}

impl MeshIndex {
    /// Indexes a valid mesh; `None` where it has more clusters than can be numbered.
    pub fn new(mesh: &Mesh) -> Option<Self> {
        let names = Names::new(mesh);
        let place = |c: &Cluster| Place {
            name: c.name.as_str().into(),
            region: c.region.as_str().into(),
            jurisdiction: names
                .jurisdiction(c.region.as_str())
                .unwrap_or_default()
                .into(),
            network: c.network.as_ref().map(|n| n.as_str().into()),
        };
        let mut index = Self {
            places: Vec::new(),
            trust_domains: BTreeMap::new(),
        };
        for (i, cluster) in mesh.clusters.iter().enumerate() {
            let id = ClusterId(u16::try_from(i).ok()?);
            index.places.push(place(cluster));
            for domain in cluster.identity.trust_domains.iter() {
                index.trust_domains.insert(domain.as_str().into(), id);
            }
        }
        Some(index)
    }

    /// The cluster that a trust domain proves.
    pub fn cluster_of_trust_domain(&self, domain: &str) -> Option<ClusterId> {
        self.trust_domains.get(domain).copied()
    }

    /// A trust domain that proves the cluster of this name: the first in the order of text.
    pub fn trust_domain_of(&self, cluster: &str) -> Option<&str> {
        let proves = |id: &ClusterId| self.name(*id) == cluster;
        self.trust_domains
            .iter()
            .find(|(_, id)| proves(id))
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

    /// The clusters that any of the patterns matches, by what `by` says of them.
    pub(crate) fn select<'a>(
        &self,
        by: Where,
        patterns: impl Iterator<Item = &'a Pattern> + Clone,
    ) -> ClusterSet {
        let mut set = ClusterSet::default();
        for place in &self.places {
            let value = match by {
                Where::Cluster => Some(&place.name),
                Where::Region => Some(&place.region),
                Where::Jurisdiction => Some(&place.jurisdiction),
                Where::Network => place.network.as_ref(),
            };
            set.0.push(match value {
                Some(value) => patterns.clone().any(|p| p.matches(value)).into(),
                None => crate::Truth::Unknown,
            });
        }
        set
    }
}

/// For each cluster, whether a match holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClusterSet(Vec<crate::Truth>);

impl ClusterSet {
    /// The clusters for which the match is not ruled out.
    pub(crate) fn possible(&self) -> impl Iterator<Item = u16> {
        let possible = (0..)
            .zip(&self.0)
            .filter(|(_, truth)| **truth != crate::Truth::No);
        possible.map(|(id, _)| id)
    }

    pub(crate) fn contains(&self, cluster: Option<ClusterId>) -> crate::Truth {
        cluster
            .and_then(|id| self.0.get(usize::from(id.0)).copied())
            .unwrap_or(crate::Truth::Unknown)
    }
}
