//! Locality failover, as an Envoy filter.
//!
//! The engine decides where a request goes; this crate turns that into effects: it sets
//! `x-landbridge-cluster`, by which routes choose, tries a request that failed on another cluster,
//! and tells who may know who served it and why. Between requests it probes, and shares what it
//! learnt with the proxy's other workers.
//!
//! A key design decision here is that a request is tried elsewhere by a call of the filter's own
//! (see `replay`): Envoy's own retries stay within the cluster that the route chose, and what in
//! Envoy does change the cluster takes an order that is fixed in its configuration, which
//! residency is not.

mod configure;
mod displaced;
mod metrics;
mod probe;
mod refuse;
mod replay;
mod report;
mod request;
mod response;
mod split;
mod stream;
mod tick;

use hashbrown::HashMap;
use landbridge_engine::failover::{FailoverSet, Lawful, Service, ServiceId, Worker};
use landbridge_filter::Missing;
use landbridge_host::{CallAnswer, CallId, Filter, Flow, Host};
use metrics::Metrics;
use probe::Pending;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use stream::Stream;

/// What metrics and logs call it.
const NAME: &str = "locality";

/// The filter under one configuration.
pub struct Locality {
    set: Rc<FailoverSet>,
    worker: RefCell<Worker>,
    /// Whether whoever has no certificate is this sidecar's own workload, and trusted.
    trusts_plaintext: bool,
    metrics: Metrics,
    missing: Missing,
    pending: RefCell<HashMap<CallId, Pending>>,
    /// The clusters to which a route was seen to lead, and at which tick.
    routed: RefCell<HashMap<(ServiceId, usize), u32>>,
    ticks: Cell<u32>,
    /// Whether this proxy keeps the route that it had chosen when a request header is set.
    keeps_routes: Cell<bool>,
}

impl Locality {
    /// Whether the proxy must be told to choose the route anew. Envoy does so by itself where a
    /// request header is set, and telling it costs as much as all else that is done for a request.
    /// So it is told where it must not be wrong, and from when it was seen to be.
    fn must_clear(&self, service: &Service, lawful: Lawful) -> bool {
        self.keeps_routes.get() || !service.is_free(lawful)
    }
}

impl Filter for Locality {
    type Stream = Option<Box<Stream>>;

    /// Four times a second: what a worker sees of its own is in force at once, and what others
    /// see is at most as old as this.
    const TICK: Option<Duration> = Some(Duration::from_millis(250));

    fn configure(host: &dyn Host, configuration: &[u8]) -> Option<Self> {
        configure::configure(host, configuration)
    }

    fn unconfigured(host: &dyn Host) -> Flow {
        landbridge_filter::unconfigured(NAME, host)
    }

    fn on_request(&self, host: &dyn Host, end: bool) -> (Flow, Self::Stream) {
        request::handle(self, host, end)
    }

    fn on_request_body(&self, host: &dyn Host, stream: &mut Self::Stream, size: usize, end: bool) {
        if let Some(stream) = stream {
            replay::keep_body(host, stream, size, end);
        }
    }

    fn on_response(&self, host: &dyn Host, stream: &mut Self::Stream, _: bool) -> Flow {
        match stream {
            Some(stream) => response::handle(self, host, stream),
            None => Flow::Continue,
        }
    }

    fn on_call(
        &self,
        host: &dyn Host,
        stream: &mut Self::Stream,
        call: CallId,
        answer: CallAnswer,
    ) -> Flow {
        match stream {
            Some(stream) => replay::answered(self, host, stream, call, answer),
            None => Flow::Continue,
        }
    }

    fn on_done(&self, host: &dyn Host, stream: &mut Self::Stream) {
        if let Some(stream) = stream {
            report::done(self, host, stream);
        }
    }

    fn on_tick(&self, host: &dyn Host) {
        tick::tick(self, host);
    }

    fn on_tick_call(&self, host: &dyn Host, call: CallId, answer: CallAnswer) {
        probe::answered(self, host, call, answer);
    }
}

landbridge_host::filter!(Locality);
