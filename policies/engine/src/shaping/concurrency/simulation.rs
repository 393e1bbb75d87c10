//! A service with a queue behind a proxy with several workers, on a clock of its own.
//!
//! The service has hands for so many requests at a time; what comes beyond waits in line. Requests
//! come at random (Poisson) and take times that are part fixed, part random (exponential).

#![expect(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

use super::{
    AdaptiveSettings, Begin, Carried, Concurrency, ConcurrencySettings, Ended, Limiting, Ticket,
};
use crate::draw::mix;
use crate::shared::Memory;
use landbridge_model::CriticalityLevel::{self, *};
use landbridge_model::Enforcement;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// Times in microseconds.
type Micros = u64;

const SECOND: Micros = 1_000_000;
const TICK: Micros = 50_000;

struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 += 1;
        (mix(mix(self.0)) >> 12) as f64 / (1_u64 << 52) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.next()).ln() * mean
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrival,
    Tick(usize),
    /// A request is answered.
    Answer(u64),
}

struct Request {
    worker: usize,
    ticket: Ticket,
    level: CriticalityLevel,
    at: Micros,
}

/// What was seen in a time.
#[derive(Default)]
struct Seen {
    offered: BTreeMap<CriticalityLevel, u32>,
    served: BTreeMap<CriticalityLevel, u32>,
    latencies: Vec<Micros>,
    limits: Vec<u32>,
}

impl Seen {
    fn served(&self) -> u32 {
        self.served.values().sum()
    }

    fn share(&self, level: CriticalityLevel) -> f64 {
        let of = |map: &BTreeMap<_, u32>| f64::from(map.get(&level).copied().unwrap_or(0));
        of(&self.served) / of(&self.offered).max(1.0)
    }

    fn latency(&self, part: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort();
        sorted[((sorted.len() - 1) as f64 * part) as usize] as f64
    }

    fn limits(&self) -> (u32, u32, u32) {
        let mut sorted = self.limits.clone();
        sorted.sort();
        (
            sorted[0],
            sorted[sorted.len() / 2],
            sorted[sorted.len() - 1],
        )
    }
}

struct World {
    now: Micros,
    random: Random,
    /// That of each proxy; workers belong to them in turn.
    stores: Vec<Memory>,
    workers: Vec<Concurrency>,
    events: BinaryHeap<Reverse<(Micros, Event)>>,
    requests: BTreeMap<u64, Request>,
    next: u64,
    queue: VecDeque<u64>,
    busy: u32,
    servers: u32,
    /// How long a request takes on average, and what part of it is random.
    time: f64,
    spread: f64,
    /// Requests a second.
    rate: f64,
    levels: Vec<(CriticalityLevel, f64)>,
    seen: Seen,
}

const ADAPTIVE: AdaptiveSettings = AdaptiveSettings {
    min: 4,
    max: 1000,
    initial: 50,
    tolerance: 1.5,
    window: 100,
    probe: 30_000,
};

impl World {
    fn new(limit: Limiting, workers: usize, servers: u32, time: Micros) -> Self {
        let settings = ConcurrencySettings {
            mode: Enforcement::Enforce,
            limit,
        };
        let worker = |id: usize| {
            let mut carried = Carried::new(id as u64 + 1);
            Concurrency::new(settings.clone(), "service", &mut carried)
        };
        let mut events = BinaryHeap::from([Reverse((SECOND, Event::Arrival))]);
        for id in 0..workers {
            events.push(Reverse((SECOND + id as u64 * 7_919, Event::Tick(id))));
        }
        Self {
            now: SECOND,
            random: Random(1),
            stores: vec![Memory::default()],
            workers: (0..workers).map(worker).collect(),
            events,
            requests: BTreeMap::new(),
            next: 0,
            queue: VecDeque::new(),
            busy: 0,
            servers,
            time: time as f64,
            spread: 0.5,
            rate: 1.0,
            levels: vec![(Critical, 1.0)],
            seen: Seen::default(),
        }
    }

    /// Requests a second that the service can answer.
    fn capacity(&self) -> f64 {
        f64::from(self.servers) / self.time * SECOND as f64
    }

    /// Lets so much more or less than the service can answer come.
    fn load(&mut self, times: f64) {
        self.rate = self.capacity() * times;
    }

    /// Lets time pass, and says what was seen in it.
    fn run(&mut self, seconds: u64) -> Seen {
        self.seen = Seen::default();
        let end = self.now + seconds * SECOND;
        while let Some(Reverse((at, event))) = self.events.pop() {
            self.now = at;
            self.happen(event);
            if at >= end {
                break;
            }
        }
        std::mem::take(&mut self.seen)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrival => {
                let wait = self.random.exponential(SECOND as f64 / self.rate);
                let next = self.now + (wait as Micros).max(1);
                self.events.push(Reverse((next, Event::Arrival)));
                self.arrive();
            }
            Event::Tick(worker) => {
                let proxy = worker % self.stores.len();
                let now = self.now / 1000;
                // Clocks on the wall are never quite the same.
                let wall = 1_800_000_000_000 + now + proxy as u64 * 20;
                self.workers[worker].tick(now, wall, &self.stores[proxy]);
                if worker == 0 {
                    self.seen.limits.push(self.workers[0].limit());
                }
                let next = self.now + TICK;
                self.events.push(Reverse((next, Event::Tick(worker))));
            }
            Event::Answer(id) => {
                self.busy -= 1;
                let request = self.requests.remove(&id).unwrap();
                let took = self.now - request.at;
                self.seen.latencies.push(took);
                *self.seen.served.entry(request.level).or_default() += 1;
                let proxy = request.worker % self.stores.len();
                let (worker, store) = (&mut self.workers[request.worker], &self.stores[proxy]);
                let (ended, now) = (Ended::Answered, self.now / 1000);
                worker.done(request.ticket, Some(took * 1000), ended, now, store);
                if let Some(next) = self.queue.pop_front() {
                    self.serve(next);
                }
            }
        }
    }

    fn arrive(&mut self) {
        let worker = (self.random.next() * self.workers.len() as f64) as usize;
        let mut draw = self.random.next();
        let level = self.levels.iter().find(|(_, share)| {
            draw -= share;
            draw < 0.0
        });
        let level = level.map_or(self.levels[0].0, |(level, _)| *level);
        *self.seen.offered.entry(level).or_default() += 1;
        let store = &self.stores[worker % self.stores.len()];
        let begin = self.workers[worker].try_begin(level, self.now / 1000, store);
        let Begin::Admitted(ticket) = begin else {
            return;
        };
        self.next += 1;
        let request = Request {
            worker,
            ticket,
            level,
            at: self.now,
        };
        self.requests.insert(self.next, request);
        match self.busy < self.servers {
            true => self.serve(self.next),
            false => self.queue.push_back(self.next),
        }
    }

    fn serve(&mut self, id: u64) {
        self.busy += 1;
        let random = self.random.exponential(self.time * self.spread);
        let took = self.time * (1.0 - self.spread) + random;
        let end = self.now + (took as Micros).max(1);
        self.events.push(Reverse((end, Event::Answer(id))));
    }
}

/// Says what was seen, with `--nocapture`.
fn report(what: &str, world: &World, seen: &Seen, seconds: u64) -> f64 {
    let goodput = f64::from(seen.served()) / (world.capacity() * seconds as f64);
    let (lowest, usual, highest) = seen.limits();
    println!(
        "{what}: goodput {goodput:.3}, latency {:.2} and {:.2} (99 %) of the base, limit {lowest}..{usual}..{highest} for {}",
        seen.latency(0.5) / world.time,
        seen.latency(0.99) / world.time,
        world.servers,
    );
    for level in seen.offered.keys() {
        println!("    {}: {:.4}", level.as_str(), seen.share(*level));
    }
    goodput
}

fn adaptive(workers: usize, servers: u32, time: Micros) -> World {
    World::new(Limiting::Adaptive(ADAPTIVE), workers, servers, time)
}

#[test]
fn the_limit_finds_what_the_service_can_do() {
    for (servers, time) in [(4, 10_000), (20, 20_000), (64, 50_000)] {
        for load in [0.5, 0.9, 1.5, 3.0, 5.0] {
            let mut world = adaptive(4, servers, time);
            world.levels = vec![(CriticalPlus, 1.0)];
            world.load(load);
            world.run(20);
            let seen = world.run(60);
            let what = format!("{servers} x {} ms, load {load}", time / 1000);
            let goodput = report(&what, &world, &seen, 60);
            assert!(goodput >= 0.9 * load.min(1.0), "{what}: {goodput}");
            assert!(seen.latency(0.5) < 4.0 * world.time, "{what}");
            if load > 1.0 {
                let (_, usual, _) = seen.limits();
                let times = f64::from(usual) / f64::from(servers);
                assert!((0.7..=3.0).contains(&times), "{what}: {usual}");
            }
        }
    }
}

#[test]
fn a_service_that_becomes_slow_and_quick_again_is_used_to_the_full() {
    for load in [0.9, 3.0] {
        let mut world = adaptive(4, 20, 20_000);
        world.levels = vec![(CriticalPlus, 1.0)];
        world.load(load);
        world.run(20);
        for time in [40_000.0, 20_000.0, 80_000.0, 20_000.0] {
            world.time = time;
            world.load(load);
            let first = world.run(10);
            let what = format!("{} ms, load {load}", time / 1000.0);
            let soon = report(&format!("{what}, at first"), &world, &first, 10);
            let then = world.run(20);
            let later = report(&format!("{what}, then"), &world, &then, 20);
            assert!(soon >= 0.75 * load.min(1.0), "{what}: {soon}");
            assert!(later >= 0.9 * load.min(1.0), "{what}: {later}");
            assert!(then.latency(0.5) < 4.0 * time, "{what}");
        }
    }
}

#[test]
fn ten_minutes_of_overload_change_nothing() {
    for (workers, servers, spread) in [(1, 10, 0.0), (3, 10, 1.0)] {
        let mut world = adaptive(workers, servers, 20_000);
        world.levels = vec![(CriticalPlus, 1.0)];
        world.spread = spread;
        world.load(3.0);
        world.run(10);
        let first = world.run(60);
        report("the first minute", &world, &first, 60);
        world.run(480);
        let last = world.run(60);
        let goodput = report("the last minute", &world, &last, 60);
        assert!(goodput >= 0.9, "{goodput}");
        let times = f64::from(last.limits().1) / f64::from(first.limits().1);
        assert!((0.75..1.33).contains(&times), "{times}");
        assert!(last.latency(0.5) < 4.0 * world.time);
    }
}

const MIXED: [(CriticalityLevel, f64); 4] = [
    (CriticalPlus, 0.1),
    (Critical, 0.1),
    (SheddablePlus, 0.4),
    (Sheddable, 0.4),
];

#[test]
fn what_is_critical_is_served_whatever_else_comes() {
    let limits = [
        ("adaptive", 20, Limiting::Adaptive(ADAPTIVE)),
        ("fixed", 20, Limiting::Fixed(40)),
        ("large", 200, Limiting::Adaptive(ADAPTIVE)),
    ];
    for (name, servers, limit) in limits {
        for workers in [1, 4] {
            let mut world = World::new(limit, workers, servers, 20_000);
            world.levels = MIXED.to_vec();
            world.load(3.0);
            world.run(20);
            let seen = world.run(60);
            let what = format!("{name}, {workers} workers");
            let goodput = report(&what, &world, &seen, 60);
            assert!(goodput >= 0.9, "{what}: {goodput}");
            assert!(seen.share(CriticalPlus) >= 0.99, "{what}");
            assert!(seen.share(Critical) >= 0.99, "{what}");
            assert!(seen.share(Sheddable) < 0.1, "{what}");
            assert!(seen.share(SheddablePlus) > 0.2, "{what}");
        }
    }
}

#[test]
fn what_is_critical_is_served_while_the_limit_is_found() {
    for seed in 1..=8 {
        for servers in [8, 40] {
            let mut world = adaptive(2, servers, 20_000);
            world.random = Random(seed * 1_000_000);
            world.levels = vec![(Critical, 0.2), (Sheddable, 0.8)];
            world.load(3.0);
            world.run(2);
            let seen = world.run(10);
            let what = format!("seed {seed}, {servers} servers");
            let goodput = report(&what, &world, &seen, 10);
            let critical = seen.share(Critical);
            assert!(goodput >= 0.85, "{what}: {goodput}");
            assert!(critical >= 0.99, "{what}: {critical}");
        }
    }
}

#[test]
fn where_all_are_equal_the_service_is_used_to_the_full() {
    for level in [CriticalPlus, Critical, SheddablePlus, Sheddable] {
        for servers in [4, 20] {
            let mut world = adaptive(4, servers, 20_000);
            world.levels = vec![(level, 1.0)];
            world.load(3.0);
            world.run(20);
            let seen = world.run(60);
            let what = format!("all {}, {servers}", level.as_str());
            let goodput = report(&what, &world, &seen, 60);
            assert!(goodput >= 0.9, "{what}: {goodput}");
            assert!(seen.latency(0.5) < 4.0 * world.time, "{what}");
        }
    }
}

#[test]
fn a_small_limit_still_tells_levels_apart() {
    let mut world = World::new(Limiting::Fixed(4), 2, 4, 20_000);
    world.levels = MIXED.to_vec();
    world.load(3.0);
    world.run(5);
    let seen = world.run(60);
    let goodput = report("a limit of 4", &world, &seen, 60);
    assert!(goodput >= 0.7, "{goodput}");
    let shares = [CriticalPlus, Critical, SheddablePlus, Sheddable].map(|l| seen.share(l));
    assert!(shares.is_sorted_by(|more, less| more >= less), "{shares:?}");
}

#[test]
fn proxies_that_share_a_service_agree() {
    for load in [0.9, 1.5, 3.0] {
        let mut world = adaptive(3, 30, 20_000);
        world.stores = (0..3).map(|_| Memory::default()).collect();
        world.levels = vec![(CriticalPlus, 1.0)];
        world.load(load);
        world.run(40);
        for minute in [1, 10] {
            let seen = world.run(60);
            let what = format!("three proxies, load {load}, minute {minute}");
            let goodput = report(&what, &world, &seen, 60);
            assert!(goodput >= 0.9 * load.min(1.0), "{what}: {goodput}");
            assert!(seen.latency(0.5) < 4.0 * world.time, "{what}");
            world.run(480);
        }
    }
}
