//! Envoy's `local_ratelimit`: token buckets in the proxy, one for all of its workers.

use serde_json::{Value, json};

use super::{NativeBucket, always, filter, of_header};

/// Envoy's limit within one proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeLocalRateLimit {
    /// What all requests take of, those of a bucket of their own too.
    pub bucket: NativeBucket,
    /// Buckets by a header's value.
    pub by_header: Option<NativeByHeader>,
}

/// Buckets by a header's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeByHeader {
    /// The header.
    pub header: String,
    /// Values that have a bucket.
    pub values: Vec<(String, NativeBucket)>,
    /// The bucket that each other value has, and how many of those are kept; the one used longest ago
    /// makes room.
    pub each: Option<(NativeBucket, u32)>,
}

impl NativeLocalRateLimit {
    /// One bucket.
    pub fn new(bucket: NativeBucket) -> Self {
        Self {
            bucket,
            by_header: None,
        }
    }

    /// How it stands in `http_filters`.
    pub fn filter(&self) -> Value {
        let mut config = json!({
            "stat_prefix": "native",
            "token_bucket": self.bucket.json(),
            "filter_enabled": always(),
            "filter_enforced": always(),
            "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
        });
        if let Some(by) = &self.by_header {
            const KEY: &str = "value";
            let descriptor = |value: Option<&str>, bucket: NativeBucket| {
                let mut entry = json!({"key": KEY});
                if let Some(value) = value {
                    entry["value"] = json!(value);
                }
                json!({"entries": [entry], "token_bucket": bucket.json()})
            };
            let known = by.values.iter();
            let known = known.map(|(value, bucket)| descriptor(Some(value), *bucket));
            let each = by.each.iter();
            let each = each.map(|(bucket, _)| descriptor(None, *bucket));
            config["descriptors"] = known.chain(each).collect();
            config["rate_limits"] = json!([{"actions": [of_header(&by.header, KEY)]}]);
            if let Some((_, kept)) = by.each {
                config["max_dynamic_descriptors"] = json!(kept);
            }
        }
        let kind = "local_ratelimit.v3.LocalRateLimit";
        filter("local_ratelimit", kind, config)
    }
}
