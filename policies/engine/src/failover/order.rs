//! The order in which a service's clusters are preferred, as seen from the proxy's own.

use landbridge_model::{AnyOf, Cluster, Link, Mesh, Preference};

/// What is further away than any link that is known.
const UNKNOWN: u64 = u64::MAX;

/// Where the proxy is, and what lies between there and elsewhere.
pub(crate) struct Viewpoint<'m> {
    mesh: &'m Mesh,
    own: &'m Cluster,
}

impl<'m> Viewpoint<'m> {
    pub(crate) fn new(mesh: &'m Mesh, own: &'m Cluster) -> Self {
        Self { mesh, own }
    }

    /// By what a cluster is ordered: less is better.
    pub(crate) fn rank(&self, cluster: &Cluster, preference: &[Preference]) -> Vec<u64> {
        preference.iter().map(|by| self.by(cluster, *by)).collect()
    }

    fn by(&self, cluster: &Cluster, by: Preference) -> u64 {
        let own = self.own;
        let is_own = cluster.name == own.name;
        let same_region = cluster.region == own.region;
        match by {
            Preference::Zone => {
                let same = same_region && own.zone.is_some() && cluster.zone == own.zone;
                u64::from(!(is_own || same))
            }
            Preference::Region => u64::from(!same_region),
            Preference::Jurisdiction => {
                let law = |region| self.mesh.regions.iter().find(|r| r.name == region);
                let law = |c: &Cluster| law(c.region.clone()).map(|r| &r.jurisdiction);
                u64::from(law(cluster) != law(own))
            }
            Preference::Price if same_region => 0,
            Preference::Rtt if same_region => 0,
            Preference::Price => self
                .link(cluster)
                .and_then(|link| link.price_per_gib)
                .map_or(UNKNOWN, |price| price.millionths),
            Preference::Rtt => self
                .link(cluster)
                .and_then(|link| link.rtt)
                .map_or(UNKNOWN, |rtt| {
                    u64::try_from(rtt.0.as_micros()).unwrap_or(UNKNOWN)
                }),
        }
    }

    /// What the mesh says of the link between the proxy's own region and a cluster's.
    pub(crate) fn link(&self, cluster: &Cluster) -> Option<&'m Link> {
        let (a, b) = (&self.own.region, &cluster.region);
        let mut links = self.mesh.links.iter().flat_map(AnyOf::iter);
        links.find(|l| (&l.from, &l.to) == (a, b) || (&l.from, &l.to) == (b, a))
    }
}
