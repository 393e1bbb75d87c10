//! What filters cost an Envoy that is asked for nothing: the time until it takes requests, and memory.

use std::collections::BTreeMap;

use landbridge_testbed::solo::{Shape, Solo, Stage};
use serde_json::{Map, Value, json};

use crate::chain::Variant;
use crate::figures::Spread;
use crate::report::{min_max, round};
use crate::{Result, problem};

/// What is started.
const VARIANTS: [Variant; 4] = [
    Variant::None,
    Variant::Noop(1),
    Variant::Server,
    Variant::All,
];

/// What was measured, by variant.
pub struct Standing {
    starts: usize,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    /// Milliseconds until it took requests, with one worker.
    ready: Spread,
    /// Its memory (RSS) in KiB with one worker and with two.
    memory: [Spread; 2],
}

pub async fn measure(quick: bool, configs: &BTreeMap<String, String>) -> Result<Standing> {
    let starts = if quick { 3 } else { 9 };
    let mut stage = Stage::new("bench-standing", VARIANTS.len() * 2)?;
    let mut started = Vec::new();
    for variant in VARIANTS {
        let mut pair = Vec::new();
        for concurrency in [1, 2] {
            let shape = Shape {
                concurrency,
                ..Shape::new(variant.filters(configs)?)
            };
            let solo = stage.start_as(&format!("{}-{concurrency}", variant.name()), shape)?;
            solo.ready().await?;
            pair.push(solo);
        }
        started.push((variant.name(), pair, Vec::new(), [Vec::new(), Vec::new()]));
    }
    // In turn, so that what else the machine does meets all alike.
    for _ in 0..starts {
        for (_, pair, ready, memory) in &mut started {
            for (solo, memory) in pair.iter().zip(memory.iter_mut()) {
                let took = solo.restart().await?;
                if memory.len() == ready.len() {
                    ready.push(took.as_secs_f64() * 1e3);
                }
                memory.push(rss(solo)?);
            }
        }
    }
    let row = |(name, _, ready, memory): (String, Vec<Solo>, Vec<f64>, [Vec<f64>; 2])| Row {
        name,
        ready: Spread::of(ready),
        memory: memory.map(Spread::of),
    };
    Ok(Standing {
        starts,
        rows: started.into_iter().map(row).collect(),
    })
}

/// In KiB.
fn rss(solo: &Solo) -> Result<f64> {
    let status = solo.proc("status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let value = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let value = value.and_then(|value| value.trim().parse().ok());
    value.ok_or_else(|| problem("the process does not tell its memory"))
}

impl Standing {
    fn none(&self) -> Option<&Row> {
        self.rows.first()
    }

    /// What each adds to an Envoy without a filter: milliseconds, KiB with one worker, and KiB for each
    /// worker more.
    fn added(&self, row: &Row) -> [f64; 3] {
        let none = self.none().unwrap_or(row);
        let [one, two] = row.memory.map(|spread| spread.median);
        let [none_one, none_two] = none.memory.map(|spread| spread.median);
        [
            row.ready.median - none.ready.median,
            one - none_one,
            (two - one) - (none_two - none_one),
        ]
    }

    pub fn print(&self) {
        println!(
            "\n{:<10} {:>9} {:>14} {:>10} {:>12} {:>12} {:>16}  ({} starts)",
            "variant",
            "ready ms",
            "min–max",
            "adds ms",
            "RSS MiB (1)",
            "adds MiB",
            "adds/worker MiB",
            self.starts
        );
        for row in &self.rows {
            let [ready, memory, worker] = self.added(row);
            println!(
                "{:<10} {:>9.0} {:>14} {:>10.0} {:>12.1} {:>12.1} {:>16.1}",
                row.name,
                row.ready.median,
                format!("{:.0}–{:.0}", row.ready.least, row.ready.most),
                ready,
                row.memory[0].median / 1024.0,
                memory / 1024.0,
                worker / 1024.0,
            );
        }
    }

    pub fn json(&self) -> Value {
        let mut variants = Map::new();
        for row in &self.rows {
            let [ready, memory, worker] = self.added(row);
            let figures = json!({
                "ready_ms": round(row.ready.median),
                "ready_ms_min_max": min_max(row.ready),
                "adds_ready_ms": round(ready),
                "rss_kib_1_worker": round(row.memory[0].median),
                "rss_kib_2_workers": round(row.memory[1].median),
                "adds_rss_kib": round(memory),
                "adds_rss_kib_each_further_worker": round(worker),
            });
            variants.insert(row.name.clone(), figures);
        }
        json!({"starts": self.starts, "variants": variants})
    }
}
