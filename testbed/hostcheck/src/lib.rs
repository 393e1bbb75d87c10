//! A filter that does what a filter may do in a tick, and logs what came of it: the end-to-end
//! test of `landbridge-host` (`testbed/tests/host/`).
//!
//! Its configuration is lines: `call CLUSTER METHOD MILLISECONDS [AUTHORITY]` for a gRPC call of
//! the service `check.Check`, made once by each worker; `clock` to log its clocks at each tick;
//! `measure` to log once what a look at them costs. A request with `x-delay-ticks: N` is held until
//! the N-th tick, and then goes on; or is answered, if it has `x-late-status: STATUS`.

mod calls;
mod clocks;
mod delays;

use calls::Calls;
use clocks::Clocks;
use delays::Delays;
use landbridge_host::{CallId, Filter, Flow, Host, Level};
use std::time::Duration;

/// The filter under one configuration.
pub struct Hostcheck {
    calls: Calls,
    clocks: Clocks,
    delays: Delays,
}

fn log(host: &dyn Host, line: &str) {
    host.log(Level::Warn, &format!("hostcheck: {line}"));
}

impl Filter for Hostcheck {
    type Stream = Option<Duration>;

    const TICK: Option<Duration> = Some(Duration::from_millis(50));

    fn configure(_: &dyn Host, configuration: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(configuration).ok()?;
        Some(Self {
            calls: Calls::new(text)?,
            clocks: Clocks::new(text),
            delays: Delays::default(),
        })
    }

    fn unconfigured(_: &dyn Host) -> Flow {
        Flow::Held
    }

    fn on_request(&self, host: &dyn Host, _: bool) -> (Flow, Self::Stream) {
        self.delays.begin(host)
    }

    fn on_request_body(&self, host: &dyn Host, _: &mut Self::Stream, size: usize, _: bool) {
        // What is not held any more must not be thought to be: that would panic.
        let _ = host.set_request_header("x-late", b"1");
        let _ = host.request_body(0, size);
    }

    fn on_response(&self, host: &dyn Host, stream: &mut Self::Stream, _: bool) -> Flow {
        if let Some(begun) = stream {
            let waited = host.monotonic().saturating_sub(*begun).as_millis();
            let _ = host.set_response_header("x-waited-ms", waited.to_string().as_bytes());
        }
        Flow::Continue
    }

    fn on_tick(&self, host: &dyn Host) {
        self.calls.tick(host);
        self.clocks.tick(host);
        self.delays.tick(host);
    }

    fn on_tick_grpc(&self, host: &dyn Host, call: CallId, answer: Result<usize, u32>) {
        self.calls.answered(host, call, answer);
    }
}

landbridge_host::filter!(Hostcheck);
