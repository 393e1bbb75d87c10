//! What a configuration is called, so that a fleet can be compared.

use landbridge_model::Node;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The first 8 bytes of the SHA-256 of other SHA-256s: that of the canonical JSON of a
/// configuration's head, then those of its policies. The same whatever order Istio or a client put
/// the keys in; and a policy that was not changed need not be read again to be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 8]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// Of one part of a configuration.
pub(crate) type PartDigest = [u8; 32];

#[derive(Default)]
pub(crate) struct Digester {
    hash: Sha256,
    /// Kept, for there are many policies.
    line: String,
}

impl Digester {
    /// The digest of a part, which is the same whatever it stands beside.
    pub(crate) fn part(&mut self, node: &Node) -> PartDigest {
        self.line.clear();
        node.push_canonical_json(&mut self.line);
        Sha256::digest(self.line.as_bytes()).into()
    }

    pub(crate) fn add(&mut self, part: &PartDigest) {
        self.hash.update(part);
    }

    pub(crate) fn finish(self) -> Digest {
        let mut first = [0; 8];
        for (to, from) in first.iter_mut().zip(self.hash.finalize()) {
            *to = from;
        }
        Digest(first)
    }
}
