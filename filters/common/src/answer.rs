//! Answers in the upstream's stead.

use crate::is_grpc;
use landbridge_engine::Reason;
use landbridge_host::{Flow, GrpcStatus, Host, Level, Reply};

const NOT_CONFIGURED: &str = "not available";

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

/// Answers a request. Where that cannot be done it stays paused, and so does not get through.
pub fn answer(filter: &str, host: &dyn Host, reply: &Reply<'_>) -> Flow {
    if let Err(error) = host.reply(reply) {
        host.log(Level::Error, &format!("landbridge {filter}: {error}"));
    }
    Flow::Answered
}
