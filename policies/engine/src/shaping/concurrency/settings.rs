//! How a policy bounds what is under way: its fields, with the defaults filled in.

use crate::quantity::{Millis, millis};
use landbridge_model::{Adaptive, Amount, Concurrency, Enforcement};

/// The shortest window and the shortest time between probes. Workers look at the limit at their
/// ticks: what is shorter would only be a window without samples.
const SHORTEST_WINDOW: Millis = 50;
const SHORTEST_PROBE: Millis = 1_000;

/// The settings of one limit.
#[derive(Clone, Debug, PartialEq)]
pub struct ConcurrencySettings {
    /// Whether it is in force.
    pub mode: Enforcement,
    /// How many may be under way.
    pub limit: Limiting,
}

/// How many may be under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limiting {
    /// So many.
    Fixed(u32),
    /// As many as can be answered in time.
    Adaptive(AdaptiveSettings),
}

/// How the limit follows how long answers take.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "they are the fields of `landbridge_model::Adaptive`, times in milliseconds"
)]
pub struct AdaptiveSettings {
    pub min: u32,
    pub max: u32,
    pub initial: u32,
    pub tolerance: f64,
    pub window: u64,
    pub probe: u64,
}

impl ConcurrencySettings {
    /// Those of a policy.
    pub fn new(policy: &Concurrency) -> Self {
        let max = policy.max.unwrap_or(1000).max(1);
        let limit = match &policy.adaptive {
            None => Limiting::Fixed(max),
            Some(adaptive) => Limiting::Adaptive(AdaptiveSettings::new(adaptive, max)),
        };
        Self {
            mode: policy.mode,
            limit,
        }
    }
}

impl AdaptiveSettings {
    fn new(adaptive: &Adaptive, max: u32) -> Self {
        let min = adaptive.min.unwrap_or(4).clamp(1, max);
        Self {
            min,
            max,
            initial: adaptive.initial.unwrap_or(50).clamp(min, max),
            // Less than 1 would hold an idle service to be overloaded.
            tolerance: adaptive.tolerance.map_or(1.5, Amount::value).max(1.0),
            window: millis(adaptive.window, 100).max(SHORTEST_WINDOW),
            probe: millis(adaptive.probe, 30_000).max(SHORTEST_PROBE),
        }
    }
}
