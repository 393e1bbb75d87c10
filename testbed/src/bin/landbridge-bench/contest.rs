//! Envoys that are measured in turn with one kind of request each, and what they come to beside one
//! another.

use landbridge_testbed::Workload;
use landbridge_testbed::solo::Solo;
use serde_json::{Map, Value, json};

use crate::figures::{Goal, Spread};
use crate::measure::{Asked, Sample, Timing, window};
use crate::report::{Machine, min_max, round, told};
use crate::{Result, envoy_version, problem};

/// An Envoy, and what it is asked.
pub struct Contestant {
    pub name: String,
    pub solo: Solo,
    pub bytes: Vec<u8>,
    /// How many values the request's `@@@@@@` goes through.
    pub values: Option<u64>,
}

/// What was measured of each, in turn.
pub struct Contest {
    quick: bool,
    timing: Timing,
    envoy: String,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    samples: Vec<Sample>,
}

/// What is compared.
pub type Figure = fn(&Sample) -> f64;

/// One beside another.
pub struct Ratio {
    pub name: &'static str,
    pub this: String,
    pub that: String,
    /// What is compared, e.g. [`Sample::cpu`].
    pub of: Figure,
    pub goal: Option<Goal>,
}

impl Contest {
    pub async fn run(contestants: &[Contestant], quick: bool) -> Result<Self> {
        let timing = if quick { Timing::QUICK } else { Timing::FULL };
        let caller = Workload::new("use1-a", "shop", "frontend");
        let asked = |one: &Contestant| Asked {
            caller: &caller,
            bytes: one.bytes.clone(),
            values: one.values,
            expected: 200,
        };
        for one in contestants {
            let warm = Timing {
                window: timing.warm_up,
                ..timing
            };
            window(&one.solo, &one.name, asked(one), warm).await?;
        }
        let mut samples: Vec<Vec<Sample>> = contestants.iter().map(|_| Vec::new()).collect();
        // One kind of request only: as many windows as three kinds have in all.
        for number in 0..timing.rounds * 3 {
            let mut order: Vec<usize> = (0..contestants.len()).collect();
            if number % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let one = &contestants[index];
                let sample = window(&one.solo, &one.name, asked(one), timing).await?;
                samples[index].push(sample);
            }
        }
        let first = contestants.first().ok_or_else(|| problem("nothing runs"))?;
        let row = |(one, samples): (&Contestant, Vec<Sample>)| Row {
            name: one.name.clone(),
            samples,
        };
        Ok(Self {
            quick,
            timing,
            envoy: envoy_version(&first.solo).await?,
            rows: contestants.iter().zip(samples).map(row).collect(),
        })
    }

    fn spread(&self, ratio: &Ratio) -> Option<Spread> {
        let row = |name: &str| self.rows.iter().find(|row| row.name == name);
        let (this, that) = (row(&ratio.this)?, row(&ratio.that)?);
        let pairs = this.samples.iter().zip(&that.samples);
        Some(Spread::of(
            pairs.map(|(this, that)| (ratio.of)(this) / (ratio.of)(that)),
        ))
    }

    fn ratios<'r>(&self, ratios: &'r [Ratio]) -> Vec<(&'r Ratio, Spread)> {
        let of = |ratio: &'r Ratio| Some((ratio, self.spread(ratio)?));
        ratios.iter().filter_map(of).collect()
    }

    pub fn print(&self, ratios: &[Ratio]) {
        let machine = Machine::here();
        println!(
            "Envoy {} on {} × {}, 1 worker, {} connections, {} windows of {:?}{}\n",
            self.envoy,
            machine.cores,
            machine.cpu,
            self.timing.connections,
            self.timing.rounds * 3,
            self.timing.window,
            if self.quick {
                " (quick: a look, not a figure to publish)"
            } else {
                ""
            },
        );
        println!(
            "{:<20} {:>10} {:>15}  {:>14} {:>13} {:>8}",
            "variant", "requests/s", "min–max", "CPU µs/request", "min–max", "p99 ms"
        );
        for row in &self.rows {
            let [rps, cpu, p99] = row.spreads();
            println!(
                "{:<20} {:>10.0} {:>15}  {:>14.1} {:>13} {:>8.2}",
                row.name,
                rps.median,
                format!("{:.0}–{:.0}", rps.least, rps.most),
                cpu.median,
                format!("{:.1}–{:.1}", cpu.least, cpu.most),
                p99.median,
            );
        }
        println!(
            "\n{:<22} {:>8} {:>13}  {:>12}",
            "ratio", "median", "min–max", "goal"
        );
        for (ratio, spread) in self.ratios(ratios) {
            println!(
                "{:<22} {:>8.2} {:>13}  {:>12}",
                ratio.name,
                spread.median,
                format!("{:.2}–{:.2}", spread.least, spread.most),
                told(ratio.goal, spread.median),
            );
        }
    }

    pub fn json(&self, ratios: &[Ratio]) -> Value {
        let machine = Machine::here();
        let mut variants = Map::new();
        for row in &self.rows {
            let [rps, cpu, p99] = row.spreads();
            let figures = json!({
                "rps": round(rps.median),
                "rps_min_max": min_max(rps),
                "cpu_us_per_request": round(cpu.median),
                "cpu_us_min_max": min_max(cpu),
                "p99_ms": round(p99.median),
            });
            variants.insert(row.name.clone(), figures);
        }
        let mut compared = Map::new();
        for (ratio, spread) in self.ratios(ratios) {
            let met = ratio.goal.map(|goal| goal.is_met(spread.median));
            let figure = json!({
                "median": round(spread.median),
                "min_max": min_max(spread),
                "met": met,
            });
            compared.insert(ratio.name.to_owned(), figure);
        }
        json!({
            "machine": {"cores": machine.cores, "cpu": machine.cpu, "envoy": self.envoy},
            "settings": {
                "quick": self.quick,
                "windows": self.timing.rounds * 3,
                "seconds": self.timing.window.as_secs_f64(),
                "connections": self.timing.connections,
            },
            "variants": variants,
            "ratios": compared,
        })
    }
}

impl Row {
    fn spreads(&self) -> [Spread; 3] {
        let of = |figure: fn(&Sample) -> f64| Spread::of(self.samples.iter().map(figure));
        [of(|s| s.rps), of(|s| s.cpu), of(|s| s.p99)]
    }
}
