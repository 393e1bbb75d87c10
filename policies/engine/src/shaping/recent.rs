//! A bounded map that forgets what was used least lately.
//!
//! Names come from requests, and whoever sends them may make up as many as they like. Two
//! generations keep that bounded in constant time, which a search for the oldest would not: what
//! is used moves to the young one, and when that is full it becomes the old one, and the old one
//! goes. What is forgotten is not always the very oldest, but never one of the younger half.

use hashbrown::HashMap;
use std::mem;

/// Values by name: at least the `most / 2` used last, and never more than `most`.
#[derive(Debug)]
pub(crate) struct Recent<V> {
    young: HashMap<Box<str>, V>,
    old: HashMap<Box<str>, V>,
    generation: usize,
}

impl<V> Recent<V> {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            generation: most.div_euclid(2).max(1),
        }
    }

    /// The value of a name, made where there is none.
    pub(crate) fn entry(&mut self, name: &str, make: impl FnOnce() -> V) -> &mut V {
        if !self.young.contains_key(name) {
            let (name, value) = self
                .old
                .remove_entry(name)
                .unwrap_or_else(|| (name.into(), make()));
            if self.young.len() >= self.generation {
                self.old = mem::take(&mut self.young);
            }
            return self.young.entry(name).insert(value).into_mut();
        }
        self.young.entry_ref(name).or_insert_with(make)
    }

    /// How many are known.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_makes_room() {
        let mut recent = Recent::new(10);
        *recent.entry("kept", || 0) = 7;
        for i in 0..1000 {
            recent.entry(&format!("made up {i}"), || 0);
            assert!(recent.len() <= 10);
            if i % 4 == 0 {
                assert_eq!(*recent.entry("kept", || 0), 7);
            }
        }
        assert_eq!(*recent.entry("made up 0", || 1), 1, "forgotten");
    }
}
