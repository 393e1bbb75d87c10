//! What holds of slots whatever workers do, and when.

#![expect(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

use super::pool::Pool;
use super::slots::{Carried, Slot, Slots};
use crate::quantity::Millis;
use crate::shared::{Memory, Store, read};
use proptest::prelude::*;
use std::rc::Rc;

const TICK: Millis = 50;

/// A worker: its slots, and what it has under way.
struct Worker {
    slots: Rc<Slots>,
    under_way: Vec<Slot>,
    ticked: Millis,
}

impl Worker {
    fn new(id: u64) -> Self {
        Self {
            slots: Carried::new(id).slots("pool"),
            under_way: Vec::new(),
            ticked: 0,
        }
    }
}

struct World {
    store: Memory,
    now: Millis,
    limit: u32,
    workers: Vec<Worker>,
    born: u64,
    /// When the limit was last changed, and the most that may be under way since.
    changed: Millis,
    highest: u32,
}

impl World {
    fn new(workers: u64, limit: u32) -> Self {
        Self {
            store: Memory::default(),
            now: 1_000,
            limit,
            workers: (0..workers).map(Worker::new).collect(),
            born: workers,
            changed: 0,
            highest: limit,
        }
    }

    fn take(&mut self, worker: usize) -> bool {
        self.back(worker);
        // One that has been silent for long is taken for gone, and what it has under way with it.
        let heard = |w: &&Worker| self.now - w.slots.heard() < 5_000;
        let heard = self.workers.iter().filter(heard);
        let under_way: usize = heard.map(|w| w.under_way.len()).sum();
        let worker = &mut self.workers[worker];
        let slot = worker.slots.take(self.limit, self.now, &self.store);
        let taken = slot.is_some();
        worker.under_way.extend(slot);
        if self.workers.iter().all(|w| w.ticked > self.changed) {
            // Nobody leases any more by another limit. What is too much goes as requests end: who
            // has less than its part of the limit may use its slots again.
            let pool = read::<Pool>(&self.store, "pool").0;
            let held = pool.map_or(0, |pool| pool.held_by_others(u64::MAX));
            self.highest = self.highest.min(self.limit.max(held));
        }
        assert!(!taken || under_way < self.highest as usize);
        taken
    }

    /// One that was taken for gone is not: what it has under way is too much, for a tick.
    fn back(&mut self, worker: usize) {
        let worker = &self.workers[worker];
        let under_way = worker.under_way.len() as u32;
        if under_way > 0 && self.now - worker.slots.heard() >= 5_000 {
            self.changed = self.now;
            self.highest += under_way;
        }
    }

    fn tick(&mut self, worker: usize) {
        self.back(worker);
        let worker = &mut self.workers[worker];
        worker.slots.tick(self.limit, self.now, &self.store);
        worker.ticked = self.now;
    }

    fn pass(&mut self, millis: Millis) {
        self.now += millis;
    }

    fn under_way(&self) -> usize {
        self.workers.iter().map(|w| w.under_way.len()).sum()
    }
}

#[derive(Clone, Debug)]
enum Event {
    Take(usize),
    End(usize, usize),
    Tick(usize),
    Pass(Millis),
    /// It dies with all that it had under way, and another takes its place.
    Die(usize),
    Limit(u32),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let worker = 0..4_usize;
    prop::collection::vec(
        prop_oneof![
            12 => worker.clone().prop_map(Event::Take),
            8 => (worker.clone(), any::<usize>()).prop_map(|(w, i)| Event::End(w, i)),
            4 => worker.clone().prop_map(Event::Tick),
            4 => (0..60_u64).prop_map(Event::Pass),
            // Long enough for all of them to be taken for gone.
            1 => (3_000..7_000_u64).prop_map(Event::Pass),
            1 => worker.prop_map(Event::Die),
            1 => (1..20_u32).prop_map(Event::Limit),
        ],
        1..400,
    )
}

proptest! {
    #[test]
    fn never_more_than_the_limit_are_under_way(limit in 1..20_u32, events in events()) {
        let mut world = World::new(4, limit);
        for event in events {
            match event {
                Event::Take(worker) => {
                    world.take(worker);
                }
                Event::End(worker, which) => {
                    let under_way = &mut world.workers[worker].under_way;
                    if !under_way.is_empty() {
                        drop(under_way.swap_remove(which % under_way.len()));
                    }
                }
                Event::Tick(worker) => world.tick(worker),
                Event::Pass(millis) => world.pass(millis),
                Event::Die(worker) => {
                    world.workers[worker] = Worker::new(world.born);
                    // It has never known another limit.
                    world.workers[worker].ticked = world.now;
                    world.born += 1;
                }
                Event::Limit(limit) => {
                    world.limit = limit;
                    world.changed = world.now;
                    world.highest = world.highest.max(limit);
                }
            }
        }
        // And whatever happened, all of it can be had in the end.
        for worker in &mut world.workers {
            worker.under_way.clear();
        }
        world.pass(6_000);
        // What they wanted before the first tick they want until the second, and know of it at the
        // third.
        for tick in 0..12 {
            world.tick(tick % 4);
        }
        let taken = (0..100).filter(|_| world.take(1)).count();
        prop_assert_eq!(taken, world.limit as usize);
    }
}

#[test]
fn what_one_does_not_use_another_has_within_a_tick() {
    let mut world = World::new(2, 8);
    while world.take(0) {}
    assert_eq!(world.under_way(), 8);
    world.workers[0].under_way.clear();
    assert!(!world.take(1), "all are held, though none is used");
    world.tick(0);
    world.pass(TICK);
    assert!(world.take(1));
}

#[test]
fn an_idle_worker_holds_little() {
    let mut world = World::new(2, 100);
    assert!(world.take(0), "and holds one");
    let taken = (0..200).filter(|_| world.take(1)).count();
    assert_eq!(taken, 99);
}

#[test]
fn the_pool_is_asked_a_few_times_a_tick() {
    let mut world = World::new(1, 1000);
    let version = |world: &World| world.store.get("pool").map_or(0, |(_, version)| version);
    for _ in 0..500 {
        world.take(0);
    }
    assert!(version(&world) < 20, "{}", version(&world));
    world.tick(0);
    let before = version(&world);
    for _ in 0..10_000 {
        world.workers[0].under_way.clear();
        world.take(0);
    }
    assert_eq!(version(&world), before, "those that end make room");
}

#[test]
fn overload_is_shared_evenly() {
    // Two workers, both of which have more to do than there are slots; the first came first.
    for (workers, limit) in [(2, 10), (3, 10), (4, 3), (8, 100)] {
        let mut world = World::new(workers, limit);
        while world.take(0) {}
        let workers = workers as usize;
        let (mut served, mut begun) = (vec![0_u32; workers], vec![Vec::new(); workers]);
        let (mut under_way, mut asked) = (0, 0);
        for step in 0..20_000_u64 {
            world.pass(1);
            let now = world.now;
            for (worker, begun) in begun.iter_mut().enumerate() {
                // Each request takes 20 ms.
                let over = begun.iter().take_while(|at| **at + 20 <= now).count();
                begun.drain(..over);
                let worker = &mut world.workers[worker];
                let first = worker.under_way.len() - begun.len();
                worker.under_way.drain(..first);
            }
            for worker in 0..workers {
                if (step + worker as u64 * 13).is_multiple_of(TICK) {
                    world.tick(worker);
                }
                while world.take(worker) {
                    begun[worker].push(now);
                    served[worker] += 1;
                }
            }
            under_way += world.under_way();
            asked += limit as usize;
        }
        let fair = f64::from(served.iter().sum::<u32>()) / workers as f64;
        let used = under_way as f64 / asked as f64;
        println!("{workers} workers, {limit} slots: {served:?}, {used:.2} used");
        for served in &served {
            let off = (f64::from(*served) / fair - 1.0).abs();
            assert!(off < 0.1, "{served} of {fair}, each");
        }
        assert!(used > 0.85, "{used}");
    }
}

#[test]
fn a_lower_limit_is_reached_as_requests_end() {
    let mut world = World::new(2, 20);
    for _ in 0..12 {
        world.take(0);
        world.take(1);
    }
    assert!(world.under_way() > 12);
    world.limit = 4;
    world.changed = world.now;
    world.pass(TICK);
    world.tick(0);
    world.tick(1);
    for _ in 0..12 {
        for worker in 0..2 {
            // As many come as go.
            world.workers[worker].under_way.pop();
            world.take(worker);
        }
    }
    assert_eq!(world.under_way(), 4);
}

#[test]
fn a_new_configuration_knows_what_is_under_way() {
    let store = Memory::default();
    let mut carried = Carried::new(1);
    let old = carried.slots("pool");
    let taken: Vec<_> = (0..5).map_while(|_| old.take(5, 0, &store)).collect();
    assert_eq!(taken.len(), 5);
    drop(old);
    let new = carried.slots("pool");
    assert!(new.take(5, 10, &store).is_none());
    assert_eq!(new.in_flight(), 5);
    drop(taken);
    assert!(new.take(5, 10, &store).is_some());
    assert_eq!(new.in_flight(), 0);
}
