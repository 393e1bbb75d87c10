//! What a proxy says of itself.

use landbridge_engine::{Surroundings, Unknown};
use landbridge_host::Host;

/// What the proxy's node metadata says, as Istio fills it.
pub struct Node<'a>(pub &'a dyn Host);

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
