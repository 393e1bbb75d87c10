//! Who calls, as a validated client certificate says it.

use crate::mesh_index::{ClusterId, MeshIndex};

/// The longest SPIFFE ID (SPIFFE ID, section 2.3).
const LONGEST_ID: usize = 2048;

/// A SPIFFE ID in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpiffeId<'a> {
    /// All of it but `spiffe://`: what policies call a principal.
    pub principal: &'a str,
    /// The trust domain.
    pub trust_domain: &'a str,
    /// `<namespace>/sa/<name>`, where the path is Istio's `/ns/<namespace>/sa/<name>`.
    account: Option<&'a str>,
}

impl<'a> SpiffeId<'a> {
    /// Reads the URI of a certificate; `None` where it is not a SPIFFE ID.
    pub fn parse(uri: &'a str) -> Option<Self> {
        if uri.len() > LONGEST_ID {
            return None;
        }
        let principal = uri.strip_prefix("spiffe://")?;
        let (trust_domain, path) = principal.split_once('/')?;
        let segment = |s: &str| {
            !s.is_empty()
                && s != "."
                && s != ".."
                && s.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        };
        let domain = |s: &str| segment(s) && !s.bytes().any(|b| b.is_ascii_uppercase());
        if !domain(trust_domain) || !path.split('/').all(segment) {
            return None;
        }
        let account = path.strip_prefix("ns/").filter(|account| {
            let parts = account.split_once("/sa/");
            parts.is_some_and(|(namespace, name)| !namespace.contains('/') && !name.contains('/'))
        });
        Some(Self {
            principal,
            trust_domain,
            account,
        })
    }

    /// The namespace, in an ID of Istio's form.
    pub fn namespace(&self) -> Option<&'a str> {
        self.account
            .and_then(|account| account.split_once('/'))
            .map(|(namespace, _)| namespace)
    }

    /// `<namespace>/sa/<name>`, in an ID of Istio's form.
    pub fn account(&self) -> Option<&'a str> {
        self.account
    }
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller<'a> {
    /// Nobody that a certificate speaks for.
    Unauthenticated,
    /// A workload.
    Authenticated {
        /// What its certificate says it is.
        id: SpiffeId<'a>,
        /// The cluster that proves, where `Mesh` knows it.
        cluster: Option<ClusterId>,
    },
}

impl<'a> Caller<'a> {
    /// Who the first URI of a validated certificate speaks for. What is not a SPIFFE ID speaks
    /// for nobody.
    pub fn new(uri: Option<&'a str>, mesh: &MeshIndex) -> Self {
        match uri.and_then(SpiffeId::parse) {
            Some(id) => Self::Authenticated {
                id,
                cluster: mesh.cluster_of_trust_domain(id.trust_domain),
            },
            None => Self::Unauthenticated,
        }
    }

    /// The SPIFFE ID.
    pub fn id(&self) -> Option<&SpiffeId<'a>> {
        match self {
            Self::Unauthenticated => None,
            Self::Authenticated { id, .. } => Some(id),
        }
    }

    /// The cluster.
    pub fn cluster(&self) -> Option<ClusterId> {
        match self {
            Self::Unauthenticated => None,
            Self::Authenticated { cluster, .. } => *cluster,
        }
    }
}
