//! Answers in the upstream's stead.

use crate::is_grpc;
use landbridge_engine::{Reason, Rejection};
use landbridge_host::{Flow, GrpcStatus, Headers, Host, Level, Reply};

const NOT_CONFIGURED: &str = "not available";
const MALFORMED: &str = "bad request";

/// Answers where no configuration is in force.
pub fn unconfigured(filter: &str, host: &dyn Host) -> Flow {
    let line = format!("landbridge {filter}: {}", Reason::NotConfigured.as_str());
    host.log(Level::Error, &line);
    let headers = host.request_headers().unwrap_or_default();
    let reply = Reply {
        status: 503,
        grpc_status: is_grpc(&headers).then_some(GrpcStatus::Unavailable),
        body: NOT_CONFIGURED,
        headers: Vec::new(),
    };
    answer(filter, host, &reply)
}

/// Answers what cannot be judged, and says why in the log.
pub fn malformed(filter: &str, host: &dyn Host, headers: &Headers, rejection: &Rejection) -> Flow {
    let (reason, detail) = (rejection.reason.as_str(), &rejection.detail);
    host.log(
        Level::Info,
        &format!("landbridge {filter}: {reason}: {detail}"),
    );
    let reply = Reply {
        status: 400,
        grpc_status: is_grpc(headers).then_some(GrpcStatus::InvalidArgument),
        body: MALFORMED,
        headers: Vec::new(),
    };
    answer(filter, host, &reply)
}

/// Answers a request. Where that cannot be done it stays paused, and so does not get through.
pub fn answer(filter: &str, host: &dyn Host, reply: &Reply<'_>) -> Flow {
    if let Err(error) = host.reply(reply) {
        host.log(Level::Error, &format!("landbridge {filter}: {error}"));
    }
    Flow::Answered
}
