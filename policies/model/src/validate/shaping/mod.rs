//! What may be wrong with a shaping policy.

mod concurrency;
mod faults;
mod keys;
mod limits;
mod parts;
mod service;
mod splits;
mod timing;

use super::{Findings, Names};
use crate::Code;
use crate::shaping::{Criticality, Shaping};
use deserr::ValuePointerRef;

/// Checks a shaping policy of the namespace `own` that stands at `at`.
pub fn shaping(
    policy: &Shaping,
    own: &str,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    super::target::target(&policy.target, own, names, at.push_key("target"), findings);
    if shapes_nothing(policy) {
        findings.add_hinted(
            at,
            Code::NeverMatches,
            "a policy that shapes nothing",
            Some(
                "there is `limits`, `concurrency`, `criticality`, `splits`, `deadlines`, `retryBudgets`, `faults`"
                    .to_owned(),
            ),
        );
    }
    limits::limits(policy, names, at.push_key("limits"), findings);
    service::service(policy, at.push_key("rateLimitService"), findings);
    concurrency::concurrency(policy, names, at, findings);
    splits::splits(policy, names, at.push_key("splits"), findings);
    timing::deadlines(policy, names, at.push_key("deadlines"), findings);
    timing::retry_budgets(policy, names, at.push_key("retryBudgets"), findings);
    faults::faults(policy, names, at.push_key("faults"), findings);
}

/// Criticality counts: it is set in a header for whoever comes next.
fn shapes_nothing(policy: &Shaping) -> bool {
    policy.limits.is_none()
        && policy.concurrency.is_none()
        && policy.criticality == Criticality::default()
        && policy.splits.is_none()
        && policy.deadlines.is_none()
        && policy.retry_budgets.is_none()
        && policy.faults.is_none()
}
