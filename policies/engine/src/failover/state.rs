//! What one worker knows of one service: what it tells the others, what it learns from them, what it
//! asks.

use super::counts::Counts;
use super::drain;
use super::record::{Phase, Record};
use super::residency::Lawful;
use super::service::{Service, ServiceId};
use super::settings::Millis;
use super::table::{Table, View};
use super::transfer::LinkId;
use super::worker::{Probe, Ticked, Transition};
use crate::budget::Budget;
use crate::draw::Draws;
use crate::shared::{Store, read, update};
use std::collections::BTreeMap;

/// The most probes that are sent at one tick.
const MOST_PROBES: usize = 64;
/// How many clusters that are well are probed: the one that serves and the next.
const NEXT: usize = 2;

/// What the workers of a proxy share of one service.
pub(super) type Known = BTreeMap<Box<str>, Record>;

/// What one worker knows of one service.
#[derive(Debug)]
pub(crate) struct State {
    pub(super) clusters: Vec<ClusterState>,
    pub(super) tables: Vec<(Lawful, Table)>,
    /// The last draw. It outlives the tables, and no two workers begin alike: while shares move,
    /// tables are made anew more often than a few requests come, and if each began at the same
    /// place, all proxies would send them the same way.
    pub(super) draws: Draws,
    pub(super) retries: Budget,
    pub(super) next_poll: Millis,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterState {
    pub(super) record: Record,
    pub(super) counts: Counts,
    pub(super) next_probe: Millis,
    pub(super) unroutable_until: Millis,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LinkState {
    pub(super) used: u64,
    pub(super) spent: bool,
}

impl State {
    pub(super) fn views(&self, service: &Service, links: &[LinkState], now: Millis) -> Vec<View> {
        let spent = |link: LinkId| links.get(usize::from(link.0)).is_some_and(|l| l.spent);
        let candidates = service.candidates.iter().enumerate().zip(&self.clusters);
        candidates
            .map(|((i, candidate), cluster)| View {
                phase: cluster.record.phase,
                limit: cluster.record.limit(now, &service.settings),
                returning: cluster.record.is_returning(now, &service.settings),
                kept: drain::kept(&service.drains, i, now),
                health: cluster.record.endpoint_health(),
                spent: candidate.link.is_some_and(spent),
                unroutable: cluster.unroutable_until > now,
            })
            .collect()
    }

    /// Shares what was counted; whether what is known changed.
    pub(super) fn share(
        &mut self,
        id: ServiceId,
        service: &Service,
        now: Millis,
        store: &dyn Store,
        ticked: &mut Ticked,
    ) -> bool {
        let settings = &service.settings;
        let names = || service.candidates.iter().map(|c| &c.name);
        let counted = self.clusters.iter().any(|c| !c.counts.is_empty());
        let moving = |c: &ClusterState| !c.record.is_steady(now, settings);
        let tells = counted || (ticked.leads && self.clusters.iter().any(moving));
        let mut changes = Vec::new();
        let known = if tells {
            let clusters = &self.clusters;
            let merged = update(store, &service.key, |known: Option<&Known>| {
                changes.clear();
                // Clusters that the service no longer runs in are forgotten.
                let mut next = Known::new();
                for (i, (name, cluster)) in names().zip(clusters).enumerate() {
                    let there = known.and_then(|known| known.get(name)).cloned();
                    let mut record = there.unwrap_or_default();
                    record.mend(now);
                    if let Some(change) = record.merge(&cluster.counts, now, settings) {
                        changes.push((i, change));
                    }
                    next.insert(name.clone(), record);
                }
                Some(next)
            });
            let Some((merged, _)) = merged else {
                // Others were quicker: it is told at the next tick.
                return false;
            };
            self.clusters.iter_mut().for_each(|c| c.counts.told());
            merged
        } else {
            read::<Known>(store, &service.key).0
        };
        let transitions = changes.into_iter().map(|(candidate, change)| Transition {
            service: id,
            candidate,
            change,
        });
        ticked.transitions.extend(transitions);
        self.learn(service, known, now)
    }

    /// Takes over what is known; whether requests are routed otherwise by it.
    pub(super) fn learn(&mut self, service: &Service, known: Option<Known>, now: Millis) -> bool {
        let mut known = known.unwrap_or_default();
        let mut changed = false;
        for (candidate, cluster) in service.candidates.iter().zip(&mut self.clusters) {
            let mut record = known.remove(&candidate.name).unwrap_or_default();
            record.mend(now);
            record.pass(now, &service.settings);
            changed |= !record.routes_as(&cluster.record);
            cluster.record = record;
        }
        changed
    }

    /// The clusters to probe: all that are out, and of those that are not the two that come first
    /// for some requests. Were every proxy to probe every cluster, each cluster would get as many
    /// probes as there are proxies in the mesh.
    fn watched(&self, service: &Service) -> Lawful {
        let is_up = |i: &usize| {
            let cluster = self.clusters.get(*i);
            cluster.is_some_and(|c| c.record.phase == Phase::Up)
        };
        let all = || 0..self.clusters.len();
        let out = all().filter(|i| !is_up(i));
        // Not by what was asked of late: who probes may have seen no request at all.
        let restricted = service.restrictions.iter().map(|r| r.to);
        let first = std::iter::once(service.all()).chain(restricted);
        let first = first.flat_map(|lawful| {
            let up = all().filter(is_up).filter(move |i| lawful.has(*i));
            up.take(NEXT)
        });
        out.chain(first).fold(Lawful::NONE, Lawful::with)
    }

    /// What is to be asked of clusters and of Envoy.
    pub(super) fn ask(
        &mut self,
        id: ServiceId,
        service: &Service,
        now: Millis,
        ticked: &mut Ticked,
    ) {
        let settings = &service.settings;
        let watched = self.watched(service);
        if let Some(active) = &settings.active {
            let watched = |i: &(usize, &mut ClusterState)| watched.has(i.0);
            for (i, cluster) in self.clusters.iter_mut().enumerate().filter(watched) {
                // One far ahead is from before the clock was set back.
                let due = cluster.next_probe <= now
                    || cluster.next_probe > now.saturating_add(active.interval);
                if due && ticked.probes.len() < MOST_PROBES {
                    cluster.next_probe = now.saturating_add(active.interval);
                    ticked.probes.push(Probe {
                        service: id,
                        candidate: i,
                    });
                }
            }
        }
        if let Some(endpoints) = &settings.endpoints
            && (self.next_poll <= now || self.next_poll > now.saturating_add(endpoints.interval))
        {
            self.next_poll = now.saturating_add(endpoints.interval);
            ticked.polls.push(id);
        }
    }
}
