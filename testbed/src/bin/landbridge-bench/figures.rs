//! From samples to figures. A round's figure over all kinds of request is the
//! median of the three; a figure over all rounds is the median of theirs, with
//! the least and the most beside it. Ratios are taken within a round and then
//! treated the same way, so that a slow minute spoils neither side alone.

use crate::generate::Kind;
use crate::measure::{Sample, Samples, Timing};
use crate::update::Update;
use crate::variant::{Runner, Setup, Variant};

/// All that was found out.
pub struct Outcome {
    pub quick: bool,
    pub timing: Timing,
    /// How many requests RBAC and Landbridge were found to agree on.
    pub agreed: usize,
    pub envoy: String,
    pub rows: Vec<Row>,
    /// What changes of configuration cost, by size.
    pub updates: Vec<Update>,
}

/// One variant.
pub struct Row {
    pub variant: Variant,
    pub setup: Setup,
    samples: Samples,
}

/// A median and what it is the median of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

/// What of a sample is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Rps,
    Cpu,
}

/// One variant measured by another.
pub struct Ratio {
    pub name: &'static str,
    pub measure: Measure,
    pub over_all: Spread,
    pub by_kind: [Spread; 3],
    pub goal: Option<Goal>,
}

/// One figure about configurations.
pub struct Cost {
    pub name: String,
    pub value: f64,
    pub goal: Option<Goal>,
}

/// What a figure ought to be.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    pub fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
    }
}

impl Measure {
    fn of(self, sample: &Sample) -> f64 {
        match self {
            Self::Rps => sample.rps,
            Self::Cpu => sample.cpu,
        }
    }
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() {
            0 => f64::NAN,
            n if n % 2 == 0 => (values[middle - 1] + values[middle]) / 2.0,
            _ => values[middle],
        };
        Self {
            median,
            least: values.first().copied().unwrap_or(f64::NAN),
            most: values.last().copied().unwrap_or(f64::NAN),
        }
    }
}

pub fn rows(runners: Vec<Runner>, samples: Vec<Samples>) -> Vec<Row> {
    let rows = runners.into_iter().zip(samples);
    rows.map(|(runner, samples)| Row {
        variant: runner.variant,
        setup: runner.setup,
        samples,
    })
    .collect()
}

impl Row {
    /// The figure over all kinds, in each round.
    fn rounds(&self, measure: Measure) -> Vec<f64> {
        let rounds = self.samples[0].len();
        (0..rounds)
            .map(|round| {
                let kinds = self.samples.iter().map(|kind| measure.of(&kind[round]));
                Spread::of(kinds).median
            })
            .collect()
    }

    fn rounds_of(&self, kind: Kind, measure: Measure) -> Vec<f64> {
        let samples = &self.samples[kind as usize];
        samples.iter().map(|sample| measure.of(sample)).collect()
    }

    pub fn over_all(&self, measure: Measure) -> Spread {
        Spread::of(self.rounds(measure))
    }

    pub fn of_kind(&self, kind: Kind, measure: Measure) -> Spread {
        Spread::of(self.rounds_of(kind, measure))
    }
}

impl Outcome {
    pub fn row(&self, variant: Variant) -> Option<&Row> {
        self.rows.iter().find(|row| row.variant == variant)
    }

    /// Figures about configurations, by their names in the JSON.
    pub fn costs(&self) -> Vec<Cost> {
        let mut costs = Vec::new();
        let mut add = |name: String, value: f64, most: Option<f64>| {
            let goal = most.map(Goal::AtMost);
            costs.push(Cost { name, value, goal });
        };
        for update in &self.updates {
            let size = update.policies;
            let goal = |most: f64| (size == 10_000).then_some(most);
            add(format!("load_ms_{size}"), update.load_ms, goal(500.0));
            add(format!("reload_ms_{size}"), update.reload_ms.median, None);
            let [first, last] = update.memory_mib;
            add(format!("vm_memory_mib_{size}"), first, goal(32.0));
            add(format!("vm_memory_updated_mib_{size}"), last, goal(32.0));
            add(
                format!("update_p99_added_ms_{size}"),
                update.p99_added_ms(),
                None,
            );
            add(
                format!("update_longest_ms_{size}"),
                update.updated.most,
                None,
            );
        }
        let added = self.updates.iter().map(Update::p99_added_ms);
        let worst = added.fold(f64::NAN, f64::max);
        add("update_p99_added_ms".to_owned(), worst, Some(50.0));
        costs
    }

    /// The ratios that the goals are about, and some more.
    pub fn ratios(&self) -> Vec<Ratio> {
        use Goal::{AtLeast, AtMost};
        use Measure::{Cpu, Rps};
        use Variant::{Landbridge, None as Bare, Noop, Rbac};
        let wanted = [
            (
                "vs_rbac_10",
                Rps,
                Landbridge(10),
                Rbac(10),
                Some(AtLeast(0.9)),
            ),
            ("vs_rbac_100", Rps, Landbridge(100), Rbac(100), None),
            (
                "vs_rbac_1000",
                Rps,
                Landbridge(1_000),
                Rbac(1_000),
                Some(AtLeast(5.0)),
            ),
            (
                "vs_rbac_10000",
                Rps,
                Landbridge(10_000),
                Rbac(10_000),
                Some(AtLeast(60.0)),
            ),
            (
                "growth_10_to_10000",
                Cpu,
                Landbridge(10_000),
                Landbridge(10),
                Some(AtMost(1.15)),
            ),
            ("vs_noop_10", Cpu, Landbridge(10), Noop, None),
            (
                "vs_noop_10000",
                Cpu,
                Landbridge(10_000),
                Noop,
                Some(AtMost(1.25)),
            ),
            ("vs_none_10", Cpu, Landbridge(10), Bare, None),
            ("noop_vs_none", Cpu, Noop, Bare, None),
        ];
        wanted
            .into_iter()
            .filter_map(|(name, measure, this, that, goal)| {
                let (this, that) = (self.row(this)?, self.row(that)?);
                let divide = |this: Vec<f64>, that: Vec<f64>| {
                    Spread::of(this.into_iter().zip(that).map(|(this, that)| this / that))
                };
                Some(Ratio {
                    name,
                    measure,
                    over_all: divide(this.rounds(measure), that.rounds(measure)),
                    by_kind: Kind::ALL.map(|kind| {
                        divide(this.rounds_of(kind, measure), that.rounds_of(kind, measure))
                    }),
                    goal,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn a_median_is_in_the_middle() {
        let spread = Spread::of([3.0, 1.0, 7.0]);
        assert_eq!((spread.least, spread.median, spread.most), (1.0, 3.0, 7.0));
        assert_eq!(Spread::of([1.0, 2.0]).median, 1.5);
    }
}
