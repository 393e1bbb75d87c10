//! One request: where it goes.

use crate::stream::{Cookie, Kept, Stream};
use crate::{Locality, NAME, displaced, refuse, report, split};
use landbridge_engine::failover::{AffinityKey, Asked, Lawful, Service, ServiceId};
use landbridge_engine::{Facts, Reason, cookie};
use landbridge_filter::{header, is_grpc, malformed, read};
use landbridge_host::{Flow, Headers, Host, HostError};
use landbridge_model::Explain;

/// The header by which routes choose a cluster.
pub(crate) const CLUSTER: &str = "x-landbridge-cluster";
/// How often a request was sent on to another cluster.
pub(crate) const HOPS: &str = "x-landbridge-hops";
/// How long Envoy lets an attempt take (Envoy's router, "x-envoy-upstream-rq-timeout-ms").
const TIMEOUT: &str = "x-envoy-upstream-rq-timeout-ms";

/// What is known of a request before its service is.
struct Known {
    headers: Headers,
    /// Its path in the form that was judged, where that is not the form that came.
    path: Option<String>,
    /// Whether who made the connection may set headers of ours.
    trusted_peer: bool,
    may_know: bool,
}

pub(crate) fn handle(
    locality: &Locality,
    host: &dyn Host,
    end: bool,
) -> (Flow, Option<Box<Stream>>) {
    match go(locality, host, end) {
        Ok(done) => done,
        // Where it would go without us may be where it must not.
        Err(error) => (refuse::broken(host, error), None),
    }
}

fn go(
    locality: &Locality,
    host: &dyn Host,
    end: bool,
) -> Result<(Flow, Option<Box<Stream>>), HostError> {
    let set = &locality.set;
    let asks = set.asks_for_facts();
    if !asks && !set.base.trusts_anyone() && !locality.trusts_plaintext {
        // Nothing depends on who calls.
        let headers = host.request_headers()?;
        let may_know = set.base.settings().explain == Explain::Always;
        let known = Known {
            headers,
            path: None,
            trusted_peer: false,
            may_know,
        };
        let service = of(locality, &known.headers);
        let lawful = service.map_or(Lawful::NONE, |(_, service)| set.lawful(service, None));
        return send(locality, host, known, service, lawful, end);
    }
    let read = read(set.base.plan(), &locality.missing, host)?;
    let facts = match Facts::new(read.raw(), &set.base) {
        Ok(facts) => Some(facts),
        // What cannot be judged may go wherever everything may.
        Err(rejection) if asks => {
            return Ok((malformed(NAME, host, &read.headers, &rejection), None));
        }
        Err(_) => None,
    };
    let own_workload = locality.trusts_plaintext && read.peer().is_none();
    let by_policy = facts.as_ref();
    let trusted = own_workload || by_policy.is_some_and(|facts| set.base.trusts(facts));
    let trusted_peer = own_workload || by_policy.is_some_and(|facts| set.base.trusts_peer(facts));
    let may_know = match set.base.settings().explain {
        Explain::Never => false,
        Explain::Trusted => trusted,
        Explain::Always => true,
    };
    let service = of(locality, &read.headers);
    let lawful = service.map_or(Lawful::NONE, |(_, service)| {
        set.lawful(service, facts.as_ref())
    });
    let path = facts.as_ref().filter(|_| asks);
    let path = path.and_then(|facts| facts.rewritten_path().map(str::to_owned));
    drop(facts);
    let known = Known {
        headers: read.headers,
        path,
        trusted_peer,
        may_know,
    };
    send(locality, host, known, service, lawful, end)
}

fn of<'a>(locality: &'a Locality, headers: &Headers) -> Option<(ServiceId, &'a Service)> {
    let id = locality.set.service_of(header(headers, ":authority")?)?;
    Some((id, locality.set.service(id)?))
}

fn send(
    locality: &Locality,
    host: &dyn Host,
    known: Known,
    service: Option<(ServiceId, &Service)>,
    lawful: Lawful,
    end: bool,
) -> Result<(Flow, Option<Box<Stream>>), HostError> {
    let Known {
        mut headers,
        path,
        trusted_peer,
        may_know,
    } = known;
    if !trusted_peer {
        // Routes match on these: from just anyone they choose nothing.
        split::remove_others(host, &mut headers)?;
    }
    let Some((id, service)) = service else {
        return Ok((Flow::Continue, None));
    };
    if let Some(path) = path {
        // What was judged is what is sent.
        host.set_request_header(":path", path.as_bytes())?;
        let written = headers.iter_mut().find(|(name, _)| name == ":path");
        if let Some((_, value)) = written {
            *value = path.into_bytes();
        }
    }
    let settings = &service.settings;
    let hops = hops(&headers);
    if hops == 0 && trusted_peer {
        displaced::forget(host, &mut headers)?;
    }
    let affinity = affinity(service, &headers);
    let asked = Asked {
        service: id,
        lawful,
        hops,
        requested: header(&headers, CLUSTER),
        affinity,
    };
    let cookie = match (&settings.affinity, affinity) {
        (Some(AffinityKey::Cookie(..)), named) => named
            .and_then(|name| {
                service
                    .candidates
                    .iter()
                    .position(|c| c.name.as_bytes() == name)
            })
            .map_or(Cookie::None, Cookie::Names),
        _ => Cookie::Unasked,
    };
    let route = locality.worker.borrow_mut().route(&asked);
    let method = header(&headers, ":method").unwrap_or_default();
    let by_method = settings.repeatable.iter().any(|m| m.as_bytes() == method);
    let repeatable = by_method || header(&headers, &settings.idempotency_header).is_some();
    let mut stream = Box::new(Stream {
        service: id,
        lawful,
        hops,
        may_know,
        is_grpc: is_grpc(&headers),
        repeatable,
        cookie,
        backend: split::backend(&headers),
        choice: route.ok(),
        refused: route.err().map(|refusal| refusal.reason),
        tried: Lawful::NONE,
        attempts: 0,
        started: None,
        kept: None,
        call: None,
        settled: false,
    });
    report::decided(locality, host, &stream);
    let Some(choice) = stream.choice else {
        stream.settled = true;
        let reason = stream.refused.unwrap_or(Reason::NoHealthyCluster);
        let flow = refuse::unavailable(host, stream.is_grpc, stream.may_know.then_some(reason));
        return Ok((flow, Some(stream)));
    };
    stream.tried = Lawful::NONE.with(choice.candidate);
    let Some(candidate) = service.candidates.get(choice.candidate) else {
        return Ok((refuse::unavailable(host, stream.is_grpc, None), None));
    };
    host.set_request_header(CLUSTER, candidate.name.as_bytes())?;
    if let Some((name, from)) = displaced::told(service, choice, &headers) {
        host.set_request_header(name, from)?;
    }
    if locality.must_clear(service, lawful) {
        host.clear_route_cache()?;
    }
    if !candidate.is_local {
        let hops = hops.saturating_add(1).to_string();
        host.set_request_header(HOPS, hops.as_bytes())?;
    }
    // What is not tried elsewhere has all the time that it wants.
    let may_retry = repeatable && !stream.is_grpc && settings.attempts > 0;
    if let Some(limit) = settings.attempt_timeout.filter(|_| may_retry) {
        host.set_request_header(TIMEOUT, limit.to_string().as_bytes())?;
    }
    if settings.latency.is_some() {
        stream.started = Some(host.now()?);
    }
    // What becomes another protocol's connection is not a request that can be sent again.
    let upgrades = header(&headers, "upgrade").is_some();
    if settings.attempts > 0 && !upgrades {
        stream.kept = Some(Kept {
            headers,
            body: Vec::new(),
            complete: end,
        });
    }
    Ok((Flow::Continue, Some(stream)))
}

/// How often the request was sent on. What is no number was sent on as often as can be.
fn hops(headers: &Headers) -> u32 {
    match header(headers, HOPS) {
        None => 0,
        Some(value) => std::str::from_utf8(value)
            .ok()
            .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .unwrap_or(u32::MAX),
    }
}

fn affinity<'h>(service: &Service, headers: &'h Headers) -> Option<&'h [u8]> {
    match service.settings.affinity.as_ref()? {
        AffinityKey::Header(name) => header(headers, name),
        AffinityKey::Cookie(name, _) => cookie(headers, name),
    }
}
