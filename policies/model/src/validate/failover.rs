//! What may be wrong with a failover policy.

use super::{Findings, Names};
use crate::failover::Failover;
use deserr::ValuePointerRef;

/// Checks a failover policy of the namespace `own` that stands at `at`.
pub fn failover(
    policy: &Failover,
    own: &str,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    super::target::target(&policy.target, own, names, at.push_key("target"), findings);
}
