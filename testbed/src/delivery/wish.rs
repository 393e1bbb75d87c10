//! What a test may say of a mesh that is configured by manifests.

use std::collections::{BTreeMap, HashMap};

use crate::Builder;

/// What was said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// The manifests of each cluster.
    pub(crate) manifests: HashMap<String, String>,
    /// Labels of endpoints, by cluster and number.
    pub(crate) labels: HashMap<(String, u32), BTreeMap<String, String>>,
}

impl Wish {
    /// Whether this mesh is configured by manifests.
    pub(crate) fn is_made(&self) -> bool {
        !self.manifests.is_empty()
    }
}

impl Builder {
    /// Has the proxies of a cluster configured by these manifests (YAML or JSON), as Istio would.
    /// A cluster for which none are given then has none, as one to which nothing was applied; and
    /// what is said of [filters](Self::filters) and their configuration means nothing.
    ///
    /// The root namespace is `istio-system`. The proxies are the sidecars of `shop/orders` (server)
    /// and `shop/frontend` (client), or the waypoint `shop/waypoint` before `shop/orders`, and the
    /// gateway `istio-system/gateway`.
    pub fn manifests(mut self, cluster: &str, manifests: impl ToString) -> Self {
        let manifests = manifests.to_string();
        self.delivery
            .manifests
            .insert(cluster.to_owned(), manifests);
        self
    }

    /// Gives an [endpoint](Self::endpoints) of a cluster, from 0, a label more, by which the subset of
    /// a `DestinationRule` may choose it.
    pub fn endpoint_label(mut self, cluster: &str, endpoint: u32, label: (&str, &str)) -> Self {
        let labels = self.delivery.labels.entry((cluster.to_owned(), endpoint));
        let (key, value) = label;
        labels.or_default().insert(key.to_owned(), value.to_owned());
        self
    }
}
