//! Envoy's `adaptive_concurrency`: requests in flight are limited by what latency tells.

use std::time::Duration;

use serde_json::{Value, json};

use super::{filter, seconds};

/// Envoy's gradient controller. It has no priorities: beyond the limit, whoever comes gets 503.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NativeAdaptiveConcurrency {
    /// Which percentile of the latency is compared.
    pub percentile: f64,
    /// The most requests in flight.
    pub max: u32,
    /// The fewest that the limit comes down to, also while the least latency is measured.
    pub min: u32,
    /// How often the limit is calculated.
    pub every: Duration,
    /// How often the least latency is measured anew: nearly all requests are refused meanwhile.
    pub measured_every: Duration,
    /// Of how many requests.
    pub measured_of: u32,
    /// By how much latency may exceed the least, in percent.
    pub buffer: f64,
}

impl Default for NativeAdaptiveConcurrency {
    /// As Envoy's documentation has it.
    fn default() -> Self {
        Self {
            percentile: 90.0,
            max: 1000,
            min: 3,
            every: Duration::from_millis(100),
            measured_every: Duration::from_secs(60),
            measured_of: 50,
            buffer: 25.0,
        }
    }
}

impl NativeAdaptiveConcurrency {
    /// How it stands in `http_filters`.
    pub fn filter(&self) -> Value {
        let percent = |value: f64| json!({"value": value});
        let config = json!({
            "enabled": {"default_value": true, "runtime_key": "native.adaptive_concurrency"},
            "gradient_controller_config": {
                "sample_aggregate_percentile": percent(self.percentile),
                "concurrency_limit_params": {
                    "max_concurrency_limit": self.max,
                    "min_concurrency_limit": self.min,
                    "concurrency_update_interval": seconds(self.every),
                },
                "min_rtt_calc_params": {
                    "interval": seconds(self.measured_every),
                    "request_count": self.measured_of,
                    "min_concurrency": self.min,
                    "jitter": percent(10.0),
                    "buffer": percent(self.buffer),
                },
            },
        });
        let kind = "adaptive_concurrency.v3.AdaptiveConcurrency";
        filter("adaptive_concurrency", kind, config)
    }
}
