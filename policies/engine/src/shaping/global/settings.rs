//! How the service is asked.

use crate::shaping::limits::Nanos;
use landbridge_model::RateLimitService;
use std::time::Duration;

const DOMAIN: &str = "landbridge";
const TIMEOUT: Duration = Duration::from_millis(500);
const LEASE: Duration = Duration::from_millis(200);

/// How the service is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The cluster and the domain: one service has one health.
    pub(crate) service: Box<str>,
    pub(crate) domain: Box<str>,
    /// For how long requests are leased.
    pub(crate) lease: Nanos,
    /// How long an answer may take.
    pub(crate) timeout: Nanos,
    /// How often workers tick.
    pub(crate) tick: Nanos,
}

impl Settings {
    /// Those of a document.
    pub(crate) fn new(service: &RateLimitService, tick: Duration) -> Self {
        let domain = service.domain.as_deref().unwrap_or(DOMAIN);
        Self {
            service: format!("{}.{domain}", service.cluster).into(),
            domain: domain.into(),
            lease: nanos(service.lease.map_or(LEASE, |period| period.0)),
            timeout: nanos(service.timeout.map_or(TIMEOUT, |period| period.0)),
            tick: nanos(tick),
        }
    }

    /// When a call that was not answered is given up. It may wait for a tick before it goes out, and
    /// the host may be a little late to say that its time is over.
    pub(crate) fn gives_up(&self) -> Nanos {
        self.timeout.saturating_add(self.tick.saturating_mul(2))
    }
}

fn nanos(time: Duration) -> Nanos {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1)
}
