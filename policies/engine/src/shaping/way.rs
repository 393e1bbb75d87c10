//! A request on its way past all that shapes, in this order.

use super::concurrency::Begin;
use super::counter::{Counted, From, Means, Wanted};
use super::counts::Outcome;
use super::deadline::{Said, TimeLeft, clip};
use super::fault::{Abortion, Suffers};
use super::limits::{Limit, Nanos, Written, beside};
use super::request::{Asked, Begun, Now, Pass, Refusal, Shadowed, Told};
use super::retries::Attempt;
use super::set::{CriticalityRule, ItemId, ShapingSet, SplitRule, Sticky};
use super::told::{Fields, retry_after};
use super::worker::Worker;
use crate::Truth;
use crate::cookie::cookie;
use crate::decision::Reason;
use crate::policy_set::Clause;
use crate::shared::Store;
use landbridge_model::{CriticalityLevel, Enforcement, LimitHeaders};
use std::borrow::Cow;

/// The header that routes choose a backend by.
const BACKEND: &str = "x-landbridge-backend";
/// Envoy's header by which a request says how often the proxy may try it again at most.
const MAX_RETRIES: &str = "x-envoy-max-retries";
const TIMEOUT: &str = "x-envoy-upstream-rq-timeout-ms";
/// Envoy tries nothing again that has this.
const RATELIMITED: (&str, &str) = ("x-envoy-ratelimited", "true");
/// What a request has taken so far.
#[derive(Clone, Copy)]
struct Took {
    limit: usize,
    wanted: Wanted,
    from: From,
}

/// A request on its way past all that shapes.
pub(super) struct Way<'w, 'a> {
    worker: &'w mut Worker,
    set: &'a ShapingSet,
    asked: &'a Asked<'a>,
    now: Now,
    store: &'a dyn Store,
    took: Vec<Took>,
    told: Told,
    pass: Pass,
}

impl<'w, 'a> Way<'w, 'a> {
    pub(super) fn new(
        worker: &'w mut Worker,
        set: &'a ShapingSet,
        asked: &'a Asked<'a>,
        now: Now,
        store: &'a dyn Store,
    ) -> Self {
        Self {
            worker,
            set,
            asked,
            now,
            store,
            took: Vec::new(),
            told: Told {
                source: asked.source(),
                displaced: asked.displaced,
                ..Told::default()
            },
            pass: Pass::default(),
        }
    }

    /// To its end, or to what refuses it.
    pub(super) fn go(mut self) -> Begun {
        match self.pass_all() {
            Ok(()) => {
                self.pass.run.told = self.told;
                Begun::Passed(Box::new(self.pass))
            }
            Err(mut refusal) => {
                // A request that is refused takes nothing.
                self.undo_from(0);
                refusal.told = Told {
                    refused: Some(Shadowed {
                        item: refusal.item,
                        reason: refusal.reason,
                    }),
                    ..self.told
                };
                Begun::Refused(refusal)
            }
        }
    }

    fn pass_all(&mut self) -> Result<(), Box<Refusal>> {
        let level = self.level();
        self.deadlines()?;
        self.retries()?;
        self.faults()?;
        self.limits()?;
        self.concurrency(level)?;
        self.split();
        Ok(())
    }

    fn count(&mut self, item: ItemId, outcome: Outcome) {
        self.worker.counts.add(item, self.told.source, outcome);
    }

    /// Counts what is refused; whether it is.
    fn refuses(&mut self, item: ItemId, mode: Enforcement, reason: Reason) -> bool {
        match mode {
            Enforcement::Enforce => {
                self.count(item, Outcome::Refused);
                true
            }
            Enforcement::Shadow => {
                self.count(item, Outcome::WouldRefuse);
                self.told.shadow.get_or_insert(Shadowed { item, reason });
                false
            }
        }
    }

    /// How critical it is, where that matters; whoever comes next is told.
    fn level(&mut self) -> CriticalityLevel {
        let Some(CriticalityRule { settings, claims }) = &self.set.criticality else {
            return CriticalityLevel::Critical;
        };
        let facts = self.asked.facts;
        let is_from =
            |clause: &Clause| facts.is_some_and(|facts| clause.holds(facts) == Truth::Yes);
        let claim = claims.iter().find(|(from, _)| from.iter().any(is_from));
        let most = claim.map_or(settings.otherwise, |(_, most)| *most);
        let claimed = self.asked.header(&settings.header);
        let level = settings.level(claimed, most);
        if claimed != Some(level.as_str().as_bytes()) {
            let name = settings.header.to_string();
            self.pass.set.push((name.into(), level.as_str().to_owned()));
        }
        self.told.level = Some(level);
        level
    }

    fn deadlines(&mut self) -> Result<(), Box<Refusal>> {
        let asked = self.asked;
        if self.set.deadlines.is_empty() {
            return Ok(());
        }
        let mut timeout = asked.header(TIMEOUT).map(<[u8]>::to_vec);
        for rule in &self.set.deadlines {
            if !rule.selection.may_have(asked.facts) {
                continue;
            }
            let said = Said {
                grpc_timeout: asked.header("grpc-timeout"),
                expected: asked.header("x-envoy-expected-rq-timeout-ms"),
                deadline: asked.header(&rule.settings.header),
            };
            match rule.settings.left(&said, self.now.wall) {
                TimeLeft::Unbounded => self.count(rule.item, Outcome::Allowed),
                TimeLeft::Expired => {
                    let reason = Reason::DeadlineExpired;
                    if self.refuses(rule.item, rule.mode, reason) {
                        return Err(refusal(rule.item, reason, 504, 4));
                    }
                }
                TimeLeft::Left(left) => {
                    self.count(rule.item, Outcome::Allowed);
                    if rule.mode == Enforcement::Shadow {
                        continue;
                    }
                    let clipped = clip(left, timeout.as_deref(), self.now.wall);
                    let set = &mut self.pass.set;
                    timeout = Some(clipped.timeout_ms.clone().into_bytes());
                    set.push((TIMEOUT.into(), clipped.timeout_ms));
                    if asked.is_grpc {
                        set.push(("grpc-timeout".into(), clipped.grpc_timeout));
                    }
                    set.push((rule.settings.header.to_string().into(), clipped.deadline));
                }
            }
        }
        Ok(())
    }

    fn retries(&mut self) -> Result<(), Box<Refusal>> {
        let asked = self.asked;
        for (index, rule) in self.set.retries.iter().enumerate() {
            if !rule.selection.may_have(asked.facts) {
                continue;
            }
            let attempt = Attempt {
                envoy: asked.header("x-envoy-attempt-count"),
                grpc: asked.header("grpc-previous-rpc-attempts"),
                marked: (rule.settings.header.as_ref())
                    .is_some_and(|name| asked.header(name).is_some()),
            };
            let host = asked.header(":authority").unwrap_or_default();
            let host = String::from_utf8_lossy(host).to_ascii_lowercase();
            let now = self.now.millis();
            let Some(budgets) = self.worker.retries.get_mut(index) else {
                continue;
            };
            let goes_on = budgets.begin(&host, attempt.is_retry(), now);
            let may_retry = budgets.may_envoy_retry(&host, now);
            if goes_on {
                self.count(rule.item, Outcome::Allowed);
            } else {
                let reason = Reason::RetryBudgetSpent;
                if self.refuses(rule.item, rule.mode, reason) {
                    // Who tried again once would not stop at 503.
                    let mut refused = refusal(rule.item, reason, 429, 8);
                    let (name, value) = RATELIMITED;
                    refused.headers.push((name.into(), value.to_owned()));
                    return Err(refused);
                }
            }
            if !may_retry && rule.mode == Enforcement::Enforce {
                self.pass.set.push((MAX_RETRIES.into(), "0".to_owned()));
            }
            self.pass.run.budgets.push(index);
            self.pass.run.host = host.into();
        }
        Ok(())
    }

    fn faults(&mut self) -> Result<(), Box<Refusal>> {
        for (index, rule) in self.set.faults.iter().enumerate() {
            // Surely one of them, and surely trusted: what cannot be known does not suffer.
            if !self.asked.trusted || !rule.selection.has(self.asked.facts) {
                continue;
            }
            let Some(faults) = self.worker.faults.get_mut(index) else {
                continue;
            };
            let Suffers { delay, abort } = faults.draw();
            if delay.is_none() && abort.is_none() {
                self.count(rule.item, Outcome::Allowed);
                continue;
            }
            if !self.refuses(rule.item, rule.mode, Reason::Fault) {
                continue;
            }
            self.pass.delay = self.pass.delay.max(delay);
            match (self.pass.delay, abort) {
                (
                    None,
                    Some(Abortion {
                        status,
                        grpc_status,
                    }),
                ) => {
                    return Err(refusal(rule.item, Reason::Fault, status, grpc_status));
                }
                (Some(_), Some(abort)) => self.pass.abort = Some(abort),
                (_, None) => {}
            }
        }
        Ok(())
    }

    fn limits(&mut self) -> Result<(), Box<Refusal>> {
        let (set, asked) = (self.set, self.asked);
        let mut fields = Fields::new();
        for (index, limit) in set.limits.iter().enumerate() {
            let seed = self.worker.seed;
            let counted = limit.count(asked.facts, asked.headers, &set.places, seed);
            let Some(counted) = counted else {
                continue;
            };
            let (item, written) = (ItemId(limit.item), counted.written);
            let whole = (counted.key, written.rate, written.allowance, false);
            let displaced = written.displaced.filter(|_| asked.displaced);
            let part = displaced.map(|(rate, part)| (beside(counted.key), rate, part, true));
            let (mut left, mut refused) = (Some(u32::MAX), None);
            let before = self.took.len();
            for (key, rate, allowance, displaced) in part.into_iter().chain([whole]) {
                let wanted = Wanted {
                    key,
                    rate,
                    allowance,
                    fraction: limit.fraction,
                    cost: counted.cost.min(allowance.burst()),
                };
                let entries = || entries(limit, &counted.values, displaced);
                match self.take(index, wanted, &entries) {
                    Counted::Within(from, more) => {
                        left = left.zip(more).map(|(left, more)| left.min(more));
                        self.took.push(Took {
                            limit: index,
                            wanted,
                            from,
                        });
                    }
                    Counted::Beyond { after } => refused = Some((Reason::RateLimited, after)),
                    Counted::Lost => refused = Some((Reason::StoreLost, 0)),
                }
                if refused.is_some() {
                    break;
                }
            }
            let name = set.item(item).map_or("", |item| &*item.name);
            let Some((reason, after)) = refused else {
                self.count(item, Outcome::Allowed);
                if let Some(left) = left.filter(|_| limit.headers == LimitHeaders::Always) {
                    let used = written.allowance.burst().saturating_sub(left);
                    fields.add(name, &written, left, written.allowance.time(used));
                }
                continue;
            };
            if !self.refuses(item, limit.mode, reason) {
                self.undo_from(before);
                continue;
            }
            return Err(limited(limit, name, &written, reason, after));
        }
        self.pass.told.extend(fields.into_headers());
        Ok(())
    }

    fn take(
        &mut self,
        limit: usize,
        wanted: Wanted,
        entries: &dyn Fn() -> Vec<(String, String)>,
    ) -> Counted {
        let mut means = Means {
            now: self.now.steady,
            health: &mut self.worker.health,
            store: self.store,
        };
        match self.worker.counters.get_mut(limit) {
            Some(counter) => counter.take(wanted, entries, &mut means),
            None => Counted::Lost,
        }
    }

    fn concurrency(&mut self, level: CriticalityLevel) -> Result<(), Box<Refusal>> {
        for (index, rule) in self.set.concurrency.iter().enumerate() {
            if !rule.selection.may_have(self.asked.facts) {
                continue;
            }
            let Some(concurrency) = self.worker.concurrency.get_mut(index) else {
                continue;
            };
            let begun = concurrency.try_begin(level, self.now.millis(), self.store);
            match begun {
                Begin::Admitted(ticket) => {
                    if ticket.is_over() {
                        self.refuses(rule.item, Enforcement::Shadow, Reason::Shed);
                    } else {
                        self.count(rule.item, Outcome::Allowed);
                    }
                    self.pass.run.tickets.push((index, ticket));
                }
                Begin::Shed => {
                    self.refuses(rule.item, Enforcement::Enforce, Reason::Shed);
                    return Err(refusal(rule.item, Reason::Shed, 503, 14));
                }
            }
        }
        Ok(())
    }

    /// Where a share of the requests goes: the first split in force that it is one of decides.
    fn split(&mut self) {
        let asked = self.asked;
        for (index, rule) in self.set.splits.iter().enumerate() {
            if !rule.selection.may_have(asked.facts) {
                continue;
            }
            let (chosen, fresh) = self.backend(index, &rule.settings);
            let Some(backend) = chosen else {
                continue;
            };
            self.count(rule.item, Outcome::Backend(backend));
            if rule.mode == Enforcement::Shadow {
                continue;
            }
            let name = rule.settings.shares.name(backend).unwrap_or_default();
            self.pass.set.push((BACKEND.into(), name.to_owned()));
            self.told.backend = Some((rule.item, backend));
            if let (Some(value), Sticky::Cookie(name, seconds)) = (fresh, &rule.settings.sticky) {
                let age = seconds.map_or(String::new(), |s| format!("; Max-Age={s}"));
                let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}");
                self.pass.told.push(("set-cookie".into(), cookie));
            }
            return;
        }
    }

    /// The backend, and the value of the cookie that keeps its caller there, where it has none.
    fn backend(&mut self, index: usize, rule: &SplitRule) -> (Option<usize>, Option<String>) {
        let (asked, now) = (self.asked, self.now.wall);
        let mut overrides = rule.overrides.iter();
        if let Some((_, backend)) = overrides.find(|(of, _)| of.has(asked.facts)) {
            return (Some(*backend), None);
        }
        let Some(draws) = self.worker.splits.get_mut(index) else {
            return (None, None);
        };
        let key = match &rule.sticky {
            Sticky::Nothing => None,
            Sticky::Header(name) => asked.header(name.as_str()),
            Sticky::Cookie(name, _) => cookie(asked.headers, name.as_str()),
            Sticky::Principal => {
                let principal = asked.facts.and_then(|facts| facts.caller().principal());
                principal.map(str::as_bytes)
            }
        };
        match (key, &rule.sticky) {
            (Some(key), _) => (rule.shares.by_key(key, now), None),
            (None, Sticky::Cookie(..)) => {
                let fresh = draws.fresh();
                (rule.shares.by_key(fresh.as_bytes(), now), Some(fresh))
            }
            (None, _) => (draws.draw(&rule.shares, now), None),
        }
    }

    /// Gives back what was taken from there on.
    fn undo_from(&mut self, first: usize) {
        for took in self.took.drain(first.min(self.took.len())..) {
            if let Some(counter) = self.worker.counters.get_mut(took.limit) {
                counter.undo(took.wanted, took.from, self.now.steady, self.store);
            }
        }
    }
}

/// What a rate-limit service is told of a key.
fn entries(limit: &Limit, values: &[Cow<'_, str>], displaced: bool) -> Vec<(String, String)> {
    let parts = limit.key.names().zip(values);
    let mut entries: Vec<(String, String)> = parts
        .map(|(name, value)| (name.to_owned(), value.replace('\0', "")))
        .collect();
    if displaced {
        entries.push(("displaced".to_owned(), "true".to_owned()));
    }
    entries
}

fn refusal(item: ItemId, reason: Reason, status: u16, grpc_status: u32) -> Box<Refusal> {
    Box::new(Refusal {
        item,
        reason,
        status,
        grpc_status,
        headers: Vec::new(),
        told: Told::default(),
    })
}

/// A refusal by a rate limit.
fn limited(
    limit: &Limit,
    name: &str,
    written: &Written,
    reason: Reason,
    after: Nanos,
) -> Box<Refusal> {
    let mut refused = refusal(ItemId(limit.item), reason, 429, 8);
    let (ratelimited, value) = RATELIMITED;
    refused.headers.push((ratelimited.into(), value.to_owned()));
    refused.headers.push(retry_after(after));
    if limit.headers != LimitHeaders::Never {
        let mut fields = Fields::new();
        fields.add(name, written, 0, after);
        refused.headers.extend(fields.into_headers());
    }
    refused
}
