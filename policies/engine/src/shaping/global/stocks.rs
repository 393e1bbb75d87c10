//! What one worker has of the stocks of a limit, and its calls.

use super::health::Health;
use super::settings::Settings;
use super::stock::{Ask, Got, Stock};
use super::terms::Terms;
use super::wire;
use crate::shaping::limits::{Nanos, Sets};
use crate::shared::Store;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::rc::Rc;

/// The most keys that a worker holds something of, or knows to be refused.
const MOST: usize = 4096;
/// The most calls that are out, and the most that wait to go out.
const OUT: usize = 64;
const QUEUED: usize = 256;
/// How long the shared stock is not asked again that had nothing.
const PAUSE: Nanos = 2_000_000;

/// What becomes of a request that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GlobalTaken {
    /// It is within the limit, or goes on by credit.
    Granted,
    /// It is not; in this time it might be.
    Refused { after: Nanos },
    /// Nobody knows: the service cannot be asked.
    Lost,
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It could not go out, or the service ended it with a status.
    Error,
    /// It took too long.
    Timeout,
}

/// A call to go out: a message to `/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeaseCall {
    /// What its answer is to be told with.
    pub(crate) id: u64,
    /// The request, encoded.
    pub(crate) message: Vec<u8>,
}

/// What one worker has of the stocks of a limit.
#[derive(Debug)]
pub(crate) struct Stocks {
    settings: Rc<Settings>,
    /// The policy, `namespace/name`, and the limit.
    policy: Box<str>,
    limit: Box<str>,
    sets: Sets,
    worker: u32,
    held: HashMap<u64, Held>,
    queue: VecDeque<(Call, Vec<u8>)>,
    out: HashMap<u64, Call>,
    last: u64,
}

/// A call for a key.
#[derive(Clone, Copy, Debug)]
struct Call {
    key: u64,
    terms: Terms,
    hits: u32,
    asked: Nanos,
}

/// What is known of a key here.
#[derive(Clone, Copy, Debug)]
struct Held {
    terms: Terms,
    tokens: u32,
    /// Until when they are good.
    until: Nanos,
    /// How many were taken in advance last.
    ahead: u32,
    used: bool,
    /// What became of the last that had no tokens and cost so much, and until when that stands.
    no: GlobalTaken,
    no_cost: u32,
    no_until: Nanos,
}

impl Stocks {
    /// Those of the worker `worker`.
    pub(crate) fn new(
        settings: Rc<Settings>,
        policy: &str,
        limit: &str,
        sets: Sets,
        worker: u32,
    ) -> Self {
        Self {
            settings,
            policy: policy.into(),
            limit: limit.into(),
            sets,
            worker,
            held: HashMap::new(),
            queue: VecDeque::new(),
            out: HashMap::new(),
            last: 0,
        }
    }

    /// Takes what a request costs. `entries` says what the service is to know of the key; it is
    /// asked only for a call.
    #[expect(clippy::too_many_arguments, reason = "a request has as many sides")]
    pub(crate) fn take(
        &mut self,
        key: u64,
        entries: &dyn Fn() -> Vec<(String, String)>,
        terms: Terms,
        cost: u32,
        now: Nanos,
        health: &mut Health,
        store: &dyn Store,
    ) -> GlobalTaken {
        let mut held = match self.held.get_mut(&key) {
            Some(held) if held.terms == terms => {
                held.used = true;
                if held.until <= now {
                    held.tokens = 0;
                }
                if let Some(rest) = held.tokens.checked_sub(cost) {
                    held.tokens = rest;
                    return GlobalTaken::Granted;
                }
                if held.no_until > now && cost >= held.no_cost {
                    return held.no(now);
                }
                *held
            }
            _ => Held::new(terms),
        };
        let is_kept = self.held.contains_key(&key) || self.held.len() < MOST;
        // Who comes again soon takes twice as much in advance; who comes once takes none.
        let ahead = match is_kept {
            true => held.ahead.saturating_mul(2).min(terms.ahead()),
            false => 0,
        };
        let ask = Ask {
            worker: self.worker,
            terms,
            cost,
            unused: held.tokens,
            good: held.until,
            ahead,
            lost: health.is_lost(),
            now,
        };
        let room = self.queue.len() < QUEUED;
        // It is asked once, however often the change is tried.
        let mut may = None;
        let mut may_ask = || *may.get_or_insert_with(|| room && health.may_ask(now, store));
        let settings = &self.settings;
        let asked = self
            .sets
            .change(store, key, now, |stock: &mut Stock, crowded| {
                // In a full set what is held would soon be forgotten.
                let ahead = if crowded { 0 } else { ahead };
                stock.take(&Ask { ahead, ..ask }, settings, &mut may_ask)
            });
        // Too much is going on where there is no result.
        let (got, hits) = asked.unwrap_or((Got::Due, None));
        if let Some(hits) = hits {
            self.call(key, entries(), terms, hits, now);
        }
        let taken = held.got(got, cost, now, self.settings.tick);
        held.ahead = ahead.max(1);
        if is_kept {
            self.held.insert(key, held);
        }
        taken
    }

    /// Gives back what a request took that was refused for another reason.
    pub(crate) fn undo(
        &mut self,
        key: u64,
        terms: Terms,
        cost: u32,
        now: Nanos,
        store: &dyn Store,
    ) {
        let lease = self.settings.lease;
        let _ = self.sets.change(store, key, now, |stock: &mut Stock, _| {
            stock.undo(cost, terms, lease, now);
        });
    }

    /// The calls to go out now. Each is to be answered, or to fail, in the settings' time.
    pub(crate) fn calls(&mut self, now: Nanos) -> Vec<LeaseCall> {
        let mut calls = Vec::new();
        while self.out.len() < OUT {
            let Some((call, message)) = self.queue.pop_front() else {
                break;
            };
            // By now, another may be out.
            if self.is_old(&call, now) {
                continue;
            }
            self.last = self.last.wrapping_add(1);
            self.out.insert(self.last, call);
            let id = self.last;
            calls.push(LeaseCall { id, message });
        }
        calls
    }

    /// A call was answered, or failed.
    pub(crate) fn answered(
        &mut self,
        id: u64,
        answer: Result<&[u8], Failure>,
        now: Nanos,
        health: &mut Health,
        store: &dyn Store,
    ) {
        let Some(call) = self.out.remove(&id) else {
            return;
        };
        let answer = answer.ok().and_then(wire::answer);
        match answer {
            Some(_) => health.answered(now, store),
            None => health.failed(now, store),
        }
        let settings = &self.settings;
        let _ = self
            .sets
            .change(store, call.key, now, |stock: &mut Stock, _| {
                stock.answered(call.asked, call.hits, answer, call.terms, settings, now);
            });
        if let Some(held) = self.held.get_mut(&call.key) {
            held.no_until = held.no_until.min(now);
        }
    }

    /// Gives back what was not used since the last tick, and gives up calls that nobody answers.
    pub(crate) fn tick(&mut self, now: Nanos, health: &mut Health, store: &dyn Store) {
        let (sets, worker, lease) = (&self.sets, self.worker, self.settings.lease);
        self.held.retain(|key, held| {
            if held.used {
                held.used = false;
                return true;
            }
            if held.tokens > 0 && held.until > now {
                let _ = sets.change(store, *key, now, |stock: &mut Stock, _| {
                    stock.give_back(worker, held.tokens, held.terms, lease, now);
                });
            }
            false
        });
        let calls = self.out.iter();
        let old = calls.filter(|(_, call)| self.is_old(call, now));
        let old: Vec<_> = old.map(|(id, _)| *id).collect();
        for id in old {
            self.answered(id, Err(Failure::Timeout), now, health, store);
        }
    }

    /// How many keys are known here, and how many calls are out or wait.
    #[cfg(test)]
    pub(crate) fn size(&self) -> (usize, usize) {
        let calls = self.out.len().saturating_add(self.queue.len());
        (self.held.len(), calls)
    }

    fn is_old(&self, call: &Call, now: Nanos) -> bool {
        now.saturating_sub(call.asked) >= self.settings.gives_up()
    }

    fn call(
        &mut self,
        key: u64,
        parts: Vec<(String, String)>,
        terms: Terms,
        hits: u32,
        now: Nanos,
    ) {
        let name = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let mut entries = vec![name("policy", &self.policy), name("limit", &self.limit)];
        entries.extend(parts);
        let message = wire::request(&self.settings.domain, entries, terms, hits);
        let asked = now.max(1);
        let call = Call {
            key,
            terms,
            hits,
            asked,
        };
        self.queue.push_back((call, message));
    }
}

impl Held {
    fn new(terms: Terms) -> Self {
        Self {
            terms,
            tokens: 0,
            until: 0,
            ahead: 0,
            used: true,
            no: GlobalTaken::Lost,
            no_cost: 0,
            no_until: 0,
        }
    }

    /// What becomes of a request, by what the stock gave.
    fn got(&mut self, got: Got, cost: u32, now: Nanos, tick: Nanos) -> GlobalTaken {
        let pause = now.saturating_add(PAUSE);
        (self.no, self.no_until) = match got {
            Got::Granted { ahead, until } => {
                (self.tokens, self.until) = (ahead, until);
                return GlobalTaken::Granted;
            }
            Got::Refused { until } => (GlobalTaken::Refused { after: 0 }, until),
            Got::Due => (GlobalTaken::Refused { after: tick }, pause),
            Got::Lost => (GlobalTaken::Lost, pause),
        };
        self.no_cost = cost;
        self.no(now)
    }

    fn no(&self, now: Nanos) -> GlobalTaken {
        match self.no {
            GlobalTaken::Refused { after: tick } => GlobalTaken::Refused {
                after: self.no_until.saturating_sub(now).max(tick),
            },
            no => no,
        }
    }
}

#[cfg(test)]
impl Stocks {
    /// What a key's stock has: what is left, that and what is held of it, and what is owed.
    pub(super) fn stock(&self, key: u64, now: Nanos, store: &dyn Store) -> (u32, u32, u32) {
        let stock = self.sets.change(store, key, now, |stock: &mut Stock, _| {
            let (tokens, owed) = stock.tokens_and_owed();
            (tokens, stock.have(), owed)
        });
        stock.unwrap()
    }

    /// What this worker holds of it.
    pub(super) fn holds(&self, key: u64, now: Nanos) -> u32 {
        let held = self.held.get(&key).filter(|held| held.until > now);
        held.map_or(0, |held| held.tokens)
    }
}
