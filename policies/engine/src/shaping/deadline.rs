//! Deadlines: how long the caller of a request still waits.
//!
//! A request may say so in three ways. The least of what it says holds: each is a bound that
//! someone on the way has set. What is malformed says nothing, as with Envoy, which ignores such
//! headers: a deadline spares work, and nobody is harmed by one that is not kept. Zero says
//! nothing, either: to Envoy it means no timeout, and gRPC does not allow it.

use crate::quantity::{Millis, millis};
use landbridge_model::Deadline;
use std::time::Duration;

/// How a policy has deadlines kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadlineSettings {
    /// The header that says when the caller stops waiting, in milliseconds since 1970.
    pub header: Box<str>,
    /// How long a caller waits that does not say.
    pub default: Option<Duration>,
    /// The longest that any is worked for.
    pub max: Option<Duration>,
    /// What has less time left is not begun.
    pub min: Duration,
}

/// What a request says, by header.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said<'a> {
    /// `grpc-timeout`.
    pub grpc_timeout: Option<&'a [u8]>,
    /// `x-envoy-expected-rq-timeout-ms`.
    pub expected: Option<&'a [u8]>,
    /// The policy's own header.
    pub deadline: Option<&'a [u8]>,
}

/// How much time is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLeft {
    /// Nobody says.
    Unbounded,
    /// Too little.
    Expired,
    /// So much.
    Left(Duration),
}

/// What is to be set on a request that has a deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clipped {
    /// `x-envoy-upstream-rq-timeout-ms`.
    pub timeout_ms: String,
    /// `grpc-timeout`, for gRPC.
    pub grpc_timeout: String,
    /// The policy's own header.
    pub deadline: String,
}

impl DeadlineSettings {
    /// Those of a policy.
    pub fn new(policy: &Deadline) -> Self {
        Self {
            header: policy
                .header
                .as_ref()
                .map_or("x-request-deadline", |header| header.as_str())
                .into(),
            default: policy.default.map(|period| period.0),
            max: policy.max.map(|period| period.0),
            min: Duration::from_millis(millis(policy.min, 1)),
        }
    }

    /// How much time is left for a request; `now` is in milliseconds since 1970.
    pub fn left(&self, said: &Said<'_>, now: Millis) -> TimeLeft {
        let deadline = said.deadline.and_then(|value| number(value, 19));
        let bounds = [
            said.grpc_timeout.and_then(grpc_timeout),
            said.expected.and_then(timeout_ms),
            deadline.map(|at| Duration::from_millis(at.saturating_sub(now))),
        ];
        let said = bounds.into_iter().flatten().min();
        let left = said.or(self.default).into_iter().chain(self.max).min();
        match left {
            None => TimeLeft::Unbounded,
            Some(left) if left < self.min || left.is_zero() => TimeLeft::Expired,
            Some(left) => TimeLeft::Left(left),
        }
    }
}

/// What is set on a request that has so much time left and that had this
/// `x-envoy-upstream-rq-timeout-ms`.
pub fn clip(left: Duration, timeout: Option<&[u8]>, now: Millis) -> Clipped {
    let timeout = timeout.and_then(timeout_ms);
    let time = timeout.map_or(left, |timeout| timeout.min(left));
    Clipped {
        // Zero would be no timeout at all.
        timeout_ms: whole_millis(time).max(1).to_string(),
        grpc_timeout: write_grpc_timeout(left),
        deadline: now.saturating_add(whole_millis(left)).to_string(),
    }
}

fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A whole number of at most so many digits.
fn number(value: &[u8], digits: usize) -> Option<u64> {
    let decimal =
        !value.is_empty() && value.len() <= digits && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| decimal)?;
    text.parse().ok()
}

/// A timeout of Envoy's; none, where it is 0.
fn timeout_ms(value: &[u8]) -> Option<Duration> {
    let millis = number(value, 19).filter(|millis| *millis > 0)?;
    Some(Duration::from_millis(millis))
}

/// The units of `grpc-timeout` in nanoseconds, the finest first (gRPC over HTTP/2, "Requests").
const UNITS: [(u8, u64); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];
/// The most digits that it may have, and the largest number with so many.
const DIGITS: usize = 8;
const LARGEST: u128 = 99_999_999;

/// What a `grpc-timeout` says.
fn grpc_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let (_, nanos) = UNITS.iter().find(|(letter, _)| letter == unit)?;
    let count = number(digits, DIGITS).filter(|count| *count > 0)?;
    // The largest, 11,000 years, is more nanoseconds than fit.
    let seconds = Duration::from_nanos(*nanos).as_secs();
    Some(match seconds {
        0 => Duration::from_nanos(count.saturating_mul(*nanos)),
        seconds => Duration::from_secs(count.saturating_mul(seconds)),
    })
}

/// A time as `grpc-timeout` writes it: in the finest unit in which it has no more digits than are
/// allowed, never longer than it is, and never 0.
fn write_grpc_timeout(time: Duration) -> String {
    let nanos = time.as_nanos().max(1);
    let written = UNITS.iter().find_map(|(letter, unit)| {
        let count = nanos.checked_div(u128::from(*unit))?;
        (count <= LARGEST).then(|| format!("{count}{}", char::from(*letter)))
    });
    written.unwrap_or_else(|| format!("{LARGEST}H"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Millis = 1_800_000_000_000;

    fn settings() -> DeadlineSettings {
        DeadlineSettings {
            header: "x-request-deadline".into(),
            default: None,
            max: None,
            min: Duration::from_millis(1),
        }
    }

    fn said<'a>(grpc: &'a str, expected: &'a str, deadline: &'a str) -> Said<'a> {
        let there = |s: &'a str| (!s.is_empty()).then_some(s.as_bytes());
        Said {
            grpc_timeout: there(grpc),
            expected: there(expected),
            deadline: there(deadline),
        }
    }

    #[test]
    fn grpc_timeouts() {
        for (text, nanos) in [
            ("1n", Some(1)),
            ("99999999u", Some(99_999_999_000)),
            ("100m", Some(100_000_000)),
            ("7S", Some(7_000_000_000)),
            ("2M", Some(120_000_000_000)),
            ("99999999H", Some(99_999_999 * 3_600_000_000_000)),
            ("100000000n", None),
            ("0S", None),
            ("1s", None),
            ("S", None),
            ("1", None),
            ("", None),
            ("+1S", None),
            ("-1S", None),
            ("1.5S", None),
            (" 1S", None),
        ] {
            let read = grpc_timeout(text.as_bytes()).map(|time| time.as_nanos());
            assert_eq!(read, nanos, "{text}");
        }
    }

    #[test]
    fn the_least_of_what_is_said_holds() {
        let left = |grpc, expected, deadline| settings().left(&said(grpc, expected, deadline), NOW);
        let millis = |millis| TimeLeft::Left(Duration::from_millis(millis));
        assert_eq!(left("", "", ""), TimeLeft::Unbounded);
        assert_eq!(left("1S", "", ""), millis(1000));
        assert_eq!(left("1S", "200", ""), millis(200));
        assert_eq!(left("1S", "200", "1800000000150"), millis(150));
        assert_eq!(left("100m", "200", "1800000000150"), millis(100));
        assert_eq!(left("1S", "", "1800000000000"), TimeLeft::Expired);
        assert_eq!(left("", "", "1"), TimeLeft::Expired);
        assert_eq!(left("999u", "", ""), TimeLeft::Expired, "less than `min`");
        assert_eq!(left("soon", "0", "tomorrow"), TimeLeft::Unbounded);
        assert_eq!(left("soon", "70", "-1"), millis(70));
    }

    #[test]
    fn who_does_not_say_has_the_default_and_nobody_more_than_the_most() {
        let settings = DeadlineSettings {
            default: Some(Duration::from_secs(5)),
            max: Some(Duration::from_secs(3)),
            ..settings()
        };
        let left = |grpc| settings.left(&said(grpc, "", ""), NOW);
        assert_eq!(left(""), TimeLeft::Left(Duration::from_secs(3)));
        assert_eq!(left("9S"), TimeLeft::Left(Duration::from_secs(3)));
        assert_eq!(left("1S"), TimeLeft::Left(Duration::from_secs(1)));
        let settings = DeadlineSettings {
            max: None,
            ..settings
        };
        let left = settings.left(&said("9S", "", ""), NOW);
        assert_eq!(left, TimeLeft::Left(Duration::from_secs(9)), "as it says");
    }

    #[test]
    fn what_is_asked_of_others_gets_no_more_time_than_is_left() {
        let left = Duration::from_micros(150_900);
        let set = |timeout: Option<&str>| clip(left, timeout.map(str::as_bytes), NOW).timeout_ms;
        assert_eq!(set(None), "150");
        assert_eq!(set(Some("100")), "100");
        assert_eq!(set(Some("1000")), "150");
        assert_eq!(set(Some("0")), "150", "no timeout");
        assert_eq!(set(Some("soon")), "150");
        let clipped = clip(left, None, NOW);
        assert_eq!(clipped.grpc_timeout, "150900u");
        assert_eq!(clipped.deadline, "1800000000150");
        assert_eq!(clip(Duration::from_nanos(1), None, NOW).timeout_ms, "1");
        assert_eq!(write_grpc_timeout(Duration::ZERO), "1n");
        assert_eq!(write_grpc_timeout(Duration::MAX), "99999999H");
    }

    proptest! {
        #[test]
        fn a_grpc_timeout_says_little_less_than_it_is(seconds in any::<u32>(), nanos in 0..1_000_000_000_u32) {
            let time = Duration::new(u64::from(seconds), nanos).max(Duration::from_nanos(1));
            let text = write_grpc_timeout(time);
            prop_assert!(text.len() <= 9);
            let read = grpc_timeout(text.as_bytes()).unwrap();
            prop_assert!(read <= time);
            prop_assert!(read.as_secs_f64() >= time.as_secs_f64() * (1.0 - 1e-5));
        }

        #[test]
        fn nothing_that_is_said_is_too_much(
            grpc in prop::collection::vec(any::<u8>(), 0..12),
            expected in "[0-9]{0,25}",
            deadline in "[0-9]{0,25}",
            now in any::<u64>(),
        ) {
            let said = Said {
                grpc_timeout: Some(&grpc),
                expected: Some(expected.as_bytes()),
                deadline: Some(deadline.as_bytes()),
            };
            if let TimeLeft::Left(left) = settings().left(&said, now) {
                prop_assert!(left >= Duration::from_millis(1));
                clip(left, Some(expected.as_bytes()), now);
            }
        }
    }
}
