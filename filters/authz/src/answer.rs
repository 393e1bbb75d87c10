//! What a caller who may not is told: nothing that names a policy, a rule or a cluster.

use landbridge_engine::{Reason, Verdict};
use landbridge_filter::is_grpc;
use landbridge_host::{Flow, GrpcStatus, Headers, Host, Level, Reply};

/// Why, for those who may know: an RFC 9651 dictionary.
pub(crate) const DECISION_HEADER: &str = "x-landbridge-decision";

const DENIED: &str = "access denied";
const MALFORMED: &str = "bad request";
const NOT_CONFIGURED: &str = "not available";

/// Answers a request in the upstream's stead.
pub(crate) fn answer(
    host: &dyn Host,
    verdict: Verdict,
    headers: &Headers,
    explanation: Option<&str>,
) -> Flow {
    let (status, grpc, body) = match verdict {
        Verdict::Reject => (400, GrpcStatus::InvalidArgument, MALFORMED),
        Verdict::Allow | Verdict::Deny => (403, GrpcStatus::PermissionDenied, DENIED),
    };
    let reply = Reply {
        status,
        grpc_status: is_grpc(headers).then_some(grpc),
        body,
        headers: explanation
            .map(|e| (DECISION_HEADER, e))
            .into_iter()
            .collect(),
    };
    send(host, &reply)
}

/// Answers where no configuration is in force.
pub(crate) fn unconfigured(host: &dyn Host) -> Flow {
    host.log(
        Level::Error,
        &format!("landbridge authz: {}", Reason::NotConfigured.as_str()),
    );
    let headers = host.request_headers().unwrap_or_default();
    let reply = Reply {
        status: 503,
        grpc_status: is_grpc(&headers).then_some(GrpcStatus::Unavailable),
        body: NOT_CONFIGURED,
        headers: Vec::new(),
    };
    send(host, &reply)
}

fn send(host: &dyn Host, reply: &Reply<'_>) -> Flow {
    if let Err(error) = host.reply(reply) {
        // The request stays paused, and so does not get through.
        host.log(Level::Error, &format!("landbridge authz: {error}"));
    }
    Flow::Answered
}
