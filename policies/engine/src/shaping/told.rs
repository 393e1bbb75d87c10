//! What callers are told of limits: the fields of draft-ietf-httpapi-ratelimit-headers-10, and
//! `Retry-After` (RFC 9110, section 10.2.3).

use super::limits::{Nanos, Written};
use super::request::Header;

/// What is told of one limit. Names are letters, digits and `-`: none needs escaping.
pub(super) struct Fields {
    policies: String,
    limits: String,
}

impl Fields {
    pub(super) fn new() -> Self {
        Self {
            policies: String::new(),
            limits: String::new(),
        }
    }

    /// Adds a limit of which so much is left, and that is whole again after so long.
    pub(super) fn add(&mut self, name: &str, written: &Written, left: u32, whole_in: Nanos) {
        let (quota, window) = written.quota();
        for list in [&mut self.policies, &mut self.limits] {
            if !list.is_empty() {
                list.push_str(", ");
            }
        }
        let policy = format!("\"{name}\";q={quota};w={window}");
        let limit = format!("\"{name}\";r={left};t={}", seconds(whole_in));
        self.policies.push_str(&policy);
        self.limits.push_str(&limit);
    }

    pub(super) fn into_headers(self) -> impl Iterator<Item = Header> {
        let there = !self.limits.is_empty();
        let headers = [
            ("ratelimit-policy".into(), self.policies),
            ("ratelimit".into(), self.limits),
        ];
        headers.into_iter().filter(move |_| there)
    }
}

/// When it is worth trying again; at least a second.
pub(super) fn retry_after(after: Nanos) -> Header {
    ("retry-after".into(), seconds(after).max(1).to_string())
}

/// Whole seconds, rounded up.
fn seconds(time: Nanos) -> u64 {
    time.div_ceil(1_000_000_000)
}
