//! Numbers and times that would make no sense.

use super::Findings;
use crate::Code;
use crate::quantity::Period;
use deserr::ValuePointerRef;
use std::time::Duration;

/// Checks a number that must not be 0.
pub(super) fn positive(number: Option<u32>, at: ValuePointerRef<'_>, findings: &mut Findings) {
    if number == Some(0) {
        findings.add(at, Code::InvalidValue, "expected a number from 1");
    }
}

/// Checks a number that must be within these, which count.
pub(super) fn within(
    number: Option<u32>,
    (least, most): (u32, u32),
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if number.is_some_and(|number| !(least..=most).contains(&number)) {
        let message = format!("expected a number from {least} to {most}");
        findings.add(at, Code::InvalidValue, message);
    }
}

/// Checks a time: times are counted in milliseconds.
pub(super) fn some_time(period: Option<Period>, at: ValuePointerRef<'_>, findings: &mut Findings) {
    if period.is_some_and(|p| p.0 < Duration::from_millis(1)) {
        findings.add(at, Code::InvalidValue, "expected a time from `1ms`");
    }
}

/// Checks a time that must be within these, which count.
pub(super) fn time_within(
    period: Option<Period>,
    (least, most): (Duration, Duration),
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if period.is_some_and(|p| !(least..=most).contains(&p.0)) {
        let (least, most) = (Period(least), Period(most));
        let message = format!("expected a time from `{least}` to `{most}`");
        findings.add(at, Code::InvalidValue, message);
    }
}
