//! What one thread of a proxy knows. What it makes of a request is in `way`.

use super::concurrency::{Carried, Concurrency};
use super::counter::{AskedOf, CallRef, Counter, Means};
use super::counts::{Count, Counts};
use super::fault::Faults;
use super::global::Health;
use super::limits::{Nanos, Seed};
use super::request::{Asked, Begun, End, Now, Run};
use super::retries::RetryBudgets;
use super::set::{ItemId, ShapingSet};
use super::split::SplitDraws;
use super::way::Way;
use crate::draw::mix;
use crate::shared::{Store, update};
use std::rc::Rc;

/// Where the workers share what their hashes begin with.
const SEED: &str = "landbridge.shaping.seed";

/// What one thread of a proxy knows.
#[derive(Debug)]
pub struct Worker {
    set: Rc<ShapingSet>,
    pub(super) seed: Seed,
    pub(super) counters: Vec<Counter>,
    pub(super) health: Vec<Health>,
    pub(super) concurrency: Vec<Concurrency>,
    pub(super) retries: Vec<RetryBudgets>,
    pub(super) splits: Vec<SplitDraws>,
    pub(super) faults: Vec<Faults>,
    pub(super) counts: Counts,
}

impl Worker {
    /// One that begins. `id` tells it from the others of its proxy, and is best random; `carried` is
    /// what its thread had under the configuration before.
    pub fn new(set: Rc<ShapingSet>, id: u64, carried: &mut Carried, store: &dyn Store) -> Self {
        let own = u32::try_from(mix(id) >> 32).unwrap_or(u32::MAX);
        let limits = set.limits.iter();
        let counters = limits.map(|limit| Counter::new(limit, &set, own));
        let services = set.services().iter();
        let health = services.map(|service| Health::new(&service.settings, own));
        let name = |item: ItemId| {
            let item = set.item(item);
            item.map_or(String::new(), |item| {
                format!("{}/{}", item.policy, item.name)
            })
        };
        let concurrency = set
            .concurrency
            .iter()
            .map(|rule| Concurrency::new(rule.settings.clone(), &name(rule.item), carried));
        Self {
            seed: seed(id, store),
            counters: counters.collect(),
            health: health.collect(),
            concurrency: concurrency.collect(),
            retries: set
                .retries
                .iter()
                .map(|r| RetryBudgets::new(&r.settings))
                .collect(),
            splits: set.splits.iter().map(|_| SplitDraws::new(id)).collect(),
            faults: set
                .faults
                .iter()
                .map(|f| Faults::new(f.settings.clone(), id))
                .collect(),
            counts: Counts::default(),
            set,
        }
    }

    /// What becomes of a request.
    pub fn begin(&mut self, asked: &Asked<'_>, now: Now, store: &dyn Store) -> Begun {
        let set = Rc::clone(&self.set);
        Way::new(self, &set, asked, now, store).go()
    }

    /// A request is over.
    pub fn done(&mut self, run: Run, end: End, now: Now, store: &dyn Store) {
        for (index, ticket) in run.tickets {
            if let Some(concurrency) = self.concurrency.get_mut(index) {
                concurrency.done(ticket, end.nanos, end.ended, now.millis(), store);
            }
        }
        let again = end.attempts.saturating_sub(1);
        for index in run.budgets {
            if let Some(budgets) = self.retries.get_mut(index).filter(|_| again > 0) {
                budgets.envoy_retried(&run.host, again, now.millis());
            }
        }
    }

    /// Settles with the other workers; what is to be asked of rate-limit services.
    pub fn tick(&mut self, now: Now, store: &dyn Store) -> Vec<AskedOf> {
        for health in &mut self.health {
            health.tick(now.steady, store);
        }
        let mut asked = Vec::new();
        let mut means = Means {
            now: now.steady,
            health: &mut self.health,
            store,
        };
        for (index, counter) in self.counters.iter_mut().enumerate() {
            asked.append(&mut counter.tick(index, &mut means));
        }
        for concurrency in &mut self.concurrency {
            concurrency.tick(now.millis(), now.wall, store);
        }
        asked
    }

    /// A rate-limit service answered, or, with `None`, did not.
    pub fn answered(
        &mut self,
        call: CallRef,
        answer: Option<&[u8]>,
        now: Nanos,
        store: &dyn Store,
    ) {
        let mut means = Means {
            now,
            health: &mut self.health,
            store,
        };
        if let Some(counter) = self.counters.get_mut(call.limit()) {
            counter.answered(call, answer, &mut means);
        }
    }

    /// Whether each rate-limit service cannot be asked, in the order of the set's.
    pub fn lost(&self) -> impl Iterator<Item = bool> {
        self.health.iter().map(Health::is_lost)
    }

    /// What was counted since it was asked last.
    pub fn counts(&mut self) -> Vec<Count> {
        self.counts.take()
    }

    /// Each limit of what is under way: the limit, and what is, over all workers.
    pub fn sights(&self) -> impl Iterator<Item = (ItemId, u32, u32)> {
        let rules = self.set.concurrency.iter().zip(&self.concurrency);
        rules.map(|(rule, known)| (rule.item, known.limit(), known.in_flight()))
    }
}

/// What the hashes of a proxy begin with: that of whichever worker was first.
fn seed(id: u64, store: &dyn Store) -> Seed {
    let own = (mix(id), mix(!id));
    let shared = update(store, SEED, |seed: Option<&(u64, u64)>| {
        seed.is_none().then_some(own)
    });
    let (first, second) = shared.and_then(|(seed, _)| seed).unwrap_or(own);
    Seed(first, second)
}
