//! What a configuration is called, so that a fleet can be compared.

use landbridge_model::{Diagnostic, Limits, Node, RawConfig, packed};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The first 8 bytes of the SHA-256 of other SHA-256s: that of the canonical JSON of a
/// configuration's head, then those of its policies. The same whatever order Istio or a client put
/// the keys in; and a policy that was not changed need not be read again to be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 8]);

impl Digest {
    /// What a configuration is called, packed or not, without loading it. That it is good is not
    /// said.
    pub fn of(json: &[u8], limits: &Limits) -> Result<Self, Vec<Diagnostic>> {
        let json = packed::unpack(json, limits)?;
        let raw = RawConfig::read(&json, limits)?;
        let mut digester = Digester::default();
        let head = digester.part(&raw.head_node);
        digester.add(&head);
        for (index, text) in raw.texts().enumerate() {
            let policy = digester.part(&RawConfig::tree(index, text)?);
            digester.add(&policy);
        }
        Ok(digester.finish())
    }
}

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::Digest;
    use crate::failover::load_failover;
    use crate::load;
    use crate::policy_test::Nowhere;
    use crate::shaping::load_shaping;
    use landbridge_model::{Limits, packed};

    const MESH: &str = r#""mesh":{"regions":[{"name":"r","jurisdiction":"J"}],"clusters":[{"name":"c","identity":{"trustDomains":["t"]},"region":"r"}]},"local":{"cluster":"c"}"#;

    fn config(policies: &str) -> String {
        format!(r#"{{"apiVersion":"landbridge.dev/v1alpha1",{MESH},"policies":[{policies}]}}"#)
    }

    #[test]
    fn it_is_what_the_filters_say_packed_or_not() {
        let limits = Limits::default();
        let authz = config(
            r#"{"kind":"CrossClusterAuthorization","metadata":{"name":"a"},"spec":{"rules":[{}]}}"#,
        );
        let shaping = config(
            r#"{"kind":"TrafficShaping","metadata":{"name":"a"},"spec":{"limits":[{"name":"l","rate":"1/s"}]}}"#,
        );
        let loaded = [
            (
                load(authz.as_bytes(), &limits, &Nowhere).unwrap().digest,
                &authz,
            ),
            (
                load_shaping(shaping.as_bytes(), &limits, &Nowhere)
                    .unwrap()
                    .digest,
                &shaping,
            ),
            (
                load_failover(config("").as_bytes(), &limits, &Nowhere)
                    .unwrap()
                    .digest,
                &config(""),
            ),
        ];
        for (digest, json) in loaded {
            assert_eq!(Digest::of(json.as_bytes(), &limits), Ok(digest), "{json}");
            let packed = packed::pack(json);
            assert_eq!(Digest::of(packed.as_bytes(), &limits), Ok(digest));
            let packed = load_shaping(packed.as_bytes(), &limits, &Nowhere);
            if json == &shaping {
                assert_eq!(packed.unwrap().digest, digest);
            }
        }
    }
}
