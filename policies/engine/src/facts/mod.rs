//! What is known of one request, after its hygiene.

mod headers;
mod host;

use crate::caller::{Caller, Certificate};
use crate::decision::Reason;
use crate::matcher::{End, Form, Kept, Known, Several, Side, Text};
use crate::metadata::{Found, Metadata};
use crate::plan::Plan;
use crate::policy_set::PolicySet;
use crate::xfcc::{Client, forwarded_by};
use headers::{Headers, XFCC};
use host::{folded, host_of};
use landbridge_model::PeerIdentity;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A request as a host gives it, untrusted. What the plan does not ask for is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawRequest<'a> {
    /// All headers, pseudo-headers too, names in lower case.
    pub headers: &'a [(String, Vec<u8>)],
    /// The first URI of the client's validated certificate.
    pub certificate_uri: Option<&'a [u8]>,
    /// The distinguished name of who issued that certificate, or the one that `peer_principal` is
    /// from.
    pub certificate_issuer: Option<&'a [u8]>,
    /// The SPIFFE ID that the proxy keeps for a connection without a certificate: a waypoint's.
    pub peer_principal: Option<&'a [u8]>,
    /// The port it arrived at.
    pub port: Option<u16>,
    /// The address that the connection came from.
    pub source_ip: Option<&'a [u8]>,
    /// The client's address and port, as forwarded.
    pub remote_address: Option<&'a [u8]>,
    /// The address and port that the connection came to.
    pub destination_address: Option<&'a [u8]>,
    /// The server name that the client asked for in TLS; empty, where it did not.
    pub sni: Option<&'a [u8]>,
    /// The Envoy cluster that the request is routed to.
    pub route_cluster: Option<&'a [u8]>,
    /// What other filters keep of the request: the bytes of an `envoy.config.core.v3.Metadata`.
    pub metadata: Option<&'a [u8]>,
    /// The time since 1970.
    pub now: Option<Duration>,
}

/// Why a request is not even judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The reason code.
    pub reason: Reason,
    /// What was wrong, for a log: it never quotes the request.
    pub detail: String,
}

impl Rejection {
    fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}

/// What is known of one request.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub(crate) caller: Caller<'a>,
    /// Who made the connection, where that is a gateway that speaks for the caller.
    peer: Option<Caller<'a>>,
    pub(crate) port: Option<u16>,
    pub(crate) now: Option<Duration>,
    peer_uri: Option<&'a str>,
    peer_namespaces: Vec<&'a str>,
    source_ip: Option<IpAddr>,
    remote_ip: Option<IpAddr>,
    destination_ip: Option<IpAddr>,
    sni: Option<&'a str>,
    service: Option<&'a str>,
    kept: Vec<Found>,
    host: Option<Cow<'a, str>>,
    authority: Option<Cow<'a, str>>,
    method: Option<&'a str>,
    path: Option<Cow<'a, str>>,
    headers: Vec<Option<&'a str>>,
}

fn text(bytes: Option<&[u8]>) -> Option<&str> {
    bytes.and_then(|b| std::str::from_utf8(b).ok())
}

impl<'a> RawRequest<'a> {
    /// The URI of who made the connection.
    fn peer_uri(&self, set: &PolicySet) -> Option<&'a str> {
        let kept = match set.settings().peer_identity {
            PeerIdentity::Certificate => None,
            PeerIdentity::FilterState => self.peer_principal,
        };
        text(self.certificate_uri.or(kept))
    }

    /// Who made the connection.
    pub(crate) fn caller(&self, set: &PolicySet) -> Caller<'a> {
        let uri = self.peer_uri(set);
        // An issuer by itself is nobody's.
        let issuer = uri.and(text(self.certificate_issuer));
        let certificate = Certificate { uri, issuer };
        Caller::new(certificate, set.mesh())
    }
}

impl<'a> Facts<'a> {
    /// Checks a request's hygiene and takes from it what the policy set's plan asks for.
    pub fn new(raw: RawRequest<'a>, set: &PolicySet) -> Result<Self, Rejection> {
        let plan = set.plan();
        let read = Headers::read(raw.headers, set)?;
        let peer_uri = raw.peer_uri(set);
        let mut facts = Self {
            caller: raw.caller(set),
            peer: None,
            port: raw.port,
            now: raw.now,
            peer_uri,
            peer_namespaces: match plan.needs.peer_namespaces {
                true => peer_uri.map(namespaces).unwrap_or_default(),
                false => Vec::new(),
            },
            source_ip: text(raw.source_ip).and_then(ip),
            remote_ip: text(raw.remote_address).and_then(socket),
            destination_ip: text(raw.destination_address).and_then(socket),
            sni: text(raw.sni),
            service: text(raw.route_cluster).and_then(service_of),
            kept: kept(raw.metadata, plan)?,
            host: read.authority.map(host_of).transpose()?,
            authority: match plan.needs.authority {
                true => read.authority.map(folded),
                false => None,
            },
            method: read.method,
            path: read.path,
            headers: read.headers,
        };
        if set.is_gateway(&facts) {
            facts.forwarded(read.forwarded, set)?;
        }
        Ok(facts)
    }

    /// The caller is a trusted gateway: whom it speaks for takes its place.
    fn forwarded(&mut self, header: Option<&'a [u8]>, set: &PolicySet) -> Result<(), Rejection> {
        let (Some(header), Some(gateway)) = (header, self.peer_uri) else {
            return Ok(());
        };
        let malformed = |why: String| {
            let detail = format!("`{XFCC}` from a trusted gateway {why}");
            Rejection::new(Reason::MalformedHeader, detail)
        };
        let header = std::str::from_utf8(header).map_err(|_| malformed("is not UTF-8".into()))?;
        let client = forwarded_by(header, gateway).map_err(|e| malformed(e.to_string()))?;
        let uri = match client {
            Client::Nobody => return Ok(()),
            Client::Named(Cow::Borrowed(uri)) => Some(uri),
            // What had to be unescaped is no SPIFFE ID. And whoever has a certificate without one
            // is not the gateway either.
            Client::Named(Cow::Owned(_)) | Client::Unnamed => None,
        };
        let client = Caller::new(Certificate { uri, issuer: None }, set.mesh());
        self.peer = Some(std::mem::replace(&mut self.caller, client));
        Ok(())
    }

    /// What would be known if the gateway had not spoken for another.
    pub(crate) fn of_peer(&self) -> Option<Self> {
        let peer = self.peer.clone()?;
        Some(Self {
            caller: peer,
            peer: None,
            ..self.clone()
        })
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller<'a> {
        &self.caller
    }

    /// The path to send on, with its query, where normalising changed it.
    pub fn rewritten_path(&self) -> Option<&str> {
        match &self.path {
            Some(Cow::Owned(path)) => Some(path),
            _ => None,
        }
    }

    pub(crate) fn address(&self, Side(end, form): Side) -> Option<IpAddr> {
        let address = match end {
            End::Source => self.source_ip,
            End::Remote => self.remote_ip,
            End::Destination => self.destination_ip,
        };
        match form {
            Form::Plain => address.map(|address| address.to_canonical()),
            Form::AsItCame => address,
        }
    }

    fn judged_path(&self) -> Option<&str> {
        let path = self.path.as_deref()?;
        Some(path.split_once('?').map_or(path, |(path, _)| path))
    }

    pub(crate) fn text(&self, text: Text) -> Known<'_> {
        fn known(value: Option<&str>) -> Known<'_> {
            value.map_or(Known::Not, Known::Text)
        }
        fn there(value: Option<&str>) -> Known<'_> {
            value.map_or(Known::Absent, Known::Text)
        }
        match text {
            Text::Principal => known(self.caller.principal()),
            Text::TrustDomain => known(self.caller.trust_domain()),
            Text::Namespace => known(self.caller.namespace()),
            Text::Account => known(self.caller.account()),
            Text::Host => known(self.host.as_deref()),
            Text::Method => known(self.method),
            Text::Path => known(self.judged_path()),
            Text::Grpc => match self.judged_path() {
                None => Known::Not,
                Some(path) => grpc(path),
            },
            Text::Header(slot) => match self.headers.get(usize::from(slot)) {
                Some(value) => there(*value),
                None => Known::Not,
            },
            Text::Kept(slot, kind) => match (self.kept.get(usize::from(slot)), kind) {
                (Some(Found::Text(text)), Kept::Text | Kept::Either) => Known::Text(text),
                (Some(Found::List(texts)), Kept::List | Kept::Either) => {
                    Known::Several(Several::Owned(texts))
                }
                (Some(Found::Text(_) | Found::List(_) | Found::Absent), _) => Known::Absent,
                (Some(Found::Nothing) | None, _) => Known::Not,
            },
            Text::Sni => match self.sni {
                Some("") => Known::Absent,
                sni => known(sni),
            },
            Text::Service => known(self.service),
            Text::Authority => there(self.authority.as_deref()),
            Text::PeerUri(_) => there(self.peer_uri),
            Text::PeerTrustDomain => {
                let behind = self.peer_uri.and_then(|uri| uri.strip_prefix("spiffe://"));
                there(
                    behind
                        .and_then(|s| s.split_once('/'))
                        .map(|(domain, _)| domain),
                )
            }
            Text::PeerNamespace => Known::Several(Several::Borrowed(&self.peer_namespaces)),
        }
    }
}

/// `package.Service/Method`, where a path says that and nothing else. Servers that drop a slash at
/// the end, or take several for one, find it in more paths.
fn grpc(path: &str) -> Known<'_> {
    let named = path.trim_matches('/');
    let Some((_, method)) = named.split_once('/') else {
        return Known::Absent;
    };
    let is_exact = path.strip_prefix('/') == Some(named);
    match method.trim_start_matches('/') {
        behind if behind.contains('/') => Known::Absent,
        behind if behind.len() != method.len() => Known::Not,
        _ if is_exact => Known::Text(named),
        _ => Known::Perhaps(named),
    }
}

/// What stands at each place of the plan. Bytes that cannot be read are not judged.
fn kept(metadata: Option<&[u8]>, plan: &Plan) -> Result<Vec<Found>, Rejection> {
    if plan.metadata.is_empty() {
        return Ok(Vec::new());
    }
    let read = match metadata {
        None => Metadata::default(),
        Some(bytes) => Metadata::read(bytes).ok_or_else(|| {
            let detail = "the proxy's dynamic metadata cannot be read";
            Rejection::new(Reason::EvaluationError, detail)
        })?,
    };
    Ok(plan.metadata.iter().map(|path| read.find(path)).collect())
}

/// The segments behind one that is `ns`.
fn namespaces(uri: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut after_ns = false;
    for segment in uri.split('/') {
        if after_ns {
            found.push(segment);
        }
        after_ns = segment == "ns";
    }
    found
}

fn ip(s: &str) -> Option<IpAddr> {
    s.parse().ok()
}

/// The address of `address:port`, as Envoy prints it.
fn socket(s: &str) -> Option<IpAddr> {
    s.parse::<SocketAddr>().ok().map(|address| address.ip())
}

/// The host of the service that a cluster of a waypoint is for: `inbound-vip|80|http|HOST`.
fn service_of(cluster: &str) -> Option<&str> {
    let mut parts = cluster.strip_prefix("inbound-vip|")?.split('|');
    parts.next_back().filter(|host| !host.is_empty())
}
