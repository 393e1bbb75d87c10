//! What may be wrong with a shaping policy.

use super::{Findings, Names};
use crate::shaping::Shaping;
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
}
