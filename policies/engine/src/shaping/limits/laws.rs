//! No schedule of workers, leases and ticks lets more through than the limit allows.

#![allow(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

use super::allowance::{Allowance, Nanos};
use super::leases::{Leases, Taken};
use super::sets::Sets;
use crate::shared::Memory;
use landbridge_model::Rate;
use proptest::prelude::*;

const KEY: u64 = 7;
const WORKERS: usize = 4;
const MILLI: Nanos = 1_000_000;

#[derive(Clone, Debug)]
enum Step {
    /// A worker has requests that count for so many.
    Take(usize, u32, u32),
    /// One that is refused for another reason.
    Undo(usize),
    Tick(usize),
    /// A worker is gone, with what it holds, and another begins.
    Die(usize),
    /// Somebody makes up keys.
    Flood(usize, u64),
    Wait(Nanos),
}

fn step() -> impl Strategy<Value = Step> {
    let worker = 0..WORKERS;
    prop_oneof![
        8 => (worker.clone(), 1..4_u32, 1..12_u32).prop_map(|(w, n, c)| Step::Take(w, n, c)),
        1 => worker.clone().prop_map(Step::Undo),
        4 => worker.clone().prop_map(Step::Tick),
        1 => worker.clone().prop_map(Step::Die),
        2 => (worker, any::<u64>()).prop_map(|(w, k)| Step::Flood(w, k)),
        4 => (0..60 * MILLI).prop_map(Step::Wait),
        1 => (0..3_000 * MILLI).prop_map(Step::Wait),
    ]
}

struct World {
    workers: Vec<Leases>,
    store: Memory,
    allowance: Allowance,
    now: Nanos,
    began: u32,
    /// When what was used.
    used: Vec<(Nanos, u32)>,
}

impl World {
    fn new(rate: &str, burst: u32) -> Self {
        let mut world = Self {
            workers: Vec::new(),
            store: Memory::default(),
            allowance: Allowance::new(Rate::parse(rate).unwrap(), Some(burst)),
            now: 10_000 * MILLI,
            began: 0,
            used: Vec::new(),
        };
        for _ in 0..WORKERS {
            let leases = world.begin();
            world.workers.push(leases);
        }
        world
    }

    fn begin(&mut self) -> Leases {
        self.began += 1;
        Leases::new(Sets::new("law", 16), self.began)
    }

    fn take(&mut self, worker: usize, cost: u32) -> Taken {
        let leases = &mut self.workers[worker];
        leases.take(KEY, self.allowance, cost, self.now, &self.store)
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Take(worker, cost, times) => {
                for _ in 0..times {
                    if let Taken::Granted { .. } = self.take(worker, cost) {
                        self.used.push((self.now, cost));
                    }
                }
            }
            Step::Undo(worker) => {
                if let Taken::Granted { .. } = self.take(worker, 1) {
                    let leases = &mut self.workers[worker];
                    leases.undo(KEY, self.allowance, 1, self.now, &self.store);
                }
            }
            Step::Tick(worker) => self.workers[worker].tick(self.now, &self.store),
            Step::Die(worker) => self.workers[worker] = self.begin(),
            Step::Flood(worker, first) => {
                for i in 0..50 {
                    let key = first.wrapping_add(i);
                    if key != KEY {
                        let leases = &mut self.workers[worker];
                        leases.take(key, self.allowance, 1, self.now, &self.store);
                    }
                }
            }
            Step::Wait(time) => self.now += time,
        }
    }

    /// In any time no more than the burst, and what the rate gives in that time.
    fn holds(&self) -> Result<(), TestCaseError> {
        for (i, (from, _)) in self.used.iter().enumerate() {
            let mut sum = 0_u64;
            for (to, count) in &self.used[i..] {
                sum += u64::from(*count);
                let gives = (to - from) / self.allowance.time(1);
                let most = u64::from(self.allowance.burst()) + gives;
                prop_assert!(sum <= most, "{sum} in {} ns, not {most}", to - from);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn never_more_than_the_limit(
        rate in prop_oneof![Just("10/s"), Just("100/s"), Just("5000/s"), Just("3/m")],
        burst in 1..60_u32,
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut world = World::new(rate, burst);
        for step in &steps {
            world.step(step);
        }
        world.holds()?;
    }
}

/// Over 20 s at three times the limit, with ticks, by uneven workers.
fn served(rate: &str, burst: u32, offered: u64) -> f64 {
    let mut world = World::new(rate, burst);
    let seconds = 20;
    let gap = 1_000 * MILLI / offered;
    let mut tick = world.now;
    for i in 0..seconds * offered {
        world.now += gap;
        let worker = [0, 0, 1, 0, 2, 1, 0][(i % 7) as usize];
        if let Taken::Granted { .. } = world.take(worker, 1) {
            world.used.push((world.now, 1));
        }
        while tick < world.now {
            tick += 50 * MILLI;
            for worker in 0..WORKERS {
                world.step(&Step::Tick(worker));
            }
        }
    }
    let most = u64::from(burst) + seconds * 1_000 * MILLI / world.allowance.time(1);
    assert!(world.used.len() as u64 <= most);
    world.used.len() as f64 / most as f64
}

#[test]
fn nearly_all_of_the_limit_is_served() {
    for (rate, burst, offered) in [
        ("1000/s", 100, 3000),
        ("1000/s", 4, 3000),
        ("100/s", 100, 300),
        ("100/s", 2, 300),
        ("5000/s", 1000, 15_000),
    ] {
        let served = served(rate, burst, offered);
        assert!(served >= 0.98, "{rate}, burst {burst}: {served}");
    }
}

#[test]
fn a_quiet_worker_keeps_nothing_from_the_others() {
    let mut world = World::new("100/s", 100);
    for _ in 0..20 {
        world.take(0, 1);
    }
    world.now += 1_500 * MILLI;
    world.step(&Step::Tick(0));
    world.step(&Step::Tick(0));
    world.now += 1_500 * MILLI;
    let granted = (0..150).filter(|_| matches!(world.take(1, 1), Taken::Granted { .. }));
    assert_eq!(granted.count(), 100);
}

#[test]
fn a_clock_that_is_set_back_refuses_for_no_longer_than_the_burst() {
    let mut world = World::new("100/s", 50);
    for _ in 0..50 {
        world.take(0, 1);
    }
    world.now -= 9_000 * MILLI;
    let mut again = World::new("100/s", 50);
    again.store = world.store;
    again.now = world.now;
    assert!(matches!(again.take(1, 1), Taken::Refused { after } if after <= 10 * MILLI));
    again.now += 500 * MILLI;
    let granted = (0..100).filter(|_| matches!(again.take(1, 1), Taken::Granted { .. }));
    assert_eq!(granted.count(), 50);
}

#[test]
fn a_known_key_is_counted_exactly_beside_a_flood_of_others() {
    let sets = || Sets::new("flood", 1000);
    let (mut known, mut others) = (Leases::new(sets(), 1), Leases::new(sets(), 2));
    let world = World::new("100/s", 100);
    let (allowance, store, mut now) = (world.allowance, &world.store, world.now);
    let mut granted = 0;
    for i in 0..300_000_u64 {
        now += MILLI / 50;
        let taken = (i % 150 == 0).then(|| known.take(KEY, allowance, 1, now, store));
        granted += u32::from(matches!(taken, Some(Taken::Granted { .. })));
        let made_up = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 << 40;
        let taken = others.take(made_up, allowance, 1, now, store);
        assert!(matches!(taken, Taken::Granted { .. }), "{i}");
        if i % 2500 == 0 {
            known.tick(now, store);
            others.tick(now, store);
        }
    }
    // The burst, and 6 s of the rate.
    assert!((690..=700).contains(&granted), "{granted}");
    assert!(others.keys() <= 4096);
    // 125 sets of eight.
    let (sets, bytes) = store.size();
    assert!(
        sets <= 125 && bytes <= 125 * 300,
        "{sets} sets, {bytes} bytes"
    );
}
