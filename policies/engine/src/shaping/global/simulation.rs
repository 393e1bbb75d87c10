//! Proxies, their workers and a service, in a time that tests make pass.

#![expect(clippy::arithmetic_side_effects, reason = "a test fails loudly")]

use super::wire::{OK, OVER_LIMIT, Request, Reset, Response, Status};
use super::{Failure, GlobalTaken, Health, Settings, Stocks, Terms};
use crate::shaping::limits::{Nanos, Sets};
use crate::shared::Memory;
use landbridge_model::Rate;
use prost::Message;
use std::collections::HashMap;
use std::rc::Rc;

pub(super) const MILLI: Nanos = 1_000_000;
pub(super) const SECOND: Nanos = 1_000 * MILLI;
pub(super) const TICK: Nanos = 50 * MILLI;
pub(super) const LATENCY: Nanos = 5 * MILLI;

/// How the service counts and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// All or nothing; it says what is left. Windows begin with the first hit.
    Telling,
    /// The same, but only yes or no, as Limitador's server.
    Terse,
    /// What is over the limit counts too; windows begin with the second. As Envoy's.
    Aligned,
}

/// What is the matter with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Well,
    Hangs,
    Fails,
    Babbles,
}

pub(super) struct Service {
    kind: Kind,
    pub(super) state: State,
    /// For each descriptor the window's begin, and what was taken in it.
    counts: HashMap<Vec<u8>, (Nanos, u64)>,
    /// When windows of the last key began.
    pub(super) windows: Vec<Nanos>,
    /// What was granted of each key, by its entry.
    pub(super) granted: HashMap<String, u64>,
    pub(super) calls: u64,
}

impl Service {
    fn answer(&mut self, message: &[u8], now: Nanos) -> Vec<u8> {
        let request = Request::decode(message).unwrap();
        let descriptor = request.descriptors.first().unwrap();
        let limit = descriptor.limit.unwrap();
        let most = u64::from(limit.requests_per_unit);
        let length = [0, SECOND, 60 * SECOND][limit.unit as usize];
        let hits = u64::from(request.hits_addend);
        assert!(hits > 0 && hits <= most, "{hits}");
        let count = self.counts.entry(descriptor.encode_to_vec()).or_default();
        if now >= count.0 + length {
            let begin = match self.kind {
                Kind::Aligned => now - now % length,
                _ => now,
            };
            *count = (begin, 0);
            self.windows.push(begin);
        }
        let granted = count.1 + hits <= most;
        if granted || self.kind == Kind::Aligned {
            count.1 += hits;
        }
        if granted {
            let key = &descriptor.entries.last().unwrap().value;
            *self.granted.entry(key.clone()).or_default() += hits;
        }
        let code = if granted { OK } else { OVER_LIMIT };
        let left = count.0 + length - now;
        let status = Status {
            code,
            limit_remaining: most.saturating_sub(count.1) as u32,
            duration_until_reset: Some(Reset {
                seconds: (left / SECOND) as i64,
                nanos: (left % SECOND) as i32,
            }),
        };
        let response = Response {
            overall_code: code,
            statuses: match self.kind {
                Kind::Terse => Vec::new(),
                _ => vec![status],
            },
        };
        response.encode_to_vec()
    }
}

pub(super) struct Proxy {
    pub(super) store: Memory,
    pub(super) workers: Vec<(Stocks, Health)>,
}

struct Event {
    at: Nanos,
    proxy: usize,
    worker: usize,
    id: u64,
    result: Result<Vec<u8>, Failure>,
}

pub(super) struct World {
    pub(super) settings: Rc<Settings>,
    pub(super) terms: Terms,
    pub(super) now: Nanos,
    pub(super) service: Service,
    pub(super) proxies: Vec<Proxy>,
    pub(super) latency: Nanos,
    events: Vec<Event>,
    /// When something went on.
    pub(super) went_on: Vec<Nanos>,
}

impl World {
    pub(super) fn new(rate: &str, kind: Kind, proxies: usize, workers: u32) -> Self {
        let settings = Rc::new(Settings {
            service: "ratelimit.test".into(),
            domain: "test".into(),
            lease: 200 * MILLI,
            timeout: 500 * MILLI,
            tick: TICK,
        });
        let worker = |worker| {
            let sets = Sets::new("global.", 1000);
            let stocks = Stocks::new(settings.clone(), "ns/p", "l", sets, worker);
            (stocks, Health::new(&settings, worker))
        };
        let proxy = |_| Proxy {
            store: Memory::default(),
            workers: (0..workers).map(worker).collect(),
        };
        Self {
            terms: Terms::new(Rate::parse(rate).unwrap()),
            now: 1_000 * SECOND + 137 * MILLI,
            service: Service {
                kind,
                state: State::Well,
                counts: HashMap::new(),
                windows: Vec::new(),
                granted: HashMap::new(),
                calls: 0,
            },
            proxies: (0..proxies).map(proxy).collect(),
            settings: settings.clone(),
            latency: LATENCY,
            events: Vec::new(),
            went_on: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, proxy: usize, worker: usize, key: u64, cost: u32) -> GlobalTaken {
        let entries = || vec![("key".to_owned(), key.to_string())];
        let proxy = &mut self.proxies[proxy];
        let (stocks, health) = &mut proxy.workers[worker];
        let taken = stocks.take(
            key,
            &entries,
            self.terms,
            cost,
            self.now,
            health,
            &proxy.store,
        );
        if taken == GlobalTaken::Granted {
            self.went_on.extend((0..cost).map(|_| self.now));
        }
        taken
    }

    /// What went on last did not.
    pub(super) fn undo(&mut self, proxy: usize, worker: usize, key: u64, cost: u32) {
        let proxy = &mut self.proxies[proxy];
        let (stocks, _) = &mut proxy.workers[worker];
        stocks.undo(key, self.terms, cost, self.now, &proxy.store);
        let left = self.went_on.len() - cost as usize;
        self.went_on.truncate(left);
    }

    /// A worker's tick: its calls go out.
    pub(super) fn tick(&mut self, p: usize, w: usize) {
        let proxy = &mut self.proxies[p];
        let (stocks, health) = &mut proxy.workers[w];
        health.tick(self.now, &proxy.store);
        stocks.tick(self.now, health, &proxy.store);
        for call in stocks.calls(self.now) {
            self.service.calls += 1;
            let (after, result) = match self.service.state {
                State::Well => {
                    let answer = self.service.answer(&call.message, self.now);
                    (self.latency, Ok(answer))
                }
                State::Hangs => (self.settings.timeout, Err(Failure::Timeout)),
                State::Fails => (self.latency, Err(Failure::Error)),
                State::Babbles => (self.latency, Ok(b"\x08\xff\xff".to_vec())),
            };
            self.events.push(Event {
                at: self.now + after,
                proxy: p,
                worker: w,
                id: call.id,
                result,
            });
        }
    }

    /// Time passes: ticks come, each worker's a little later than the last's, and answers.
    pub(super) fn pass(&mut self, time: Nanos) {
        let end = self.now + time;
        while self.now < end {
            let next = (self.now / MILLI + 1) * MILLI;
            self.now = next.min(end);
            self.deliver();
            if self.now == next {
                self.ticks();
            }
        }
    }

    fn ticks(&mut self) {
        for p in 0..self.proxies.len() {
            for w in 0..self.proxies[p].workers.len() {
                let phase = (p * 7 + w * 13) as u64 * MILLI;
                if (self.now + phase).is_multiple_of(TICK) {
                    self.tick(p, w);
                }
            }
        }
    }

    fn deliver(&mut self) {
        let now = self.now;
        let due: Vec<_> = self
            .events
            .extract_if(.., |event| event.at <= now)
            .collect();
        for event in due {
            let proxy = &mut self.proxies[event.proxy];
            let (stocks, health) = &mut proxy.workers[event.worker];
            let result = event.result.as_deref().map_err(|failure| *failure);
            stocks.answered(event.id, result, now, health, &proxy.store);
        }
    }

    /// So many requests a second come for a while, spread over all workers; counts what becomes of
    /// them: granted, refused, lost.
    pub(super) fn offer(&mut self, rate: u64, time: Nanos) -> [u64; 3] {
        let mut counts = [0; 3];
        let gap = SECOND / rate;
        for i in 0..time / gap {
            self.pass(gap);
            let p = (i % self.proxies.len() as u64) as usize;
            let w = (i / 3 % self.proxies[p].workers.len() as u64) as usize;
            match self.take(p, w, 7, 1) {
                GlobalTaken::Granted => counts[0] += 1,
                GlobalTaken::Refused { .. } => counts[1] += 1,
                GlobalTaken::Lost => counts[2] += 1,
            }
        }
        counts
    }

    /// The most that went on in a window of the service, and the most that may.
    pub(super) fn worst(&self) -> (u64, u64) {
        let mut windows = self.service.windows.clone();
        windows.push(Nanos::MAX);
        let within = |pair: &[Nanos]| {
            let within = |at: &&Nanos| (pair[0]..pair[1]).contains(*at);
            self.went_on.iter().filter(within).count() as u64
        };
        let worst = windows.windows(2).map(within).max().unwrap_or(0);
        let lease = self.settings.lease;
        let each = u64::from(self.terms.stock(lease)) + u64::from(self.terms.credit(lease, 1));
        let most = u64::from(self.terms.per_unit) + each * self.proxies.len() as u64;
        (worst, most)
    }

    /// How many calls are out or wait, of all workers; and how many keys are known.
    pub(super) fn calls_and_keys(&self) -> (usize, usize) {
        let workers = self.proxies.iter().flat_map(|proxy| &proxy.workers);
        workers.fold((0, 0), |(calls, keys), (stocks, _)| {
            let (more_keys, more_calls) = stocks.size();
            (calls + more_calls, keys + more_keys)
        })
    }
}
