//! Token buckets.

use std::time::Duration;

use serde_json::{Value, json};

use super::seconds;

/// A token bucket of Envoy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NativeBucket {
    /// How many it holds. It is full at first.
    pub max: u32,
    /// How many come at a time.
    pub refill: u32,
    /// How often.
    pub every: Duration,
}

impl NativeBucket {
    /// So many a second, and as many at once.
    pub fn per_second(rate: u32) -> Self {
        Self {
            max: rate,
            refill: rate,
            every: Duration::from_secs(1),
        }
    }

    pub(super) fn json(self) -> Value {
        json!({
            "max_tokens": self.max,
            "tokens_per_fill": self.refill,
            "fill_interval": seconds(self.every),
        })
    }
}
