//! Who keeps the count of a limit: the proxy's workers among themselves, or a service.

use super::global::{Failure, GlobalTaken, Health, LeaseCall, Stocks, Terms};
use super::limits::{Allowance, Leases, Limit, Nanos, Sets, Taken};
use super::set::{ItemId, ShapingSet};
use crate::shared::Store;
use landbridge_model::{OnStoreLoss, Percent, Rate};
use std::rc::Rc;

/// A call to a rate-limit service, by which its answer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallRef {
    limit: usize,
    id: u64,
}

/// A call to go out: a message to
/// `/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedOf {
    /// The service, by its place in [`ShapingSet::services`].
    pub service: usize,
    /// What its answer is to be told with.
    pub call: CallRef,
    /// The message.
    pub message: Vec<u8>,
}

/// The count of a limit, as far as this worker has it.
#[derive(Debug)]
pub(super) struct Counter {
    /// The proxy's own count; while a service keeps it, what each proxy lets through without.
    leases: Leases,
    global: Option<Box<Global>>,
}

#[derive(Debug)]
struct Global {
    stocks: Stocks,
    service: usize,
    on_loss: OnStoreLoss,
}

/// What a request takes of a limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) key: u64,
    pub(super) rate: Rate,
    pub(super) allowance: Allowance,
    /// The share of it that passes while a service cannot be asked.
    pub(super) fraction: Percent,
    pub(super) cost: u32,
}

/// Where it took it from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Proxy,
    Service,
    /// The proxy, while the service cannot be asked.
    Fraction,
    /// Nowhere: the service cannot be asked, and all may pass.
    Nobody,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// It is within the limit; about so many more would be, where that is known.
    Within(From, Option<u32>),
    /// It is not; in this time it would be.
    Beyond { after: Nanos },
    /// Nobody can say, and then nothing passes.
    Lost,
}

/// The services' health and the time: what counting takes beside.
pub(super) struct Means<'a> {
    pub(super) now: Nanos,
    pub(super) health: &'a mut [Health],
    pub(super) store: &'a dyn Store,
}

impl Counter {
    pub(super) fn new(limit: &Limit, set: &ShapingSet, worker: u32) -> Self {
        let sets = |what: &str| Sets::new(&format!("{}.{what}", limit.shared_as), limit.keys);
        let global = limit.service.and_then(|service| {
            let item = set.item(ItemId(limit.item))?;
            let settings = Rc::clone(&set.services.get(service)?.settings);
            let (policy, name) = (&item.policy, &item.name);
            Some(Box::new(Global {
                stocks: Stocks::new(settings, policy, name, sets("stock"), worker),
                service,
                on_loss: limit.on_store_loss,
            }))
        });
        Self {
            leases: Leases::new(sets("count"), worker),
            global,
        }
    }

    /// Takes what a request counts for. `entries` says what a service is to know of the key.
    pub(super) fn take(
        &mut self,
        wanted: Wanted,
        entries: &dyn Fn() -> Vec<(String, String)>,
        means: &mut Means<'_>,
    ) -> Counted {
        let Some(global) = &mut self.global else {
            return self.by_proxy(From::Proxy, wanted, means);
        };
        let Some(health) = means.health.get_mut(global.service) else {
            return Counted::Lost;
        };
        let terms = Terms::new(wanted.rate);
        let (now, store) = (means.now, means.store);
        let stocks = &mut global.stocks;
        let taken = stocks.take(wanted.key, entries, terms, wanted.cost, now, health, store);
        match (taken, global.on_loss) {
            (GlobalTaken::Granted, _) => Counted::Within(From::Service, None),
            (GlobalTaken::Refused { after }, _) => Counted::Beyond { after },
            (GlobalTaken::Lost, OnStoreLoss::Open) => Counted::Within(From::Nobody, None),
            (GlobalTaken::Lost, OnStoreLoss::Closed) => Counted::Lost,
            (GlobalTaken::Lost, OnStoreLoss::Fraction) => {
                self.by_proxy(From::Fraction, wanted, means)
            }
        }
    }

    fn by_proxy(&mut self, from: From, wanted: Wanted, means: &mut Means<'_>) -> Counted {
        let (allowance, cost) = wanted.of_proxy(from);
        match self
            .leases
            .take(wanted.key, allowance, cost, means.now, means.store)
        {
            Taken::Granted { left } => Counted::Within(from, Some(left)),
            Taken::Refused { after } => Counted::Beyond { after },
        }
    }

    /// Gives back what a request took that was refused for another reason.
    pub(super) fn undo(&mut self, wanted: Wanted, from: From, now: Nanos, store: &dyn Store) {
        match (from, &mut self.global) {
            (From::Proxy | From::Fraction, _) => {
                let (allowance, cost) = wanted.of_proxy(from);
                self.leases.undo(wanted.key, allowance, cost, now, store);
            }
            (From::Service, Some(global)) => {
                let terms = Terms::new(wanted.rate);
                global
                    .stocks
                    .undo(wanted.key, terms, wanted.cost, now, store);
            }
            (From::Service | From::Nobody, _) => {}
        }
    }

    /// Gives back what was not used, and says what to ask the service.
    pub(super) fn tick(&mut self, limit: usize, means: &mut Means<'_>) -> Vec<AskedOf> {
        let (now, store) = (means.now, means.store);
        self.leases.tick(now, store);
        let Some(global) = &mut self.global else {
            return Vec::new();
        };
        let service = global.service;
        if let Some(health) = means.health.get_mut(service) {
            global.stocks.tick(now, health, store);
        }
        let calls = global.stocks.calls(now).into_iter();
        let asked = |LeaseCall { id, message }| AskedOf {
            service,
            call: CallRef { limit, id },
            message,
        };
        calls.map(asked).collect()
    }

    /// A call was answered, or failed.
    pub(super) fn answered(&mut self, call: CallRef, answer: Option<&[u8]>, means: &mut Means<'_>) {
        let Some(global) = &mut self.global else {
            return;
        };
        if let Some(health) = means.health.get_mut(global.service) {
            let answer = answer.ok_or(Failure::Error);
            let stocks = &mut global.stocks;
            stocks.answered(call.id, answer, means.now, health, means.store);
        }
    }
}

impl Wanted {
    fn of_proxy(&self, from: From) -> (Allowance, u32) {
        match from {
            From::Fraction => {
                let fraction = self.allowance.share(self.fraction);
                (fraction, self.cost.min(fraction.burst()))
            }
            _ => (self.allowance, self.cost),
        }
    }
}

impl CallRef {
    pub(super) fn limit(self) -> usize {
        self.limit
    }
}
