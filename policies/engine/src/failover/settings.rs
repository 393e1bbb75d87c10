//! How a policy has a service treated: its fields, with the defaults filled in.

use crate::budget::Earnings;
pub(crate) use crate::quantity::Millis;
use crate::quantity::{millis, share};
use landbridge_model::{Affinity, Failover};

/// The settings of one policy. Times are milliseconds, shares are parts of 1.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "they are the fields of `landbridge_model::Failover`"
)]
pub struct Settings {
    pub error_share: f64,
    pub consecutive_errors: u32,
    pub min_requests: u32,
    pub interval: u64,
    pub latency: Option<SlowBy>,
    pub attempt_timeout: Option<u64>,
    pub active: Option<ActiveProbe>,
    pub endpoints: Option<EndpointPoll>,
    pub factor: f64,
    pub panic: f64,
    pub rise: u32,
    pub hold_down: u64,
    pub ramp: u64,
    pub max_hops: u32,
    pub affinity: Option<AffinityKey>,
    pub attempts: u32,
    pub retries: Earnings,
    pub repeatable: Vec<Box<str>>,
    pub idempotency_header: Box<str>,
}

/// What a slow answer is: one that takes longer than both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowBy {
    /// Times what is usual.
    pub factor: u32,
    /// Microseconds.
    pub floor: u64,
}

/// How a cluster is probed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "they are the fields of `landbridge_model::Active`"
)]
pub struct ActiveProbe {
    pub path: Box<str>,
    pub interval: u64,
    pub timeout: u64,
    pub unhealthy_threshold: u32,
}

/// How Envoy is asked for the health of endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointPoll {
    /// The Envoy cluster that leads to its administration interface.
    pub admin: Box<str>,
    /// Milliseconds.
    pub interval: u64,
}

/// By what a caller stays on its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AffinityKey {
    /// Callers with the same value of this header go the same way.
    Header(Box<str>),
    /// This cookie names the cluster; for how many seconds it is good.
    Cookie(Box<str>, Option<u64>),
}

impl Settings {
    pub(crate) fn new(policy: &Failover) -> Self {
        let (passive, spill) = (&policy.health.passive, &policy.spill);
        let (failback, retries) = (&policy.failback, &policy.retries);
        let methods = retries.methods.as_ref();
        let repeatable = match methods {
            Some(methods) => methods.iter().map(|m| m.as_str().into()).collect(),
            None => ["GET", "HEAD", "OPTIONS"].map(Box::from).to_vec(),
        };
        Self {
            error_share: share(passive.error_share, 5),
            consecutive_errors: passive.consecutive_errors.unwrap_or(10).max(1),
            min_requests: passive.min_requests.unwrap_or(20).max(1),
            interval: millis(passive.interval, 1000).max(1),
            latency: passive.latency.as_ref().map(|latency| SlowBy {
                factor: latency.factor.max(1),
                floor: millis(latency.floor, 50).saturating_mul(1000),
            }),
            attempt_timeout: passive.timeout.map(|p| millis(Some(p), 0)),
            active: policy.health.active.as_ref().map(|active| ActiveProbe {
                path: active.path.as_str().into(),
                interval: millis(active.interval, 1000).max(1),
                timeout: millis(active.timeout, 500).max(1),
                unhealthy_threshold: active.unhealthy_threshold.unwrap_or(2).max(1),
            }),
            endpoints: policy
                .health
                .endpoints
                .as_ref()
                .map(|endpoints| EndpointPoll {
                    admin: endpoints
                        .admin
                        .as_deref()
                        .unwrap_or("prometheus_stats")
                        .into(),
                    interval: millis(endpoints.interval, 2000).max(1),
                }),
            factor: f64::from(spill.overprovisioning_factor.unwrap_or(140)) / 100.0,
            panic: share(spill.panic_threshold, 50),
            rise: failback.rise.unwrap_or(3).max(1),
            hold_down: millis(failback.hold_down, 10_000),
            ramp: millis(failback.ramp, 30_000),
            max_hops: policy.max_hops.unwrap_or(2),
            affinity: policy.affinity.as_ref().and_then(affinity),
            attempts: retries.attempts.unwrap_or(2),
            retries: Earnings {
                share: share(retries.budget, 20),
                per_second: f64::from(retries.min_per_second.unwrap_or(10)),
            },
            repeatable,
            idempotency_header: retries
                .idempotency_header
                .as_ref()
                .map_or("idempotency-key", |h| h.as_str())
                .into(),
        }
    }
}

fn affinity(affinity: &Affinity) -> Option<AffinityKey> {
    let seconds = affinity.ttl.map(|ttl| ttl.0.as_secs());
    match (&affinity.header, &affinity.cookie) {
        (Some(header), _) => Some(AffinityKey::Header(header.as_str().into())),
        (None, Some(cookie)) => Some(AffinityKey::Cookie(cookie.as_str().into(), seconds)),
        (None, None) => None,
    }
}
