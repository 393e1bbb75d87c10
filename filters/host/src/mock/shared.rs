//! What the workers of one proxy share.

use std::collections::BTreeMap;

/// Values by key, each with the number of its state.
#[derive(Debug, Default)]
pub struct Shared {
    values: BTreeMap<String, (Vec<u8>, u32)>,
    last: u32,
}

impl Shared {
    /// The value of a key, and the number of its state.
    pub fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.values.get(key).cloned()
    }

    /// Sets a key, unless it is to be in a state that it is not in; 0 is that of a key that is not
    /// there. As in Envoy, a key that is not there is in every other state too.
    pub fn set(&mut self, key: &str, value: &[u8], state: Option<u32>) -> bool {
        let found = self.values.get(key).map(|(_, state)| *state);
        if let (Some(expected), Some(found)) = (state, found)
            && expected != found
        {
            return false;
        }
        self.last = self.last.saturating_add(1);
        self.values
            .insert(key.to_owned(), (value.to_vec(), self.last));
        true
    }

    /// The keys that are there.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }
}
