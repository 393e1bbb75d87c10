//! Counts by key, in bounded room.
//!
//! A proxy's shared data forgets nothing, so its keys must be few. Keys of requests are hashed to
//! sets of eight; a set is one value of the shared data. Where a set is full, the one of its counts
//! that says the least makes room, and what comes in its place begins with what it said, much as in
//! Space-Saving (Metwally, Agrawal, El Abbadi: "Efficient computation of frequent and top-k elements
//! in data streams", 2005). So whoever is not in a set is taken to have counted as much as any that
//! made room there: nobody gains by being forgotten, and who counted more than the rest is counted
//! exactly, however many keys are made up.

use crate::shared::{Store, update};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How many counts are in a set.
const WAYS: usize = 8;
/// How often a change is tried, by four, where other workers are quicker.
const ROUNDS: usize = 8;

/// What is counted of a key.
pub(crate) trait Count: Clone + Default + Serialize + DeserializeOwned {
    /// How much it says: of those in a full set, the one that says the least makes room. `None`, if
    /// it cannot just now.
    fn weight(&self, now: u64) -> Option<u64>;

    /// It is forgotten: what the next count begins with is to say no less than it.
    fn forget(&self, floor: &mut Self);
}

/// The counts of a set.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Set<C> {
    /// What a count begins with.
    floor: C,
    counts: Vec<Counted<C>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Counted<C> {
    #[serde(with = "postcard::fixint::le")]
    key: u64,
    count: C,
}

/// Where the counts of one limit are shared.
#[derive(Clone, Debug)]
pub(crate) struct Sets {
    prefix: Box<str>,
    count: u64,
}

impl Sets {
    /// Room for so many keys, named so in the shared data.
    pub(crate) fn new(prefix: &str, keys: usize) -> Self {
        let count = u64::try_from(keys.div_ceil(WAYS))
            .unwrap_or(u64::MAX)
            .max(1);
        Self {
            prefix: format!("{prefix}.{count}.").into(),
            count,
        }
    }

    /// Changes the count of a key. What `change` is told beside is whether its set is full. `None`,
    /// where there is no room, or other workers were quicker each time.
    pub(crate) fn change<C: Count, T>(
        &self,
        store: &dyn Store,
        key: u64,
        now: u64,
        mut change: impl FnMut(&mut C, bool) -> T,
    ) -> Option<T> {
        let name = format!(
            "{}{:x}",
            self.prefix,
            key.checked_rem(self.count).unwrap_or(0)
        );
        for _ in 0..ROUNDS {
            let mut result = None;
            let changed = update(store, &name, |set: Option<&Set<C>>| {
                result = None;
                let mut set = set.cloned().unwrap_or_default();
                let place = place(&mut set, key, now)?;
                let crowded = set.counts.len() >= WAYS;
                let there = set.counts.get_mut(place)?;
                result = Some(change(&mut there.count, crowded));
                Some(set)
            });
            if changed.is_some() {
                return result;
            }
        }
        None
    }
}

/// Where the count of a key is, or is to be.
fn place<C: Count>(set: &mut Set<C>, key: u64, now: u64) -> Option<usize> {
    let counts = &mut set.counts;
    if let Some(place) = counts.iter().position(|counted| counted.key == key) {
        return Some(place);
    }
    if counts.len() >= WAYS {
        let weighed = counts.iter().enumerate().filter_map(|(place, counted)| {
            let weight = counted.count.weight(now)?;
            Some((weight, place))
        });
        let (_, place) = weighed.min()?;
        counts.swap_remove(place).count.forget(&mut set.floor);
    }
    let count = set.floor.clone();
    counts.push(Counted { key, count });
    counts.len().checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Memory;

    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Times(u64);

    impl Count for Times {
        fn weight(&self, _: u64) -> Option<u64> {
            Some(self.0)
        }

        fn forget(&self, floor: &mut Self) {
            floor.0 = floor.0.max(self.0);
        }
    }

    fn count(sets: &Sets, store: &Memory, key: u64) -> u64 {
        let counted = sets.change(store, key, 0, |times: &mut Times, _| {
            times.0 = times.0.saturating_add(1);
            times.0
        });
        counted.unwrap()
    }

    #[test]
    fn nobody_gains_by_being_forgotten() {
        let (sets, store) = (Sets::new("t", 8), Memory::default());
        for _ in 0..500 {
            count(&sets, &store, 1);
        }
        let mut made_up = 0;
        for key in 2..2000 {
            made_up = count(&sets, &store, key);
        }
        // All but the one known share what is left.
        assert!((285..=287).contains(&made_up), "{made_up}");
        assert_eq!(count(&sets, &store, 1), 501);
        assert!(count(&sets, &store, 2) > 1);
    }

    #[test]
    fn a_key_stays_in_its_set() {
        let (sets, store) = (Sets::new("t", 100_000), Memory::default());
        for key in 0..1000 {
            assert_eq!(count(&sets, &store, key), 1);
            assert_eq!(count(&sets, &store, key), 2);
        }
    }
}
