//! A proxy in memory: workers that share a store, and clusters that are as ill as the test says.

use landbridge_engine::Memory;
use landbridge_engine::failover::{
    Asked, FailoverSet, Lawful, Outcome, Phase, Route, ServiceId, Transition, Worker, load_failover,
};
use landbridge_engine::{Surroundings, Unknown};
use landbridge_model::Limits;
use std::collections::BTreeMap;
use std::rc::Rc;

/// When the clock begins: no time in particular.
pub const START: u64 = 1_800_000_000_000;
/// Between ticks.
pub const TICK: u64 = 250;

pub struct Nowhere;

impl Surroundings for Nowhere {
    fn cluster(&self) -> Option<String> {
        Some("use1-a".to_owned())
    }

    fn namespace(&self) -> Option<String> {
        Some("shop".to_owned())
    }

    fn label(&self, _: &str) -> Result<Option<String>, Unknown> {
        Ok(None)
    }
}

/// A mesh of three clusters, and a fourth far away.
pub const MESH: &str = r#"{
    "clusters": [
        {"name": "use1-a", "region": "us-east-1", "zone": "us-east-1a", "identity": {"trustDomains": ["use1-a.example"]}},
        {"name": "use1-b", "region": "us-east-1", "zone": "us-east-1b", "identity": {"trustDomains": ["use1-b.example"]}},
        {"name": "euw1-a", "region": "eu-west-1", "identity": {"trustDomains": ["euw1-a.example"]}},
        {"name": "aps1-a", "region": "ap-south-1", "identity": {"trustDomains": ["aps1-a.example"]}}
    ],
    "regions": [
        {"name": "us-east-1", "jurisdiction": "US"},
        {"name": "eu-west-1", "jurisdiction": "EU"},
        {"name": "ap-south-1", "jurisdiction": "IN"}
    ],
    "links": [
        {"from": "us-east-1", "to": "eu-west-1", "rtt": "80ms", "pricePerGib": 0.02},
        {"from": "ap-south-1", "to": "us-east-1", "rtt": "200ms", "pricePerGib": 0.09}
    ],
    "dataClasses": [
        {"name": "personal", "requests": [{"when": [{"key": "request.headers[x-data]", "values": ["personal"]}]}], "jurisdictions": ["US"]}
    ]
}"#;

/// The configuration of a policy for `orders`, which runs in all four; `spec` is further fields.
pub fn config(spec: &str) -> String {
    let comma = if spec.is_empty() { "" } else { "," };
    format!(
        r#"{{"apiVersion": "landbridge.dev/v1alpha1", "mesh": {MESH}, "policies": [
            {{"kind": "LocalityFailover", "metadata": {{"name": "orders", "namespace": "shop"}}, "spec": {{
                "services": [{{"name": "orders", "hosts": ["orders.shop.svc.cluster.local"], "port": 8080,
                    "clusters": ["aps1-a", "euw1-a", "use1-a", "use1-b"]}}]{comma}{spec}}}}}]}}"#
    )
}

pub fn load(config: &str) -> Rc<FailoverSet> {
    let loaded = load_failover(config.as_bytes(), &Limits::default(), &Nowhere);
    match loaded {
        Ok(loaded) => Rc::new(loaded.set),
        Err(found) => panic!("{found:?}"),
    }
}

/// How ill a cluster is: the share of requests that fail, and whether probes do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Illness {
    pub failing: f64,
    pub micros: u64,
}

pub struct World {
    pub now: u64,
    pub store: Memory,
    pub workers: Vec<Worker>,
    pub service: ServiceId,
    pub names: Vec<String>,
    pub ill: BTreeMap<String, Illness>,
    pub transitions: Vec<(u64, String, Transition)>,
    errors: BTreeMap<String, f64>,
    turn: usize,
}

impl World {
    pub fn new(spec: &str, workers: usize) -> Self {
        Self::of(load(&config(spec)), workers)
    }

    pub fn of(set: Rc<FailoverSet>, workers: usize) -> Self {
        let (service, found) = set.services().next().expect("there is one");
        let names = found.candidates.iter().map(|c| c.name.to_string());
        let mut world = Self {
            now: START,
            store: Memory::default(),
            names: names.collect(),
            workers: (0..workers)
                .map(|id| Worker::new(Rc::clone(&set), id as u64))
                .collect(),
            service,
            ill: BTreeMap::new(),
            transitions: Vec::new(),
            errors: BTreeMap::new(),
            turn: 0,
        };
        world.tick();
        world
    }

    /// A request that may go anywhere.
    pub fn asked(&self) -> Asked<'static> {
        Asked {
            service: self.service,
            lawful: (0..self.names.len()).fold(Lawful::NONE, Lawful::with),
            hops: 0,
            requested: None,
            affinity: None,
        }
    }

    /// Makes a cluster ill, or well.
    pub fn fall_ill(&mut self, cluster: &str, failing: f64) {
        let ill = self.ill.entry(cluster.to_owned()).or_default();
        ill.failing = failing;
    }

    /// One request at a worker, which goes wherever it is sent.
    pub fn request(&mut self, worker: usize, asked: &Asked<'_>) -> Route {
        let route = self.workers[worker].route(asked);
        if let Ok(choice) = route {
            let name = &self.names[choice.candidate];
            let ill = self.ill.get(name).copied().unwrap_or_default();
            // Spread evenly, so that a share is a share.
            let error = self.errors.entry(name.clone()).or_default();
            *error += ill.failing;
            let fails = *error >= 1.0 - 1e-9;
            if fails {
                *error -= 1.0;
            }
            let outcome = if fails {
                Outcome::Failure
            } else {
                Outcome::Good
            };
            let micros = (ill.micros > 0).then_some(ill.micros);
            self.workers[worker].answered(self.service, choice.candidate, outcome, micros);
        }
        route
    }

    pub fn tick(&mut self) {
        self.now += TICK;
        for i in 0..self.workers.len() {
            let ticked = self.workers[i].tick(self.now, &self.store);
            for transition in ticked.transitions {
                let name = self.names[transition.candidate].clone();
                self.transitions.push((self.now, name, transition));
            }
            for probe in ticked.probes {
                let good = self
                    .ill
                    .get(&self.names[probe.candidate])
                    .is_none_or(|ill| ill.failing < 0.5);
                self.workers[i].probed(probe, good);
            }
        }
    }

    /// Runs for a time at so many requests a second, over all workers in turn; how many went to
    /// each cluster.
    pub fn run(&mut self, millis: u64, rate: u64) -> BTreeMap<String, u64> {
        let mut served = BTreeMap::new();
        let asked = self.asked();
        for _ in 0..millis / TICK {
            for _ in 0..rate * TICK / 1000 {
                self.turn = (self.turn + 1) % self.workers.len();
                if let Ok(choice) = self.request(self.turn, &asked) {
                    *served
                        .entry(self.names[choice.candidate].clone())
                        .or_default() += 1;
                }
            }
            self.tick();
        }
        served
    }

    /// The share in percent that a cluster has of a second's requests.
    pub fn share(&mut self, cluster: &str) -> f64 {
        let served = self.run(1000, 400);
        let all: u64 = served.values().sum();
        served.get(cluster).copied().unwrap_or(0) as f64 * 100.0 / all.max(1) as f64
    }

    pub fn phase(&mut self, cluster: &str) -> Phase {
        let candidate = self.candidate(cluster);
        self.workers[0]
            .sight(self.service, candidate)
            .unwrap()
            .phase
    }

    pub fn candidate(&self, cluster: &str) -> usize {
        self.names.iter().position(|name| name == cluster).unwrap()
    }
}
