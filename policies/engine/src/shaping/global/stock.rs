//! What all workers of a proxy have of one key: its stock, its credit, and the call that is out.

use super::settings::Settings;
use super::terms::Terms;
use super::wire::{Answer, Left};
use crate::shaping::limits::{Count, Nanos};
use serde::{Deserialize, Serialize};

/// The longest that an answer refuses for: a service may err, or its limits may change.
const LONGEST: Nanos = 1_000_000_000;

/// What one worker took in advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Holding {
    worker: u32,
    count: u32,
    until: Nanos,
}

/// What all workers of a proxy have of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stock {
    /// Whether it is in use: one that is not has only what one that was forgotten left it.
    known: bool,
    /// When it was last looked at.
    seen: Nanos,
    /// What is left, beside what workers hold; and until when it is good.
    tokens: u32,
    until: Nanos,
    held: Vec<Holding>,
    /// What went on by credit and is not paid for.
    owed: u32,
    /// When the rate would have paid for it.
    owed_until: Nanos,
    /// How many were wanted since then, and in a lease before that.
    used: u32,
    since: Nanos,
    demand: u32,
    /// When the call went out that is out; 0 where none is.
    asked: Nanos,
    /// How long the last one took.
    took: Nanos,
    /// Whether the last one failed.
    failed: bool,
    /// Until when the service grants nothing.
    refused: Nanos,
    /// The most to ask for, as far as is known, and until when; 0 where nothing is known.
    most: u32,
    most_until: Nanos,
}

impl Count for Stock {
    fn weight(&self, _: u64) -> Option<u64> {
        // What it has, it loses; the service's grant is then not used.
        Some(self.seen.max(self.until).max(self.owed_until))
    }

    fn forget(&self, floor: &mut Self) {
        floor.owed_until = floor.owed_until.max(self.owed_until);
    }
}

/// A worker that asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub(super) worker: u32,
    pub(super) terms: Terms,
    /// What the request costs.
    pub(super) cost: u32,
    /// What the worker still holds toward that, and until when it is good.
    pub(super) unused: u32,
    pub(super) good: Nanos,
    /// How many it would take beside, in advance.
    pub(super) ahead: u32,
    /// Whether the service is lost.
    pub(super) lost: bool,
    pub(super) now: Nanos,
}

/// What it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// What it needs, and some in advance that are good until then.
    Granted { ahead: u32, until: Nanos },
    /// The service grants nothing until then.
    Refused { until: Nanos },
    /// There is no credit left, and the answer is due.
    Due,
    /// There is no credit left, and nobody answers.
    Lost,
}

impl Stock {
    /// Takes what a request costs. `may_ask` says whether a call can go out, where one is wanted;
    /// the second result is how many it is to ask for.
    pub(super) fn take(
        &mut self,
        ask: &Ask,
        settings: &Settings,
        may_ask: &mut dyn FnMut() -> bool,
    ) -> (Got, Option<u32>) {
        let Ask { terms, now, .. } = *ask;
        let credit = terms.credit(settings.lease, ask.cost);
        self.settle(terms, credit, now);
        self.held.retain(|h| h.worker != ask.worker);
        let out = now.saturating_sub(self.asked);
        if self.asked > 0 && out >= settings.gives_up() {
            (self.asked, self.failed) = (0, true);
        }
        let overdue = self.asked > 0 && out > settings.lease;
        let needed = ask.cost.saturating_sub(ask.unused);
        let owed = self.owed.saturating_add(needed.saturating_sub(self.tokens));
        let got = if needed <= self.tokens {
            self.tokens = self.tokens.saturating_sub(needed);
            // The others need some too.
            let ahead = ask.ahead.min(self.tokens / 4);
            self.tokens = self.tokens.saturating_sub(ahead);
            let until = self.until;
            self.hold(ask.worker, ahead, until);
            self.count(needed.saturating_add(ahead), settings, now);
            Got::Granted { ahead, until }
        } else {
            self.count(needed, settings, now);
            if self.refused <= now && owed <= credit {
                (self.tokens, self.owed) = (0, owed);
                Got::Granted { ahead: 0, until: 0 }
            } else {
                self.hold(ask.worker, ask.unused, ask.good);
                if self.refused > now {
                    Got::Refused {
                        until: self.refused,
                    }
                } else if ask.lost || self.failed || overdue {
                    Got::Lost
                } else {
                    Got::Due
                }
            }
        };
        let hits = self.wanted(terms, ask.cost, settings, now);
        let hits = hits.filter(|_| may_ask());
        if hits.is_some() {
            self.asked = now.max(1);
        }
        self.owe(terms, now);
        (got, hits)
    }

    /// Takes back what a worker has no use for.
    pub(super) fn give_back(
        &mut self,
        worker: u32,
        count: u32,
        terms: Terms,
        lease: Nanos,
        now: Nanos,
    ) {
        self.settle(terms, terms.credit(lease, 1), now);
        let held = self.held.iter().find(|h| h.worker == worker);
        // What was good until now was written off.
        let count = held.map_or(0, |h| h.count.min(count));
        self.held.retain(|h| h.worker != worker);
        if self.until > now {
            self.tokens = self.tokens.saturating_add(count);
        }
        self.used = self.used.saturating_sub(count);
    }

    /// Takes back what was taken for a request that did not go on.
    pub(super) fn undo(&mut self, cost: u32, terms: Terms, lease: Nanos, now: Nanos) {
        self.settle(terms, terms.credit(lease, cost), now);
        let rest = cost.saturating_sub(self.owed);
        self.owed = self.owed.saturating_sub(cost);
        if self.until > now {
            let room = terms.stock(lease).saturating_sub(self.have());
            self.tokens = self.tokens.saturating_add(rest.min(room));
        }
        self.used = self.used.saturating_sub(cost);
        self.owe(terms, now);
    }

    /// The call that went out at `asked` for so many hits was answered; `None`, where it failed.
    pub(super) fn answered(
        &mut self,
        asked: Nanos,
        hits: u32,
        answer: Option<Answer>,
        terms: Terms,
        settings: &Settings,
        now: Nanos,
    ) {
        // Another call is out by now, or the key was forgotten: what this one got is lost.
        if !self.known || self.asked != asked {
            return;
        }
        self.settle(terms, 0, now);
        self.asked = 0;
        self.failed = answer.is_none();
        match answer {
            None => return,
            Some(Answer::Granted(left)) => {
                let rest = hits.saturating_sub(self.owed);
                self.owed = self.owed.saturating_sub(hits);
                let room = terms.stock(settings.lease).saturating_sub(self.have());
                self.tokens = self.tokens.saturating_add(rest.min(room));
                let good = settings.lease.saturating_mul(2);
                let good = good.min(left.reset.unwrap_or(good)).max(settings.tick);
                self.until = now.saturating_add(good);
                match left.remaining {
                    Some(remaining) => self.learn(remaining, left, settings, now),
                    None => self.most = self.most.saturating_mul(2),
                }
            }
            Some(Answer::Over(left)) => {
                // It cannot both be left and not be granted.
                let remaining = left.remaining.filter(|remaining| *remaining < hits);
                self.learn(remaining.unwrap_or(hits / 2), left, settings, now);
            }
        }
        self.took = now.saturating_sub(asked);
        self.owe(terms, now);
    }

    /// Learns how many to ask for at the most. Where it is none, the service is not asked for a
    /// while: until its window ends; or, where it does not say when, for a lease.
    fn learn(&mut self, most: u32, left: Left, settings: &Settings, now: Nanos) {
        self.most = most;
        let reset = left.reset.map(|reset| now.saturating_add(reset));
        self.most_until = reset.unwrap_or(Nanos::MAX);
        if most == 0 {
            let wait = left.reset.unwrap_or(settings.lease);
            let wait = wait.min(LONGEST).max(settings.tick);
            self.refused = now.saturating_add(wait);
        }
    }

    /// How many to ask for now, if any.
    fn wanted(&self, terms: Terms, cost: u32, settings: &Settings, now: Nanos) -> Option<u32> {
        if self.asked > 0 || self.refused > now {
            return None;
        }
        // The request itself says nothing of what will come.
        let demand = self.demand.max(self.used.saturating_sub(cost));
        let target = demand.min(terms.stock(settings.lease));
        let have = self.have();
        let more = target.saturating_sub(have);
        let until_then = self.took.saturating_add(settings.tick);
        let low = share(target, until_then, settings.lease).clamp(1, target.max(1));
        if self.owed == 0 && (more == 0 || have >= low) {
            return None;
        }
        let most = match self.most {
            most if most > 0 && now < self.most_until => most.min(terms.per_unit),
            _ => terms.per_unit,
        };
        Some(self.owed.saturating_add(more).min(most))
    }

    /// What is good: what is left, and what workers hold.
    pub(super) fn have(&self) -> u32 {
        let held = self.held.iter().map(|h| h.count);
        held.fold(self.tokens, u32::saturating_add)
    }

    /// Forgets what is not good any more. One that was not in use owes what was owed before it.
    fn settle(&mut self, terms: Terms, credit: u32, now: Nanos) {
        if !self.known {
            self.known = true;
            self.since = now;
            let owed = self.owed_until.saturating_sub(now);
            let owed = owed.div_ceil(terms.interval.max(1));
            self.owed = u32::try_from(owed).unwrap_or(u32::MAX).min(credit);
        }
        self.seen = now;
        if self.until <= now {
            self.tokens = 0;
        }
        self.held.retain(|h| h.until > now);
    }

    /// Counts what is wanted.
    fn count(&mut self, wanted: u32, settings: &Settings, now: Nanos) {
        let elapsed = now.saturating_sub(self.since);
        if elapsed >= settings.lease {
            self.demand = share(self.used, settings.lease, elapsed);
            self.used = 0;
            self.since = now;
        }
        self.used = self.used.saturating_add(wanted);
    }

    fn owe(&mut self, terms: Terms, now: Nanos) {
        self.owed_until = match self.owed {
            0 => 0,
            owed => now.saturating_add(terms.time(owed)),
        };
    }

    fn hold(&mut self, worker: u32, count: u32, until: Nanos) {
        if count > 0 {
            self.held.push(Holding {
                worker,
                count,
                until,
            });
        }
    }
}

/// `count * part / whole`, rounded down.
fn share(count: u32, part: Nanos, whole: Nanos) -> u32 {
    let product = u128::from(count).saturating_mul(u128::from(part));
    let share = product.checked_div(u128::from(whole)).unwrap_or(u128::MAX);
    u32::try_from(share).unwrap_or(u32::MAX)
}

#[cfg(test)]
impl Stock {
    /// What is left, and what is owed.
    pub(super) fn tokens_and_owed(&self) -> (u32, u32) {
        (self.tokens, self.owed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shaping::global::wire::Left;
    use landbridge_model::Rate;

    #[test]
    fn an_answer_to_a_call_that_was_given_up_is_lost() {
        let settings = Settings {
            service: "s".into(),
            domain: "d".into(),
            lease: 200,
            timeout: 500,
            tick: 50,
        };
        let terms = Terms::new(Rate::parse("100/s").unwrap());
        let mut stock = Stock::default();
        let ask = |stock: &mut Stock, now| {
            let ask = Ask {
                worker: 1,
                terms,
                cost: 1,
                unused: 0,
                good: 0,
                ahead: 0,
                lost: false,
                now,
            };
            stock.take(&ask, &settings, &mut || true)
        };
        let granted = Got::Granted { ahead: 0, until: 0 };
        assert_eq!(ask(&mut stock, 1000), (granted, Some(1)));
        assert_eq!(ask(&mut stock, 1599).1, None);
        // The rate is of seconds, and these are nanoseconds: one is all the credit.
        assert_eq!(ask(&mut stock, 1600), (Got::Lost, Some(2)));
        let left = Left {
            remaining: None,
            reset: None,
        };
        let answer = Some(Answer::Granted(left));
        stock.answered(1000, 1, answer, terms, &settings, 1601);
        assert_eq!((stock.asked, stock.owed), (1600, 1));
        stock.answered(1600, 2, answer, terms, &settings, 1602);
        assert_eq!((stock.asked, stock.owed), (0, 0));
    }
}
