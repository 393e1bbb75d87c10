//! What a decision needs, fetched: each once, and nothing that the plan does not ask for.

use crate::missing::{Given, Missing};
use landbridge_engine::{Plan, RawRequest};
use landbridge_host::{Headers, Host, HostError};
use std::time::Duration;

/// Where a waypoint keeps the SPIFFE ID of who called it.
const PEER_PRINCIPAL: &str = "io.istio.peer_principal";

/// What was read of a request.
#[derive(Default)]
pub struct Read {
    /// All of its headers.
    pub headers: Headers,
    certificate_uri: Option<Vec<u8>>,
    certificate_issuer: Option<Vec<u8>>,
    peer_principal: Option<Vec<u8>>,
    port: Option<u16>,
    source_ip: Option<Vec<u8>>,
    remote_address: Option<Vec<u8>>,
    destination_address: Option<Vec<u8>>,
    sni: Option<Vec<u8>>,
    route_cluster: Option<Vec<u8>>,
    metadata: Option<Vec<u8>>,
    now: Option<Duration>,
}

impl Read {
    /// The same, as the engine takes it.
    pub fn raw(&self) -> RawRequest<'_> {
        RawRequest {
            headers: &self.headers,
            certificate_uri: self.certificate_uri.as_deref(),
            certificate_issuer: self.certificate_issuer.as_deref(),
            peer_principal: self.peer_principal.as_deref(),
            port: self.port,
            source_ip: self.source_ip.as_deref(),
            remote_address: self.remote_address.as_deref(),
            destination_address: self.destination_address.as_deref(),
            sni: self.sni.as_deref(),
            route_cluster: self.route_cluster.as_deref(),
            metadata: self.metadata.as_deref(),
            now: self.now,
        }
    }

    /// Who made the connection, for a log.
    pub fn peer(&self) -> Option<&str> {
        let uri = self
            .certificate_uri
            .as_ref()
            .or(self.peer_principal.as_ref())?;
        std::str::from_utf8(uri).ok()
    }
}

/// Reads a request as the plan asks.
pub fn read(plan: &Plan, missing: &Missing, host: &dyn Host) -> Result<Read, HostError> {
    let certificate_uri = host.property(&["connection", "uri_san_peer_certificate"])?;
    let peer_principal = match (plan.needs.peer_principal, &certificate_uri) {
        (true, None) => host.property(&["filter_state", PEER_PRINCIPAL])?,
        _ => None,
    };
    let is_named = certificate_uri.is_some() || peer_principal.is_some();
    let mut read = Read {
        certificate_issuer: match plan.needs.issuer && is_named {
            true => given(missing, host, Given::Issuer)?,
            false => None,
        },
        peer_principal,
        certificate_uri,
        headers: host.request_headers()?,
        ..Read::default()
    };
    more(missing, host, plan, &mut read)?;
    Ok(read)
}

/// What few policies ask for.
fn more(missing: &Missing, host: &dyn Host, plan: &Plan, read: &mut Read) -> Result<(), HostError> {
    if plan.needs.port {
        // Envoy gives an i64, little-endian.
        read.port = host.property(&["destination", "port"])?.and_then(|bytes| {
            let bytes = <[u8; 8]>::try_from(bytes.as_slice()).ok()?;
            u16::try_from(i64::from_le_bytes(bytes)).ok()
        });
    }
    if plan.needs.source_ip {
        read.source_ip = given(missing, host, Given::SourceIp)?;
    }
    if plan.needs.remote_ip {
        read.remote_address = host.property(&["source", "address"])?;
    }
    if plan.needs.destination_ip {
        read.destination_address = host.property(&["destination", "address"])?;
    }
    if plan.needs.sni {
        let name = host.property(&["connection", "requested_server_name"])?;
        // A client that asked for none is known to have.
        read.sni = Some(name.unwrap_or_default());
    }
    if plan.needs.service {
        read.route_cluster = host.property(&["xds", "cluster_name"])?;
    }
    if !plan.metadata.is_empty() {
        read.metadata = host.property(&["metadata"])?;
    }
    if plan.needs.time {
        read.now = Some(host.now()?);
    }
    Ok(())
}

/// What another filter, which stands before this one, keeps for it. That it does not is told.
fn given(missing: &Missing, host: &dyn Host, what: Given) -> Result<Option<Vec<u8>>, HostError> {
    let value = host
        .property(&["filter_state", what.key()])?
        .filter(|value| !value.is_empty());
    if value.is_none() {
        missing.tell(host, what);
    }
    Ok(value)
}
