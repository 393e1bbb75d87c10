//! Traffic shaping, as an Envoy filter.
//!
//! The engine says what becomes of a request; this crate turns that into effects: it answers those
//! that are refused, sets headers of those that go on, lets some wait, and is told when they end.
//! At each tick it settles with the proxy's other workers, asks the rate-limit service, and tells
//! its metrics.

mod configure;
mod metrics;
mod refuse;
mod request;
mod response;
mod service;
mod stream;
mod tick;
mod waiting;

use hashbrown::HashMap;
use landbridge_engine::shaping::{CallRef, Now, ShapingSet, Worker};
use landbridge_filter::Missing;
use landbridge_host::{CallId, Filter, Flow, Host, HostError};
use metrics::Metrics;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use stream::Stream;
use waiting::Waiting;

/// What metrics and logs call it.
const NAME: &str = "shaping";

/// The filter under one configuration.
pub struct Shaping {
    set: Rc<ShapingSet>,
    worker: RefCell<Worker>,
    /// Whether whoever has no certificate is this sidecar's own workload, and trusted.
    trusts_plaintext: bool,
    metrics: Metrics,
    missing: Missing,
    waiting: RefCell<Vec<Waiting>>,
    /// What was asked of rate-limit services and is not answered.
    pending: RefCell<HashMap<CallId, (usize, CallRef)>>,
    ticks: Cell<u32>,
}

impl Filter for Shaping {
    type Stream = Option<Box<Stream>>;

    /// Twenty times a second: what a worker has no use for is the others' again within two of them.
    const TICK: Option<Duration> = Some(Duration::from_millis(50));

    fn configure(host: &dyn Host, configuration: &[u8]) -> Option<Self> {
        configure::configure(host, configuration)
    }

    fn unconfigured(host: &dyn Host) -> Flow {
        landbridge_filter::unconfigured(NAME, host)
    }

    fn on_request(&self, host: &dyn Host, _: bool) -> (Flow, Self::Stream) {
        request::handle(self, host)
    }

    fn on_response(&self, host: &dyn Host, stream: &mut Self::Stream, _: bool) -> Flow {
        if let Some(stream) = stream {
            response::handle(host, stream);
        }
        Flow::Continue
    }

    fn on_done(&self, host: &dyn Host, stream: &mut Self::Stream) {
        if let Some(stream) = stream.take() {
            response::done(self, host, *stream);
        }
    }

    fn on_tick(&self, host: &dyn Host) {
        tick::tick(self, host);
    }

    fn on_tick_grpc(&self, host: &dyn Host, call: CallId, answer: Result<usize, u32>) {
        service::answered(self, host, call, answer);
    }
}

/// The time, by both clocks.
fn now(host: &dyn Host) -> Result<Now, HostError> {
    Ok(Now {
        steady: steady(host),
        wall: u64::try_from(host.now()?.as_millis()).unwrap_or(u64::MAX),
    })
}

/// The time, of which the wall's is left at 0 where nothing is timed by it.
fn request_time(shaping: &Shaping, host: &dyn Host) -> Result<Now, HostError> {
    match shaping.set.asks_the_wall() {
        true => now(host),
        false => Ok(Now {
            steady: steady(host),
            wall: 0,
        }),
    }
}

/// Nanoseconds of the clock that only goes forward.
fn steady(host: &dyn Host) -> u64 {
    u64::try_from(host.monotonic().as_nanos()).unwrap_or(u64::MAX)
}

landbridge_host::filter!(Shaping);
