//! What a proxy says of itself.

use landbridge_engine::{Surroundings, Unknown};
use landbridge_host::Host;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// What the proxy's node metadata says, as Istio fills it.
pub struct Node<'a>(pub &'a dyn Host);

/// Istio's proxies say in their id what they are. A gateway's callers are never its own workload,
/// with a certificate or without.
pub fn is_sidecar(host: &dyn Host) -> bool {
    let id = host.property(&["xds", "node", "id"]).ok().flatten();
    id.is_some_and(|id| id.starts_with(b"sidecar~"))
}

/// What tells a worker from the others of its proxy.
pub fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl Node<'_> {
    fn metadata(&self, path: &[&str]) -> Option<String> {
        let full: Vec<&str> = ["xds", "node", "metadata"]
            .iter()
            .chain(path)
            .copied()
            .collect();
        let value = self.0.property(&full).ok().flatten()?;
        String::from_utf8(value)
            .ok()
            .filter(|value| !value.is_empty())
    }
}

impl Surroundings for Node<'_> {
    fn cluster(&self) -> Option<String> {
        self.metadata(&["CLUSTER_ID"])
    }

    fn namespace(&self) -> Option<String> {
        self.metadata(&["NAMESPACE"])
    }

    fn label(&self, key: &str) -> Result<Option<String>, Unknown> {
        if let Some(value) = self.metadata(&["LABELS", key]) {
            return Ok(Some(value));
        }
        let labels = self.0.property(&["xds", "node", "metadata", "LABELS"]);
        if labels.ok().flatten().is_some() {
            Ok(None)
        } else {
            Err(Unknown)
        }
    }
}
