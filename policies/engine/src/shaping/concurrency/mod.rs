//! How many requests may be under way at a time, over all workers of a proxy, and which are refused
//! where not all may.
//!
//! Three parts: the limit, fixed or found by [`gradient`]; the [`slots`], which keep all workers to
//! it together; and [`criticality`], by which the least critical are refused before the slots are
//! all taken.

mod criticality;
mod gradient;
mod histogram;
mod pool;
mod settings;
#[cfg(test)]
mod simulation;
mod slots;
#[cfg(test)]
mod slots_laws;

pub use criticality::CriticalitySettings;
pub use settings::{AdaptiveSettings, ConcurrencySettings, Limiting};
pub use slots::Carried;

use crate::draw::Draws;
use crate::quantity::Millis;
use crate::shared::{Store, read, update};
use gradient::{Counted, Gradient, Moment};
use landbridge_model::{CriticalityLevel, Enforcement};
use slots::{Slot, Slots};
use std::mem;
use std::rc::Rc;

/// What precedes every shared key.
const PREFIX: &str = "landbridge.shaping.concurrency.";

/// How a request ended, as far as the limit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// It was answered.
    Answered,
    /// It timed out, was reset, or the answer was that there is too much to do (503).
    Failed,
    /// The caller left, or it never went out: that says nothing.
    Left,
}

/// A request that is under way. Its slot is free again when this is dropped; so it must be kept
/// until the request ends, and is best given to [`Concurrency::done`].
#[derive(Debug)]
#[must_use = "a request whose ticket is dropped is over"]
pub struct Ticket(Option<Slot>);

impl Ticket {
    /// Whether it would have been shed, were the limit in force.
    pub fn is_over(&self) -> bool {
        self.0.is_none()
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Begin {
    /// It goes on.
    Admitted(Ticket),
    /// It is refused.
    Shed,
}

/// What one worker knows of one limit.
#[derive(Debug)]
pub struct Concurrency {
    settings: ConcurrencySettings,
    /// Where the adaptive limit is shared.
    key: String,
    limit: u32,
    /// The limit for critical requests: while the other is lowered to probe, they may not bear it.
    critical: u32,
    slots: Rc<Slots>,
    counted: Counted,
    draws: Draws,
}

impl Concurrency {
    /// The limit of this name, which no other of the proxy has.
    pub fn new(settings: ConcurrencySettings, name: &str, carried: &mut Carried) -> Self {
        let slots = carried.slots(&format!("{PREFIX}slots.{name}"));
        let limit = match settings.limit {
            Limiting::Fixed(limit) => limit,
            Limiting::Adaptive(adaptive) => {
                let last = slots.last_limit().unwrap_or(adaptive.initial);
                last.clamp(adaptive.min, adaptive.max)
            }
        };
        Self {
            settings,
            key: format!("{PREFIX}limit.{name}"),
            limit,
            critical: limit,
            slots,
            counted: Counted::default(),
            draws: Draws::of(&carried.worker().to_le_bytes()),
        }
    }

    /// Whether a request may go on. Time is in milliseconds of a clock that is never set back.
    pub fn try_begin(&mut self, level: CriticalityLevel, now: Millis, store: &dyn Store) -> Begin {
        let critical = level <= CriticalityLevel::Critical;
        let limit = if critical { self.critical } else { self.limit };
        let share = criticality::admitted(level, part(self.in_flight(), limit));
        let slot = match self.draws.within(share) {
            true => self.slots.take(limit, now, store),
            false => {
                self.slots.pass(limit, now, store);
                None
            }
        };
        if critical {
            let refused = u32::from(slot.is_none());
            self.counted.critical = self.counted.critical.saturating_add(1);
            self.counted.refused = self.counted.refused.saturating_add(refused);
        }
        self.counted.peak = self.counted.peak.max(self.in_flight());
        match (slot, self.settings.mode) {
            (None, Enforcement::Enforce) => Begin::Shed,
            (slot, _) => Begin::Admitted(Ticket(slot)),
        }
    }

    /// Counts how a request ended, and how long the answer took, in nanoseconds, where that was
    /// measured.
    pub fn done(
        &mut self,
        ticket: Ticket,
        nanos: Option<u64>,
        ended: Ended,
        now: Millis,
        store: &dyn Store,
    ) {
        // In shadow, one that would have been shed does not count: it would not have been there.
        if ticket.is_over() {
            return;
        }
        match (ended, nanos) {
            (Ended::Answered, Some(nanos)) => self.counted.samples.add(nanos.div_euclid(1000)),
            (Ended::Failed, _) => self.counted.failed = self.counted.failed.saturating_add(1),
            _ => {}
        }
        drop(ticket);
        self.slots.pass(self.critical, now, store);
    }

    /// Tells the other workers what was counted, learns the limit, and gives back the slots that
    /// are free. `now` is as for [`Concurrency::try_begin`], `wall` is in milliseconds since 1970:
    /// by that the proxies that send to one service agree on when to probe it.
    pub fn tick(&mut self, now: Millis, wall: Millis, store: &dyn Store) {
        if let Limiting::Adaptive(settings) = self.settings.limit {
            self.learn(&settings, Moment { now, wall }, store);
        }
        self.slots.tick(self.critical, now, store);
    }

    fn learn(&mut self, settings: &AdaptiveSettings, moment: Moment, store: &dyn Store) {
        let counted = mem::take(&mut self.counted);
        let known = if counted.is_empty() {
            let known = read::<Gradient>(store, &self.key).0;
            known.filter(|gradient| !gradient.is_due(&self.key, moment, settings))
        } else {
            None
        };
        let gradient = match known {
            Some(gradient) => Some(gradient),
            None => update(store, &self.key, |gradient: Option<&Gradient>| {
                let mut gradient = match gradient {
                    Some(gradient) => gradient.clone(),
                    None => Gradient::new(settings, moment.now),
                };
                gradient.merge(&counted, &self.key, moment, settings);
                Some(gradient)
            })
            .and_then(|(gradient, _)| gradient),
        };
        match gradient {
            Some(gradient) => (self.limit, self.critical) = gradient.limits(settings),
            // Others were quicker: it is told at the next tick.
            None => self.counted = counted,
        }
    }

    /// How many may be under way.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// How many are, at all workers, as far as this one knows; in shadow, of those that would be.
    pub fn in_flight(&self) -> u32 {
        self.slots.in_flight()
    }

    /// How much of the limit is under way, as a part of 1.
    pub fn utilisation(&self) -> f64 {
        part(self.in_flight(), self.limit)
    }
}

fn part(in_flight: u32, limit: u32) -> f64 {
    f64::from(in_flight) / f64::from(limit.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Memory;
    use landbridge_model::CriticalityLevel::CriticalPlus;

    fn limit(limit: u32, mode: Enforcement, carried: &mut Carried) -> Concurrency {
        let settings = ConcurrencySettings {
            mode,
            limit: Limiting::Fixed(limit),
        };
        Concurrency::new(settings, "limit", carried)
    }

    fn begin(limit: &mut Concurrency, store: &Memory) -> Option<Ticket> {
        match limit.try_begin(CriticalPlus, 1000, store) {
            Begin::Admitted(ticket) => Some(ticket),
            Begin::Shed => None,
        }
    }

    #[test]
    fn the_only_slot_is_whoevers_comes_next() {
        let store = Memory::default();
        let mut carried = [Carried::new(1), Carried::new(2)];
        let mut limits = carried
            .each_mut()
            .map(|carried| limit(1, Enforcement::Enforce, carried));
        // Within a tick, one worker after the other.
        for turn in 0..20 {
            let ticket = begin(&mut limits[turn % 2], &store).expect("it is free");
            assert!(begin(&mut limits[(turn + 1) % 2], &store).is_none());
            limits[turn % 2].done(ticket, Some(1), Ended::Answered, 1000, &store);
        }
    }

    #[test]
    fn in_shadow_all_go_on_and_what_would_be_shed_is_told() {
        let (store, mut carried) = (Memory::default(), Carried::new(1));
        let mut limit = limit(3, Enforcement::Shadow, &mut carried);
        let tickets: Vec<_> = (0..5).filter_map(|_| begin(&mut limit, &store)).collect();
        let over: Vec<_> = tickets.iter().map(Ticket::is_over).collect();
        assert_eq!(over, [false, false, false, true, true]);
        assert_eq!(limit.in_flight(), 3);
        for ticket in tickets {
            limit.done(ticket, Some(1), Ended::Answered, 1000, &store);
        }
        assert_eq!(limit.in_flight(), 0);
        assert!(!begin(&mut limit, &store).unwrap().is_over());
    }

    #[test]
    fn a_new_configuration_goes_on_from_the_old() {
        let (store, mut carried) = (Memory::default(), Carried::new(1));
        let mut old = limit(3, Enforcement::Enforce, &mut carried);
        let held: Vec<_> = (0..3).filter_map(|_| begin(&mut old, &store)).collect();
        let mut new = limit(4, Enforcement::Enforce, &mut carried);
        let more: Vec<_> = (0..9).filter_map(|_| begin(&mut new, &store)).collect();
        assert_eq!((held.len(), more.len()), (3, 1));
        drop(old);
        assert_eq!(new.in_flight(), 4);
        drop(held);
        assert_eq!(new.in_flight(), 1);
    }
}
