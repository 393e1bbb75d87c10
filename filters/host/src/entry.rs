//! How a proxy drives a filter.

use crate::{CallAnswer, CallId, Host};
use std::time::Duration;

/// What becomes of a request, or of its response, after a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It goes on.
    Continue,
    /// It has been answered.
    Answered,
    /// It waits for the answer to a call that the filter made: what [`Filter::on_call`] then says
    /// becomes of it. A request may also wait for a tick: see [`Host::ticket`].
    Held,
}

/// A filter, as configured. A new configuration makes a new one; requests that began under the
/// old one end under it.
///
/// A callback that has a default is only called where the module exports it: see the table in
/// `xtask/src/build.rs`.
pub trait Filter: Sized + 'static {
    /// What is kept of a request until its end.
    type Stream: 'static;

    /// How often [`on_tick`](Self::on_tick) is called in each worker, from the first
    /// configuration on; and in Envoy's main thread, which has a filter that no request comes to.
    /// A tick comes a little late, and the next one counts from there: whoever wants to know how
    /// much time has gone by looks at a clock. Under an earlier configuration a filter ticks on for
    /// as long as it has requests.
    const TICK: Option<Duration> = None;

    /// Takes a configuration wholly, or refuses it: the proxy then keeps the last good one. What
    /// was wrong is the filter's to log.
    fn configure(host: &dyn Host, configuration: &[u8]) -> Option<Self>;

    /// A request that arrives where no configuration is in force. It must not be let through.
    fn unconfigured(host: &dyn Host) -> Flow;

    /// The request's headers are there; `end` says that neither body nor trailers follow.
    fn on_request(&self, host: &dyn Host, end: bool) -> (Flow, Self::Stream);

    /// A chunk of `size` bytes of the request's body is there, to be read by
    /// [`Host::request_body`]; it then goes on. A body with trailers behind it has no `end`.
    fn on_request_body(&self, _: &dyn Host, _: &mut Self::Stream, _size: usize, _end: bool) {}

    /// The response's headers are there: the upstream's, or those of the filter's own answer to
    /// a request. `end` says that neither body nor trailers follow.
    fn on_response(&self, _: &dyn Host, _: &mut Self::Stream, _end: bool) -> Flow {
        Flow::Continue
    }

    /// A call that was made for this request is answered, or failed. What was held goes on, has
    /// been answered, or waits for another call.
    fn on_call(&self, _: &dyn Host, _: &mut Self::Stream, _: CallId, _: CallAnswer) -> Flow {
        Flow::Continue
    }

    /// The request is over, and is about to be logged.
    fn on_done(&self, _: &dyn Host, _: &mut Self::Stream) {}

    /// Another [`TICK`](Self::TICK) has gone by. No request is at hand.
    fn on_tick(&self, _: &dyn Host) {}

    /// A call that was made in a tick is answered, or failed. It may be one that a filter under
    /// an earlier configuration made.
    fn on_tick_call(&self, _: &dyn Host, _: CallId, _: CallAnswer) {}

    /// A gRPC call is answered with a message of so many bytes, to be read by
    /// [`Host::grpc_message`], or failed with a gRPC status: the called one's; or Envoy's, which is
    /// 14 where it reaches nobody or not in time, and 13 where what comes is no answer. It may be
    /// one that a filter under an earlier configuration made.
    fn on_tick_grpc(&self, _: &dyn Host, _: CallId, _: Result<usize, u32>) {}
}
