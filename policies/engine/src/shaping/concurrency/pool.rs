//! What the workers of a proxy share of one limit: who holds how many slots of it.

use crate::quantity::Millis;
use serde::{Deserialize, Serialize};

/// A worker that has not been heard of for this long is gone, and what it held is free again.
const GONE: Millis = 5_000;
/// For how long the slots that cannot be shared out evenly stay where they are.
const TURN: Millis = 500;

/// What one worker holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Share {
    pub(super) worker: u64,
    /// Slots that nobody else may use.
    pub(super) held: u32,
    /// Those of them whose requests are under way.
    pub(super) busy: u32,
    /// Whether it had to refuse most requests for want of slots.
    pub(super) wants: bool,
    pub(super) heard: Millis,
}

/// Who holds what, in the order of the workers' numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pool(Vec<Share>);

impl Pool {
    /// The same, without those that are gone.
    pub(super) fn living(pool: Option<&Self>, now: Millis) -> Self {
        let shares = pool.map_or(&[][..], |pool| &pool.0);
        // A share far ahead is from another clock.
        let alive = |share: &&Share| share.heard.abs_diff(now) < GONE;
        Self(shares.iter().filter(alive).copied().collect())
    }

    pub(super) fn of(&self, worker: u64) -> Option<&Share> {
        let at = self.0.binary_search_by_key(&worker, |s| s.worker).ok()?;
        self.0.get(at)
    }

    /// Puts down what a worker holds. Whoever holds nothing and wants nothing need not be there.
    pub(super) fn set(&mut self, share: Share) {
        self.0.retain(|other| other.worker != share.worker);
        if share.held > 0 || share.wants {
            let at = self.0.partition_point(|other| other.worker < share.worker);
            self.0.insert(at, share);
        }
    }

    fn others(&self, worker: u64) -> impl Iterator<Item = &Share> {
        self.0.iter().filter(move |share| share.worker != worker)
    }

    /// What all others hold.
    pub(super) fn held_by_others(&self, worker: u64) -> u32 {
        let held = self.others(worker).map(|share| share.held);
        held.fold(0, u32::saturating_add)
    }

    /// The requests that all others have under way.
    pub(super) fn busy_of_others(&self, worker: u64) -> u32 {
        let busy = self.others(worker).map(|share| share.busy);
        busy.fold(0, u32::saturating_add)
    }

    /// The most that a worker may hold, so that each gets what it wants, and those who want more
    /// than there is get the same (max-min fairness, by filling from the least: Bertsekas and
    /// Gallager, *Data Networks*, section 6.5.2): whoever came first would otherwise keep all slots
    /// for as long as it has requests for them. Everything, where nobody goes short and no more are
    /// held than there are.
    pub(super) fn entitled(&self, worker: u64, limit: u32, now: Millis) -> u32 {
        let held = self.0.iter().map(|share| share.held);
        let enough = held.fold(0, u32::saturating_add) <= limit;
        if enough && !self.0.iter().any(|share| share.wants) {
            return u32::MAX;
        }
        let mut hungry: Vec<&Share> = self.0.iter().collect();
        let mut left = limit;
        let level = loop {
            let count = u32::try_from(hungry.len()).unwrap_or(u32::MAX);
            let Some(level) = left.checked_div(count) else {
                return u32::MAX;
            };
            let before = hungry.len();
            hungry.retain(|share| {
                let sated = !share.wants && share.held <= level;
                if sated {
                    left = left.saturating_sub(share.held);
                }
                !sated
            });
            if hungry.len() == before {
                break level;
            }
        };
        let Some(rank) = hungry.iter().position(|share| share.worker == worker) else {
            return level;
        };
        // What is left over goes round.
        let (rank, count) = (rank as u64, hungry.len() as u64);
        let spare = u64::from(left).checked_rem(count).unwrap_or(0);
        let turn = now.checked_div(TURN).unwrap_or(0);
        let place = rank.wrapping_add(turn).checked_rem(count).unwrap_or(0);
        level.saturating_add(u32::from(place < spare))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(shares: &[(u32, bool)]) -> Pool {
        let mut pool = Pool::default();
        for (worker, (held, wants)) in shares.iter().enumerate() {
            pool.set(Share {
                worker: worker as u64,
                held: *held,
                busy: *held,
                wants: *wants,
                heard: 1000,
            });
        }
        pool
    }

    fn entitled(shares: &[(u32, bool)], limit: u32, now: Millis) -> Vec<u32> {
        let pool = pool(shares);
        let of = |worker| pool.entitled(worker, limit, now);
        (0..shares.len() as u64).map(of).collect()
    }

    #[test]
    fn everyone_gets_the_same_where_there_is_too_little() {
        let all = u32::MAX;
        assert_eq!(entitled(&[(9, false), (1, false)], 10, 0), [all, all]);
        assert_eq!(entitled(&[(10, true), (0, true)], 10, 0), [5, 5]);
        assert_eq!(
            entitled(&[(10, false), (0, true)], 10, 0),
            [5, 5],
            "who has too much makes room"
        );
        assert_eq!(
            entitled(&[(2, false), (8, true), (0, true)], 10, 0),
            [4, 4, 4],
            "who needs less leaves it to others, and may yet have as much as they"
        );
        assert_eq!(
            entitled(&[(7, false), (1, false)], 4, 0),
            [3, 3],
            "the limit was lowered"
        );
    }

    #[test]
    fn what_is_left_over_goes_round() {
        let wants = [(0, true); 3];
        assert_eq!(entitled(&wants, 4, 0), [2, 1, 1]);
        assert_eq!(entitled(&wants, 4, TURN), [1, 1, 2]);
        assert_eq!(entitled(&wants, 4, 2 * TURN), [1, 2, 1]);
        assert_eq!(entitled(&wants, 1, 0), [1, 0, 0]);
        assert_eq!(entitled(&wants, 1, 2 * TURN), [0, 1, 0]);
    }

    #[test]
    fn the_silent_are_gone() {
        let pool = pool(&[(3, false), (4, false)]);
        let living = |now| Pool::living(Some(&pool), now).held_by_others(9);
        assert_eq!([1000, 5999, 6000].map(living), [7, 7, 0]);
        assert_eq!(living(0), 7, "clocks of threads may differ a little");
        assert_eq!(Pool::living(None, 0), Pool::default());
    }
}
