//! Which worker does what one alone should: a lease that its holder renews with each tick, and
//! that another takes when it does not.

use super::PREFIX;
use super::service::Service;
use super::settings::Millis;
use crate::shared::{Store, update};
use serde::{Deserialize, Serialize};

/// How long a lease is good. Ticks come four times a second: a worker that is held up for a while
/// is not dead.
const LEASE: Millis = 1500;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    holder: u64,
    until: Millis,
}

/// Where the workers of one set of services share their lease: a proxy may have several sets, each in
/// a plugin of its own, and who leads for one does nothing for another.
pub(crate) fn lease_key(services: &[Service]) -> String {
    let first = services.first();
    let (policy, name) = first.map_or(("", ""), |s| (&*s.policy, &*s.name));
    format!("{PREFIX}leader.{policy}/{name}")
}

/// Takes or renews the lease; whether this worker has it now.
pub(crate) fn lead(store: &dyn Store, key: &str, own: u64, now: Millis) -> bool {
    let held = update(store, key, |lease: Option<&Lease>| {
        let free = lease.is_none_or(|lease| {
            // A lease far ahead is from before the clock was set back.
            lease.holder == own || lease.until <= now || lease.until > now.saturating_add(LEASE)
        });
        free.then(|| Lease {
            holder: own,
            until: now.saturating_add(LEASE),
        })
    });
    held.is_some_and(|(_, taken)| taken)
}
