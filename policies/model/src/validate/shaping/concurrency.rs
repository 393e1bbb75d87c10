//! Concurrency and criticality: limits that can be found, and claims of callers who can be known.

use super::super::authorization::sources;
use super::super::callers::says;
use super::super::numbers::{positive, time_within};
use super::super::{Findings, Names};
use super::parts::parts;
use crate::Code;
use crate::pattern::AnyOf;
use crate::quantity::{Amount, Period};
use crate::shaping::{Adaptive, Concurrency, Criticality, Shaping};
use deserr::ValuePointerRef;
use std::time::Duration;

/// The most under way where an adaptive limit has no `max`.
const MOST: u32 = 1000;
/// The least that an adaptive limit becomes where it has no `min`.
const LEAST: u32 = 4;
/// How often a limit may be looked at.
const WINDOWS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(10));
/// How often it is, where that is left out.
const WINDOW: Duration = Duration::from_millis(100);
/// How often it is lowered to see, where that is left out.
const PROBE: Duration = Duration::from_secs(30);
/// How many windows there are at the least from one probe to the next.
const WINDOWS_OF_A_PROBE: u32 = 10;
/// A tolerance is more than the first and at most the second.
const TOLERANCES: [Amount; 2] = [
    Amount {
        millionths: 1_000_000,
    },
    Amount {
        millionths: 10_000_000,
    },
];

/// Checks both, in a spec that stands at `at`.
pub(super) fn concurrency(
    policy: &Shaping,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let list = policy.concurrency.as_ref();
    let list_at = at.push_key("concurrency");
    parts(list, names, list_at, findings, |limit, place, findings| {
        positive(limit.max, place.push_key("max"), findings);
        if let Some(found) = &limit.adaptive {
            adaptive(found, limit, place, findings);
        } else if limit.max.is_none() {
            let hint = Some("write `max`, or `adaptive`".to_owned());
            let message = "how many may be under way is missing";
            findings.add_hinted(place, Code::MissingField, message, hint);
        }
    });
    let place = at.push_key("criticality");
    criticality(&policy.criticality, names, place, findings);
}

fn adaptive(
    adaptive: &Adaptive,
    limit: &Concurrency,
    limit_at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let at = limit_at.push_key("adaptive");
    positive(adaptive.min, at.push_key("min"), findings);
    let most = limit.max.unwrap_or(MOST);
    if let Some(min) = adaptive.min.filter(|min| *min > most) {
        let message = format!("the least, {min}, is more than the most, {most}");
        findings.add(at.push_key("min"), Code::InvalidValue, message);
    } else if let Some(initial) = adaptive.initial {
        let least = adaptive.min.unwrap_or(LEAST).min(most);
        if !(least..=most).contains(&initial) {
            let message =
                format!("expected a number from the least to the most, {least} to {most}");
            findings.add(at.push_key("initial"), Code::InvalidValue, message);
        }
    }
    let [above, most] = TOLERANCES;
    if adaptive.tolerance.is_some_and(|t| t <= above || t > most) {
        findings.add_hinted(
            at.push_key("tolerance"),
            Code::InvalidValue,
            "expected a number above 1, up to 10",
            Some("with 2, answers may take twice as long as without load".to_owned()),
        );
    }
    time_within(adaptive.window, WINDOWS, at.push_key("window"), findings);
    let window = adaptive.window.map_or(WINDOW, |p| p.0);
    let probe = adaptive.probe.map_or(PROBE, |p| p.0);
    let least = window.saturating_mul(WINDOWS_OF_A_PROBE);
    if probe < least {
        let key = match adaptive.probe {
            Some(_) => "probe",
            None => "window",
        };
        findings.add_hinted(
            at.push_key(key),
            Code::InvalidValue,
            format!(
                "the limit would be lowered every `{}`, and is looked at every `{}`",
                Period(probe),
                Period(window)
            ),
            Some(format!(
                "write a `probe` of at least {WINDOWS_OF_A_PROBE} windows"
            )),
        );
    }
}

fn criticality(
    criticality: &Criticality,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    says(criticality.header.as_ref(), at.push_key("header"), findings);
    let claims_at = at.push_key("claims");
    let claims = criticality.claims.iter().flat_map(AnyOf::iter);
    for (i, claim) in claims.enumerate() {
        let place = claims_at.push_index(i);
        sources(claim.from.iter(), names, place.push_key("from"), findings);
    }
}
