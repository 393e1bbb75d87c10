//! What goes over the links between regions, and how much of it may.

use super::settings::Millis;
use serde::{Deserialize, Serialize};

/// A link from the proxy's own region, by its place in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub(crate) u16);

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// With requests.
    Sent,
    /// With responses.
    Received,
}

impl Direction {
    /// As metrics write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
        }
    }
}

/// A link from the proxy's own region, as one policy has it.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) from: Box<str>,
    pub(crate) to: Box<str>,
    /// Millionths a GiB.
    pub(crate) price: Option<u64>,
    /// Bytes an hour.
    pub(crate) budget: Option<f64>,
    /// Where what is left of it is shared.
    pub(crate) key: String,
}

const HOUR: f64 = 3_600_000.0;

/// What is left of a budget: a token bucket (RFC 2697's, with one rate) that holds an hour's
/// worth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Balance {
    left: f64,
    at: Millis,
}

impl Balance {
    pub(crate) fn full(budget: f64, now: Millis) -> Self {
        Self {
            left: budget,
            at: now,
        }
    }

    /// Takes in what has been used.
    #[expect(
        clippy::cast_precision_loss,
        reason = "bytes and times are far below 2^53"
    )]
    pub(crate) fn spend(&mut self, bytes: u64, budget: f64, now: Millis) {
        let passed = now.saturating_sub(self.at) as f64;
        let left = self.left + budget * passed / HOUR;
        // A garbled balance is an empty one.
        let left = if left.is_finite() { left } else { 0.0 };
        self.left = (left.min(budget) - bytes as f64).max(-budget);
        self.at = now;
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.left <= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_and_comes_back() {
        let mut balance = Balance::full(3600.0, 0);
        balance.spend(3599, 3600.0, 0);
        assert!(!balance.is_spent());
        balance.spend(2, 3600.0, 0);
        assert!(balance.is_spent());
        balance.spend(0, 3600.0, 2_000);
        assert!(!balance.is_spent(), "a byte a second");
        // However much was used where there was no other way, an hour and a bit makes it good.
        balance.spend(1_000_000, 3600.0, 2_000);
        balance.spend(0, 3600.0, 3_604_000);
        assert!(!balance.is_spent());
    }
}
