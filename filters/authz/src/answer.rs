//! What a caller who may not is told: nothing that names a policy, a rule or a cluster.

use crate::NAME;
use landbridge_engine::Verdict;
use landbridge_filter::is_grpc;
use landbridge_host::{Flow, GrpcStatus, Headers, Host, Reply};

/// Why, for those who may know: an RFC 9651 dictionary.
pub(crate) const DECISION_HEADER: &str = "x-landbridge-decision";

const DENIED: &str = "access denied";
const MALFORMED: &str = "bad request";

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
    landbridge_filter::answer(NAME, host, &reply)
}
