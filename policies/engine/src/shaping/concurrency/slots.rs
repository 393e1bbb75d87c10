//! The slots of a limit: as many as requests may be under way at a time, over all workers.
//!
//! A worker leases slots from the pool that all share and uses them without asking again; it gives
//! back what is free at its tick. So the pool is asked a few times a tick, not with each request,
//! and what one worker does not use another can have within a tick. The more often a worker has to
//! ask within a tick, the more it leases, but never more than a quarter of what is left.
//!
//! Where at least half of the slots are held, that is too slow, for two reasons: what each worker
//! needs at most within a tick is together far more than what all need at a time; and who sees what
//! others have under way with a tick's delay admits too much, as they do, and then too little. So
//! there each leases little, and looks and gives back every other millisecond that has a request.
//!
//! In flight are never more than the limit: each slot is held by one worker, and a worker that could
//! have been taken for gone, because it stood still, asks before it uses what it held. Only what
//! such a one had under way all the while may be too much when it is back.

use super::pool::{Pool, Share};
use crate::quantity::Millis;
use crate::shared::{Store, update};
use hashbrown::HashMap;
use std::cell::Cell;
use std::rc::Rc;

/// How long a worker may use what it holds without being heard of: well before it is taken for
/// gone.
const TRUSTED: Millis = 4_000;
/// How long a worker does not ask again that found the pool empty, and how long it keeps what is
/// free where slots are scarce. It costs about a microsecond.
const PAUSE: Millis = 2;
/// So few slots are asked for and given back at once.
const FEW: u32 = 16;

/// How long is waited. Of few slots, the one that waits to be given back may be the only one.
fn pause(limit: u32) -> Millis {
    if limit <= FEW { 0 } else { PAUSE }
}

/// What one worker holds of one limit.
#[derive(Clone, Copy, Debug, Default)]
struct Local {
    /// Slots of requests that are under way, and those that are free.
    used: u32,
    free: u32,
    /// How many it leases at a time, and whether it has since the tick.
    chunk: u32,
    leased: bool,
    /// How many requests it has let go on since the tick, and how many it has refused.
    taken: u32,
    refused: u32,
    /// Until when it does not ask.
    asks_at: Millis,
    heard: Millis,
    /// The most that it may hold.
    cap: u32,
    /// What others had under way when it last looked.
    others: u32,
    /// Whether at least half of all slots were held then.
    scarce: bool,
    /// The limit at the last tick; 0 before the first.
    limit: u32,
}

/// One worker's part in a limit. It outlives the configuration: what is under way counts under the
/// next one, too.
#[derive(Debug)]
pub(super) struct Slots {
    worker: u64,
    key: Box<str>,
    local: Cell<Local>,
}

/// A request that is under way: its slot is free again when this is dropped.
#[derive(Debug)]
#[must_use = "a request that is not held is over"]
pub(super) struct Slot {
    slots: Rc<Slots>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.change(|local| {
            local.used = local.used.saturating_sub(1);
            local.free = local.free.saturating_add(1);
        });
    }
}

impl Slots {
    fn new(worker: u64, key: &str) -> Self {
        Self {
            worker,
            key: key.into(),
            local: Cell::new(Local {
                chunk: 1,
                cap: u32::MAX,
                ..Local::default()
            }),
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Local) -> T) -> T {
        let mut local = self.local.get();
        let result = change(&mut local);
        self.local.set(local);
        result
    }

    /// Takes a slot, if the pool has one left.
    pub(super) fn take(
        self: &Rc<Self>,
        limit: u32,
        now: Millis,
        store: &dyn Store,
    ) -> Option<Slot> {
        let taken = self.change(|local| {
            let within = local.used < local.cap.min(limit);
            let trusted = now.saturating_sub(local.heard) < TRUSTED;
            let taken =
                within && (local.free > 0 && trusted || self.lease(local, limit, now, store));
            if !taken {
                local.refused = local.refused.saturating_add(1);
                return false;
            }
            local.taken = local.taken.saturating_add(1);
            local.free = local.free.saturating_sub(1);
            local.used = local.used.saturating_add(1);
            self.relieve(local, limit, now, store);
            true
        });
        taken.then(|| Slot {
            slots: Rc::clone(self),
        })
    }

    /// Leases slots; whether there is a free one now. Any that it held has been given to others by
    /// now, or may have been.
    fn lease(&self, local: &mut Local, limit: u32, now: Millis, store: &dyn Store) -> bool {
        if now < local.asks_at && local.asks_at.saturating_sub(now) <= PAUSE {
            return false;
        }
        let wanted = match local.leased {
            true => local.chunk.saturating_mul(2).min(limit),
            false => local.chunk,
        };
        let part = if local.scarce { 16 } else { 4 };
        let mut got = 0;
        let done = update(store, &self.key, |pool: Option<&Pool>| {
            let mut pool = Pool::living(pool, now);
            let left = limit
                .saturating_sub(pool.held_by_others(self.worker))
                .min(local.cap)
                .saturating_sub(local.used);
            got = wanted.min(left.div_ceil(part));
            let wants = pool.of(self.worker).is_some_and(|share| share.wants);
            pool.set(Share {
                held: local.used.saturating_add(got),
                wants,
                ..self.share(local, now)
            });
            Some(pool)
        });
        let Some((pool, _)) = done else {
            return false;
        };
        self.see(&pool.unwrap_or_default(), local, limit, now);
        local.free = got;
        if got == 0 {
            local.asks_at = now.saturating_add(pause(limit));
            return false;
        }
        local.chunk = wanted;
        local.leased = true;
        true
    }

    /// Gives back what is free, says that this worker is alive, and learns what it may hold.
    pub(super) fn tick(&self, limit: u32, now: Millis, store: &dyn Store) {
        self.change(|local| {
            let Some(pool) = self.give_back(local, limit, now, store) else {
                return;
            };
            local.limit = limit;
            local.cap = pool.entitled(self.worker, limit, now);
            if !local.leased {
                local.chunk = 1;
            }
            local.leased = false;
            local.taken = 0;
            local.refused = 0;
            local.asks_at = 0;
        });
    }

    /// Gives back what is free, where slots are scarce, and looks at what others have under way.
    fn relieve(&self, local: &mut Local, limit: u32, now: Millis, store: &dyn Store) {
        if local.scarce && now.saturating_sub(local.heard) >= pause(limit) {
            self.give_back(local, limit, now, store);
        }
    }

    /// Notes that a request ended, or was refused without asking for a slot.
    pub(super) fn pass(&self, limit: u32, now: Millis, store: &dyn Store) {
        self.change(|local| self.relieve(local, limit, now, store));
    }

    /// Gives back what is free; the pool as it is then, unless other workers were quicker.
    fn give_back(
        &self,
        local: &mut Local,
        limit: u32,
        now: Millis,
        store: &dyn Store,
    ) -> Option<Pool> {
        let done = update(store, &self.key, |pool: Option<&Pool>| {
            let mut pool = Pool::living(pool, now);
            let share = self.share(local, now);
            let idle = share.held == 0 && !share.wants;
            if idle && pool.of(self.worker).is_none() {
                return None;
            }
            pool.set(share);
            Some(pool)
        });
        let (pool, _) = done?;
        let pool = Pool::living(pool.as_ref(), now);
        local.free = 0;
        self.see(&pool, local, limit, now);
        Some(pool)
    }

    /// Takes note of what others hold.
    fn see(&self, pool: &Pool, local: &mut Local, limit: u32, now: Millis) {
        local.heard = now;
        local.others = pool.busy_of_others(self.worker);
        let held = pool.held_by_others(self.worker).saturating_add(local.used);
        local.scarce = held >= limit.div_euclid(2);
    }

    #[cfg(test)]
    pub(super) fn heard(&self) -> Millis {
        self.local.get().heard
    }

    /// What it holds if it gives back what is free.
    fn share(&self, local: &Local, now: Millis) -> Share {
        Share {
            worker: self.worker,
            held: local.used,
            busy: local.used,
            // A few are refused by chance, or because others were slow to give back.
            wants: local.refused > local.taken,
            heard: now,
        }
    }

    /// The requests under way at all workers, as far as this one knows.
    pub(super) fn in_flight(&self) -> u32 {
        let local = self.local.get();
        local.used.saturating_add(local.others)
    }

    /// The limit at the last tick, if there was one.
    pub(super) fn last_limit(&self) -> Option<u32> {
        let limit = self.local.get().limit;
        (limit > 0).then_some(limit)
    }
}

/// The slots that one worker holds of all its limits. It is moved from a worker's old configuration
/// to its new one.
#[derive(Debug)]
pub struct Carried {
    worker: u64,
    slots: HashMap<Box<str>, Rc<Slots>>,
}

impl Carried {
    /// Those of a worker that begins; `worker` tells it from the others of its proxy, and is best
    /// random.
    pub fn new(worker: u64) -> Self {
        Self {
            worker,
            slots: HashMap::new(),
        }
    }

    /// The slots of the limit that is shared by this key.
    pub(super) fn slots(&mut self, key: &str) -> Rc<Slots> {
        // Those of limits that are no more go once nothing is under way.
        self.slots.retain(|_, slots| Rc::strong_count(slots) > 1);
        let worker = self.worker;
        let slots = self.slots.entry_ref(key);
        Rc::clone(slots.or_insert_with(|| Rc::new(Slots::new(worker, key))))
    }

    pub(super) fn worker(&self) -> u64 {
        self.worker
    }
}
