//! Trying a request that failed on another cluster, by a call of the filter's own.
//!
//! The failed response is held back, the request as it was goes to the next lawful cluster, and
//! what that answers is answered. The whole of the request must be there for it: it has no body,
//! or one that was kept. The answer is put together in memory before it goes on, and loses its
//! trailers: what streams, and gRPC, is not tried again this way.

use crate::request::{CLUSTER, HOPS};
use crate::response::{outcome, settle, told};
use crate::stream::{Kept, MOST_BODY, Stream};
use crate::{Locality, displaced, report};
use landbridge_engine::failover::{Outcome, Service};
use landbridge_host::{Call, CallAnswer, CallId, Flow, Headers, Host};
use std::time::Duration;

/// How long an attempt may take where the policy does not say.
const LONGEST: Duration = Duration::from_secs(15);

/// Headers of one connection (RFC 9110, section 7.6.1), and those by which Envoy counts its own
/// attempts: what is tried elsewhere has its own.
const OF_THE_CONNECTION: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-envoy-attempt-count",
    "x-envoy-expected-rq-timeout-ms",
];

/// Keeps what has come of the body, as long as that is not much.
pub(crate) fn keep_body(host: &dyn Host, stream: &mut Stream, size: usize, end: bool) {
    let Some(kept) = &mut stream.kept else {
        return;
    };
    let chunk = match kept.body.len().saturating_add(size) <= MOST_BODY {
        true => host
            .request_body(0, size)
            .ok()
            .filter(|chunk| chunk.len() == size),
        false => None,
    };
    match chunk {
        Some(chunk) => {
            kept.body.extend(chunk);
            kept.complete = end;
        }
        None => stream.kept = None,
    }
}

/// Sends a request that failed to the next cluster, where there is one; whether it is on its way.
pub(crate) fn begin(
    locality: &Locality,
    host: &dyn Host,
    stream: &mut Stream,
    service: &Service,
) -> bool {
    let can = stream.kept.as_ref().is_some_and(can_be_sent) && !stream.is_grpc;
    while can && stream.attempts < service.settings.attempts {
        let choice = locality
            .worker
            .borrow_mut()
            .retry(&stream.asked(), stream.tried);
        let Some((choice, kept)) = choice.zip(stream.kept.as_ref()) else {
            return false;
        };
        let Some(candidate) = service.candidates.get(choice.candidate) else {
            return false;
        };
        stream.attempts = stream.attempts.saturating_add(1);
        stream.tried = stream.tried.with(choice.candidate);
        let hops = stream.hops.saturating_add(1).to_string();
        let mut headers = sent(&kept.headers);
        headers.push((CLUSTER, candidate.name.as_bytes()));
        if !candidate.is_local {
            headers.push((HOPS, hops.as_bytes()));
        }
        headers.extend(displaced::told(service, choice, &kept.headers));
        let limit = service.settings.attempt_timeout.map(Duration::from_millis);
        let call = |cluster: &str| {
            host.call(&Call {
                cluster,
                headers: &headers,
                body: (!kept.body.is_empty()).then_some(&kept.body),
                timeout: limit.unwrap_or(LONGEST),
            })
        };
        // A backend that a split chose is kept, where the other cluster has it.
        let subset = stream.backend.as_deref();
        let subset = subset.and_then(|backend| call(&candidate.upstream_of(backend)).ok());
        let call = subset.map_or_else(|| call(&candidate.upstream), Ok);
        report::retried(locality, host, service, choice.candidate);
        match call {
            Ok(call) => {
                stream.call = Some(call);
                stream.choice = Some(choice);
                if service.settings.latency.is_some() {
                    stream.started = host.now().ok();
                }
                return true;
            }
            // The proxy has no such cluster, or it has no endpoint that is healthy.
            Err(_) => {
                let mut worker = locality.worker.borrow_mut();
                worker.answered(choice.service, choice.candidate, Outcome::Failure, None);
            }
        }
    }
    false
}

/// Whether all of it is there. A value that is not UTF-8 cannot be sent on; that says nothing of
/// the cluster that it would go to.
fn can_be_sent(kept: &Kept) -> bool {
    let mut values = kept.headers.iter().map(|(_, value)| value);
    kept.complete && values.all(|value| std::str::from_utf8(value).is_ok())
}

fn sent(headers: &Headers) -> Vec<(&str, &[u8])> {
    let goes = |name: &str| !OF_THE_CONNECTION.contains(&name) && name != CLUSTER && name != HOPS;
    headers
        .iter()
        .filter(|(name, _)| goes(name))
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect()
}

/// An attempt is over.
pub(crate) fn answered(
    locality: &Locality,
    host: &dyn Host,
    stream: &mut Stream,
    call: CallId,
    answer: CallAnswer,
) -> Flow {
    if stream.call != Some(call) {
        return Flow::Held;
    }
    stream.call = None;
    let Some((choice, service)) = stream.choice.zip(locality.set.service(stream.service)) else {
        return Flow::Continue;
    };
    let headers = match answer.is_there() {
        true => host.call_headers().unwrap_or_default(),
        false => Headers::new(),
    };
    let status = landbridge_filter::header(&headers, ":status");
    let status = status.and_then(|s| std::str::from_utf8(s).ok()?.parse::<u16>().ok());
    let outcome = outcome(status, None);
    settle(locality, host, stream, choice, outcome);
    if outcome == Outcome::Failure && begin(locality, host, stream, service) {
        return Flow::Held;
    }
    stream.settled = true;
    report::decided(locality, host, stream);
    let body = host.call_body(answer.body).ok();
    let (Some(status), Some(body)) = (status, body.filter(|b| b.len() == answer.body)) else {
        // What the first attempt came to is all there is to say.
        return Flow::Continue;
    };
    let told = told(service, stream, Some(status));
    let more = told.iter().map(|(name, value)| (*name, value.as_bytes()));
    let headers: Vec<(&str, &[u8])> = sent(&headers)
        .into_iter()
        .filter(|(name, _)| *name != "content-length")
        .chain(more)
        .collect();
    match host.answer(status, &headers, &body) {
        Ok(()) => Flow::Answered,
        Err(_) => Flow::Continue,
    }
}
