//! Deadlines and retry budgets: that work can be in time at all.

use super::super::callers::says;
use super::super::numbers::some_time;
use super::super::{Findings, Names};
use super::parts::parts;
use crate::Code;
use crate::quantity::Period;
use crate::shaping::{Deadline, Shaping};
use deserr::ValuePointerRef;
use std::time::Duration;

/// What has less time left is not begun, where `min` is left out.
const MIN: Period = Period(Duration::from_millis(1));

pub(super) fn deadlines(
    policy: &Shaping,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let list = policy.deadlines.as_ref();
    parts(list, names, at, findings, |deadline, place, findings| {
        says(deadline.header.as_ref(), place.push_key("header"), findings);
        some_time(deadline.default, place.push_key("default"), findings);
        some_time(deadline.max, place.push_key("max"), findings);
        order(deadline, place, findings);
    });
}

fn order(deadline: &Deadline, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let min = deadline.min.unwrap_or(MIN);
    if let Some(max) = deadline.max.filter(|max| *max <= min) {
        let key = match deadline.min {
            Some(_) => "min",
            None => "max",
        };
        let message =
            format!("no work is begun: it gets `{max}` at most, and needs more than `{min}`");
        findings.add(at.push_key(key), Code::InvalidValue, message);
        return;
    }
    let Some(default) = deadline.default else {
        return;
    };
    let default_at = at.push_key("default");
    if let Some(max) = deadline.max.filter(|max| default > *max) {
        let message = format!("longer than the longest, `{max}`");
        findings.add(default_at, Code::InvalidValue, message);
    } else if default < min && default >= MIN {
        let message = format!("shorter than `{min}`: nothing is begun for callers who do not say");
        findings.add(default_at, Code::InvalidValue, message);
    }
}

pub(super) fn retry_budgets(
    policy: &Shaping,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let list = policy.retry_budgets.as_ref();
    parts(list, names, at, findings, |budget, place, findings| {
        says(budget.header.as_ref(), place.push_key("header"), findings);
    });
}
