//! What a caller is told whose request goes nowhere.

use crate::NAME;
use landbridge_engine::Reason;
use landbridge_filter::{answer, is_grpc};
use landbridge_host::{Flow, GrpcStatus, Host, HostError, Level, Reply};

/// Why, for those who may know: an RFC 9651 dictionary.
pub(crate) const FAILOVER: &str = "x-landbridge-failover";

const UNAVAILABLE: &str = "no cluster available";

/// There is no cluster that it may go to.
pub(crate) fn unavailable(host: &dyn Host, is_grpc: bool, reason: Option<Reason>) -> Flow {
    let why = reason.map(|reason| format!("reason={}", reason.as_str()));
    let reply = Reply {
        status: 503,
        grpc_status: is_grpc.then_some(GrpcStatus::Unavailable),
        body: UNAVAILABLE,
        headers: why.iter().map(|why| (FAILOVER, why.as_str())).collect(),
    };
    answer(NAME, host, &reply)
}

/// What it takes to route it could not be read or done.
pub(crate) fn broken(host: &dyn Host, error: HostError) -> Flow {
    host.log(Level::Error, &format!("landbridge {NAME}: {error}"));
    let headers = host.request_headers().unwrap_or_default();
    unavailable(host, is_grpc(&headers), None)
}
