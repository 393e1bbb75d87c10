//! What a configuration is called, so that a fleet can be compared.

use landbridge_model::Node;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The first 8 bytes of the SHA-256 of a configuration's canonical JSON: its head, then each
/// policy, one a line. The same whatever order Istio or a client put the keys in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 8]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

#[derive(Default)]
pub(crate) struct Digester {
    hash: Sha256,
    /// Kept, for there are many policies.
    line: String,
}

impl Digester {
    pub(crate) fn add(&mut self, node: &Node) {
        self.line.clear();
        node.push_canonical_json(&mut self.line);
        self.line.push('\n');
        self.hash.update(self.line.as_bytes());
    }

    pub(crate) fn finish(self) -> Digest {
        let mut first = [0; 8];
        for (to, from) in first.iter_mut().zip(self.hash.finalize()) {
            *to = from;
        }
        Digest(first)
    }
}
