//! Clusters that are emptied by hand, for a time.

use super::residency::Lawful;
use super::settings::Millis;

/// A drain of some of a service's clusters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    pub(crate) clusters: Lawful,
    pub(crate) start: Millis,
    pub(crate) end: Millis,
    pub(crate) ramp: Millis,
}

impl Drain {
    /// How much of a cluster's load is kept away now: from 0 to 1.
    pub(crate) fn drained(&self, now: Millis) -> f64 {
        if now < self.start {
            return 0.0;
        }
        let leaving = part(now.saturating_sub(self.start), self.ramp);
        match now.checked_sub(self.end) {
            // However far it came by its end, it goes back from there.
            Some(over) => {
                let came = part(self.end.saturating_sub(self.start), self.ramp);
                (came - part(over, self.ramp)).max(0.0)
            }
            None => leaving,
        }
    }

    /// Whether it will never again keep anything away.
    pub(crate) fn is_over(&self, now: Millis) -> bool {
        now >= self.end.saturating_add(self.ramp)
    }
}

/// How much is left of a cluster's load where several drains name it.
pub(crate) fn kept(drains: &[Drain], candidate: usize, now: Millis) -> f64 {
    let of = drains.iter().filter(|drain| drain.clusters.has(candidate));
    1.0 - of.map(|drain| drain.drained(now)).fold(0.0, f64::max)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times are far below 2^53 milliseconds"
)]
fn part(passed: Millis, ramp: Millis) -> f64 {
    match ramp {
        0 => 1.0,
        ramp => (passed as f64 / ramp as f64).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_comes_and_goes_along_its_ramp() {
        let drain = Drain {
            clusters: Lawful::only(0),
            start: 10_000,
            end: 30_000,
            ramp: 5_000,
        };
        let at = |now| (kept(&[drain], 0, now) * 100.0).round() as i64;
        let line = [
            0, 10_000, 11_000, 12_500, 15_000, 29_999, 30_000, 32_500, 35_000, 99_000,
        ];
        assert_eq!(line.map(at), [100, 100, 80, 50, 0, 0, 0, 50, 100, 100]);
        assert!(
            (kept(&[drain], 1, 20_000) - 1.0).abs() < 1e-9,
            "another cluster"
        );
        assert!(drain.is_over(35_000) && !drain.is_over(34_999));
    }

    #[test]
    fn without_a_ramp_it_is_at_once() {
        let drain = Drain {
            clusters: Lawful::only(0),
            start: 10,
            end: 20,
            ramp: 0,
        };
        assert_eq!(
            [9, 10, 19, 20].map(|now| drain.drained(now)),
            [0.0, 1.0, 1.0, 0.0]
        );
    }
}
