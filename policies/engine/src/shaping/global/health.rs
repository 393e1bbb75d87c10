//! Whether the service can be asked.

use super::settings::Settings;
use crate::draw::Draws;
use crate::shaping::limits::Nanos;
use crate::shared::{Store, read, update};
use serde::{Deserialize, Serialize};

/// What precedes the shared key.
const PREFIX: &str = "landbridge.shaping.ratelimit.health.";
/// How often one that is lost is asked, at least; and how much sooner it may be.
const PROBE: Nanos = 1_000_000_000;
const JITTER: u64 = 250_000_000;

/// What all workers know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// When a call failed, if none was answered since; 0, if one was.
    failed: Nanos,
    /// When it may be asked next while it is lost.
    probe: Nanos,
}

/// What one worker knows of a service. It is lost from the first call that failed, until one is
/// answered. While it is lost, each proxy asks it about once a second.
#[derive(Debug)]
pub(crate) struct Health {
    key: Box<str>,
    known: Known,
    /// When it last answered this worker.
    answered: Nanos,
    draws: Draws,
}

impl Health {
    /// That of a service.
    pub(crate) fn new(settings: &Settings, worker: u32) -> Self {
        let key = format!("{PREFIX}{}", settings.service);
        Self {
            draws: Draws::of(format!("{key}.{worker}").as_bytes()),
            key: key.into(),
            known: Known::default(),
            answered: 0,
        }
    }

    /// Whether it cannot be asked.
    pub(crate) fn is_lost(&self) -> bool {
        self.known.failed > 0
    }

    /// Learns what other workers know.
    pub(crate) fn tick(&mut self, now: Nanos, store: &dyn Store) {
        self.known = read(store, &self.key).0.unwrap_or_default();
        if self.known.failed > 0 && self.known.failed < self.answered {
            self.answered(now, store);
        }
    }

    /// It answered.
    pub(super) fn answered(&mut self, now: Nanos, store: &dyn Store) {
        self.answered = self.answered.max(now);
        if self.is_lost() {
            self.known.failed = 0;
            let _ = update(store, &self.key, |known: Option<&Known>| {
                let known = known.filter(|known| known.failed > 0)?;
                Some(Known {
                    failed: 0,
                    ..*known
                })
            });
        }
    }

    /// A call failed.
    pub(super) fn failed(&mut self, now: Nanos, store: &dyn Store) {
        if !self.is_lost() {
            let next = self.next(now);
            self.change(store, |known| {
                (known.failed == 0).then_some(Known {
                    failed: now,
                    probe: next,
                })
            });
        }
    }

    /// Whether a call may go out now: of all workers of a proxy, one may while it is lost.
    pub(super) fn may_ask(&mut self, now: Nanos, store: &dyn Store) -> bool {
        if !self.is_lost() {
            return true;
        }
        if now < self.known.probe {
            return false;
        }
        let next = self.next(now);
        self.change(store, |known| {
            (now >= known.probe).then_some(Known {
                probe: next,
                ..*known
            })
        })
    }

    fn next(&mut self, now: Nanos) -> Nanos {
        let early = u64::from(self.draws.next()).wrapping_rem(JITTER);
        now.saturating_add(PROBE.saturating_sub(early))
    }

    /// Changes what all know, and learns it; whether it was changed.
    fn change(&mut self, store: &dyn Store, change: impl Fn(&Known) -> Option<Known>) -> bool {
        let changed = update(store, &self.key, |known: Option<&Known>| {
            change(&known.copied().unwrap_or_default())
        });
        if let Some((Some(known), _)) = changed {
            self.known = known;
        }
        changed.is_some_and(|(_, changed)| changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Memory;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn one_worker_asks_while_it_is_lost() {
        let settings = Settings {
            service: "s".into(),
            domain: "d".into(),
            lease: 1,
            timeout: 1,
            tick: 1,
        };
        let store = Memory::default();
        let mut workers: Vec<_> = (0..4).map(|w| Health::new(&settings, w)).collect();
        workers[0].failed(SECOND, &store);
        for worker in &mut workers {
            worker.tick(SECOND, &store);
            assert!(worker.is_lost() && !worker.may_ask(SECOND, &store));
        }
        let mut probes = 0;
        for milli in 0..10_000 {
            let now = SECOND + milli * 1_000_000;
            probes += workers
                .iter_mut()
                .filter_map(|w| w.may_ask(now, &store).then_some(1))
                .sum::<u32>();
        }
        assert!((9..=13).contains(&probes), "{probes}");
        workers[3].answered(12 * SECOND, &store);
        for worker in &mut workers {
            worker.tick(12 * SECOND, &store);
            assert!(!worker.is_lost() && worker.may_ask(12 * SECOND, &store));
        }
    }

    #[test]
    fn who_was_answered_later_than_another_failed_knows_better() {
        let settings = Settings {
            service: "s".into(),
            domain: "d".into(),
            lease: 1,
            timeout: 1,
            tick: 1,
        };
        let store = Memory::default();
        let (mut one, mut other) = (Health::new(&settings, 1), Health::new(&settings, 2));
        one.failed(5, &store);
        other.answered(6, &store);
        other.tick(7, &store);
        one.tick(8, &store);
        assert!(!one.is_lost() && !other.is_lost());
    }
}
