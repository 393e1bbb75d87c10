//! What came back of a request.

use crate::stream::Stream;
use crate::{NAME, Shaping, request_time, steady};
use landbridge_engine::shaping::{End, Ended};
use landbridge_filter::SharedData;
use landbridge_host::{Host, Level};

/// gRPC's status for "not in time" and "not now", as they stand in a header where there is no
/// message.
const GRPC_FAILED: [&[u8]; 2] = [b"4", b"14"];

/// The response's headers are there.
pub(crate) fn handle(host: &dyn Host, stream: &mut Stream) {
    for (name, value) in stream.told.drain(..) {
        // The response is the upstream's; it goes on without the header if need be.
        let _ = match &*name {
            "set-cookie" => host.add_response_header(&name, value.as_bytes()),
            _ => host.set_response_header(&name, value.as_bytes()),
        };
    }
    if stream.run.measures() && stream.ended.is_none() {
        let took = steady(host).saturating_sub(stream.began);
        stream.ended = Some((ended(host, stream.is_grpc), took));
    }
}

fn ended(host: &dyn Host, is_grpc: bool) -> Ended {
    let status = host.response_status().ok().flatten();
    let grpc = match is_grpc {
        true => host.response_header("grpc-status").ok().flatten(),
        false => None,
    };
    match status {
        None | Some(502..=504) => Ended::Failed,
        Some(_) if grpc.is_some_and(|code| GRPC_FAILED.contains(&code.as_slice())) => Ended::Failed,
        Some(_) => Ended::Answered,
    }
}

/// The request is over.
pub(crate) fn done(shaping: &Shaping, host: &dyn Host, stream: Stream) {
    if !stream.run.measures() && !stream.run.counts_attempts() {
        return;
    }
    let now = match request_time(shaping, host) {
        Ok(now) => now,
        Err(error) => {
            host.log(Level::Error, &format!("landbridge {NAME}: {error}"));
            return;
        }
    };
    let attempts = match stream.run.counts_attempts() {
        true => host.number(&["upstream", "request_attempt_count"]).ok(),
        false => None,
    };
    let attempts = attempts.flatten().and_then(|n| u32::try_from(n).ok());
    // One that has no answer was left by its caller.
    let (ended, nanos) = stream.ended.unzip();
    let end = End {
        ended: ended.unwrap_or(Ended::Left),
        nanos,
        attempts: attempts.unwrap_or(0),
    };
    let mut worker = shaping.worker.borrow_mut();
    worker.done(stream.run, end, now, &SharedData(host));
}
