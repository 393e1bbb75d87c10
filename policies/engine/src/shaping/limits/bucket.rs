//! One count: the generic cell rate algorithm, with leases.
//!
//! The algorithm is that of ITU-T I.371 (and ATM Forum Traffic Management 4.0, section 4.4.2), in its
//! form of virtual scheduling: of a count one number is kept, the time at which all that was taken
//! will have been paid for. It is also that of a bucket of tokens that fills at the rate.
//!
//! A worker takes more than it needs at the moment, so that it need not ask for each request. What
//! workers hold may be used at any time; so the bucket does not fill above what the burst leaves
//! beside all that is held. What is in it and what is held are thus never more than the burst
//! together, and in any time no more can be used than the burst and what the rate gives in that
//! time: whatever workers do, and whenever.

use super::allowance::{Allowance, Nanos};
use serde::{Deserialize, Serialize};

/// How long what a worker holds is good. Workers give back what they have no use for within two ticks:
/// one that is silent for so long is gone, and what it held is gone with it.
pub(crate) const HELD: Nanos = 5_000_000_000;

/// What one worker holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Holding {
    worker: u32,
    count: u32,
    #[serde(with = "postcard::fixint::le")]
    until: Nanos,
}

/// The count of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    /// When all that was taken will have been paid for.
    #[serde(with = "postcard::fixint::le")]
    paid: Nanos,
    holdings: Vec<Holding>,
}

/// A worker that asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) worker: u32,
    /// What it still holds. It uses that too, if it gets what it needs.
    pub(crate) unused: u32,
    /// How many it needs beside, now.
    pub(crate) needed: u32,
    /// How many it would take beside, in advance.
    pub(crate) ahead: u32,
    pub(crate) now: Nanos,
}

/// What it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// What it needs, and this in advance.
    Granted(u32),
    /// Not what it needs; in this time it could have it, if nobody else takes it.
    Refused(Nanos),
}

impl Bucket {
    /// One that nothing is known of but that it was paid for by then.
    pub(crate) fn paid(paid: Nanos) -> Self {
        Self {
            paid,
            holdings: Vec::new(),
        }
    }

    /// When all that was taken will have been paid for.
    pub(crate) fn paid_at(&self) -> Nanos {
        self.paid
    }

    /// Whether a worker holds something of it.
    pub(crate) fn is_held(&self, now: Nanos) -> bool {
        self.holdings.iter().any(|h| h.until > now)
    }

    /// How many could be taken now.
    pub(crate) fn left(&self, allowance: Allowance, now: Nanos) -> u32 {
        let full = now.saturating_add(allowance.depth());
        allowance.fit(full.saturating_sub(self.paid.max(now)))
    }

    /// Takes what is asked for.
    pub(crate) fn take(&mut self, allowance: Allowance, ask: Ask) -> Got {
        self.fill(allowance, ask.now);
        // What it held and does not hold any more, it has used.
        self.holdings.retain(|h| h.worker != ask.worker);
        let left = self.left(allowance, ask.now);
        let (granted, got) = match left.checked_sub(ask.needed) {
            Some(rest) => {
                let ahead = ask.ahead.min(rest);
                (ask.needed.saturating_add(ahead), Got::Granted(ahead))
            }
            None => {
                let paid = self.paid.saturating_add(allowance.time(ask.needed));
                let full = ask.now.saturating_add(allowance.depth());
                (0, Got::Refused(paid.saturating_sub(full)))
            }
        };
        self.paid = self.paid.saturating_add(allowance.time(granted));
        let held = match got {
            Got::Granted(ahead) => ahead,
            Got::Refused(_) => ask.unused,
        };
        self.hold(ask.worker, held, ask.now);
        got
    }

    /// Takes back what a worker has no use for.
    pub(crate) fn give_back(&mut self, allowance: Allowance, worker: u32, count: u32, now: Nanos) {
        self.fill(allowance, now);
        let held = self.holdings.iter().find(|h| h.worker == worker);
        // What it held too long was written off.
        let count = held.map_or(0, |h| h.count.min(count));
        self.holdings.retain(|h| h.worker != worker);
        self.paid = self.paid.saturating_sub(allowance.time(count));
    }

    /// Takes back what was taken for a request that did not go on.
    pub(crate) fn undo(&mut self, allowance: Allowance, count: u32, now: Nanos) {
        self.paid = self.paid.saturating_sub(allowance.time(count));
        self.fill(allowance, now);
    }

    /// Fills it, as far as what is held allows.
    fn fill(&mut self, allowance: Allowance, now: Nanos) {
        let full = now.saturating_add(allowance.depth());
        let held = self.holdings.iter().map(|h| h.count);
        let held = held.fold(0_u32, u32::saturating_add);
        let least = now.saturating_add(allowance.time(held));
        // Further ahead than the burst it can only be where the clock was set back, or the limit
        // changed.
        self.paid = self.paid.max(least).min(full.max(least));
        let latest = now.saturating_add(HELD);
        self.holdings.retain(|h| h.until > now && h.until <= latest);
    }

    fn hold(&mut self, worker: u32, count: u32, now: Nanos) {
        if count > 0 {
            self.holdings.push(Holding {
                worker,
                count,
                until: now.saturating_add(HELD),
            });
        }
    }
}
