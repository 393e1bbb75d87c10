//! Who calls, as a validated client certificate says it.

use crate::mesh_index::{ClusterId, MeshIndex};
use std::borrow::Cow;

/// The longest SPIFFE ID (SPIFFE ID, section 2.3).
const LONGEST_ID: usize = 2048;

/// A SPIFFE ID in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpiffeId<'a> {
    /// All of it but `spiffe://`: what policies call a principal.
    pub principal: &'a str,
    /// The trust domain.
    pub trust_domain: &'a str,
    path: &'a str,
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
        let valid = domain(trust_domain) && path.split('/').all(segment);
        valid.then_some(Self {
            principal,
            trust_domain,
            path,
        })
    }

    /// The path, without its first slash.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// `<namespace>/sa/<name>`, where the path is Istio's `/ns/<namespace>/sa/<name>`.
    pub fn account(&self) -> Option<&'a str> {
        self.path.strip_prefix("ns/").filter(|account| {
            let parts = account.split_once("/sa/");
            parts.is_some_and(|(namespace, name)| !namespace.contains('/') && !name.contains('/'))
        })
    }

    /// The namespace, in an ID of Istio's form.
    pub fn namespace(&self) -> Option<&'a str> {
        self.account()
            .and_then(|account| account.split_once('/'))
            .map(|(namespace, _)| namespace)
    }
}

/// What a proxy says of a caller's validated certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// Its first URI.
    pub uri: Option<&'a str>,
    /// The distinguished name of its issuer, as Envoy prints it.
    pub issuer: Option<&'a str>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller<'a> {
    /// Nobody that a certificate speaks for.
    Unauthenticated,
    /// A workload.
    Authenticated {
        /// What its certificate says it is.
        id: SpiffeId<'a>,
        /// The cluster that proves, where `Mesh` knows it.
        cluster: Option<ClusterId>,
        /// The namespace, where the ID or its cluster's template says it.
        namespace: Option<&'a str>,
        /// `<namespace>/sa/<name>`, where the ID or its cluster's template says both.
        account: Option<Cow<'a, str>>,
    },
}

impl<'a> Caller<'a> {
    /// Who a validated certificate speaks for. A URI that is not a SPIFFE ID speaks for nobody.
    pub fn new(certificate: Certificate<'a>, mesh: &MeshIndex) -> Self {
        let Some(id) = certificate.uri.and_then(SpiffeId::parse) else {
            return Self::Unauthenticated;
        };
        let proven = mesh.prove(&id, certificate.issuer);
        let account = match (proven.namespace, proven.service_account) {
            (Some(namespace), Some(name)) => Some(Cow::Owned(format!("{namespace}/sa/{name}"))),
            _ => id.account().map(Cow::Borrowed),
        };
        Self::Authenticated {
            id,
            cluster: proven.cluster,
            namespace: proven.namespace.or_else(|| id.namespace()),
            account,
        }
    }

    /// The principal.
    pub fn principal(&self) -> Option<&'a str> {
        match self {
            Self::Unauthenticated => None,
            Self::Authenticated { id, .. } => Some(id.principal),
        }
    }

    /// The cluster.
    pub fn cluster(&self) -> Option<ClusterId> {
        match self {
            Self::Unauthenticated => None,
            Self::Authenticated { cluster, .. } => *cluster,
        }
    }

    /// The trust domain.
    pub fn trust_domain(&self) -> Option<&'a str> {
        match self {
            Self::Unauthenticated => None,
            Self::Authenticated { id, .. } => Some(id.trust_domain),
        }
    }

    /// The namespace.
    pub fn namespace(&self) -> Option<&'a str> {
        match self {
            Self::Unauthenticated => None,
            Self::Authenticated { namespace, .. } => *namespace,
        }
    }

    /// `<namespace>/sa/<name>`.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Unauthenticated => None,
            Self::Authenticated { account, .. } => account.as_deref(),
        }
    }
}
