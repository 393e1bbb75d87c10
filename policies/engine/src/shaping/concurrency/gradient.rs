//! The limit that follows how long answers take.
//!
//! More requests under way than a service has hands for only wait there. That shows: answers take
//! longer than they do without load. So the limit follows the gradient, the base latency over the
//! latency that is seen, as in Netflix's concurrency-limits (`Gradient2Limit`,
//! <https://github.com/Netflix/concurrency-limits>) and Envoy's adaptive concurrency filter:
//!
//! ```text
//! limit' = limit · clamp(tolerance · base / seen, 0.5, 1) + √limit, and a fifth of the way there
//! ```
//!
//! The √limit, Envoy's headroom, is a queue that is let be, so that the limit can grow. In overload
//! the limit settles where what the gradient takes is what the queue gives: with a tolerance of 1.5
//! at about twice the requests that the service has hands for, where answers take twice the base.
//!
//! The base cannot be seen in overload, since there always is a queue. Taking the lowest that was
//! seen lately for it lets it drift: each limit allows a queue, in which the next base is seen. So
//! the limit is lowered at times until there can be no queue, as BBR does to find the base of a
//! path (ProbeRTT in draft-ietf-ccwg-bbr) and Envoy to find its `minRTT`. By Little's law
//! `limit · base / seen` requests keep a service busy; 0.7 of them leave it some rest. Where that
//! finds a lower base than was believed, it may still have been in a queue, and the limit is lowered
//! further, until it no longer helps.
//!
//! A service that has become slow looks as one that is overloaded, except that a lower limit does
//! not help; and while the base is believed to be higher than it is, the limit grows by a queue. So
//! when the limit has moved much since the last probe, there is one.
//!
//! Where several proxies send to one service, a probe of one finds the queue of the others, and bases
//! drift up, each by the other's: simulated, three proxies made answers take a hundred times as long
//! in seven minutes. So all probe at once, at turns of the clock on the wall that follow from the
//! limit's name. Clocks may be 100 ms apart; at 400 ms bases drift as without.
//!
//! Critical requests that are served in full bear no probe, unless the limit has fallen and answers
//! are slow even in the probe: for them it stays. The others are refused then, which mostly is as good. Only a window in which no more were
//! under way than the probe wanted shows the base; another can show that it is lower, but never that
//! it is higher.

use super::histogram::Histogram;
use super::settings::AdaptiveSettings;
use crate::draw::hash;
use crate::quantity::Millis;
use serde::{Deserialize, Serialize};

/// With fewer samples a window says nothing.
const FEW: u32 = 10;
/// How much of the way to the new limit the limit goes with each window, as in `Gradient2Limit`.
const SMOOTHING: f64 = 0.2;
/// The least that the gradient takes the limit to.
const STEEPEST: f64 = 0.5;
/// The share of failures above which a window has the limit cut, and to what: one in a hundred is
/// chance, or has nothing to do with load.
const FAILING: f64 = 0.05;
const CUT: f64 = 0.9;
/// What a probe lowers the limit to, of what keeps the service busy.
const DIP: f64 = 0.7;
/// A lower base is one below so much of the last: less is chance.
const LOWER: f64 = 0.9;
/// How often a probe lowers the limit at most.
const DIPS: u32 = 8;
/// A limit below so much of what it was, or above so much, is reason for a probe.
const FALLEN: f64 = 0.7;
const RISEN: f64 = 1.5;
/// The share of critical requests that are refused from which on they bear probes, and how much of
/// the way there it goes with each window.
const SHORT: f64 = 0.05;
const FORGETTING: f64 = 0.1;
/// How much of the way to a lower latency the base goes without a probe: a window is few samples,
/// and their lowest median over hundreds of windows would be far too low.
const LEARNING: f64 = 0.1;
/// After so many windows without samples, what was seen before them says nothing.
const STALE: Millis = 20;
/// From when on workers know a limit: ticks come every 50 ms.
const KNOWN: Millis = 60;
/// A probe that has seen what it wanted goes on for so long, since others may have begun it later.
const LATER: Millis = 100;
/// How many windows there are from turn to turn: a limit that has moved is probed with the next
/// turn.
const TURN: Millis = 30;
/// How late a probe may begin.
const LATE: Millis = 110;

/// What one worker counted since it last told the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counted {
    pub(super) samples: Histogram,
    pub(super) failed: u32,
    /// The most that were under way at all workers.
    pub(super) peak: u32,
    /// Critical requests, and those of them that were refused.
    pub(super) critical: u32,
    pub(super) refused: u32,
}

impl Counted {
    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.failed == 0
    }
}

/// What the workers of a proxy share of one limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Gradient {
    limit: f64,
    /// The highest it has been since the last probe, and what it was then.
    highest: f64,
    then: f64,
    /// The share of critical requests that are refused.
    short: f64,
    /// In microseconds; 0, where nothing has been seen yet.
    base: f64,
    seen: f64,
    window: Window,
    probe: Option<Probe>,
    /// Whether there was a probe.
    probed: bool,
    /// The turn of the last probe.
    turn: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Window {
    start: Millis,
    samples: Histogram,
    failed: u32,
    peak: u32,
    critical: u32,
    refused: u32,
}

/// A probe that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Probe {
    limit: f64,
    /// Whether critical requests bear it, too.
    for_all: bool,
    phase: Phase,
    /// The lowest that was seen.
    lowest: f64,
    dips: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// What was under way before ends.
    Draining,
    /// Samples are of use.
    Measuring,
    /// Others may still measure.
    Waiting,
}

/// When a worker looks at a limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Of a clock that is never set back.
    pub(super) now: Millis,
    /// Since 1970.
    pub(super) wall: Millis,
}

impl Gradient {
    pub(super) fn new(settings: &AdaptiveSettings, now: Millis) -> Self {
        let limit = f64::from(settings.initial);
        Self {
            limit,
            highest: limit,
            then: limit,
            short: 0.0,
            base: 0.0,
            seen: 0.0,
            window: Window {
                start: now,
                ..Window::default()
            },
            probe: None,
            probed: false,
            turn: 0,
        }
    }

    /// The limit that is in force, and the one for critical requests.
    pub(super) fn limits(&self, settings: &AdaptiveSettings) -> (u32, u32) {
        let limit = self.probe.map_or(self.limit, |probe| probe.limit);
        let for_all = self.probe.is_none_or(|probe| probe.for_all);
        let critical = if for_all { limit } else { self.limit };
        (whole(limit, settings), whole(critical, settings))
    }

    /// Takes in what a worker counted; `key` tells this limit from others.
    pub(super) fn merge(
        &mut self,
        counted: &Counted,
        key: &str,
        moment: Moment,
        settings: &AdaptiveSettings,
    ) {
        let now = moment.now;
        self.mend(now, settings);
        let window = &mut self.window;
        window.samples.merge(&counted.samples);
        window.failed = window.failed.saturating_add(counted.failed);
        window.peak = window.peak.max(counted.peak);
        window.critical = window.critical.saturating_add(counted.critical);
        window.refused = window.refused.saturating_add(counted.refused);
        if self.begin_probe(key, moment, settings) || !self.is_over(now, settings) {
            return;
        }
        let waited = now.saturating_sub(self.window.start);
        let stale = waited > self.length(settings).saturating_mul(STALE);
        let timed = self.window.samples.count();
        let ended = timed.saturating_add(self.window.failed);
        let phase = self.probe.map_or(Phase::Measuring, |probe| probe.phase);
        if ended < FEW && !stale && phase == Phase::Measuring {
            return;
        }
        let window = std::mem::take(&mut self.window);
        self.window.start = now;
        let seen = window.samples.median().filter(|_| timed >= FEW);
        match (&mut self.probe, phase) {
            (Some(probe), Phase::Draining) => probe.phase = Phase::Measuring,
            (Some(_), Phase::Measuring) => self.measured(seen, window.peak, settings),
            (Some(_), Phase::Waiting) => {
                self.probe = None;
                self.highest = self.limit;
                self.then = self.limit;
            }
            (None, _) => {
                if window.critical > 0 {
                    let refused = f64::from(window.refused) / f64::from(window.critical);
                    self.short += (refused - self.short) * FORGETTING;
                }
                let failing = f64::from(window.failed) > f64::from(ended) * FAILING;
                let failing = failing && ended >= FEW;
                self.adapt(seen, failing, window.peak, settings);
            }
        }
    }

    /// Whether there is something to do with the limit.
    pub(super) fn is_due(&self, key: &str, moment: Moment, settings: &AdaptiveSettings) -> bool {
        self.is_over(moment.now, settings) || self.turn_to_probe(key, moment, settings).is_some()
    }

    fn is_over(&self, now: Millis, settings: &AdaptiveSettings) -> bool {
        let length = self.length(settings);
        let length = match self.probe.map(|probe| probe.phase) {
            Some(Phase::Draining) => length.saturating_add(KNOWN),
            Some(Phase::Waiting) => LATER,
            Some(Phase::Measuring) | None => length,
        };
        now.saturating_sub(self.window.start) >= length
    }

    /// How long a window is: what begins in one should be able to end in it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "times are positive, and are cut at what fits"
    )]
    fn length(&self, settings: &AdaptiveSettings) -> Millis {
        settings.window.max((self.seen / 1000.0) as Millis)
    }

    fn adapt(&mut self, seen: Option<f64>, failing: bool, peak: u32, settings: &AdaptiveSettings) {
        let mut next = self.limit;
        if let Some(seen) = seen {
            self.seen = seen;
            if self.base <= 0.0 {
                self.base = seen;
            }
            if seen < self.base {
                self.base += (seen - self.base) * LEARNING;
            }
            let gradient = (settings.tolerance * self.base / seen).clamp(STEEPEST, 1.0);
            let target = self.limit * gradient + self.limit.sqrt();
            // A limit that is not made use of was not tried.
            if target < self.limit || f64::from(peak) > self.limit / 2.0 {
                next += (target - self.limit) * SMOOTHING;
            }
        }
        if failing {
            next = next.min(self.limit * CUT);
        }
        self.limit = next.clamp(f64::from(settings.min), f64::from(settings.max));
        self.highest = self.highest.max(self.limit);
    }

    /// The turn of a probe that is to begin now.
    fn turn_to_probe(&self, key: &str, moment: Moment, settings: &AdaptiveSettings) -> Option<u64> {
        let length = settings
            .window
            .saturating_mul(TURN)
            .min(settings.probe)
            .max(1);
        // Limits that have nothing to do with one another need not be probed together.
        let phase = u64::from(hash(key.as_bytes())).checked_rem(settings.probe)?;
        let wall = moment.wall.saturating_add(phase);
        let (turn, passed) = (wall.checked_div(length)?, wall.checked_rem(length)?);
        let every = settings.probe.checked_div(length)?.max(1);
        let regular = turn.checked_rem(every)? == 0;
        let moved = self.has_fallen() || self.limit > self.then * RISEN;
        let wanted = regular || moved || !self.probed;
        let can = self.probe.is_none() && self.base > 0.0;
        (can && wanted && passed < LATE && turn != self.turn).then_some(turn)
    }

    fn begin_probe(&mut self, key: &str, moment: Moment, settings: &AdaptiveSettings) -> bool {
        let Some(turn) = self.turn_to_probe(key, moment, settings) else {
            return false;
        };
        let busy = self.limit * (self.base / self.seen).min(1.0);
        self.turn = turn;
        self.probe = Some(Probe {
            limit: self.dip(busy, settings),
            for_all: self.short > SHORT,
            phase: Phase::Draining,
            // What was never probed may have been seen in a queue.
            lowest: if self.probed { self.base } else { f64::MAX },
            dips: 1,
        });
        self.window = Window {
            start: moment.now,
            ..Window::default()
        };
        true
    }

    fn has_fallen(&self) -> bool {
        self.limit < self.highest * FALLEN
    }

    fn dip(&self, limit: f64, settings: &AdaptiveSettings) -> f64 {
        (limit * DIP).max(f64::from(settings.min))
    }

    fn measured(&mut self, seen: Option<f64>, peak: u32, settings: &AdaptiveSettings) {
        let Some(mut probe) = self.probe else {
            return;
        };
        probe.phase = Phase::Waiting;
        if let Some(seen) = seen {
            let emptied = f64::from(peak) <= (probe.limit / LOWER).max(probe.limit + 1.0);
            let slower = self.probed && seen > self.base * settings.tolerance;
            self.base = if emptied { seen } else { self.base.min(seen) };
            if seen < probe.lowest * LOWER && probe.dips < DIPS {
                probe.lowest = seen;
                probe.limit = self.dip(probe.limit, settings);
                probe.dips = probe.dips.saturating_add(1);
                probe.phase = Phase::Draining;
            } else if !emptied && !probe.for_all && slower && self.has_fallen() {
                // The service is slower than was believed, or critical requests alone are too many
                // for it: by how much cannot be seen while they are spared. A limit that has fallen
                // because it was too high, as the first one may be, is no such reason.
                probe.for_all = true;
                probe.phase = Phase::Draining;
            } else {
                self.probed |= emptied;
            }
        }
        self.probe = Some(probe);
    }

    /// Garbled numbers are as good as none, and times far ahead are from another clock.
    fn mend(&mut self, now: Millis, settings: &AdaptiveSettings) {
        let numbers = [
            self.limit,
            self.highest,
            self.then,
            self.short,
            self.base,
            self.seen,
        ];
        let ahead = self.window.start > now.saturating_add(KNOWN);
        if ahead
            || !numbers
                .iter()
                .all(|number| number.is_finite() && *number >= 0.0)
        {
            *self = Self::new(settings, now);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between the least and the most, which are such numbers"
)]
fn whole(limit: f64, settings: &AdaptiveSettings) -> u32 {
    // Not-a-number becomes 0.
    (limit.round() as u32).clamp(settings.min, settings.max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: AdaptiveSettings = AdaptiveSettings {
        min: 4,
        max: 1000,
        initial: 100,
        tolerance: 1.5,
        window: 100,
        probe: 30_000,
    };

    fn counted(samples: u32, micros: u64, failed: u32, peak: u32) -> Counted {
        let mut counted = Counted {
            failed,
            peak,
            ..Counted::default()
        };
        for _ in 0..samples {
            counted.samples.add(micros);
        }
        counted
    }

    /// Far from any turn.
    fn at(now: Millis) -> Moment {
        Moment { now, wall: 1 }
    }

    /// The limit after windows in which this was counted.
    fn after(windows: usize, each: &Counted) -> u32 {
        let mut gradient = Gradient::new(&SETTINGS, 0);
        for now in (100..).step_by(100).take(windows) {
            gradient.merge(each, "limit", at(now), &SETTINGS);
        }
        gradient.limits(&SETTINGS).0
    }

    #[test]
    fn it_grows_only_while_it_is_made_use_of() {
        assert_eq!(after(5, &counted(20, 10_000, 0, 40)), 100);
        assert!(after(5, &counted(20, 10_000, 0, 60)) > 105);
    }

    #[test]
    fn failures_cut_it_once_a_window_but_a_few_do_not() {
        assert_eq!(after(1, &counted(0, 0, 50, 100)), 90);
        assert_eq!(after(3, &counted(0, 0, 50, 100)), 73);
        assert_eq!(after(1, &counted(90, 10_000, 10, 100)), 90);
        assert!(after(1, &counted(99, 10_000, 1, 100)) > 100);
        assert_eq!(
            after(99, &counted(0, 0, 50, 100)),
            4,
            "never below the least"
        );
    }

    #[test]
    fn few_samples_wait_for_more() {
        let mut gradient = Gradient::new(&SETTINGS, 0);
        let mut merge = |samples, now| {
            gradient.merge(
                &counted(samples, 10_000, 0, 100),
                "limit",
                at(now),
                &SETTINGS,
            );
            gradient.limits(&SETTINGS).0
        };
        assert_eq!(merge(5, 100), 100);
        assert_eq!(merge(4, 200), 100);
        assert!(merge(1, 300) > 100);
    }

    #[test]
    fn a_garbled_record_is_as_good_as_none() {
        let mut gradient = Gradient::new(&SETTINGS, 0);
        gradient.limit = f64::NAN;
        assert_eq!(gradient.limits(&SETTINGS).0, 4);
        gradient.merge(&Counted::default(), "limit", at(1000), &SETTINGS);
        assert_eq!(gradient.limits(&SETTINGS).0, 100);
    }
}
