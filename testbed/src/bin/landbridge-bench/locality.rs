//! What routing costs: the locality filter beside no filter and a Wasm filter that does nothing,
//! with one service in three clusters and with two hundred in twenty.

use landbridge_testbed::solo::{Solo, Stage};
use landbridge_testbed::{Workload, filter_module};
use serde_json::{Map, Value, json};

use crate::figures::{Goal, Spread};
use crate::measure::{Asked, Sample, Timing, window};
use crate::report::{Machine, min_max, round, told};
use crate::scenes::{self, Played};
use crate::translate;
use crate::{Result, envoy_version, problem};

/// What stands before the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    None,
    Noop,
    /// So many services, each in so many clusters.
    Locality(usize, usize),
}

const VARIANTS: [Variant; 4] = [
    Variant::None,
    Variant::Noop,
    Variant::Locality(1, 3),
    Variant::Locality(200, 20),
];

impl Variant {
    fn name(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Noop => "noop".to_owned(),
            Self::Locality(services, clusters) => format!("locality_{services}x{clusters}"),
        }
    }

    fn filters(self) -> Result<Vec<Value>> {
        let (name, config) = match self {
            Self::None => return Ok(Vec::new()),
            Self::Noop => ("noop", String::new()),
            Self::Locality(services, clusters) => ("locality", config(services, clusters)),
        };
        let module = filter_module(name)?;
        Ok(vec![translate::wasm(name, &module, &config)])
    }
}

fn host(service: usize) -> String {
    format!("service-{service}.shop.svc.cluster.local")
}

/// Every field that costs something for each request is there: latency, a data class with
/// residency, affinity by a header.
fn config(services: usize, clusters: usize) -> String {
    let cluster = |i: usize| {
        json!({"name": format!("c{i}"), "region": format!("region-{i}"),
               "identity": {"trustDomains": [format!("c{i}.mesh.example")]}})
    };
    let names: Vec<_> = (0..clusters).map(|i| format!("c{i}")).collect();
    let services = (0..services).map(|i| {
        json!({"name": format!("service-{i}"), "hosts": [host(i)], "port": 8080, "clusters": names})
    });
    let links = (1..clusters).map(|i| {
        json!({"from": "region-0", "to": format!("region-{i}"), "pricePerGib": 0.01 * i as f64})
    });
    json!({
        "apiVersion": "landbridge.dev/v1alpha1",
        "mesh": {
            "clusters": (0..clusters).map(cluster).collect::<Vec<_>>(),
            "regions": (0..clusters)
                .map(|i| json!({"name": format!("region-{i}"), "jurisdiction": "US"}))
                .collect::<Vec<_>>(),
            "links": links.collect::<Vec<_>>(),
        },
        "local": {"cluster": "c0"},
        "policies": [{
            "kind": "LocalityFailover",
            "metadata": {"name": "bench", "namespace": "shop"},
            "spec": {
                "services": services.collect::<Vec<_>>(),
                "health": {"passive": {"latency": {"factor": 3}}},
            },
        }],
    })
    .to_string()
}

/// What was measured.
pub struct Outcome {
    quick: bool,
    timing: Timing,
    envoy: String,
    rows: Vec<Row>,
    /// The size of the module, in bytes.
    module: u64,
    scenes: Vec<Played>,
}

struct Row {
    variant: Variant,
    samples: Vec<Sample>,
}

pub async fn measure(quick: bool) -> Result<Outcome> {
    let timing = if quick { Timing::QUICK } else { Timing::FULL };
    let mut stage = Stage::new("bench-locality", VARIANTS.len())?;
    let mut envoys: Vec<(Variant, Solo)> = Vec::new();
    for variant in VARIANTS {
        eprintln!("starting {}", variant.name());
        let solo = stage.start(&variant.name(), variant.filters()?)?;
        solo.ready().await?;
        envoys.push((variant, solo));
    }
    let caller = Workload::new("use1-a", "shop", "frontend");
    // The middle one, so that neither a first nor a last place is an advantage.
    let asked = |variant: Variant| Asked {
        caller: &caller,
        bytes: request(match variant {
            Variant::Locality(services, _) => services / 2,
            _ => 0,
        }),
        expected: 200,
    };
    let mut rows: Vec<Row> = VARIANTS
        .iter()
        .map(|variant| Row {
            variant: *variant,
            samples: Vec::new(),
        })
        .collect();
    for (variant, solo) in &envoys {
        let warm = Timing {
            window: timing.warm_up,
            ..timing
        };
        window(solo, &variant.name(), asked(*variant), warm).await?;
    }
    // One kind of request only: as many windows as the others have in all.
    for number in 0..timing.rounds * 3 {
        let mut order: Vec<usize> = (0..envoys.len()).collect();
        if number % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let (variant, solo) = &envoys[index];
            let sample = window(solo, &variant.name(), asked(*variant), timing).await?;
            rows[index].samples.push(sample);
        }
    }
    let (_, first) = envoys.first().ok_or_else(|| problem("nothing runs"))?;
    let envoy = envoy_version(first).await?;
    // The Envoys end here: what follows has the machine to itself.
    drop(envoys);
    Ok(Outcome {
        quick,
        timing,
        envoy,
        scenes: scenes::play(quick).await?,
        rows,
        module: std::fs::metadata(filter_module("locality")?)?.len(),
    })
}

fn request(service: usize) -> Vec<u8> {
    let host = host(service);
    format!(
        "GET /orders/17 HTTP/1.1\r\nhost: {host}:8080\r\nuser-agent: bench\r\naccept: */*\r\n\
         x-request-id: 0f8fad5b-d9cb-469f-a165-70867728950e\r\n\r\n"
    )
    .into_bytes()
}

impl Outcome {
    fn row(&self, variant: Variant) -> Option<&Row> {
        self.rows.iter().find(|row| row.variant == variant)
    }

    fn ratios(&self) -> Vec<(&'static str, Spread, Option<Goal>)> {
        let (one, many) = (Variant::Locality(1, 3), Variant::Locality(200, 20));
        let wanted = [
            ("vs_noop_1x3", one, Variant::Noop, None),
            ("vs_noop", many, Variant::Noop, Some(Goal::AtMost(1.25))),
            ("growth", many, one, Some(Goal::AtMost(1.15))),
            ("vs_none", many, Variant::None, None),
            ("noop_vs_none", Variant::Noop, Variant::None, None),
        ];
        let of = |(name, this, that, goal)| {
            let (this, that) = (self.row(this)?, self.row(that)?);
            let pairs = this.samples.iter().zip(&that.samples);
            let ratios = pairs.map(|(this, that)| this.cpu / that.cpu);
            Some((name, Spread::of(ratios), goal))
        };
        wanted.into_iter().filter_map(of).collect()
    }

    pub fn print(&self) {
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
            "{:<18} {:>10} {:>15}  {:>14} {:>13}",
            "variant", "requests/s", "min–max", "CPU µs/request", "min–max"
        );
        for row in &self.rows {
            let (rps, cpu) = row.spreads();
            println!(
                "{:<18} {:>10.0} {:>15}  {:>14.1} {:>13}",
                row.variant.name(),
                rps.median,
                format!("{:.0}–{:.0}", rps.least, rps.most),
                cpu.median,
                format!("{:.1}–{:.1}", cpu.least, cpu.most),
            );
        }
        println!(
            "\n{:<18} {:>8} {:>13}  {:>12}",
            "ratio of CPU", "median", "min–max", "goal"
        );
        for (name, spread, goal) in self.ratios() {
            println!(
                "{name:<18} {:>8.2} {:>13}  {:>12}",
                spread.median,
                format!("{:.2}–{:.2}", spread.least, spread.most),
                told(goal, spread.median),
            );
        }
        println!("\nmodule: {:.1} KiB", self.module as f64 / 1024.0);
        scenes::print(&self.scenes);
    }

    pub fn json(&self) -> Value {
        let machine = Machine::here();
        let mut variants = Map::new();
        for row in &self.rows {
            let (rps, cpu) = row.spreads();
            let figures = json!({
                "rps": round(rps.median),
                "rps_min_max": min_max(rps),
                "cpu_us_per_request": round(cpu.median),
                "cpu_us_min_max": min_max(cpu),
            });
            variants.insert(row.variant.name(), figures);
        }
        let mut ratios = Map::new();
        for (name, spread, goal) in self.ratios() {
            let met = goal.map(|goal| goal.is_met(spread.median));
            let figure = json!({
                "median": round(spread.median),
                "min_max": min_max(spread),
                "met": met,
            });
            ratios.insert(name.to_owned(), figure);
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
            "ratios": ratios,
            "module_bytes": self.module,
            "scenes": scenes::json(&self.scenes),
        })
    }
}

impl Row {
    fn spreads(&self) -> (Spread, Spread) {
        let of = |figure: fn(&Sample) -> f64| Spread::of(self.samples.iter().map(figure));
        (of(|s| s.rps), of(|s| s.cpu))
    }
}
