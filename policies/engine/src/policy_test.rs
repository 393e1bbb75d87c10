//! Running a `PolicyTest`: the same cases, natively here and over the wire in the testbed.

use crate::compile::{JWT, PAYLOAD};
use crate::decision::Decision;
use crate::facts::{Facts, RawRequest};
use crate::load::{Surroundings, Unknown};
use crate::mesh_index::MeshIndex;
use crate::metadata::{Kind, Metadata, Struct, Value};
use crate::policy_set::PolicySet;
use landbridge_model::{Address, Caller, Expectation, Json, PeerIdentity, Request, Verdict};
use prost::Message;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The address of a request that does not say.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The host of a request that does not say.
pub const HOST: &str = "orders.shop.svc.cluster.local";
/// The port of a request that does not say.
pub const PORT: u16 = 8080;

/// Nothing is known beside what the configuration says: a test states its own `local`.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

impl Surroundings for Nowhere {
    fn cluster(&self) -> Option<String> {
        None
    }

    fn namespace(&self) -> Option<String> {
        None
    }

    fn label(&self, _: &str) -> Result<Option<String>, Unknown> {
        Err(Unknown)
    }
}

/// The request of a case, as a host would give it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestRequest {
    /// Its headers, pseudo-headers first.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The SPIFFE ID of the caller's certificate.
    pub certificate_uri: Option<String>,
    /// The distinguished name of its issuer.
    pub certificate_issuer: Option<String>,
    /// The SPIFFE ID that a waypoint keeps of the caller.
    pub peer_principal: Option<String>,
    /// The port it arrives at.
    pub port: u16,
    /// The address that it comes from.
    pub source_ip: Option<String>,
    /// The client's address and port, as forwarded.
    pub remote_address: Option<String>,
    /// The address and port that it arrives at.
    pub destination_address: Option<String>,
    /// The server name in TLS.
    pub sni: Option<String>,
    /// The Envoy cluster that it is routed to.
    pub route_cluster: Option<String>,
    /// What other filters keep of it, as a proxy gives it.
    pub metadata: Option<Vec<u8>>,
    /// When it arrives.
    pub now: Option<Duration>,
}

impl TestRequest {
    /// The request that a case describes.
    pub fn new(request: &Request, set: &PolicySet) -> Self {
        let text = |s: &Option<String>, otherwise: &str| {
            s.as_deref().unwrap_or(otherwise).as_bytes().to_vec()
        };
        let mut headers = vec![
            (":method".to_owned(), text(&request.method, "GET")),
            (":authority".to_owned(), text(&request.host, HOST)),
            (":path".to_owned(), text(&request.path, "/")),
        ];
        for (name, value) in &request.headers {
            headers.push((name.to_ascii_lowercase(), value.as_bytes().to_vec()));
        }
        let from = request.from.as_ref();
        let uri = from.map(|from| uri(from, set.mesh()));
        let (certificate_uri, peer_principal) = match set.settings().peer_identity {
            PeerIdentity::Certificate => (uri, None),
            PeerIdentity::FilterState => (None, uri),
        };
        let port = request.port.map_or(PORT, |p| p.0);
        let here = |address: &Option<Address>| address.map_or(LOOPBACK, |address| address.0);
        let source = here(&request.source_ip);
        let remote = request.remote_ip.map_or(source, |address| address.0);
        let destination = SocketAddr::new(here(&request.destination_ip), port);
        Self {
            headers,
            certificate_uri,
            certificate_issuer: from.and_then(|from| from.issuer.clone()),
            peer_principal,
            port,
            source_ip: Some(source.to_string()),
            remote_address: Some(SocketAddr::new(remote, PORT).to_string()),
            destination_address: Some(destination.to_string()),
            sni: Some(request.sni.clone().unwrap_or_default()),
            route_cluster: Some(match &request.service {
                Some(host) => format!("inbound-vip|{port}|http|{host}"),
                None => format!("inbound|{port}||"),
            }),
            metadata: kept(request),
            now: request.time.map(|time| time.0),
        }
    }

    /// The request as a host gives it.
    pub fn raw(&self) -> RawRequest<'_> {
        RawRequest {
            headers: &self.headers,
            certificate_uri: self.certificate_uri.as_deref().map(str::as_bytes),
            certificate_issuer: self.certificate_issuer.as_deref().map(str::as_bytes),
            peer_principal: self.peer_principal.as_deref().map(str::as_bytes),
            port: Some(self.port),
            source_ip: self.source_ip.as_deref().map(str::as_bytes),
            remote_address: self.remote_address.as_deref().map(str::as_bytes),
            destination_address: self.destination_address.as_deref().map(str::as_bytes),
            sni: self.sni.as_deref().map(str::as_bytes),
            route_cluster: self.route_cluster.as_deref().map(str::as_bytes),
            metadata: self.metadata.as_deref(),
            now: self.now,
        }
    }

    /// Decides it.
    pub fn decide(&self, set: &PolicySet) -> Decision {
        let raw = self.raw();
        match Facts::new(raw, set) {
            Ok(facts) => set.decide(&facts),
            Err(rejection) => set.reject(&rejection, &raw),
        }
    }
}

/// The SPIFFE ID of a caller.
fn uri(from: &Caller, mesh: &MeshIndex) -> String {
    let principal = from.principal.clone().unwrap_or_else(|| {
        let cluster = from.cluster.as_ref().map_or("", |c| c.as_str());
        let domain = mesh.trust_domain_of(cluster).unwrap_or_default();
        let namespace = from.namespace.as_ref().map_or("shop", |n| n.as_str());
        let account = from
            .service_account
            .as_ref()
            .map_or("frontend", |n| n.as_str());
        format!("{domain}/ns/{namespace}/sa/{account}")
    });
    format!("spiffe://{principal}")
}

/// What other filters keep of a request, the claims of its token among it.
fn kept(request: &Request) -> Option<Vec<u8>> {
    let mut metadata = Metadata::default();
    if let Some(Json(kept)) = &request.metadata
        && let Some(Kind::Struct(filters)) = Value::new(kept).kind
    {
        for (filter, value) in filters.fields {
            if let Some(Kind::Struct(fields)) = value.kind {
                metadata.filter_metadata.insert(filter, fields);
            }
        }
    }
    if let Some(Json(claims)) = &request.claims {
        let payload = std::iter::once((PAYLOAD.to_owned(), Value::new(claims)));
        let fields = payload.collect();
        metadata
            .filter_metadata
            .insert(JWT.to_owned(), Struct { fields });
    }
    (!metadata.filter_metadata.is_empty()).then(|| metadata.encode_to_vec())
}

/// What was decided, in the words of a `PolicyTest`: from here or from a proxy's access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `allow`, `deny` or `reject`.
    pub verdict: String,
    /// The reason code.
    pub reason: String,
    /// The policy that decided.
    pub policy: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// What the candidate set makes of it, where there is one.
    pub shadow: Option<String>,
    /// The AUDIT policies that marked it.
    pub audited: Vec<String>,
}

impl Outcome {
    /// What a decision says.
    pub fn new(decision: &Decision, set: &PolicySet) -> Self {
        let name = |rule: &crate::RuleRef| set.policy_name(*rule).to_owned();
        Self {
            verdict: decision.verdict.as_str().to_owned(),
            reason: decision.reason.as_str().to_owned(),
            policy: decision.rule.as_ref().map(name),
            rule: decision.rule.map(|rule| set.rule_name(rule).to_owned()),
            shadow: decision
                .shadow
                .map(|shadow| shadow.outcome.as_str().to_owned()),
            audited: decision.audited.iter().map(name).collect(),
        }
    }

    /// Compares with what is expected; in the error, each difference.
    pub fn check(&self, expected: &Expectation) -> Result<(), Vec<String>> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, got: Option<&str>, wanted: Option<&str>| {
            if wanted.is_some() && got != wanted {
                let (got, wanted) = (got.unwrap_or("none"), wanted.unwrap_or("none"));
                differences.push(format!("{what}: got `{got}`, wants `{wanted}`"));
            }
        };
        let verdict = match expected.verdict {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
            Verdict::Reject => "reject",
        };
        compare("verdict", Some(&self.verdict), Some(verdict));
        compare("reason", Some(&self.reason), expected.reason.as_deref());
        compare("policy", self.policy.as_deref(), expected.policy.as_deref());
        compare("rule", self.rule.as_deref(), expected.rule.as_deref());
        let shadow = expected.shadow.map(landbridge_model::ShadowOutcome::as_str);
        compare("shadow", self.shadow.as_deref(), shadow);
        if self.audited != expected.audited {
            differences.push(format!(
                "audited: got [{}], wants [{}]",
                self.audited.join(", "),
                expected.audited.join(", ")
            ));
        }
        if differences.is_empty() {
            Ok(())
        } else {
            Err(differences)
        }
    }
}
