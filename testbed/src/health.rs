//! How Envoy itself finds out that an endpoint is ill: by asking it.

use std::time::Duration;

use serde_json::{Value, json};

/// Envoy's active HTTP health checks of a cluster's endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthChecks {
    /// What is asked for.
    pub path: String,
    /// How often.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// So many failures make an endpoint ill; a 503 does at once, as Envoy has it.
    pub unhealthy_threshold: u32,
    /// So many successes make it well again.
    pub healthy_threshold: u32,
}

impl Default for HealthChecks {
    /// `/healthz` each second, which may take as long; two failures, two successes.
    fn default() -> Self {
        Self {
            path: "/healthz".to_owned(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            unhealthy_threshold: 2,
            healthy_threshold: 2,
        }
    }
}

impl HealthChecks {
    pub(crate) fn envoy(&self, host: &str) -> Value {
        let interval = seconds(self.interval);
        json!([{
            "timeout": seconds(self.timeout),
            "interval": interval,
            // What nobody calls is asked as often: else it would be once a minute.
            "no_traffic_interval": interval,
            "unhealthy_threshold": self.unhealthy_threshold,
            "healthy_threshold": self.healthy_threshold,
            "http_health_check": {"path": self.path, "host": host},
        }])
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}s", duration.as_secs_f64())
}
