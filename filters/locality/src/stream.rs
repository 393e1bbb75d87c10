//! What is kept of a request until its end.

use landbridge_engine::Reason;
use landbridge_engine::failover::{Asked, Choice, Lawful, ServiceId};
use landbridge_host::{CallId, Headers};
use std::time::Duration;

/// The most bytes of a body that are kept so that the request can be tried elsewhere.
pub(crate) const MOST_BODY: usize = 64 << 10;

/// A request of a service that is routed.
pub struct Stream {
    pub(crate) service: ServiceId,
    /// Where it may go.
    pub(crate) lawful: Lawful,
    pub(crate) hops: u32,
    /// Whether its caller may know who served it and why.
    pub(crate) may_know: bool,
    pub(crate) is_grpc: bool,
    /// Whether it may be sent twice.
    pub(crate) repeatable: bool,
    /// The cookie of the caller's affinity names another cluster than this, or none.
    pub(crate) cookie: Cookie,
    /// The backend that a split chose for it; routes lead to that part of a cluster, where it is there.
    pub(crate) backend: Option<Box<str>>,
    /// Where it went last, where it went anywhere.
    pub(crate) choice: Option<Choice>,
    /// Why it went nowhere.
    pub(crate) refused: Option<Reason>,
    pub(crate) tried: Lawful,
    pub(crate) attempts: u32,
    /// When its current attempt began, where that is asked for.
    pub(crate) started: Option<Duration>,
    pub(crate) kept: Option<Kept>,
    /// The attempt that is under way, beside the first.
    pub(crate) call: Option<CallId>,
    /// Its outcome has been counted: what comes is what the filter itself answered.
    pub(crate) settled: bool,
}

/// What the caller's affinity cookie says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The policy asks for none.
    Unasked,
    /// There is none, or it names no cluster of the service.
    None,
    /// It names this one.
    Names(usize),
}

/// The request, so that it can be sent again.
pub(crate) struct Kept {
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    /// Whether this is all of it.
    pub(crate) complete: bool,
}

impl Stream {
    pub(crate) fn asked(&self) -> Asked<'static> {
        Asked {
            service: self.service,
            lawful: self.lawful,
            hops: self.hops,
            requested: None,
            affinity: None,
        }
    }
}
