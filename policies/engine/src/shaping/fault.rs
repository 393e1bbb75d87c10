//! Faults: which requests wait, and which fail.

use crate::draw::Draws;
use crate::quantity::share;
use landbridge_model::Fault;
use std::time::Duration;

/// How a policy has requests suffer. Shares are parts of 1.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultSettings {
    /// How long requests wait at least, and the share that does.
    pub delay: Option<(Duration, f64)>,
    /// How requests fail, and the share that does.
    pub abort: Option<(Abortion, f64)>,
}

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abortion {
    /// The HTTP status.
    pub status: u16,
    /// The gRPC status, for callers who speak gRPC.
    pub grpc_status: u32,
}

/// What a request suffers. One that does both waits first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suffers {
    /// How long it waits at least.
    pub delay: Option<Duration>,
    /// How it fails.
    pub abort: Option<Abortion>,
}

impl FaultSettings {
    /// Those of a policy.
    pub fn new(policy: &Fault) -> Self {
        let (delay, abort) = (policy.delay.as_ref(), policy.abort.as_ref());
        Self {
            delay: delay.map(|delay| (delay.time.0, share(delay.share, 100))),
            abort: abort.map(|abort| {
                let abortion = Abortion {
                    status: abort.status.unwrap_or(503),
                    grpc_status: abort.grpc_status.unwrap_or(14),
                };
                (abortion, share(abort.share, 100))
            }),
        }
    }
}

/// The draws of one worker.
#[derive(Clone, Debug)]
pub struct Faults {
    settings: FaultSettings,
    delays: Draws,
    aborts: Draws,
}

impl Faults {
    /// Those of a worker that is told from the others by this number.
    pub fn new(settings: FaultSettings, worker: u64) -> Self {
        let worker = worker.to_le_bytes();
        Self {
            settings,
            delays: Draws::of(&worker),
            // Whether a request fails does not hang on whether it waited.
            aborts: Draws::beside(&worker),
        }
    }

    /// What the next request suffers.
    pub fn draw(&mut self) -> Suffers {
        let (delay, abort) = (self.settings.delay, self.settings.abort);
        Suffers {
            delay: delay.and_then(|(time, share)| self.delays.within(share).then_some(time)),
            abort: abort.and_then(|(abort, share)| self.aborts.within(share).then_some(abort)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept_each_by_itself() {
        let second = Duration::from_secs(1);
        let abortion = Abortion {
            status: 503,
            grpc_status: 14,
        };
        let settings = FaultSettings {
            delay: Some((second, 0.5)),
            abort: Some((abortion, 0.1)),
        };
        let mut faults = Faults::new(settings, 7);
        let suffered: Vec<_> = (0..10_000).map(|_| faults.draw()).collect();
        let count = |of: fn(&Suffers) -> bool| suffered.iter().filter(|s| of(s)).count();
        assert!(count(|s| s.delay.is_some()).abs_diff(5000) < 5);
        assert!(count(|s| s.abort.is_some()).abs_diff(1000) < 5);
        let both = count(|s| s.abort.is_some() && s.delay.is_some());
        assert!(both.abs_diff(500) < 25, "{both}");
    }

    #[test]
    fn all_or_none() {
        let settings = |share| FaultSettings {
            delay: Some((Duration::ZERO, share)),
            abort: None,
        };
        let mut all = Faults::new(settings(1.0), 1);
        let mut none = Faults::new(settings(0.0), 1);
        for _ in 0..1000 {
            assert!(all.draw().delay.is_some() && all.draw().abort.is_none());
            assert_eq!(none.draw(), Suffers::default());
        }
    }
}
