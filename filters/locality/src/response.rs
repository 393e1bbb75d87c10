//! What came back of a request: whether its cluster is well, whether it is tried elsewhere, and
//! what its caller is told.

use crate::refuse::FAILOVER;
use crate::stream::{Cookie, Stream};
use crate::{Locality, refuse, replay, report};
use landbridge_engine::Reason;
use landbridge_engine::failover::{AffinityKey, Choice, Outcome, Service};
use landbridge_host::{Flow, Host};
use std::time::Duration;

/// Who served it, for those who may know.
const SERVED_BY: &str = "x-landbridge-served-by";
/// gRPC's status for "not now", as it stands in a header where there is no message.
const GRPC_UNAVAILABLE: &[u8] = b"14";

/// How many ticks a route that was seen to lead to a cluster is believed to.
const BELIEVED: u32 = 8;

/// Envoy's response flags (`envoy/stream_info/stream_info.h`, `CoreResponseFlag`): no route, no
/// such cluster.
const UNROUTED: u64 = 1 << 8 | 1 << 24;
/// Those of a request that no upstream has seen: beside these no healthy host, the connection
/// failed, too many at once.
const UNSENT: u64 = UNROUTED | 1 << 1 | 1 << 5 | 1 << 7;
/// Those of one that an upstream may have seen: timed out, reset, the connection ended.
const SENT: u64 = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 23;

pub(crate) fn handle(locality: &Locality, host: &dyn Host, stream: &mut Stream) -> Flow {
    let Some((choice, service)) = stream.choice.zip(locality.set.service(stream.service)) else {
        return Flow::Continue;
    };
    if stream.settled {
        return Flow::Continue;
    }
    let status = host.response_status().ok().flatten();
    let grpc = match stream.is_grpc {
        true => host.response_header("grpc-status").ok().flatten(),
        false => None,
    };
    let mut outcome = outcome(status, grpc.as_deref());
    let flags = match (outcome, status) {
        (Outcome::Failure, _) | (_, Some(404)) => flags(host),
        _ => 0,
    };
    if flags & UNROUTED != 0 {
        outcome = Outcome::Failure;
        report::unroutable(locality, host, service, choice.candidate, None);
        let mut worker = locality.worker.borrow_mut();
        worker.unroutable(choice.service, choice.candidate);
    } else {
        settle(locality, host, stream, choice, outcome);
        look(locality, host, stream, service, choice);
    }
    let unsent = flags & UNSENT != 0 && flags & SENT == 0;
    if outcome == Outcome::Failure
        && (stream.repeatable || unsent)
        && replay::begin(locality, host, stream, service)
    {
        return Flow::Held;
    }
    stream.settled = true;
    if flags & UNROUTED != 0 {
        // Envoy's own answer is 404, as if there were no such thing.
        stream.choice = None;
        stream.refused = Some(Reason::NoRoute);
        report::decided(locality, host, stream);
        let reason = stream.may_know.then_some(Reason::NoRoute);
        return refuse::unavailable(host, stream.is_grpc, reason);
    }
    for (name, value) in told(service, stream, status) {
        // The response is the upstream's; it goes on without the header if need be.
        let _ = host.add_response_header(name, value.as_bytes());
    }
    Flow::Continue
}

/// How it went, for the cluster's health. A status that is not there is none that is good.
pub(crate) fn outcome(status: Option<u16>, grpc: Option<&[u8]>) -> Outcome {
    match status {
        None | Some(502..=504) => Outcome::Failure,
        Some(500..) => Outcome::Error,
        Some(_) if grpc == Some(GRPC_UNAVAILABLE) => Outcome::Failure,
        Some(_) => Outcome::Good,
    }
}

/// Counts how it went.
pub(crate) fn settle(
    locality: &Locality,
    host: &dyn Host,
    stream: &mut Stream,
    choice: Choice,
    outcome: Outcome,
) {
    let took = stream.started.take().and_then(|started| {
        let took: Duration = host.now().ok()?.checked_sub(started)?;
        u64::try_from(took.as_micros()).ok()
    });
    let mut worker = locality.worker.borrow_mut();
    worker.answered(choice.service, choice.candidate, outcome, took);
}

/// Over all of Envoy's own attempts.
fn flags(host: &dyn Host) -> u64 {
    let flags = host.number(&["response", "flags"]).ok().flatten();
    flags.unwrap_or(0)
}

/// Sees to it that the route led where it was to lead. Envoy tells a filter of the route it has
/// chosen only once it is taken; where another route than ours takes requests that carry our
/// header, this is the one that finds out.
fn look(locality: &Locality, host: &dyn Host, stream: &Stream, service: &Service, choice: Choice) {
    let now = locality.ticks.get();
    let at = (choice.service, choice.candidate);
    let free = service.is_free(stream.lawful);
    let seen = locality.routed.borrow().get(&at).copied();
    let fresh = seen.is_some_and(|seen| now.wrapping_sub(seen) < BELIEVED);
    if free && fresh {
        return;
    }
    let led_to = host.property(&["xds", "cluster_name"]).ok().flatten();
    let candidate = service.candidates.get(choice.candidate);
    let is_ours = |led_to: &[u8]| {
        let backend = stream.backend.as_deref();
        candidate.is_some_and(|candidate| {
            candidate.upstream.as_bytes() == led_to
                || backend.is_some_and(|b| candidate.upstream_of(b).as_bytes() == led_to)
        })
    };
    // An answer of the proxy's own came from nowhere.
    let Some(led_to) = led_to.filter(|led_to| !is_ours(led_to)) else {
        locality.routed.borrow_mut().insert(at, now);
        return;
    };
    report::unroutable(locality, host, service, choice.candidate, Some(&led_to));
    if !locality.must_clear(service, stream.lawful) {
        // It may have been the route of before the header was set.
        locality.keeps_routes.set(true);
        return;
    }
    let mut worker = locality.worker.borrow_mut();
    worker.unroutable(choice.service, choice.candidate);
}

/// The headers that the response gets.
pub(crate) fn told(
    service: &Service,
    stream: &Stream,
    status: Option<u16>,
) -> Vec<(&'static str, String)> {
    let mut told = Vec::new();
    let name = |i: usize| service.candidates.get(i).map_or("", |c| &*c.name);
    let Some(choice) = stream.choice else {
        return told;
    };
    let (to, from) = (name(choice.candidate), name(choice.preferred));
    if stream.may_know {
        told.push((SERVED_BY, to.to_owned()));
        if choice.candidate != choice.preferred {
            let reason = choice.reason.as_str();
            let value = format!("from=\"{from}\", to=\"{to}\", reason={reason}");
            told.push((FAILOVER, value));
        }
    }
    let served = status.is_some_and(|status| status < 500);
    let elsewhere =
        stream.cookie != Cookie::Unasked && stream.cookie != Cookie::Names(choice.candidate);
    if let (true, true, Some(AffinityKey::Cookie(cookie, ttl))) =
        (served, elsewhere, &service.settings.affinity)
    {
        let age = ttl
            .map(|ttl| format!("; Max-Age={ttl}"))
            .unwrap_or_default();
        let value = format!("{cookie}={to}; Path=/; HttpOnly; SameSite=Lax{age}");
        told.push(("set-cookie", value));
    }
    told
}
