//! How much of something is allowed, as the algorithm counts it.

use landbridge_model::{Percent, Rate};

/// Nanoseconds of a clock that only goes forward, the same one for all workers of a proxy.
pub type Nanos = u64;

/// A rate, and how many may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The time that one request takes up. It is rounded up, so that the rate is never more than
    /// was written, and at most a millionth less at a thousand a second.
    interval: Nanos,
    /// How many may come at once after a quiet time.
    burst: u32,
}

impl Allowance {
    /// What a document allows: as many at once as in a second, where it does not say.
    pub fn new(rate: Rate, burst: Option<u32>) -> Self {
        let per = rate.per.as_nanos();
        let count = u128::from(rate.count.max(1));
        Self {
            interval: u64::try_from(per.div_ceil(count))
                .unwrap_or(u64::MAX)
                .max(1),
            burst: burst.unwrap_or_else(|| rate.in_a_second()).max(1),
        }
    }

    /// A share of it; one at a time at the least.
    pub fn share(self, percent: Percent) -> Self {
        let percent = u64::from(percent.0).min(100);
        let interval = match percent {
            0 => u64::MAX,
            percent => self.interval.saturating_mul(100).div_ceil(percent),
        };
        let burst = u64::from(self.burst).saturating_mul(percent) / 100;
        Self {
            interval,
            burst: u32::try_from(burst).unwrap_or(u32::MAX).max(1),
        }
    }

    /// How many may come at once.
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// The time that some take up.
    pub(crate) fn time(self, count: u32) -> Nanos {
        self.interval.saturating_mul(u64::from(count))
    }

    /// The time that the burst takes up.
    pub(crate) fn depth(self) -> Nanos {
        self.time(self.burst)
    }

    /// How many fit into a time; the burst at the most.
    pub(crate) fn fit(self, time: Nanos) -> u32 {
        let count = time.checked_div(self.interval).unwrap_or(u64::MAX);
        u32::try_from(count).unwrap_or(u32::MAX).min(self.burst)
    }

    /// The most that one worker takes in advance: what it may use in 20 ms, and a quarter of the
    /// burst. More would be of no use to it, and is kept from the others; of a slow limit, that is
    /// nothing.
    pub(crate) fn most_ahead(self) -> u32 {
        const AHEAD: Nanos = 20_000_000;
        self.fit(AHEAD).min(self.burst / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::Allowance;
    use landbridge_model::{Percent, Rate};

    fn allowance(rate: &str, burst: Option<u32>) -> Allowance {
        Allowance::new(Rate::parse(rate).unwrap(), burst)
    }

    #[test]
    fn what_a_rate_allows() {
        let thirds = allowance("3/s", None);
        assert_eq!((thirds.interval, thirds.burst), (333_333_334, 3));
        assert_eq!(allowance("600/m", None).burst, 10);
        assert_eq!(allowance("1/h", None).burst, 1);
        assert_eq!(allowance("1/h", Some(5)).depth(), 5 * 3_600_000_000_000);
        assert_eq!(allowance("100/s", None).most_ahead(), 2);
        assert_eq!(allowance("4000/s", Some(8)).most_ahead(), 2);
        assert_eq!(allowance("1200/m", None).most_ahead(), 0);
        assert_eq!(allowance("4000000000/1ms", None).interval, 1);
    }

    #[test]
    fn a_share_of_it() {
        let all = allowance("1000/s", Some(100));
        let part = all.share(Percent(30));
        assert_eq!((part.interval, part.burst), (3_333_334, 30));
        assert_eq!(all.share(Percent(0)).burst, 1);
        assert_eq!(all.share(Percent(0)).interval, u64::MAX);
    }
}
