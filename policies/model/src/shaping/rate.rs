//! How many, in what time.

use crate::quantity::Period;
use crate::text_value::text_values;
use std::fmt;
use std::time::Duration;

/// A rate: `100/s`, `6000/m`, `5/10s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many; at least 1.
    pub count: u32,
    /// In what time; at least a millisecond.
    pub per: Duration,
}

impl Rate {
    /// Reads one; `None` where it is not one.
    pub fn parse(s: &str) -> Option<Self> {
        let (count, per) = s.split_once('/')?;
        let digits = count.bytes().all(|b| b.is_ascii_digit());
        let count = count.parse().ok().filter(|n| digits && *n >= 1)?;
        let per = match per {
            "s" | "m" | "h" | "d" | "ms" => Period::parse(&format!("1{per}")),
            _ => Period::parse(per),
        };
        let per = per.map(|per| per.0);
        let per = per.filter(|per| *per >= Duration::from_millis(1))?;
        Some(Self { count, per })
    }

    /// How many in a second, rounded up, at least 1: how many may come at once, where that is not
    /// written.
    pub fn in_a_second(self) -> u32 {
        let nanos = self.per.as_nanos();
        let whole = u128::from(self.count).saturating_mul(1_000_000_000);
        let rounded = whole.saturating_add(nanos.saturating_sub(1));
        let count = rounded.checked_div(nanos).unwrap_or(u128::MAX);
        u32::try_from(count).unwrap_or(u32::MAX).max(1)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, Period(self.per))
    }
}

text_values! {
    Rate: Self::parse,
        "is not a rate",
        "write how many, `/` and the time: `100/s`, `6000/m`, `5/10s`",
        {
            "description": "How many, in what time: `100/s`, `6000/m`, `5/10s`.",
            "type": "string",
            "pattern": "^[0-9]+/([0-9]*(ms|s|m|h|d))+$"
        };
}

#[cfg(test)]
mod tests {
    use super::Rate;
    use std::time::Duration;

    #[test]
    fn how_many_in_a_second() {
        for (rate, expected) in [
            ("100/s", 100),
            ("6000/m", 100),
            ("6001/m", 101),
            ("1/h", 1),
            ("5/10s", 1),
            ("1/ms", 1000),
            ("4294967295/ms", u32::MAX),
        ] {
            let found = Rate::parse(rate).map(Rate::in_a_second);
            assert_eq!(found, Some(expected), "{rate}");
        }
    }

    #[test]
    fn rates() {
        let rate = |s: &str| Rate::parse(s).map(|r| (r.count, r.per));
        assert_eq!(rate("100/s"), Some((100, Duration::from_secs(1))));
        assert_eq!(rate("5/10s"), Some((5, Duration::from_secs(10))));
        assert_eq!(rate("6000/m"), Some((6000, Duration::from_secs(60))));
        assert_eq!(rate("1/1h30m"), Some((1, Duration::from_secs(5400))));
        for wrong in [
            "0/s", "+1/s", "/s", "1/", "1/0s", "1/us", "1", "1/5", "1/s/s", "-1/s",
        ] {
            assert_eq!(rate(wrong), None, "{wrong}");
        }
    }
}
