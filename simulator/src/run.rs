//! One run: the same weather and the same requests, whoever decides.
//!
//! Time goes in steps of 50 ms. In each, every proxy sends what Poisson's distribution gives it; what
//! comes to a cluster in a step comes at once, and what of it there is no room for fails, each
//! request with the same chance. Then come the retries, as load of their own. A proxy ticks at every
//! fifth step; not all at the same one.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::Result;
use crate::backend::Backend;
use crate::geography::Geography;
use crate::istio::Istio;
use crate::landbridge::{Landbridge, Shared};
use crate::proxy::{Proxy, RETRIES, Target};
use crate::random::Random;
use crate::record::{Record, Second};
use crate::weather::{Scenario, Weather};

/// The length of a step, in milliseconds, and how many make a tick and a second.
const STEP: u64 = 50;
const STEPS_A_TICK: u64 = 5;
const STEPS_A_SECOND: u64 = 20;
/// Requests a second of a proxy.
const RATE: f64 = 20.0;
/// The part of all requests that may not leave their jurisdiction.
const RESTRICTED: f64 = 0.1;
/// After so many failures from a cluster that is dead, a proxy ought to know.
const ENOUGH: u8 = 10;

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Landbridge, with active probes.
    Probes,
    /// Landbridge, without.
    Passive,
    /// Istio, with `maxEjectionPercent` as it is by default, and with what users set.
    Istio(usize),
}

impl Variant {
    pub const ALL: [Self; 4] = [
        Self::Probes,
        Self::Passive,
        Self::Istio(10),
        Self::Istio(100),
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Probes => "Landbridge",
            Self::Passive => "Landbridge, no probes",
            Self::Istio(10) => "Envoy 10 %",
            Self::Istio(_) => "Envoy 100 %",
        }
    }

    fn spec(self) -> Value {
        match self {
            Self::Probes => json!({"health": {"active": {"path": "/healthz"}}}),
            _ => json!({}),
        }
    }
}

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub scenario: Scenario,
    pub regions: usize,
    pub proxies: usize,
    pub seconds: u64,
    pub seed: u64,
}

impl Plan {
    pub fn weather(&self) -> Weather {
        Weather::new(self.scenario, self.regions / 4, self.seconds)
    }

    /// The region that a proxy is in.
    fn region(&self, proxy: usize) -> usize {
        proxy % self.regions
    }
}

/// A request on its way.
struct Flight {
    proxy: usize,
    restricted: bool,
    tried: [Target; RETRIES + 1],
    count: usize,
}

impl Flight {
    fn target(&self) -> Target {
        self.tried[self.count - 1]
    }

    fn goes(&mut self, target: Target) {
        self.tried[self.count] = target;
        self.count += 1;
    }
}

pub fn run(plan: &Plan, variant: Variant) -> Result<Record> {
    let geography = Geography::new(plan.regions, &mut Random::new(plan.seed, "geography"));
    let mut random = Random::new(plan.seed, "proxies");
    let mut proxies: Vec<Box<dyn Proxy>> = Vec::new();
    if let Variant::Istio(max_percent) = variant {
        proxies.extend((0..plan.proxies).map(|i| {
            let istio = Istio::new(&geography, plan.region(i), max_percent, 0, &mut random);
            Box::new(istio) as Box<dyn Proxy>
        }));
    } else {
        let shared: Result<Vec<Rc<Shared>>> = (0..plan.regions)
            .map(|own| Ok(Rc::new(Shared::new(&geography, own, &variant.spec())?)))
            .collect();
        let shared = shared?;
        proxies.extend((0..plan.proxies).map(|i| {
            let shared = Rc::clone(&shared[plan.region(i)]);
            Box::new(Landbridge::new(shared, 0, &mut random)) as Box<dyn Proxy>
        }));
    }
    Ok(Simulation::new(plan, &geography, proxies).run())
}

struct Simulation<'a> {
    plan: &'a Plan,
    geography: &'a Geography,
    weather: Weather,
    proxies: Vec<Box<dyn Proxy>>,
    backends: Vec<Backend>,
    record: Record,
    /// How many failures a proxy has had from the victim since it last died.
    failures: Vec<u8>,
    /// When each proxy ticks first: what they count in intervals is not counted in step.
    starts: Vec<u64>,
    arrivals: Random,
    chance: Random,
}

impl<'a> Simulation<'a> {
    fn new(plan: &'a Plan, geography: &'a Geography, proxies: Vec<Box<dyn Proxy>>) -> Self {
        let weather = plan.weather();
        let mut load = vec![0.0; plan.regions];
        for proxy in 0..plan.proxies {
            load[plan.region(proxy)] += RATE * weather.weight(plan.region(proxy));
        }
        let mut starts = Random::new(plan.seed, "starts");
        let backend = |load: &f64| Backend::new(load / plan.scenario.utilisation());
        Self {
            backends: load.iter().map(backend).collect(),
            record: Record::new(plan.regions),
            failures: vec![0; proxies.len()],
            starts: proxies.iter().map(|_| starts.next() % 2000).collect(),
            arrivals: Random::new(plan.seed, "arrivals"),
            chance: Random::new(plan.seed, "chance"),
            plan,
            geography,
            weather,
            proxies,
        }
    }

    fn run(mut self) -> Record {
        let victim = self.weather.victim;
        for step in 0..self.weather.ends / STEP {
            let now = step * STEP;
            if step % STEPS_A_SECOND == 0 {
                self.record.seconds.push(Second::new(self.plan.regions));
            }
            if step % STEPS_A_TICK == 0 {
                self.record.quarters.push([0, 0]);
            }
            let was_dead = self.backends[victim].is_dead();
            for (region, backend) in self.backends.iter_mut().enumerate() {
                backend.begin(self.weather.condition(region, now), STEP as f64 / 1000.0);
            }
            if self.backends[victim].is_dead() != was_dead {
                self.failures.fill(0);
            }
            self.tick(step, now);
            let mut flights = self.send();
            while !flights.is_empty() {
                flights = self.land(flights, now);
            }
            let capacity = &mut self.record.second().capacity;
            for (sum, backend) in capacity.iter_mut().zip(&mut self.backends) {
                *sum += backend.capacity() / STEPS_A_SECOND as f64;
                backend.end(STEP as f64 / 1000.0);
            }
        }
        self.record
    }

    fn tick(&mut self, step: u64, now: u64) {
        let turn = (step % STEPS_A_TICK) as usize;
        let backends = &self.backends;
        let due = self.proxies.iter_mut().zip(&self.starts).skip(turn);
        let mut probes = 0;
        for (proxy, start) in due.step_by(STEPS_A_TICK as usize) {
            if *start > now {
                continue;
            }
            // A probe fares as a request would.
            let mut probe = |target: Target, random: &mut Random| {
                backends[usize::from(target.cluster)].answers(target, random)
            };
            probes += u64::from(proxy.tick(now, &mut self.chance, &mut probe));
        }
        self.record.probes += probes;
    }

    /// New requests.
    fn send(&mut self) -> Vec<Flight> {
        let usual = (-RATE * STEP as f64 / 1000.0).exp();
        let chances: Vec<f64> = (0..self.plan.regions)
            .map(|region| usual.powf(self.weather.weight(region)))
            .collect();
        let mut flights = Vec::new();
        for (i, proxy) in self.proxies.iter_mut().enumerate() {
            let home = self.plan.region(i);
            for _ in 0..self.arrivals.poisson(chances[home]) {
                let restricted = self.arrivals.unit() < RESTRICTED;
                let Some(target) = proxy.first(restricted, &mut self.chance) else {
                    self.record.refused(home, self.weather.victim);
                    continue;
                };
                self.record.sent(home, target, self.weather.victim);
                let mut flight = Flight {
                    proxy: i,
                    restricted,
                    tried: [Target::default(); RETRIES + 1],
                    count: 0,
                };
                flight.goes(target);
                flights.push(flight);
            }
        }
        flights
    }

    /// What becomes of requests that are sent at the same time; those that are tried again.
    fn land(&mut self, flights: Vec<Flight>, now: u64) -> Vec<Flight> {
        let mut offered = vec![0; self.backends.len()];
        for flight in &flights {
            let (target, home) = (flight.target(), self.plan.region(flight.proxy));
            let cluster = usize::from(target.cluster);
            self.record.second().offered[cluster] += 1;
            if !self.backends[cluster].is_dead_host(target) {
                offered[cluster] += 1;
            }
            if flight.restricted && !self.geography.same_law(home, cluster) {
                self.record.unlawful += 1;
            }
            if self.backends[cluster].is_dead() && self.failures[flight.proxy] >= ENOUGH {
                self.record.misdirected += 1;
            }
        }
        for (backend, count) in self.backends.iter_mut().zip(offered) {
            backend.offer(count);
        }
        let mut again = Vec::new();
        for mut flight in flights {
            let (target, home) = (flight.target(), self.plan.region(flight.proxy));
            let backend = &self.backends[usize::from(target.cluster)];
            let good = backend.answers(target, &mut self.chance);
            let micros =
                backend.micros() + self.geography.rtt_micros(home, usize::from(target.cluster));
            let proxy = &mut self.proxies[flight.proxy];
            proxy.answered(target, good, micros, now);
            if good {
                self.record.micros += micros;
                continue;
            }
            if backend.is_dead() {
                let failures = &mut self.failures[flight.proxy];
                *failures = failures.saturating_add(1);
            }
            let tried = &flight.tried[..flight.count];
            let next = match flight.count <= RETRIES {
                true => proxy.again(flight.restricted, tried, &mut self.chance),
                false => None,
            };
            if let Some(target) = next {
                self.record.retries += 1;
                flight.goes(target);
                again.push(flight);
            } else {
                self.record.lost();
            }
        }
        again
    }
}
