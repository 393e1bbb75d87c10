//! What a routed request looks like from outside: its metric, its line in the access log.

use crate::stream::Stream;
use crate::{Locality, NAME};
use landbridge_engine::failover::{Direction, Service};
use landbridge_host::{Host, Level};

/// Where the decision stands in the filter state: `wasm.landbridge_locality`.
const FILTER_STATE: &str = "landbridge_locality";

/// Says in the access log what was decided.
pub(crate) fn decided(locality: &Locality, host: &dyn Host, stream: &Stream) {
    let json = locality.metrics.json(&locality.set, stream);
    if let Some(json) = json
        && let Err(error) = host.set_filter_state(FILTER_STATE, json.as_bytes())
    {
        host.log(Level::Error, &format!("landbridge {NAME}: {error}"));
    }
}

/// A request is over.
pub(crate) fn done(locality: &Locality, host: &dyn Host, stream: &Stream) {
    let set = &locality.set;
    locality.metrics.request(host, set, stream);
    let Some(choice) = stream.choice else {
        return;
    };
    let candidate = set
        .service(choice.service)
        .and_then(|service| service.candidates.get(choice.candidate));
    let Some(link) = candidate.and_then(|candidate| candidate.link) else {
        return;
    };
    for (part, direction) in [
        ("request", Direction::Sent),
        ("response", Direction::Received),
    ] {
        let bytes = host.number(&[part, "total_size"]).ok().flatten();
        if let Some(bytes) = bytes.filter(|bytes| *bytes > 0) {
            locality.metrics.transfer(host, set, link, direction, bytes);
            locality.worker.borrow_mut().transferred(link, bytes);
        }
    }
}

/// A request is tried on another cluster.
pub(crate) fn retried(locality: &Locality, host: &dyn Host, service: &Service, candidate: usize) {
    locality.metrics.retry(host, service, candidate);
}

/// The route for a cluster leads elsewhere, or there is none.
pub(crate) fn unroutable(
    locality: &Locality,
    host: &dyn Host,
    service: &Service,
    candidate: usize,
    led_to: Option<&[u8]>,
) {
    let Some(candidate) = service.candidates.get(candidate) else {
        return;
    };
    locality.metrics.unroutable(host, service, candidate);
    let line = format!(
        "landbridge {NAME}: a request of `{}` with `x-landbridge-cluster: {}` went to {}, not to \
         `{}`: is there a route for it, and none that takes it before?",
        service.name,
        candidate.name,
        match led_to {
            Some(name) => format!("`{}`", String::from_utf8_lossy(name)),
            None => "nowhere".to_owned(),
        },
        candidate.upstream,
    );
    host.log(Level::Error, &line);
}
