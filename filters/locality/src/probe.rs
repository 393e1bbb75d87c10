//! Probes of clusters, and of Envoy itself, and what came of them.

use crate::request::{CLUSTER, HOPS};
use crate::{Locality, NAME};
use landbridge_engine::failover::{Probe, ServiceId};
use landbridge_host::{Call, CallAnswer, CallId, Host, Level};
use std::time::Duration;

/// The most bytes of Envoy's statistics that are read at once.
const MOST_STATISTICS: usize = 256 << 10;
/// How long Envoy's own answer may take.
const ADMIN: Duration = Duration::from_secs(2);

/// As often as can be: what has come so far is sent no further.
const MOST_HOPS: &[u8] = b"4294967295";

/// What was asked.
pub(crate) enum Pending {
    /// Whether a cluster is well.
    Probe(Probe),
    /// How many of a service's endpoints are.
    Poll(ServiceId),
}

/// Asks a cluster whether it is well.
pub(crate) fn send(locality: &Locality, host: &dyn Host, probe: Probe) {
    let service = locality.set.service(probe.service);
    let candidate = service.and_then(|s| s.candidates.get(probe.candidate));
    let Some((service, candidate)) = service.zip(candidate) else {
        return;
    };
    let Some(active) = &service.settings.active else {
        return;
    };
    let headers: [(&str, &[u8]); 7] = [
        (":method", b"GET"),
        (":path", active.path.as_bytes()),
        (":authority", service.host.as_bytes()),
        (":scheme", b"http"),
        ("user-agent", b"landbridge-probe"),
        (CLUSTER, candidate.name.as_bytes()),
        // A gateway there must not have another cluster answer.
        (HOPS, MOST_HOPS),
    ];
    let call = host.call(&Call {
        cluster: &candidate.upstream,
        headers: &headers,
        body: None,
        timeout: Duration::from_millis(active.timeout),
    });
    match call {
        Ok(call) => {
            let mut pending = locality.pending.borrow_mut();
            pending.insert(call, Pending::Probe(probe));
        }
        // A cluster that the proxy does not have is not well.
        Err(_) => locality.worker.borrow_mut().probed(probe, false),
    }
}

/// Asks Envoy how many of a service's endpoints are healthy.
pub(crate) fn poll(locality: &Locality, host: &dyn Host, id: ServiceId) {
    let Some(service) = locality.set.service(id) else {
        return;
    };
    let Some(endpoints) = &service.settings.endpoints else {
        return;
    };
    let path = service.poll_path();
    let headers: [(&str, &[u8]); 4] = [
        (":method", b"GET"),
        (":path", path.as_bytes()),
        (":authority", b"localhost"),
        (":scheme", b"http"),
    ];
    let call = host.call(&Call {
        cluster: &endpoints.admin,
        headers: &headers,
        body: None,
        timeout: ADMIN,
    });
    match call {
        Ok(call) => {
            let mut pending = locality.pending.borrow_mut();
            pending.insert(call, Pending::Poll(id));
        }
        Err(error) => {
            let line = format!(
                "landbridge {NAME}: Envoy's statistics cannot be had by its cluster `{}`: {error}",
                endpoints.admin
            );
            host.log(Level::Warn, &line);
        }
    }
}

/// What came of one. That of an earlier configuration is none of ours.
pub(crate) fn answered(locality: &Locality, host: &dyn Host, call: CallId, answer: CallAnswer) {
    let Some(pending) = locality.pending.borrow_mut().remove(&call) else {
        return;
    };
    let headers = match answer.is_there() {
        true => host.call_headers().unwrap_or_default(),
        false => Vec::new(),
    };
    let status = landbridge_filter::header(&headers, ":status").unwrap_or_default();
    let good = matches!(status, [b'2', _, _]);
    match pending {
        Pending::Probe(probe) => {
            locality.metrics.probed(host, &locality.set, probe, good);
            locality.worker.borrow_mut().probed(probe, good);
        }
        Pending::Poll(service) if good => {
            let body = host.call_body(answer.body.min(MOST_STATISTICS));
            let body = body.unwrap_or_default();
            let lines = String::from_utf8_lossy(&body);
            locality.worker.borrow_mut().polled(service, &lines);
        }
        Pending::Poll(_) => {}
    }
}
