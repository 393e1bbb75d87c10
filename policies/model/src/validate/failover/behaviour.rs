//! Health, spill, failback, affinity, retries: numbers that would make no sense.

use super::super::Findings;
use super::super::callers::{cookie_time, tells_apart};
use super::super::numbers::{positive, some_time};
use crate::Code;
use crate::failover::{Active, Affinity, Failover};
use deserr::ValuePointerRef;
use std::time::Duration;

/// Envoy's own floor of the overprovisioning factor.
const LEAST_FACTOR: u32 = 100;

pub(super) fn behaviour(policy: &Failover, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let health_at = at.push_key("health");
    let passive = &policy.health.passive;
    let passive_at = health_at.push_key("passive");
    positive(
        passive.consecutive_errors,
        passive_at.push_key("consecutiveErrors"),
        findings,
    );
    positive(
        passive.min_requests,
        passive_at.push_key("minRequests"),
        findings,
    );
    some_time(passive.interval, passive_at.push_key("interval"), findings);
    some_time(passive.timeout, passive_at.push_key("timeout"), findings);
    if let Some(latency) = &passive.latency
        && latency.factor < 2
    {
        let latency_at = passive_at.push_key("latency");
        let message = "answers that take as long as usual would be slow; at least 2";
        findings.add(latency_at.push_key("factor"), Code::InvalidValue, message);
    }
    if let Some(probe) = &policy.health.active {
        active(probe, health_at.push_key("active"), findings);
    }
    if let Some(endpoints) = &policy.health.endpoints {
        let place = health_at.push_key("endpoints");
        some_time(endpoints.interval, place.push_key("interval"), findings);
    }
    let spill_at = at.push_key("spill");
    let factor = policy.spill.overprovisioning_factor;
    if factor.is_some_and(|factor| factor < LEAST_FACTOR) {
        let place = spill_at.push_key("overprovisioningFactor");
        findings.add_hinted(
            place,
            Code::InvalidValue,
            "a healthy cluster could not bear its own load",
            Some(format!("at least {LEAST_FACTOR}; Envoy's own is 140")),
        );
    }
    let failback_at = at.push_key("failback");
    positive(policy.failback.rise, failback_at.push_key("rise"), findings);
    if let Some(sticky) = &policy.affinity {
        affinity(sticky, at.push_key("affinity"), findings);
    }
}

fn active(active: &Active, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let path = &active.path;
    if !path.starts_with('/') || path.bytes().any(|b| !b.is_ascii_graphic() || b == b'#') {
        findings.add_hinted(
            at.push_key("path"),
            Code::InvalidValue,
            format!("`{path}` is not the path of a request"),
            Some("begin it with `/`; no spaces, no `#`".to_owned()),
        );
    }
    some_time(active.interval, at.push_key("interval"), findings);
    some_time(active.timeout, at.push_key("timeout"), findings);
    positive(
        active.unhealthy_threshold,
        at.push_key("unhealthyThreshold"),
        findings,
    );
    let interval = active.interval.map_or(Duration::from_secs(1), |p| p.0);
    let timeout = active.timeout.map_or(Duration::from_millis(500), |p| p.0);
    if timeout > interval {
        let key = if active.timeout.is_some() {
            "timeout"
        } else {
            "interval"
        };
        let message = "a probe could take longer than the time until the next one";
        findings.add(at.push_key(key), Code::InvalidValue, message);
    }
}

fn affinity(affinity: &Affinity, at: ValuePointerRef<'_>, findings: &mut Findings) {
    match (&affinity.header, &affinity.cookie) {
        (None, None) => {
            let hint = Some("write `header` or `cookie`".to_owned());
            let message = "by what a caller is known is missing";
            findings.add_hinted(at, Code::MissingField, message, hint);
        }
        (Some(_), Some(_)) => {
            let message = "there is a `header` as well; one of both keeps a caller where it is";
            findings.add(at.push_key("cookie"), Code::InvalidValue, message);
        }
        _ => {}
    }
    tells_apart(affinity.header.as_ref(), at.push_key("header"), findings);
    let by_cookie = affinity.cookie.is_some();
    cookie_time(affinity.ttl, by_cookie, at.push_key("ttl"), findings);
}
