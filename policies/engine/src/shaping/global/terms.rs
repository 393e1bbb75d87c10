//! A rate, as the service is told it.

use crate::shaping::limits::{Allowance, Nanos};
use landbridge_model::Rate;

/// The units that the service knows, with their numbers in `envoy.type.v3.RateLimitUnit`.
const UNITS: [(i32, u128); 4] = [
    (1, 1_000_000_000),
    (2, 60_000_000_000),
    (3, 3_600_000_000_000),
    (4, 86_400_000_000_000),
];

/// A rate, as the service is told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The time that one request takes up.
    pub(super) interval: Nanos,
    /// How many in a unit. A call for more would never be granted.
    pub(super) per_unit: u32,
    /// The number of the unit.
    pub(super) unit: i32,
}

impl Terms {
    /// Those of a rate. The service counts by the second, the minute, the hour or the day. A rate in
    /// another time is told in the shortest of them in which it is at least 1 and rounding it down
    /// takes at most a tenth from it: `5/10s` as 30 a minute. One that is slower than 1 a day is 1 a
    /// day.
    pub(crate) fn new(rate: Rate) -> Self {
        let per = rate.per.as_nanos().max(1);
        let (unit, per_unit) = UNITS
            .into_iter()
            .map(|(unit, nanos)| {
                let whole = u128::from(rate.count).saturating_mul(nanos);
                let count = whole.checked_div(per).unwrap_or(u128::MAX);
                let lost = whole.saturating_sub(count.saturating_mul(per));
                (unit, count, lost.saturating_mul(10) <= whole)
            })
            .find(|(unit, count, close)| *unit == 4 || *count >= 1 && *close)
            .map_or((4, 1), |(unit, count, _)| (unit, count));
        Self {
            interval: Allowance::new(rate, Some(1)).time(1).max(1),
            per_unit: u32::try_from(per_unit).unwrap_or(u32::MAX).max(1),
            unit,
        }
    }

    /// The most that a proxy has in stock: what the rate gives in a lease, rounded up.
    pub(super) fn stock(self, lease: Nanos) -> u32 {
        let count = lease.div_ceil(self.interval.max(1));
        u32::try_from(count).unwrap_or(u32::MAX).max(1)
    }

    /// The most that a proxy lets through by credit, where a request costs so much.
    pub(super) fn credit(self, lease: Nanos, cost: u32) -> u32 {
        self.stock(lease).max(cost)
    }

    /// The time that some take up.
    pub(super) fn time(self, count: u32) -> Nanos {
        self.interval.saturating_mul(u64::from(count))
    }

    /// The most that one worker takes from the stock in advance: what the rate gives in 20 ms.
    pub(super) fn ahead(self) -> u32 {
        const AHEAD: Nanos = 20_000_000;
        let count = AHEAD.checked_div(self.interval).unwrap_or(1);
        u32::try_from(count).unwrap_or(u32::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::Terms;
    use landbridge_model::Rate;

    #[test]
    fn rates_in_the_units_of_the_service() {
        for (rate, count, unit) in [
            ("100/s", 100, 1),
            ("6000/m", 100, 1),
            ("90/m", 90, 2),
            ("100/10s", 10, 1),
            ("5/10s", 30, 2),
            ("19/10s", 114, 2),
            ("1000/7s", 142, 1),
            ("1/7s", 8, 2),
            ("1/h", 1, 3),
            ("10/15m", 40, 3),
            ("7/d", 7, 4),
            ("1/2d", 1, 4),
            ("4294967295/ms", u32::MAX, 1),
        ] {
            let terms = Terms::new(Rate::parse(rate).unwrap());
            assert_eq!((terms.per_unit, terms.unit), (count, unit), "{rate}");
        }
    }
}
