//! Asking rate-limit services, in advance.

use crate::{NAME, Shaping, steady};
use landbridge_engine::shaping::AskedOf;
use landbridge_filter::SharedData;
use landbridge_host::{CallId, GrpcCall, Host, Level};

const SERVICE: &str = "envoy.service.ratelimit.v3.RateLimitService";
const METHOD: &str = "ShouldRateLimit";
/// The most of an answer that is read: one of ours has one descriptor.
const MOST: usize = 64 << 10;

/// Sends what is to be asked.
pub(crate) fn ask(shaping: &Shaping, host: &dyn Host, asked: Vec<AskedOf>) {
    for AskedOf {
        service,
        call,
        message,
    } in asked
    {
        let Some(to) = shaping.set.services().get(service) else {
            continue;
        };
        let sent = host.call_grpc(&GrpcCall {
            cluster: &to.cluster,
            authority: to.authority.as_deref(),
            service: SERVICE,
            method: METHOD,
            metadata: &[],
            message: &message,
            timeout: to.timeout,
        });
        match sent {
            Ok(id) => {
                shaping.pending.borrow_mut().insert(id, (service, call));
            }
            Err(_) => {
                // It would be logged for each: the gauge tells that the service is lost.
                shaping.metrics.lease(host, &to.cluster, false);
                let mut worker = shaping.worker.borrow_mut();
                worker.answered(call, None, steady(host), &SharedData(host));
            }
        }
    }
}

/// A service answered, or did not.
pub(crate) fn answered(shaping: &Shaping, host: &dyn Host, id: CallId, answer: Result<usize, u32>) {
    let Some((service, call)) = shaping.pending.borrow_mut().remove(&id) else {
        return;
    };
    let message = answer.ok().and_then(|_| match host.grpc_message(MOST) {
        Ok(message) => Some(message),
        Err(error) => {
            host.log(Level::Error, &format!("landbridge {NAME}: {error}"));
            None
        }
    });
    if let Some(to) = shaping.set.services().get(service) {
        shaping.metrics.lease(host, &to.cluster, message.is_some());
    }
    let mut worker = shaping.worker.borrow_mut();
    worker.answered(call, message.as_deref(), steady(host), &SharedData(host));
}
