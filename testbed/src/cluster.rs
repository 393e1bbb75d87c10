//! What a test may say about a cluster.

use crate::pki::Workload;

/// A cluster's name and place, and the trust domain of its workloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSpec {
    /// Its name, e.g. `use1-a`.
    pub name: String,
    /// Its region, e.g. `us-east-1`.
    pub region: String,
    /// Its zone, e.g. `us-east-1a`.
    pub zone: String,
    /// Its network, e.g. `us`.
    pub network: String,
    /// Its trust domain; clusters may share one, and then differ by their CA only.
    pub trust_domain: String,
    /// What signs for its workloads.
    pub authority: ClusterAuthority,
}

/// What signs for the workloads of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClusterAuthority {
    /// A root of its own, `CN=Root CA`.
    #[default]
    Root,
    /// `CN=Intermediate CA` under the root of its trust domain, with `pathlen:0`: Istio's plug-in
    /// CA.
    Intermediate,
    /// The same without `pathlen`: it may make further authorities.
    Delegating,
}

impl ClusterSpec {
    /// A cluster whose trust domain is its own: `NAME.mesh.example`.
    pub fn new(name: &str, region: &str, zone: &str, network: &str) -> Self {
        Self {
            name: name.to_owned(),
            region: region.to_owned(),
            zone: zone.to_owned(),
            network: network.to_owned(),
            trust_domain: format!("{name}.mesh.example"),
            authority: ClusterAuthority::Root,
        }
    }

    /// The same cluster with another kind of authority.
    #[must_use]
    pub fn signed_by(mut self, authority: ClusterAuthority) -> Self {
        self.authority = authority;
        self
    }

    /// The same cluster in another trust domain.
    #[must_use]
    pub fn in_trust_domain(mut self, domain: &str) -> Self {
        domain.clone_into(&mut self.trust_domain);
        self
    }

    /// The three clusters of the design: two in one region of the US, one in the EU.
    pub fn default_mesh() -> Vec<Self> {
        vec![
            Self::new("use1-a", "us-east-1", "us-east-1a", "us"),
            Self::new("use1-b", "us-east-1", "us-east-1b", "us"),
            Self::new("euw1-a", "eu-west-1", "eu-west-1a", "eu"),
        ]
    }
}

/// Whether a server sidecar takes plaintext beside mTLS, as Istio's resource of this name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PeerAuthentication {
    /// mTLS only.
    #[default]
    Strict,
    /// mTLS or plaintext, on one port.
    Permissive,
}

/// What a cluster's server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ServerForm {
    /// The sidecar of `shop/orders`.
    #[default]
    Sidecar,
    /// A waypoint, `shop/waypoint`.
    Waypoint,
}

impl ServerForm {
    /// As whom it takes requests in.
    pub(crate) fn workload(self, cluster: &str) -> Workload {
        let name = match self {
            Self::Sidecar => "orders",
            Self::Waypoint => "waypoint",
        };
        Workload::new(cluster, "shop", name)
    }
}

/// What a gateway makes of `x-forwarded-client-cert`: Envoy's `forward_client_cert_details`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayMode {
    /// What the client sent is replaced by who the client is. Istio's default.
    SanitizeSet,
    /// Who the client is comes behind what the client sent.
    AppendForward,
    /// What the client sent goes on, and nothing else.
    ForwardOnly,
}

impl GatewayMode {
    pub(crate) fn envoy(self) -> &'static str {
        match self {
            Self::SanitizeSet => "SANITIZE_SET",
            Self::AppendForward => "APPEND_FORWARD",
            Self::ForwardOnly => "FORWARD_ONLY",
        }
    }
}

/// Which of a cluster's Envoys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The sidecar of `orders`, or the waypoint before it, which takes requests in.
    Server,
    /// The sidecar of `frontend`, through which requests leave.
    Client,
    /// The gateway, `istio-system/gateway`.
    Gateway,
}

impl Side {
    /// What it is called in a sentence.
    pub(crate) fn of(self, cluster: &str) -> String {
        match self {
            Self::Server | Self::Client => format!("the {self} sidecar of `{cluster}`"),
            Self::Gateway => format!("the {self} of `{cluster}`"),
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Gateway => "gateway",
        })
    }
}
