//! Istio's own failover between clusters.

use serde_json::{Value, json};

use crate::{ClusterSpec, HealthChecks};

/// The failover that Istio makes of a `localityLbSetting`: the client sidecars' default
/// route leads to the endpoints of all clusters, the caller's own before those of its
/// region, and those before the rest. Only Envoy's health moves requests on.
#[derive(Debug, Clone, PartialEq)]
pub struct NativeFailover {
    /// Envoy's `outlier_detection`; without it, Istio fails over to nowhere.
    pub outlier_detection: Option<Value>,
    /// Active health checks, which Istio does not offer.
    pub health_checks: Option<HealthChecks>,
    /// The percentage of healthy endpoints below which Envoy takes all for healthy.
    /// Istio sets 0 (never).
    pub panic_threshold: f64,
    /// The statuses that are retried besides what Istio's policy names.
    pub retriable_statuses: Vec<u16>,
    /// Istio's `retryRemoteLocalities`: a retry goes to localities not yet tried.
    pub retry_remote_localities: bool,
}

impl Default for NativeFailover {
    /// As a `DestinationRule` would have it whose author knows that Istio's 10 % would
    /// never eject one endpoint of few: five errors in a row, looked at each second.
    fn default() -> Self {
        Self {
            outlier_detection: Some(json!({
                "consecutive_5xx": 5,
                "enforcing_consecutive_5xx": 100,
                "enforcing_success_rate": 0,
                "interval": "1s",
                "base_ejection_time": "30s",
                "max_ejection_percent": 100,
            })),
            health_checks: None,
            panic_threshold: 0.0,
            retriable_statuses: Vec::new(),
            retry_remote_localities: false,
        }
    }
}

impl NativeFailover {
    /// The priority of each cluster's endpoints for callers in `home`, the first being
    /// 0. None is left out, as Envoy wants it: what would be empty is closed up.
    pub(crate) fn priorities(home: &ClusterSpec, clusters: &[&ClusterSpec]) -> Vec<usize> {
        let far = |one: &&ClusterSpec| {
            if one.region != home.region {
                2
            } else if one.zone != home.zone {
                1
            } else {
                0
            }
        };
        let far: Vec<u8> = clusters.iter().map(far).collect();
        let mut levels = far.clone();
        levels.sort_unstable();
        levels.dedup();
        let level = |far| levels.partition_point(|level| level < far);
        far.iter().map(level).collect()
    }

    /// Changes the cluster that has all endpoints.
    pub(crate) fn shape_cluster(&self, cluster: &mut Value, host: &str) {
        cluster["common_lb_config"]["healthy_panic_threshold"] =
            json!({"value": self.panic_threshold});
        if let Some(outliers) = &self.outlier_detection {
            cluster["outlier_detection"] = outliers.clone();
        }
        if let Some(checks) = &self.health_checks {
            cluster["health_checks"] = checks.envoy(host);
        }
    }

    /// Changes the route to it.
    pub(crate) fn shape_route(&self, route: &mut Value) {
        let policy = &mut route["route"]["retry_policy"];
        if !self.retriable_statuses.is_empty() {
            policy["retriable_status_codes"] = json!(self.retriable_statuses);
        }
        if self.retry_remote_localities {
            policy["retry_priority"] = json!({
                "name": "envoy.retry_priorities.previous_priorities",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                    "update_frequency": 2,
                },
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_priority_is_left_out() {
        let mesh = ClusterSpec::default_mesh();
        let all: Vec<_> = mesh.iter().collect();
        assert_eq!(NativeFailover::priorities(&mesh[0], &all), [0, 1, 2]);
        assert_eq!(NativeFailover::priorities(&mesh[1], &all), [1, 0, 2]);
        assert_eq!(NativeFailover::priorities(&mesh[2], &all), [1, 1, 0]);
        assert_eq!(NativeFailover::priorities(&mesh[0], &all[1..]), [0, 1]);
    }
}
