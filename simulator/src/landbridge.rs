//! A proxy of Landbridge's: the engine's own worker chooses a cluster, and Envoy one of its hosts.

use std::rc::Rc;

use landbridge_engine::Memory;
use landbridge_engine::failover::{
    Asked, FailoverSet, Lawful, Outcome, ServiceId, Worker, load_failover,
};
use landbridge_engine::{Surroundings, Unknown};
use landbridge_model::Limits;
use serde_json::Value;

use crate::geography::{Geography, cluster_name};
use crate::outliers::Outliers;
use crate::proxy::{HOSTS, Proxy, Target};
use crate::random::Random;
use crate::{Result, problem};

/// When the clock begins: no time in particular, but the engine's is that since 1970.
const EPOCH: u64 = 1_800_000_000_000;
/// What part of a cluster's hosts its Envoy may eject: that a cluster as a whole is ill is for the
/// worker to find, and must not leave it without hosts to probe.
const MAX_EJECTED: usize = 50;

struct Nowhere;

impl Surroundings for Nowhere {
    fn cluster(&self) -> Option<String> {
        None
    }

    fn namespace(&self) -> Option<String> {
        Some("shop".to_owned())
    }

    fn label(&self, _: &str) -> std::result::Result<Option<String>, Unknown> {
        Ok(None)
    }
}

/// What all proxies of a region have in common.
pub struct Shared {
    set: Rc<FailoverSet>,
    service: ServiceId,
    /// The clusters in the service's order, and where in it each is.
    order: Vec<u16>,
    places: Vec<u16>,
    all: Lawful,
    restricted: Lawful,
}

impl Shared {
    pub fn new(geography: &Geography, own: usize, spec: &Value) -> Result<Self> {
        let config = geography.config(own, spec);
        let loaded = load_failover(config.as_bytes(), &Limits::default(), &Nowhere);
        let set = loaded.map_err(|found| problem(format!("{found:?}")))?.set;
        let (service, found) = set.services().next().ok_or_else(|| problem("no service"))?;
        let mut order = Vec::new();
        let mut places = vec![0; geography.len()];
        let (mut all, mut restricted) = (Lawful::NONE, Lawful::NONE);
        for (place, candidate) in found.candidates.iter().enumerate() {
            let cluster = (0..geography.len()).find(|c| *candidate.name == *cluster_name(*c));
            let cluster = cluster.ok_or_else(|| problem("a cluster that is not"))?;
            order.push(cluster as u16);
            places[cluster] = place as u16;
            all = all.with(place);
            if geography.same_law(own, cluster) {
                restricted = restricted.with(place);
            }
        }
        Ok(Self {
            service,
            order,
            places,
            all,
            restricted,
            set: Rc::new(set),
        })
    }
}

pub struct Landbridge {
    shared: Rc<Shared>,
    worker: Worker,
    store: Memory,
    /// By cluster.
    subsets: Vec<Outliers>,
}

impl Landbridge {
    pub fn new(shared: Rc<Shared>, now: u64, random: &mut Random) -> Self {
        let count = shared.order.len();
        Self {
            worker: Worker::new(Rc::clone(&shared.set), random.next()),
            store: Memory::default(),
            subsets: (0..count)
                .map(|_| Outliers::new(HOSTS, MAX_EJECTED, now, random))
                .collect(),
            shared,
        }
    }

    fn asked(&self, restricted: bool) -> Asked<'static> {
        Asked {
            service: self.shared.service,
            lawful: match restricted {
                true => self.shared.restricted,
                false => self.shared.all,
            },
            hops: 0,
            requested: None,
            affinity: None,
        }
    }

    fn target(&self, candidate: usize, random: &mut Random) -> Option<Target> {
        let cluster = self.shared.order[candidate];
        let host = self.subsets[usize::from(cluster)].pick(0..HOSTS, random)?;
        Some(Target {
            cluster,
            host: host as u16,
        })
    }
}

impl Proxy for Landbridge {
    fn first(&mut self, restricted: bool, random: &mut Random) -> Option<Target> {
        let choice = self.worker.route(&self.asked(restricted)).ok()?;
        self.target(choice.candidate, random)
    }

    fn again(&mut self, restricted: bool, tried: &[Target], random: &mut Random) -> Option<Target> {
        let place = |target: &Target| usize::from(self.shared.places[usize::from(target.cluster)]);
        let tried = tried.iter().map(place).fold(Lawful::NONE, Lawful::with);
        let choice = self.worker.retry(&self.asked(restricted), tried)?;
        self.target(choice.candidate, random)
    }

    fn answered(&mut self, target: Target, good: bool, micros: u64, now: u64) {
        let cluster = usize::from(target.cluster);
        self.subsets[cluster].answered(usize::from(target.host), good, now);
        let outcome = if good {
            Outcome::Good
        } else {
            Outcome::Failure
        };
        let candidate = usize::from(self.shared.places[cluster]);
        let micros = good.then_some(micros);
        self.worker
            .answered(self.shared.service, candidate, outcome, micros);
    }

    fn tick(
        &mut self,
        now: u64,
        random: &mut Random,
        probe: &mut dyn FnMut(Target, &mut Random) -> bool,
    ) -> u32 {
        for subset in &mut self.subsets {
            subset.sweep(now);
        }
        let ticked = self.worker.tick(EPOCH + now, &self.store);
        for wanted in &ticked.probes {
            let target = self.target(wanted.candidate, random);
            let good = target.is_some_and(|target| probe(target, random));
            if let Some(target) = target {
                // Envoy counts what a filter's own calls come to, too.
                let subset = &mut self.subsets[usize::from(target.cluster)];
                subset.answered(usize::from(target.host), good, now);
            }
            self.worker.probed(*wanted, good);
        }
        ticked.probes.len() as u32
    }
}
