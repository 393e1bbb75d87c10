//! What is known of one cluster for one service: the state machine.
//!
//! ```text
//!        failures in a row; probes fail, or limit cut to nothing, and most requests fail
//!   Up ────────────────────────────────────────────────────────▸ Down
//!    ▴                                                            │ `rise` good probes
//!    │  holdDown without a bad probe                              ▾
//!   (limit 0, growing along the ramp) ◂───────────────────────── Held
//! ```
//!
//! While `Up`, the limit is cut each interval by the share of bad answers where that is more than
//! is borne, and grows by `1 / ramp` where it is not: load leaves in proportion, fast, and comes
//! back slowly. It is additive increase and multiplicative decrease, as in TCP's congestion
//! avoidance (RFC 5681, section 3.1; Chiu and Jain, 1989), which is stable also where overload is
//! what made the errors and where many proxies do it at once.

use super::counts::Counts;
use super::settings::{Millis, Settings};
use serde::{Deserialize, Serialize};

/// A limit below this is nothing: whatever is left would only serve to fail.
const NOTHING: f64 = 0.05;
/// Where less than this of what it gets goes wrong, a cluster serves: however little it is left, it
/// is not down.
const MOST: f64 = 0.8;
/// And so many failures may be chance.
const FEW: u32 = 3;
/// For how many intervals after a judgement that found it to serve, requests are believed rather
/// than probes.
const BELIEVED: Millis = 5;
/// How much of the way to what was seen the usual latency goes, each interval.
const LEARNING: f64 = 0.1;
/// The same, where most of what was seen was slow: what has become usual is so in the end.
const RELEARNING: f64 = 0.005;

/// What state a cluster is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// It gets load, as far as its limit allows.
    Up,
    /// It gets none.
    Down,
    /// It is well again, and gets none yet.
    Held,
}

impl Phase {
    /// As metrics and logs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Held => "held",
        }
    }
}

/// A change of phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it was.
    pub from: Phase,
    /// What it is.
    pub to: Phase,
}

/// What is known of one cluster for one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) phase: Phase,
    /// Since when.
    since: Millis,
    /// How much of the share that it would have it may have, at `limit_at`.
    limit: f64,
    limit_at: Millis,
    /// Whether the limit grows: the last judgement was good.
    grows: bool,
    window: Window,
    /// When requests last showed that it serves.
    served: Millis,
    /// What its answers usually take, in microseconds; 0, where that is not known.
    usual: u32,
    good_probes: u32,
    bad_probes: u32,
    /// Endpoints that are healthy, of how many; unknown at first.
    endpoints: Option<(u32, u32)>,
}

/// What was counted since the last judgement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Window {
    start: Millis,
    requests: u32,
    bad: u32,
    timed: u32,
    micros: u64,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            phase: Phase::Up,
            since: 0,
            limit: 1.0,
            limit_at: 0,
            grows: true,
            window: Window::default(),
            served: 0,
            usual: 0,
            good_probes: 0,
            bad_probes: 0,
            endpoints: None,
        }
    }
}

impl Record {
    /// How much of the share that it would have it may have now.
    pub(crate) fn limit(&self, now: Millis, settings: &Settings) -> f64 {
        match self.phase {
            Phase::Up if self.grows => (self.limit + self.growth(now, settings)).min(1.0),
            Phase::Up => self.limit,
            Phase::Down | Phase::Held => 0.0,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "times are far below 2^53 milliseconds"
    )]
    fn growth(&self, now: Millis, settings: &Settings) -> f64 {
        let passed = now.saturating_sub(self.limit_at) as f64;
        match settings.ramp {
            0 => 1.0,
            ramp => passed / ramp as f64,
        }
    }

    /// The share of its endpoints that is healthy, as far as Envoy has told.
    pub(crate) fn endpoint_health(&self) -> f64 {
        match self.endpoints {
            Some((_, 0)) => 0.0,
            Some((healthy, all)) => (f64::from(healthy) / f64::from(all)).min(1.0),
            None => 1.0,
        }
    }

    /// What a slow answer is, in microseconds.
    pub(crate) fn slow(&self, settings: &Settings) -> Option<u64> {
        let latency = settings.latency?;
        if self.usual == 0 {
            return None;
        }
        let usual = u64::from(self.usual).saturating_mul(u64::from(latency.factor));
        Some(usual.max(latency.floor))
    }

    /// Whether nothing about it changes by time alone.
    pub(crate) fn is_steady(&self, now: Millis, settings: &Settings) -> bool {
        self.phase == Phase::Up && self.limit(now, settings) >= 1.0
    }

    /// Whether it came back so lately that the ramp is not yet at its end.
    pub(crate) fn is_returning(&self, now: Millis, settings: &Settings) -> bool {
        self.phase == Phase::Up && now.saturating_sub(self.since) < settings.ramp
    }

    /// Whether requests are routed alike by both.
    pub(crate) fn routes_as(&self, other: &Self) -> bool {
        let of = |r: &Self| (r.phase, r.limit, r.limit_at, r.grows, r.endpoints);
        of(self) == of(other)
    }

    /// A clock that was set back must not make anything last until it catches up; a number that is
    /// none, from whatever wrote it, is nothing.
    pub(crate) fn mend(&mut self, now: Millis) {
        self.since = self.since.min(now);
        self.limit_at = self.limit_at.min(now);
        self.window.start = self.window.start.min(now);
        self.served = self.served.min(now);
        if !(0.0..=1.0).contains(&self.limit) {
            self.limit = 0.0;
        }
    }

    /// Takes in what a worker counted. Says what changed; the last change, where there were
    /// several.
    pub(crate) fn merge(
        &mut self,
        counts: &Counts,
        now: Millis,
        settings: &Settings,
    ) -> Option<Change> {
        let before = self.phase;
        self.pass(now, settings);
        if counts.endpoints.is_some() {
            self.endpoints = counts.endpoints;
        }
        for good in &counts.probes {
            self.probed(*good, now, settings);
        }
        if counts.out {
            self.enter(Phase::Down, now);
        }
        self.window.add(counts);
        if self.phase == Phase::Up {
            self.judge(now, settings);
        }
        (self.phase != before).then_some(Change {
            from: before,
            to: self.phase,
        })
    }

    /// What time alone changes.
    pub(crate) fn pass(&mut self, now: Millis, settings: &Settings) {
        let waited = now.saturating_sub(self.since) >= settings.hold_down;
        let rested = match self.phase {
            Phase::Up => false,
            // Nobody asks it: that is for requests to find out, as the ramp lets them.
            Phase::Down => waited && settings.active.is_none(),
            Phase::Held => waited,
        };
        if rested {
            self.enter(Phase::Up, now);
        }
    }

    /// As if it failed now: what a worker does that has seen enough by itself.
    pub(crate) fn fail(&mut self, now: Millis) {
        self.enter(Phase::Down, now);
    }

    fn enter(&mut self, phase: Phase, now: Millis) {
        if phase == Phase::Down || phase != self.phase {
            self.good_probes = 0;
            self.bad_probes = 0;
        }
        self.phase = phase;
        self.since = now;
        // The way back begins at nothing.
        self.limit = 0.0;
        self.limit_at = now;
        self.grows = true;
        self.served = 0;
        self.window = Window {
            start: now,
            ..Window::default()
        };
    }

    fn probed(&mut self, good: bool, now: Millis, settings: &Settings) {
        let threshold = settings
            .active
            .as_ref()
            .map_or(1, |a| a.unhealthy_threshold);
        if good {
            self.good_probes = self.good_probes.saturating_add(1);
            self.bad_probes = 0;
        } else {
            self.bad_probes = self.bad_probes.saturating_add(1);
            self.good_probes = 0;
        }
        let believed = settings.interval.saturating_mul(BELIEVED);
        let serves = self.served > 0 && now.saturating_sub(self.served) <= believed;
        match self.phase {
            // A cluster that has too much to do fails probes, too. It is then for its limit to be
            // cut: were it taken out, what it bore would fall on the next.
            Phase::Up if self.bad_probes >= threshold && !serves => self.enter(Phase::Down, now),
            Phase::Down if self.good_probes >= settings.rise => self.enter(Phase::Held, now),
            // While it is held, one is enough.
            Phase::Held if !good => self.enter(Phase::Down, now),
            _ => {}
        }
    }

    fn judge(&mut self, now: Millis, settings: &Settings) {
        let passed = now.saturating_sub(self.window.start);
        let long_enough = passed >= settings.interval;
        let enough = self.window.requests >= settings.min_requests;
        // Where there is little to go by, it is gone by after a while.
        let patient = passed >= settings.interval.saturating_mul(3);
        if patient && self.window.requests == 0 {
            // So little is sent there that what was bad then says nothing of now.
            if !self.grows {
                self.limit_at = now;
                self.grows = true;
            }
            return;
        }
        if !(long_enough && enough || patient) {
            return;
        }
        let window = std::mem::take(&mut self.window);
        self.window.start = now;
        let bad = f64::from(window.bad) / f64::from(window.requests.max(1));
        self.learn(&window, bad);
        let limit = self.limit(now, settings);
        let borne = bad <= settings.error_share;
        let serves = bad < MOST || window.bad < FEW;
        match serves {
            // Failures that may be chance do not show that it serves.
            true if window.bad < window.requests => self.served = now,
            true => {}
            false => self.served = 0,
        }
        self.limit = match borne {
            true => limit,
            // One that serves keeps a little: it may be all that there is.
            false if serves => (limit * (1.0 - bad)).max(NOTHING.min(limit)),
            false => limit * (1.0 - bad),
        };
        self.limit_at = now;
        self.grows = borne;
        if self.limit < NOTHING && !serves {
            self.enter(Phase::Down, now);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "latencies are positive, and are cut at what fits"
    )]
    fn learn(&mut self, window: &Window, bad: f64) {
        if window.timed == 0 {
            return;
        }
        let seen = window.micros as f64 / f64::from(window.timed);
        let usual = f64::from(self.usual);
        let rate = if bad < 0.5 { LEARNING } else { RELEARNING };
        let usual = if self.usual == 0 {
            seen
        } else {
            usual + (seen - usual) * rate
        };
        self.usual = (usual.min(f64::from(u32::MAX)) as u32).max(1);
    }
}

impl Window {
    fn add(&mut self, counts: &Counts) {
        self.requests = self.requests.saturating_add(counts.requests);
        self.bad = self.bad.saturating_add(counts.bad);
        self.timed = self.timed.saturating_add(counts.timed);
        self.micros = self.micros.saturating_add(counts.micros);
    }
}
