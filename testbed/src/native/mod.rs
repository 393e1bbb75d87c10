//! What Envoy does by itself, to hold beside ours.

mod adaptive_concurrency;
mod bucket;
mod failover;
mod local_rate_limit;
mod rate_limit;

pub use adaptive_concurrency::NativeAdaptiveConcurrency;
pub use bucket::NativeBucket;
pub use failover::NativeFailover;
pub use local_rate_limit::{NativeByHeader, NativeLocalRateLimit};
pub use rate_limit::{NativeEntry, NativeRateLimit};

use serde_json::{Value, json};
use std::time::Duration;

use crate::envoy::TYPE;

/// How a filter stands in `http_filters`.
fn filter(name: &str, kind: &str, mut config: Value) -> Value {
    config["@type"] = json!(format!("{TYPE}envoy.extensions.filters.http.{kind}"));
    json!({"name": format!("envoy.filters.http.{name}"), "typed_config": config})
}

/// A duration as JSON has it in Envoy.
fn seconds(duration: Duration) -> String {
    format!("{:.9}s", duration.as_secs_f64())
}

/// An action that makes an entry of a descriptor of a header; the descriptor is not made where the
/// header is not there.
fn of_header(header: &str, key: &str) -> Value {
    json!({"request_headers": {"header_name": header, "descriptor_key": key}})
}

/// A percentage that the runtime may change, and does not.
fn always() -> Value {
    json!({"default_value": {"numerator": 100, "denominator": "HUNDRED"}})
}
