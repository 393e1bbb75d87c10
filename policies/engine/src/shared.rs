//! What the workers of a proxy share.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What all workers of a proxy see: values by key, each with a version, changed only by who has
/// seen the latest.
pub trait Store {
    /// A value and its version.
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)>;
    /// Sets a value where its version is still this one, or, with `None`, whatever is there;
    /// whether it was set.
    fn set(&self, key: &str, value: &[u8], version: Option<u32>) -> bool;
}

/// A store in memory: for tests and simulations.
#[derive(Debug, Default)]
pub struct Memory(RefCell<BTreeMap<String, (Vec<u8>, u32)>>);

#[cfg(test)]
impl Memory {
    /// How many keys there are, and how many bytes in all.
    pub(crate) fn size(&self) -> (usize, usize) {
        let values = self.0.borrow();
        let bytes = values
            .iter()
            .map(|(key, (value, _))| key.len().saturating_add(value.len()));
        (values.len(), bytes.fold(0, usize::saturating_add))
    }
}

impl Store for Memory {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.0.borrow().get(key).cloned()
    }

    fn set(&self, key: &str, value: &[u8], version: Option<u32>) -> bool {
        let mut values = self.0.borrow_mut();
        let there = values.get(key).map_or(0, |(_, version)| *version);
        if version.is_some_and(|version| version != there) {
            return false;
        }
        values.insert(key.to_owned(), (value.to_vec(), there.wrapping_add(1)));
        true
    }
}

/// The first byte of each value: another version's is as good as none.
const FORMAT: u8 = 1;
/// How often a change is tried anew when another worker was quicker.
const TRIES: usize = 4;

/// Reads a value; one that is not understood is as good as none, but has its version.
pub(crate) fn read<T: DeserializeOwned>(store: &dyn Store, key: &str) -> (Option<T>, Option<u32>) {
    let Some((bytes, version)) = store.get(key) else {
        return (None, None);
    };
    let value = match bytes.split_first() {
        Some((&FORMAT, rest)) => postcard::from_bytes(rest).ok(),
        _ => None,
    };
    (value, Some(version))
}

/// Changes a value, from `None` where there is none. `change` says what it is to be, or `None` to
/// leave it; the result is what is there at the end, and whether it was changed. `None`, where
/// other workers were quicker each time.
pub(crate) fn update<T: Serialize + DeserializeOwned>(
    store: &dyn Store,
    key: &str,
    mut change: impl FnMut(Option<&T>) -> Option<T>,
) -> Option<(Option<T>, bool)> {
    for _ in 0..TRIES {
        let (now, version) = read::<T>(store, key);
        let Some(next) = change(now.as_ref()) else {
            return Some((now, false));
        };
        let mut bytes = vec![FORMAT];
        bytes.extend(postcard::to_allocvec(&next).ok()?);
        if store.set(key, &bytes, version) {
            return Some((Some(next), true));
        }
    }
    None
}
