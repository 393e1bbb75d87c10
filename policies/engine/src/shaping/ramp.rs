//! How the share of one backend changes over time, in a straight line.

use crate::quantity::{Millis, millis};
use landbridge_model::{Amount, Ramp};

/// A ramp. Shares are parts of 1, times milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RampSettings {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) start: Millis,
    pub(super) over: Millis,
    pub(super) stop: Millis,
}

impl RampSettings {
    pub(super) fn new(ramp: &Ramp) -> Self {
        let share = |amount: Option<Amount>, default: f64| {
            let percent = amount.map_or(default, Amount::value);
            (percent / 100.0).clamp(0.0, 1.0)
        };
        let at = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            from: share(ramp.from, 0.0),
            to: share(ramp.to, 100.0),
            start: at(ramp.start.0),
            over: millis(Some(ramp.over), 0),
            stop: ramp.stop.map_or(u64::MAX, |stop| at(stop.0)),
        }
    }

    /// The share of the backend at a time.
    #[expect(
        clippy::cast_precision_loss,
        reason = "times are far below 2^53 milliseconds"
    )]
    pub(super) fn share(&self, now: Millis) -> f64 {
        let now = now.min(self.stop);
        let passed = now.saturating_sub(self.start);
        let part = match (now < self.start, self.over) {
            (true, _) => 0.0,
            (false, 0) => 1.0,
            (false, over) => (passed as f64 / over as f64).min(1.0),
        };
        self.from + (self.to - self.from) * part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_goes_along_its_line_until_it_is_stopped() {
        let ramp = RampSettings {
            from: 0.1,
            to: 0.6,
            start: 1000,
            over: 100,
            stop: u64::MAX,
        };
        let at = |ramp: RampSettings, now| (ramp.share(now) * 1000.0).round() as i64;
        let line = [0, 1000, 1010, 1050, 1100, 9000].map(|now| at(ramp, now));
        assert_eq!(line, [100, 100, 150, 350, 600, 600]);
        let stopped = RampSettings { stop: 1050, ..ramp };
        assert_eq!(
            [1040, 1050, 9000].map(|now| at(stopped, now)),
            [300, 350, 350]
        );
        let never = RampSettings { stop: 10, ..ramp };
        assert_eq!(at(never, 9000), 100);
        let at_once = RampSettings { over: 0, ..ramp };
        assert_eq!([999, 1000].map(|now| at(at_once, now)), [100, 600]);
        let down = RampSettings {
            from: 0.6,
            to: 0.1,
            ..ramp
        };
        assert_eq!(at(down, 1050), 350);
    }
}
