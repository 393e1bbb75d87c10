//! Who calls, as a validated client certificate says it.

use crate::bytes::Kind;
use crate::mesh_index::{ClusterId, MeshIndex};
use std::borrow::Cow;

/// The longest SPIFFE ID (SPIFFE ID, section 2.3).
const LONGEST_ID: usize = 2048;
/// The fewest dots that are a name and not a dot segment.
const NAMED: usize = 3;

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
        let mut domain = None;
        // How many dots the segment is so far; `NAMED` or more where it is no dot segment.
        let mut dots = 0_usize;
        for (at, b) in principal.bytes().enumerate() {
            dots = match Kind::of(b) {
                Kind::Name => NAMED,
                Kind::Capital if domain.is_some() => NAMED,
                Kind::Dot => dots.saturating_add(1),
                Kind::Slash if dots >= NAMED => {
                    domain.get_or_insert(at);
                    0
                }
                _ => return None,
            };
        }
        let (trust_domain, behind) = principal.split_at_checked(domain?)?;
        let path = behind.get(1..)?;
        (dots >= NAMED).then_some(Self {
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
        self.istio().map(|(_, account)| account)
    }

    /// The namespace, in an ID of Istio's form.
    pub fn namespace(&self) -> Option<&'a str> {
        self.istio().map(|(namespace, _)| namespace)
    }

    /// The namespace and the account, in an ID of Istio's form.
    fn istio(&self) -> Option<(&'a str, &'a str)> {
        let account = self.path.strip_prefix("ns/")?;
        let (namespace, behind) = cut(account)?;
        let name = behind.strip_prefix("sa/")?;
        cut(name).is_none().then_some((namespace, account))
    }
}

/// What is before the first slash and behind it. Every request is parsed, and for texts this short
/// the standard library's search costs more than looking at each byte.
fn cut(text: &str) -> Option<(&str, &str)> {
    let slash = text.bytes().position(|b| b == b'/')?;
    let (before, behind) = text.split_at_checked(slash)?;
    Some((before, behind.get(1..)?))
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
        let (namespace, account) = id.istio().unzip();
        let account = match (proven.namespace, proven.service_account) {
            (Some(namespace), Some(name)) => Some(Cow::Owned(format!("{namespace}/sa/{name}"))),
            _ => account.map(Cow::Borrowed),
        };
        Self::Authenticated {
            id,
            cluster: proven.cluster,
            namespace: proven.namespace.or(namespace),
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

#[cfg(test)]
mod tests {
    use super::SpiffeId;

    #[test]
    fn only_istios_form_has_a_namespace_and_an_account() {
        let cases = [
            ("ns/shop/sa/cart", Some(("shop", "shop/sa/cart"))),
            ("ns/sa/sa/sa", Some(("sa", "sa/sa/sa"))),
            ("ns/shop/x/sa/cart", None),
            ("ns/shop/sa/cart/x", None),
            ("ns/shop/sa", None),
            ("ns/shop", None),
            ("shop/sa/cart", None),
            ("x/ns/shop/sa/cart", None),
        ];
        for (path, expected) in cases {
            let uri = format!("spiffe://a.example/{path}");
            let id = SpiffeId::parse(&uri).unwrap();
            assert_eq!(id.namespace().zip(id.account()), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_spiffe_id() {
        for uri in [
            "a.example/x",
            "spiffe://a.example",
            "spiffe://a.example/",
            "spiffe:///x",
            "spiffe://A.example/x",
            "spiffe://a.example/x/",
            "spiffe://a.example/x//y",
            "spiffe://a.example/./x",
            "spiffe://a.example/x/..",
            "spiffe://a.example/x?y",
        ] {
            assert_eq!(SpiffeId::parse(uri), None, "{uri}");
        }
    }
}
