//! What one worker holds of a limit's counts, so that it need not ask for each request.

use super::allowance::{Allowance, Nanos};
use super::bucket::{Ask, Bucket, Got, HELD};
use super::sets::{Count, Sets};
use crate::shared::Store;
use hashbrown::HashMap;

/// The most keys that a worker holds something of, or knows to be refused. Of the rest, each
/// request asks.
const MOST: usize = 4096;

impl Count for Bucket {
    fn weight(&self, now: Nanos) -> Option<u64> {
        (!self.is_held(now)).then(|| self.paid_at())
    }

    fn forget(&self, floor: &mut Self) {
        *floor = Self::paid(self.paid_at().max(floor.paid_at()));
    }
}

/// The leases of one limit.
#[derive(Debug)]
pub(crate) struct Leases {
    sets: Sets,
    worker: u32,
    held: HashMap<u64, Held>,
}

/// What is known of a key here.
#[derive(Clone, Copy, Debug)]
struct Held {
    allowance: Allowance,
    tokens: u32,
    /// Until when they are good.
    until: Nanos,
    /// How many were taken in advance last.
    ahead: u32,
    /// Until when nothing is to be had.
    refused: Nanos,
    /// What was left when it was looked at last.
    left: u32,
    used: bool,
}

/// What becomes of a request that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is within the limit; about so many more would be.
    Granted { left: u32 },
    /// It is not; in this time it would be.
    Refused { after: Nanos },
}

impl Leases {
    /// Those of the worker `worker`.
    pub(crate) fn new(sets: Sets, worker: u32) -> Self {
        Self {
            sets,
            worker,
            held: HashMap::new(),
        }
    }

    /// Takes what a request counts for.
    pub(crate) fn take(
        &mut self,
        key: u64,
        allowance: Allowance,
        needed: u32,
        now: Nanos,
        store: &dyn Store,
    ) -> Taken {
        let mut held = match self.held.get_mut(&key) {
            Some(held) if held.allowance == allowance => {
                held.used = true;
                if held.until <= now {
                    held.tokens = 0;
                }
                if let Some(rest) = held.tokens.checked_sub(needed) {
                    held.tokens = rest;
                    held.left = held.left.saturating_sub(needed);
                    return Taken::Granted { left: held.left };
                }
                if held.refused > now && held.tokens == 0 {
                    let after = held.refused.saturating_sub(now);
                    return Taken::Refused { after };
                }
                *held
            }
            _ => Held {
                allowance,
                tokens: 0,
                until: 0,
                ahead: 0,
                refused: 0,
                left: 0,
                used: true,
            },
        };
        let is_kept = self.held.contains_key(&key) || self.held.len() < MOST;
        // Who comes again soon takes twice as much in advance; who comes once takes none.
        let ahead = match (is_kept, held.ahead) {
            (false, _) => 0,
            (true, last) => last.saturating_mul(2).min(allowance.most_ahead()),
        };
        let tokens = held.tokens;
        let asked = self
            .sets
            .change(store, key, now, |bucket: &mut Bucket, crowded| {
                let got = bucket.take(
                    allowance,
                    Ask {
                        worker: self.worker,
                        unused: tokens,
                        needed: needed.saturating_sub(tokens),
                        // In a full set what is held keeps others out.
                        ahead: if crowded { 0 } else { ahead },
                        now,
                    },
                );
                (got, bucket.left(allowance, now))
            });
        let taken = match asked {
            Some((Got::Granted(ahead), left)) => {
                held.tokens = ahead;
                held.until = now.saturating_add(HELD);
                held.left = left.saturating_add(ahead);
                Taken::Granted { left: held.left }
            }
            Some((Got::Refused(after), left)) => {
                held.left = left;
                held.refused = match needed {
                    1 => now.saturating_add(after),
                    // One that counts for less might not be.
                    _ => 0,
                };
                Taken::Refused { after }
            }
            // No room for the key while eight others of its set are in use, or too much going on.
            None => Taken::Refused {
                after: allowance.time(needed),
            },
        };
        held.ahead = ahead.max(1);
        if is_kept {
            self.held.insert(key, held);
        }
        taken
    }

    /// Gives back what a request took that was refused for another reason.
    pub(crate) fn undo(
        &mut self,
        key: u64,
        allowance: Allowance,
        count: u32,
        now: Nanos,
        store: &dyn Store,
    ) {
        // Kept here, it would be used at a time at which nobody knows that it is held.
        let _ = self.sets.change(store, key, now, |bucket: &mut Bucket, _| {
            bucket.undo(allowance, count, now);
        });
        if let Some(held) = self.held.get_mut(&key) {
            held.left = held.left.saturating_add(count);
            held.refused = 0;
        }
    }

    /// Gives back what was not used since the last tick.
    pub(crate) fn tick(&mut self, now: Nanos, store: &dyn Store) {
        let (sets, worker) = (&self.sets, self.worker);
        self.held.retain(|key, held| {
            if held.used {
                held.used = false;
                return true;
            }
            if held.tokens > 0 && held.until > now {
                // What cannot be given back is written off in time.
                let _ = sets.change(store, *key, now, |bucket: &mut Bucket, _| {
                    bucket.give_back(held.allowance, worker, held.tokens, now);
                });
            }
            false
        });
    }

    /// How many keys are known here.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> usize {
        self.held.len()
    }
}
