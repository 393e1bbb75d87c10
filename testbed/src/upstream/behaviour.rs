//! How an upstream behaves: what a test told it, and what that makes of one request.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::Failure;
use super::onward::Onward;
use super::workers::Workshop;

/// The path that health checks ask for.
pub(super) const HEALTH: &str = "/healthz";
/// How many parts a whole has, where a share of answers is counted.
const WHOLE: u32 = 1_000_000;
/// Requests within this time may come all at once without being too many.
const BURST: Duration = Duration::from_millis(100);
/// What is cold can do this part of what it can when warm.
const COLD: f64 = 0.1;

/// What a test told the upstream.
#[derive(Debug)]
pub(super) struct Behaviour {
    pub(super) status: StatusCode,
    pub(super) delay: Duration,
    pub(super) failure: Failure,
    pub(super) errors: Share,
    pub(super) failing: (BTreeSet<u32>, StatusCode),
    pub(super) capacity: Option<Capacity>,
    pub(super) workshop: Option<Arc<Workshop>>,
    pub(super) onward: Option<Arc<Onward>>,
}

/// What becomes of one request.
#[derive(Debug)]
pub(super) struct Fate {
    pub(super) delay: Duration,
    /// Who works on it, where somebody must.
    pub(super) workshop: Option<Arc<Workshop>>,
    /// What it calls for it.
    pub(super) onward: Option<Arc<Onward>>,
    /// The answer's status; none if there will be no answer.
    pub(super) status: Option<StatusCode>,
}

impl Behaviour {
    pub(super) fn new() -> Self {
        Self {
            status: StatusCode::OK,
            delay: Duration::ZERO,
            failure: Failure::None,
            errors: Share::new(0.0, StatusCode::SERVICE_UNAVAILABLE),
            failing: (BTreeSet::new(), StatusCode::SERVICE_UNAVAILABLE),
            capacity: None,
            workshop: None,
            onward: None,
        }
    }

    /// Decides on a request that came at `endpoint`. Health checks have a count
    /// of their own, so that they leave the shares of requests exact.
    pub(super) fn decide(&mut self, path: &str, endpoint: Option<u32>, now: Instant) -> Fate {
        let health = path.split('?').next() == Some(HEALTH);
        if let Some(capacity) = self.capacity.as_mut().filter(|_| !health) {
            capacity.warm(now);
        }
        let status = if self.failure == Failure::Reset {
            None
        } else if endpoint.is_some_and(|endpoint| self.failing.0.contains(&endpoint)) {
            Some(self.failing.1)
        } else if self.capacity.as_mut().is_some_and(|it| it.exceeded(now)) {
            Some(StatusCode::SERVICE_UNAVAILABLE)
        } else {
            Some(self.errors.next(health).unwrap_or(self.status))
        };
        Fate {
            delay: self.delay,
            workshop: self.workshop.clone(),
            onward: self.onward.clone().filter(|_| !health),
            status,
        }
    }
}

/// A share of the answers, spread evenly: the fraction that an answer leaves
/// over is carried to the next.
#[derive(Debug)]
pub(super) struct Share {
    parts: u32,
    status: StatusCode,
    /// What is carried, among requests and among health checks.
    carried: [u32; 2],
}

impl Share {
    pub(super) fn new(percent: f64, status: StatusCode) -> Self {
        let parts = percent.clamp(0.0, 100.0) / 100.0 * f64::from(WHOLE);
        Self {
            parts: parts.round() as u32,
            status,
            carried: [0; 2],
        }
    }

    /// The status of the next answer, if it is one of the share.
    fn next(&mut self, health: bool) -> Option<StatusCode> {
        let carried = &mut self.carried[usize::from(health)];
        *carried += self.parts;
        if *carried < WHOLE {
            return None;
        }
        *carried -= WHOLE;
        Some(self.status)
    }
}

/// How many requests per second can be served.
#[derive(Debug)]
pub(super) struct Capacity {
    rate: f64,
    /// How long it takes to get warm.
    warm: Duration,
    /// The first request, from which on it gets warm.
    first: Option<Instant>,
    /// When all that was admitted will have been served.
    busy_until: Option<Instant>,
}

impl Capacity {
    pub(super) fn new(rate: f64) -> Self {
        Self::cold(rate, Duration::ZERO)
    }

    pub(super) fn cold(rate: f64, warm: Duration) -> Self {
        Self {
            rate,
            warm,
            first: None,
            busy_until: None,
        }
    }

    /// A request that warms it.
    fn warm(&mut self, now: Instant) {
        self.first.get_or_insert(now);
    }

    /// How long one request takes of it.
    fn each(&self, now: Instant) -> Duration {
        let warmth = match self.first {
            _ if self.warm.is_zero() => 1.0,
            None => 0.0,
            Some(first) => ((now - first).as_secs_f64() / self.warm.as_secs_f64()).min(1.0),
        };
        let rate = self.rate * (COLD + (1.0 - COLD) * warmth);
        if rate > 0.0 {
            Duration::from_secs_f64(1.0 / rate)
        } else {
            Duration::MAX
        }
    }

    fn exceeded(&mut self, now: Instant) -> bool {
        let free = self.busy_until.map_or(now, |until| until.max(now));
        let Some(until) = free.checked_add(self.each(now)) else {
            return true;
        };
        if free - now > BURST {
            return true;
        }
        self.busy_until = Some(until);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_answers_is_exact_and_spread_evenly() {
        let mut share = Share::new(30.0, StatusCode::BAD_GATEWAY);
        let answers: Vec<_> = (0..1000).map(|_| share.next(false).is_some()).collect();
        assert_eq!(answers.iter().filter(|error| **error).count(), 300);
        for ten in answers.chunks(10) {
            assert_eq!(ten.iter().filter(|error| **error).count(), 3);
        }
        assert!((0..10).filter(|_| share.next(true).is_some()).count() == 3);
        let mut all = Share::new(100.0, StatusCode::BAD_GATEWAY);
        assert!((0..10).all(|_| all.next(false).is_some()));
        let mut none = Share::new(0.0, StatusCode::BAD_GATEWAY);
        assert!((0..10).all(|_| none.next(false).is_none()));
    }

    #[test]
    fn what_is_beyond_the_capacity_is_too_much() {
        let start = Instant::now();
        let mut capacity = Capacity::new(100.0);
        // 200 a second for ten seconds.
        let refused = (0..2000)
            .filter(|n| capacity.exceeded(start + Duration::from_millis(5) * *n))
            .count();
        assert!((985..=1000).contains(&refused), "{refused}");
        let mut ample = Capacity::new(400.0);
        assert!((0..2000).all(|n| !ample.exceeded(start + Duration::from_millis(5) * n)));
        assert!(Capacity::new(0.0).exceeded(start));
    }

    #[test]
    fn what_is_cold_gets_warm_by_its_requests() {
        let start = Instant::now();
        let mut capacity = Capacity::cold(100.0, Duration::from_secs(10));
        // 100 a second, of which it takes ten at first, and more each second after the first.
        let mut served = |second: u32| {
            (0..100)
                .map(|n| start + Duration::from_secs(1) * second + Duration::from_millis(10) * n)
                .filter(|at| !capacity.exceeded(*at))
                .count()
        };
        assert!((10..=12).contains(&served(0)));
        assert!((10..=12).contains(&served(60)));
        capacity.warm(start + Duration::from_secs(100));
        capacity.warm(start + Duration::from_secs(105));
        let mut served = |second: u32| {
            (0..100)
                .map(|n| start + Duration::from_secs(1) * second + Duration::from_millis(10) * n)
                .filter(|at| !capacity.exceeded(*at))
                .count()
        };
        let (half, whole) = (served(105), served(111));
        assert!((50..=75).contains(&half), "{half}");
        assert_eq!(whole, 100);
    }
}
