//! Faults: that something is broken, and not for ever.

use super::super::numbers::{time_within, within};
use super::super::{Findings, Names};
use super::parts::parts;
use crate::Code;
use crate::quantity::Percent;
use crate::shaping::Shaping;
use deserr::ValuePointerRef;
use std::time::Duration;

/// How long requests may be made to wait: what waits takes memory.
const DELAYS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(600));
/// The HTTP statuses of errors.
const STATUSES: (u32, u32) = (400, 599);
/// The gRPC statuses of errors.
const GRPC_STATUSES: (u32, u32) = (1, 16);

pub(super) fn faults(
    policy: &Shaping,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let list = policy.faults.as_ref();
    parts(list, names, at, findings, |fault, place, findings| {
        if fault.delay.is_none() && fault.abort.is_none() {
            let hint = Some("write `delay` or `abort`".to_owned());
            let message = "what becomes of requests is missing";
            findings.add_hinted(place, Code::MissingField, message, hint);
        }
        if let Some(delay) = &fault.delay {
            let at = place.push_key("delay");
            time_within(Some(delay.time), DELAYS, at.push_key("time"), findings);
            some_share(delay.share, at.push_key("share"), findings);
        }
        if let Some(abort) = &fault.abort {
            let at = place.push_key("abort");
            let status = abort.status.map(u32::from);
            within(status, STATUSES, at.push_key("status"), findings);
            let grpc_at = at.push_key("grpcStatus");
            within(abort.grpc_status, GRPC_STATUSES, grpc_at, findings);
            some_share(abort.share, at.push_key("share"), findings);
        }
    });
}

fn some_share(share: Option<Percent>, at: ValuePointerRef<'_>, findings: &mut Findings) {
    if share == Some(Percent(0)) {
        let hint = Some("leave it out, or write `mode: Shadow`".to_owned());
        let message = "a share of nothing";
        findings.add_hinted(at, Code::InvalidValue, message, hint);
    }
}
