//! What a caller is told whose request is refused.

use crate::{NAME, Shaping};
use landbridge_engine::Reason;
use landbridge_engine::shaping::{Abortion, Refusal};
use landbridge_filter::{answer, is_grpc};
use landbridge_host::{Flow, GrpcStatus, Host, HostError, Level, Reply};

/// Why, for those who may know: an RFC 9651 dictionary.
const SHAPING: &str = "x-landbridge-shaping";

const UNAVAILABLE: &str = "not available";
const ABORTED: &str = "fault injected";

/// It is refused by policy.
pub(crate) fn refused(
    shaping: &Shaping,
    host: &dyn Host,
    is_grpc: bool,
    may_know: bool,
    refusal: &Refusal,
) -> Flow {
    let item = shaping.set.item(refusal.item).filter(|_| may_know);
    let why = item.map(|item| {
        format!(
            "reason={}, policy=\"{}\", rule=\"{}\"",
            refusal.reason.as_str(),
            item.policy,
            item.name
        )
    });
    let headers = refusal.headers.iter();
    let headers = headers.map(|(name, value)| (&**name, value.as_str()));
    let reply = Reply {
        status: refusal.status,
        grpc_status: grpc(refusal.grpc_status).filter(|_| is_grpc),
        body: body(refusal.reason),
        headers: headers
            .chain(why.iter().map(|why| (SHAPING, why.as_str())))
            .collect(),
    };
    answer(NAME, host, &reply)
}

fn body(reason: Reason) -> &'static str {
    match reason {
        Reason::RateLimited | Reason::StoreLost => "too many requests",
        Reason::RetryBudgetSpent => "too many retries",
        Reason::Shed => "overloaded",
        Reason::DeadlineExpired => "deadline expired",
        _ => ABORTED,
    }
}

fn grpc(code: u32) -> Option<GrpcStatus> {
    GrpcStatus::from_code(u8::try_from(code).ok()?)
}

/// What one is answered that fails on purpose.
pub(crate) fn aborted(abort: Abortion, is_grpc: bool) -> Reply<'static> {
    Reply {
        status: abort.status,
        grpc_status: grpc(abort.grpc_status).filter(|_| is_grpc),
        body: ABORTED,
        headers: Vec::new(),
    }
}

/// What it takes to shape it could not be read or done.
pub(crate) fn broken(host: &dyn Host, error: HostError) -> Flow {
    host.log(Level::Error, &format!("landbridge {NAME}: {error}"));
    let headers = host.request_headers().unwrap_or_default();
    let reply = Reply {
        status: 503,
        grpc_status: is_grpc(&headers).then_some(GrpcStatus::Unavailable),
        body: UNAVAILABLE,
        headers: Vec::new(),
    };
    answer(NAME, host, &reply)
}
