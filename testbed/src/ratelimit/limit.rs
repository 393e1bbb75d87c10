//! Limits: those that a test gives the service, and those that descriptors bring along.

use std::time::Duration;

use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_response::rate_limit::Unit;

const UNITS: [(Unit, u64); 7] = [
    (Unit::Second, 1),
    (Unit::Minute, 60),
    (Unit::Hour, 3_600),
    (Unit::Day, 86_400),
    (Unit::Week, 7 * 86_400),
    (Unit::Month, 30 * 86_400),
    (Unit::Year, 365 * 86_400),
];

/// How long a unit is, by its number in the protocol.
pub(super) fn seconds(unit: i32) -> Option<u64> {
    let unit = Unit::try_from(unit).ok()?;
    let (_, seconds) = UNITS.iter().find(|(known, _)| *known == unit)?;
    Some(*seconds)
}

/// The unit that is so long, as far as there is one.
pub(super) fn unit(seconds: u64) -> Unit {
    let mut units = UNITS.iter();
    let found = units.find(|(_, long)| *long == seconds);
    found.map_or(Unit::Unknown, |(unit, _)| *unit)
}

/// A limit of the service's own: at most so many hits in a window, which begins with the first.
#[derive(Debug, Clone)]
#[must_use]
pub struct Limit {
    domain: String,
    max: u64,
    seconds: u64,
    /// The entries that a descriptor must have; one without a value has any, and each value its own
    /// counter.
    conditions: Vec<(String, Option<String>)>,
}

impl Limit {
    /// At most `max` hits in `window`, a whole number of seconds, for descriptors of a domain.
    pub fn new(domain: &str, max: u64, window: Duration) -> Self {
        Self {
            domain: domain.to_owned(),
            max,
            seconds: window.as_secs().max(1),
            conditions: Vec::new(),
        }
    }

    /// For descriptors that have this entry.
    pub fn when(mut self, key: &str, value: &str) -> Self {
        self.conditions
            .push((key.to_owned(), Some(value.to_owned())));
        self
    }

    /// For descriptors that have this key: a counter for each of its values.
    pub fn per(mut self, key: &str) -> Self {
        self.conditions.push((key.to_owned(), None));
        self
    }

    /// What it counts a descriptor by, if it applies to it.
    pub(super) fn bound(&self, domain: &str, entries: &[(String, String)]) -> Option<Bound> {
        if domain != self.domain {
            return None;
        }
        let entry = |(key, value): &(String, Option<String>)| {
            let meant = |entry: &&(String, String)| {
                entry.0 == *key && value.as_ref().is_none_or(|value| entry.1 == *value)
            };
            entries.iter().find(meant).cloned()
        };
        let counted: Option<Vec<_>> = self.conditions.iter().map(entry).collect();
        Some(Bound::new(domain, &counted?, self.max, self.seconds))
    }
}

/// One counter, and how far it may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) domain: String,
    /// What is counted, in one word.
    pub(super) counted: String,
    pub(super) max: u64,
    pub(super) seconds: u64,
}

impl Bound {
    pub(super) fn new(domain: &str, entries: &[(String, String)], max: u64, seconds: u64) -> Self {
        Self {
            domain: domain.to_owned(),
            // Quoted, so that no two lists of entries become one.
            counted: format!("{entries:?}"),
            max,
            seconds,
        }
    }
}

/// What a counter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) remaining: u64,
    pub(super) reset: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(of: &[(&str, &str)]) -> Vec<(String, String)> {
        let of = of.iter();
        of.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_limit_is_for_descriptors_that_have_its_entries() {
        let limit = Limit::new("d", 5, Duration::from_secs(60))
            .when("policy", "a")
            .per("source");
        let bound = |domain: &str, of: &[(&str, &str)]| limit.bound(domain, &entries(of));
        let one = bound("d", &[("policy", "a"), ("source", "x")]).unwrap();
        let same = bound("d", &[("more", "m"), ("source", "x"), ("policy", "a")]).unwrap();
        let other = bound("d", &[("policy", "a"), ("source", "y")]).unwrap();
        assert_eq!(one, same);
        assert_ne!(one.counted, other.counted);
        assert_eq!(bound("d", &[("policy", "b"), ("source", "x")]), None);
        assert_eq!(bound("d", &[("policy", "a")]), None);
        assert_eq!(bound("e", &[("policy", "a"), ("source", "x")]), None);
    }

    #[test]
    fn units_are_what_the_protocol_calls_them() {
        assert_eq!(seconds(Unit::Minute as i32), Some(60));
        assert_eq!((seconds(Unit::Unknown as i32), seconds(99)), (None, None));
        assert_eq!((unit(3_600), unit(10)), (Unit::Hour, Unit::Unknown));
    }
}
