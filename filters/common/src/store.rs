//! What the workers share, in the proxy's shared data.

use landbridge_engine::Store;
use landbridge_host::Host;

/// The proxy's shared data. What cannot be read is as good as not there, and what cannot be set is
/// told again at the next tick.
pub struct SharedData<'a>(pub &'a dyn Host);

impl Store for SharedData<'_> {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.0.shared(key).ok().flatten()
    }

    fn set(&self, key: &str, value: &[u8], version: Option<u32>) -> bool {
        // To the host 0 is the state of a key that is not there.
        let state = Some(version.unwrap_or(0));
        self.0.set_shared(key, value, state).unwrap_or(false)
    }
}
