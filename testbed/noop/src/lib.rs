//! A filter that does nothing, to measure others against: it reads the header map and sets one
//! header, which is the least that a filter of use does.

use landbridge_host::{Filter, Flow, Host};

/// The filter.
pub struct Noop;

impl Filter for Noop {
    type Stream = ();

    fn configure(_: &dyn Host, _: &[u8]) -> Option<Self> {
        Some(Self)
    }

    fn unconfigured(_: &dyn Host) -> Flow {
        Flow::Continue
    }

    fn on_request(&self, host: &dyn Host, _: bool) -> (Flow, ()) {
        let headers = host.request_headers().map_or(0, |headers| headers.len());
        // Nobody reads it; what counts is the call.
        let _ = host.set_request_header("x-noop", if headers > 0 { b"1" } else { b"0" });
        (Flow::Continue, ())
    }
}

landbridge_host::filter!(Noop);
