//! Scenarios: what befalls which region, and when.

use clap::ValueEnum;

/// How a cluster is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// Nothing answers.
    pub dead: bool,
    /// So many of its hosts do not answer.
    pub dead_hosts: usize,
    /// The part of its capacity that it has.
    pub strength: f64,
}

impl Condition {
    pub const WELL: Self = Self {
        dead: false,
        dead_hosts: 0,
        strength: 1.0,
    };
    const DEAD: Self = Self {
        dead: true,
        ..Self::WELL
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// A region dies and comes back whole
    RegionLoss,
    /// Four of a region's ten endpoints die
    PartialLoss,
    /// A region dies every thirty seconds for fifteen
    Flapping,
    /// A region dies and comes back cold: a tenth of its capacity at first, all after a minute
    SlowReturn,
    /// The region that has five times the others' load dies
    SkewedLoad,
    /// One of two regions dies, and the other cannot bear both
    TwoRegions,
}

impl Scenario {
    pub fn name(self) -> &'static str {
        match self {
            Self::RegionLoss => "region-loss",
            Self::PartialLoss => "partial-loss",
            Self::Flapping => "flapping",
            Self::SlowReturn => "slow-return",
            Self::SkewedLoad => "skewed-load",
            Self::TwoRegions => "two-regions",
        }
    }

    /// How many regions it is about, of so many that were asked for.
    pub fn regions(self, asked: usize) -> usize {
        match self {
            Self::TwoRegions => 2,
            _ => asked,
        }
    }

    /// Part of its capacity that a cluster needs for its own region's load.
    pub fn utilisation(self) -> f64 {
        match self {
            Self::TwoRegions => 0.7,
            _ => 0.6,
        }
    }
}

/// What befalls the victim.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub scenario: Scenario,
    pub victim: usize,
    /// In milliseconds.
    pub falls: u64,
    pub rises: u64,
    pub ends: u64,
}

const FLAP: u64 = 15_000;
const WARM: u64 = 60_000;

impl Weather {
    pub fn new(scenario: Scenario, victim: usize, seconds: u64) -> Self {
        let ends = seconds * 1000;
        Self {
            scenario,
            victim,
            falls: ends / 6,
            rises: ends * 5 / 12,
            ends,
        }
    }

    pub fn condition(&self, region: usize, now: u64) -> Condition {
        if region != self.victim || now < self.falls {
            return Condition::WELL;
        }
        let out = now < self.rises;
        match self.scenario {
            Scenario::PartialLoss if out => Condition {
                dead_hosts: 4,
                ..Condition::WELL
            },
            Scenario::Flapping if out && (now - self.falls) / FLAP % 2 == 1 => Condition::WELL,
            _ if out => Condition::DEAD,
            Scenario::SlowReturn => Condition {
                strength: (0.1 + 0.9 * (now - self.rises) as f64 / WARM as f64).min(1.0),
                ..Condition::WELL
            },
            _ => Condition::WELL,
        }
    }

    /// How much of the load a region's callers make, beside that of a usual one.
    pub fn weight(&self, region: usize) -> f64 {
        match self.scenario {
            Scenario::SkewedLoad if region == self.victim => 5.0,
            _ => 1.0,
        }
    }

    pub fn kills(&self) -> bool {
        self.scenario != Scenario::PartialLoss
    }
}
