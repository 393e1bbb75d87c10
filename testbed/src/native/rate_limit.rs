//! Envoy's `ratelimit`: every request waits for the word of a rate-limit service.

use std::time::Duration;

use serde_json::{Value, json};

use super::{filter, of_header, seconds};

/// Envoy's limit over many proxies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeRateLimit {
    /// The cluster of the service; see [`Builder::service`](crate::Builder::service).
    pub cluster: String,
    /// The domain of the limits.
    pub domain: String,
    /// The descriptors of each request.
    pub descriptors: Vec<Vec<NativeEntry>>,
    /// How long the service may take.
    pub timeout: Duration,
    /// Whether requests are refused (500) when the service does not answer.
    pub failure_mode_deny: bool,
}

/// An entry of a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NativeEntry {
    /// A key and its value.
    Fixed(String, String),
    /// A key whose value is that of the header that is named behind it. A request without the header
    /// has none of the descriptor.
    OfHeader(String, String),
}

impl NativeRateLimit {
    /// One descriptor, asked of the cluster `ratelimit`, as Envoy does if nothing else is said: 20 ms,
    /// and requests pass when the service does not answer.
    pub fn new(domain: &str, descriptor: impl IntoIterator<Item = NativeEntry>) -> Self {
        Self {
            cluster: "ratelimit".to_owned(),
            domain: domain.to_owned(),
            descriptors: vec![descriptor.into_iter().collect()],
            timeout: Duration::from_millis(20),
            failure_mode_deny: false,
        }
    }

    /// How it stands in `http_filters`.
    pub fn filter(&self) -> Value {
        let action = |entry: &NativeEntry| match entry {
            NativeEntry::Fixed(key, value) => {
                json!({"generic_key": {"descriptor_key": key, "descriptor_value": value}})
            }
            NativeEntry::OfHeader(key, header) => of_header(header, key),
        };
        let actions = |descriptor: &Vec<NativeEntry>| {
            let actions: Vec<_> = descriptor.iter().map(action).collect();
            json!({"actions": actions})
        };
        let rate_limits: Vec<_> = self.descriptors.iter().map(actions).collect();
        let config = json!({
            "domain": self.domain,
            "timeout": seconds(self.timeout),
            "failure_mode_deny": self.failure_mode_deny,
            "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
            "rate_limits": rate_limits,
            "rate_limit_service": {
                "transport_api_version": "V3",
                "grpc_service": {"envoy_grpc": {"cluster_name": self.cluster}},
            },
        });
        filter("ratelimit", "ratelimit.v3.RateLimit", config)
    }
}
