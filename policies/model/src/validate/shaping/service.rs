//! The rate-limit service: that it is asked, and can be.

use super::super::Findings;
use super::super::numbers::time_within;
use crate::Code;
use crate::pattern::AnyOf;
use crate::shaping::{LimitScope, Shaping};
use deserr::ValuePointerRef;
use std::time::Duration;

/// How long an answer, and a lease, may take.
const TIMES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(10));

pub(super) fn service(policy: &Shaping, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let Some(service) = &policy.rate_limit_service else {
        return;
    };
    let mut limits = policy.limits.iter().flat_map(AnyOf::iter);
    if !limits.any(|limit| limit.scope == LimitScope::Global) {
        findings.add_hinted(
            at,
            Code::NeverMatches,
            "no limit asks this service",
            Some("write `scope: Global` in those that are to".to_owned()),
        );
    }
    for (key, text) in [
        ("cluster", Some(&service.cluster)),
        ("authority", service.authority.as_ref()),
        ("domain", service.domain.as_ref()),
    ] {
        let is_plain = |s: &String| !s.is_empty() && s.bytes().all(|b| b.is_ascii_graphic());
        if text.is_some_and(|text| !is_plain(text)) {
            let message = "expected text without spaces, of letters, digits and signs of ASCII";
            findings.add(at.push_key(key), Code::InvalidValue, message);
        }
    }
    time_within(service.timeout, TIMES, at.push_key("timeout"), findings);
    time_within(service.lease, TIMES, at.push_key("lease"), findings);
}
