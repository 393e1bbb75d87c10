//! What one worker of a proxy knows and does.

use super::counts::Outcome;
use super::leader::{lead, lease_key};
use super::record::{Change, Phase};
use super::residency::Lawful;
use super::route::{Asked, Choice, Refusal, Route};
use super::service::{FailoverSet, Service, ServiceId};
use super::settings::{AffinityKey, Millis};
use super::state::{ClusterState, LinkState, State};
use super::table::Table;
use super::transfer::{Balance, LinkId};
use crate::budget::Budget;
use crate::decision::Reason;
use crate::draw::{Draws, hash};
use crate::shared::{Store, read, update};
use std::rc::Rc;

/// The most sets of lawful clusters for which a worker keeps a table of one service.
const MOST_TABLES: usize = 64;
/// How long a cluster to which no route leads is believed to be so.
const UNROUTABLE: Millis = 5_000;

/// A probe that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probe {
    /// The service.
    pub service: ServiceId,
    /// The cluster, by its place in the service's list.
    pub candidate: usize,
}

/// A cluster that changed its phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The service.
    pub service: ServiceId,
    /// The cluster, by its place in the service's list.
    pub candidate: usize,
    /// How.
    pub change: Change,
}

/// What is to be done after a tick.
#[derive(Clone, Debug, Default)]
pub struct Ticked {
    /// What changed; each change is told by one worker of a proxy.
    pub transitions: Vec<Transition>,
    /// Probes to send.
    pub probes: Vec<Probe>,
    /// Services for whose endpoints Envoy is to be asked.
    pub polls: Vec<ServiceId>,
    /// Whether this worker is the one that probes.
    pub leads: bool,
}

/// How one cluster is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sight {
    /// Its phase.
    pub phase: Phase,
    /// Its share of the requests that may go anywhere, from 0 to 1.
    pub share: f64,
}

/// What one worker of a proxy knows.
#[derive(Debug)]
pub struct Worker {
    set: Rc<FailoverSet>,
    id: u64,
    /// Where it shares who leads.
    lease: String,
    now: Millis,
    services: Vec<State>,
    links: Vec<LinkState>,
}

impl Worker {
    /// A worker that knows nothing yet; `id` tells it from the others of its proxy, and is best
    /// random.
    pub fn new(set: Rc<FailoverSet>, id: u64) -> Self {
        let state = |service: &Service| State {
            clusters: vec![ClusterState::default(); service.candidates.len()],
            tables: Vec::new(),
            draws: Draws::of(&id.to_le_bytes()),
            retries: Budget::full(service.settings.retries),
            next_poll: 0,
        };
        Self {
            id,
            lease: lease_key(&set.services),
            now: 0,
            services: set.services.iter().map(state).collect(),
            links: vec![LinkState::default(); set.links.len()],
            set,
        }
    }

    /// The services.
    pub fn set(&self) -> &FailoverSet {
        &self.set
    }

    /// Where a request goes.
    pub fn route(&mut self, asked: &Asked<'_>) -> Route {
        let set = Rc::clone(&self.set);
        let Some(service) = set.service(asked.service) else {
            return Err(Refusal {
                reason: Reason::UnknownService,
            });
        };
        let far = asked.hops >= service.settings.max_hops;
        let lawful = match far {
            true => asked.lawful.and(service.local()),
            false => asked.lawful,
        };
        let affinity = service.settings.affinity.as_ref().zip(asked.affinity);
        let wanted = match (asked.requested, affinity) {
            (Some(name), _) => service.find(name).map(|i| (i, Reason::Requested)),
            (None, Some((AffinityKey::Cookie(..), name))) => {
                service.find(name).map(|i| (i, Reason::Affinity))
            }
            _ => None,
        };
        if let Some(state) = self.state(asked.service) {
            state.retries.request();
        }
        let Some((table, draw)) = self.table(asked.service, service, lawful) else {
            return Err(Refusal {
                reason: Reason::UnknownService,
            });
        };
        let choice = |candidate, reason| Choice {
            service: asked.service,
            candidate,
            preferred: table.preferred,
            reason,
        };
        if let Some((candidate, reason)) = wanted
            && table.is_open(candidate)
        {
            return Ok(choice(candidate, reason));
        }
        let draw = match affinity {
            Some((AffinityKey::Header(_), value)) => hash(value),
            _ => draw,
        };
        match table.choose(draw) {
            Ok((candidate, reason)) => Ok(choice(candidate, reason)),
            Err(_) if far && !asked.lawful.is_empty() => Err(Refusal {
                reason: Reason::HopLimit,
            }),
            Err(reason) => Err(Refusal { reason }),
        }
    }

    /// Where a request goes that failed on the clusters of `tried`, where there is another and the
    /// budget has a retry left.
    pub fn retry(&mut self, asked: &Asked<'_>, tried: Lawful) -> Option<Choice> {
        let set = Rc::clone(&self.set);
        let service = set.service(asked.service)?;
        let mut lawful = asked.lawful;
        if asked.hops >= service.settings.max_hops {
            lawful = lawful.and(service.local());
        }
        let (table, _) = self.table(asked.service, service, lawful.without(tried))?;
        let candidate = table.candidates().next()?;
        let preferred = self.table(asked.service, service, lawful)?.0.preferred;
        let taken = self.state(asked.service)?.retries.take();
        taken.then_some(Choice {
            service: asked.service,
            candidate,
            preferred,
            reason: Reason::Retried,
        })
    }

    /// Counts what became of a request; how long the answer took, in microseconds, where that was
    /// measured. Whether this took the cluster out.
    pub fn answered(
        &mut self,
        service: ServiceId,
        candidate: usize,
        outcome: Outcome,
        micros: Option<u64>,
    ) -> bool {
        let set = Rc::clone(&self.set);
        let now = self.now;
        let Some(settings) = set.service(service).map(|s| &s.settings) else {
            return false;
        };
        let Some(state) = self.state(service) else {
            return false;
        };
        let Some(cluster) = state.clusters.get_mut(candidate) else {
            return false;
        };
        let was_out = cluster.counts.out;
        let slow = cluster.record.slow(settings);
        cluster.counts.add(outcome, micros, slow, settings);
        let is_out = cluster.counts.out && !was_out && cluster.record.phase != Phase::Down;
        if is_out {
            // This cannot wait for the tick.
            cluster.record.fail(now);
            state.tables.clear();
        }
        is_out
    }

    /// Takes in what a probe found.
    pub fn probed(&mut self, probe: Probe, good: bool) {
        let state = self.state(probe.service);
        if let Some(cluster) = state.and_then(|s| s.clusters.get_mut(probe.candidate)) {
            cluster.counts.probes.push(good);
        }
    }

    /// Takes in what Envoy says of a service's endpoints: lines of `NAME: NUMBER`.
    pub fn polled(&mut self, service: ServiceId, lines: &str) {
        let set = Rc::clone(&self.set);
        let Some((state, service)) = self.state(service).zip(set.service(service)) else {
            return;
        };
        let value = |upstream: &str, what: &str| {
            lines.lines().find_map(|line| {
                let rest = line.strip_prefix("cluster.")?.strip_prefix(upstream)?;
                let rest = rest.strip_prefix(';').unwrap_or(rest);
                let number = rest
                    .strip_prefix('.')?
                    .strip_prefix(what)?
                    .strip_prefix(": ")?;
                number.trim().parse::<u32>().ok()
            })
        };
        for (cluster, candidate) in state.clusters.iter_mut().zip(&service.candidates) {
            let healthy = value(&candidate.upstream, "membership_healthy");
            let all = value(&candidate.upstream, "membership_total");
            if let Some(endpoints) = healthy.zip(all) {
                cluster.counts.endpoints = Some(endpoints);
            }
        }
    }

    /// Counts bytes that went over a link.
    pub fn transferred(&mut self, link: LinkId, bytes: u64) {
        if let Some(link) = self.links.get_mut(usize::from(link.0)) {
            link.used = link.used.saturating_add(bytes);
        }
    }

    /// No route leads to a cluster: nothing is sent there for a while.
    pub fn unroutable(&mut self, service: ServiceId, candidate: usize) {
        let until = self.now.saturating_add(UNROUTABLE);
        if let Some(state) = self.state(service) {
            if let Some(cluster) = state.clusters.get_mut(candidate) {
                cluster.unroutable_until = until;
            }
            state.tables.clear();
        }
    }

    /// How a cluster is seen.
    pub fn sight(&mut self, id: ServiceId, candidate: usize) -> Option<Sight> {
        let set = Rc::clone(&self.set);
        let service = set.service(id)?;
        let phase = self.state(id)?.clusters.get(candidate)?.record.phase;
        let (table, _) = self.table(id, service, service.all())?;
        Some(Sight {
            phase,
            share: table.load(candidate),
        })
    }

    /// Learns what the other workers know, and tells them nothing: for a configuration that may
    /// yet not come into force.
    pub fn look(&mut self, now: Millis, store: &dyn Store) {
        self.now = now;
        let set = Rc::clone(&self.set);
        for (id, service) in set.services() {
            if let Some(state) = self.state(id) {
                let known = read(store, &service.key).0;
                state.learn(service, known, now);
                state.tables.clear();
            }
        }
    }

    /// The share of each cluster of the requests that may go to these.
    pub fn shares(&mut self, id: ServiceId, lawful: Lawful) -> Vec<f64> {
        let set = Rc::clone(&self.set);
        let Some(service) = set.service(id) else {
            return Vec::new();
        };
        let table = self.table(id, service, lawful).map(|(table, _)| table);
        let load = |i| table.map_or(0.0, |table| table.load(i));
        (0..service.candidates.len()).map(load).collect()
    }

    /// Tells the other workers what was counted, learns what they counted, and makes the tables
    /// anew. Time is in milliseconds since 1970.
    pub fn tick(&mut self, now: Millis, store: &dyn Store) -> Ticked {
        let passed = now.saturating_sub(self.now);
        let first = self.now == 0;
        self.now = now;
        let mut ticked = Ticked {
            leads: lead(store, &self.lease, self.id, now),
            ..Ticked::default()
        };
        let spent_before: Vec<bool> = self.links.iter().map(|link| link.spent).collect();
        self.settle_links(now, store);
        let spending = self.links.iter().map(|link| link.spent).ne(spent_before);
        let set = Rc::clone(&self.set);
        for (id, service) in set.services() {
            let Some(state) = self.services.get_mut(usize::from(id.0)) else {
                continue;
            };
            if !first {
                let seconds = std::time::Duration::from_millis(passed).as_secs_f64();
                state.retries.pass(seconds);
            }
            let changed = state.share(id, service, now, store, &mut ticked);
            let draining = service
                .drains
                .iter()
                .any(|d| now >= d.start && !d.is_over(now));
            let ended = service.drains.iter().any(|d| {
                d.is_over(now) && !d.is_over(now.saturating_sub(passed.saturating_mul(2)))
            });
            let clusters = || state.clusters.iter();
            let moving = clusters().any(|c| !c.record.is_steady(now, &service.settings));
            let blocked = clusters().any(|c| c.unroutable_until > 0);
            if changed || moving || draining || ended || blocked || spending {
                state.tables.clear();
            }
            if ticked.leads {
                state.ask(id, service, now, &mut ticked);
            }
        }
        ticked
    }

    fn settle_links(&mut self, now: Millis, store: &dyn Store) {
        for (state, link) in self.links.iter_mut().zip(&self.set.links) {
            let Some(budget) = link.budget else {
                state.used = 0;
                continue;
            };
            let used = state.used;
            let settled = match used {
                0 => {
                    let mut there = read::<Balance>(store, &link.key).0;
                    if let Some(balance) = &mut there {
                        balance.spend(0, budget, now);
                    }
                    Some(there)
                }
                used => update(store, &link.key, |balance: Option<&Balance>| {
                    let mut balance = balance.copied().unwrap_or(Balance::full(budget, now));
                    balance.spend(used, budget, now);
                    Some(balance)
                })
                .map(|(balance, _)| balance),
            };
            if let Some(balance) = settled {
                state.used = 0;
                state.spent = balance.is_some_and(|balance| balance.is_spent());
            }
        }
    }

    fn state(&mut self, service: ServiceId) -> Option<&mut State> {
        self.services.get_mut(usize::from(service.0))
    }

    /// The table for the requests that may go to these clusters, and the next draw of it.
    fn table(&mut self, id: ServiceId, service: &Service, lawful: Lawful) -> Option<(&Table, u32)> {
        let now = self.now;
        let links = &self.links;
        let state = self.services.get_mut(usize::from(id.0))?;
        let known = state.tables.iter().position(|(l, _)| *l == lawful);
        let index = match known {
            Some(index) => index,
            None => {
                if state.tables.len() >= MOST_TABLES {
                    state.tables.clear();
                }
                let views = state.views(service, links, now);
                let table = Table::new(service, &views, lawful);
                state.tables.push((lawful, table));
                state.tables.len().saturating_sub(1)
            }
        };
        let (_, table) = state.tables.get(index)?;
        Some((table, state.draws.next()))
    }
}
