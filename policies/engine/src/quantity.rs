//! Times and shares of documents, as the engine counts them.

use landbridge_model::{Percent, Period};

/// An amount of time in milliseconds: what ticks count in.
pub(crate) type Millis = u64;

/// A time in milliseconds, or this many where it is left out.
pub(crate) fn millis(period: Option<Period>, default: Millis) -> Millis {
    let written = period.map(|p| u64::try_from(p.0.as_millis()).unwrap_or(u64::MAX));
    written.unwrap_or(default)
}

/// A share as a part of 1; so many percent, where it is left out.
pub(crate) fn share(percent: Option<Percent>, default: u8) -> f64 {
    f64::from(percent.map_or(default, |p| p.0)) / 100.0
}
