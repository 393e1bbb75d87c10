//! The outcome, for people and for programs.

use serde_json::{Map, Value, json};

use crate::figures::{Goal, Measure, Outcome, Row, Spread};
use crate::generate::Kind;
use crate::update::Latency;
use crate::variant::Variant;

pub fn print(outcome: &Outcome) {
    let machine = Machine::here();
    println!(
        "Envoy {} on {} × {}, 1 worker, {} connections, {} rounds of {:?} per kind{}",
        outcome.envoy,
        machine.cores,
        machine.cpu,
        outcome.timing.connections,
        outcome.timing.rounds,
        outcome.timing.window,
        if outcome.quick {
            " (quick: a look, not a figure to publish)"
        } else {
            ""
        },
    );
    println!(
        "RBAC and Landbridge agreed on {} requests\n",
        outcome.agreed
    );
    println!(
        "{:<17} {:>24}  {:>25}  {:>29}",
        "", "requests/s", "CPU µs/request", "CPU µs by kind"
    );
    println!(
        "{:<17} {:>8} {:>15}  {:>8} {:>16}  {:>9} {:>9} {:>9}",
        "variant", "median", "min–max", "median", "min–max", "first", "last", "denied"
    );
    for row in &outcome.rows {
        let (rps, cpu) = (row.over_all(Measure::Rps), row.over_all(Measure::Cpu));
        let [first, last, denied] = Kind::ALL.map(|kind| row.of_kind(kind, Measure::Cpu).median);
        println!(
            "{:<17} {:>8.0} {:>15}  {:>8.1} {:>16}  {first:>9.1} {last:>9.1} {denied:>9.1}",
            row.variant.name(),
            rps.median,
            format!("{:.0}–{:.0}", rps.least, rps.most),
            cpu.median,
            format!("{:.1}–{:.1}", cpu.least, cpu.most),
        );
    }
    println!(
        "\n{:<19} {:>8} {:>15}  {:>8} {:>8} {:>8}  {:>9}",
        "ratio", "median", "min–max", "first", "last", "denied", "goal"
    );
    for ratio in outcome.ratios() {
        let Spread {
            median,
            least,
            most,
        } = ratio.over_all;
        let [first, last, denied] = ratio.by_kind.map(|kind| kind.median);
        let goal = told(ratio.goal, median);
        println!(
            "{:<19} {median:>8.2} {:>15}  {first:>8.2} {last:>8.2} {denied:>8.2}  {goal:>9}",
            ratio.name,
            format!("{least:.2}–{most:.2}"),
        );
    }
    println!(
        "\n{:<17} {:>10} {:>10} {:>9} {:>9}",
        "configuration", "KiB", "ready ms", "RSS MiB", "peak MiB"
    );
    for row in &outcome.rows {
        let setup = &row.setup;
        println!(
            "{:<17} {:>10.0} {:>10.0} {:>9.0} {:>9.0}",
            row.variant.name(),
            setup.bytes as f64 / 1024.0,
            ready(row).median,
            setup.rss as f64 / 1024.0,
            setup.peak_rss as f64 / 1024.0,
        );
    }
    print_costs(outcome);
}

fn print_costs(outcome: &Outcome) {
    println!(
        "\n{:<28} {:>9}  {:>9}",
        "changing the configuration", "", "goal"
    );
    for cost in outcome.costs() {
        let goal = told(cost.goal, cost.value);
        println!("{:<28} {:>9.1}  {goal:>9}", cost.name, cost.value);
    }
    for update in &outcome.updates {
        let [calm, updated] = [update.calm, update.updated].map(|latency| {
            let Latency { p50, p99, most } = latency;
            format!("{p50:.2} / {p99:.2} / {most:.1}")
        });
        println!(
            "{} policies, latency p50 / p99 / most in ms: {calm}; with updates {updated}",
            update.policies
        );
    }
}

/// What a figure ought to be, and whether it is.
pub fn told(goal: Option<Goal>, figure: f64) -> String {
    goal.map_or(String::new(), |goal| {
        let (sign, value) = match goal {
            Goal::AtLeast(value) => ("≥", value),
            Goal::AtMost(value) => ("≤", value),
        };
        let met = if goal.is_met(figure) { "met" } else { "missed" };
        format!("{sign} {value}  {met}")
    })
}

pub fn json(outcome: &Outcome) -> Value {
    let machine = Machine::here();
    let timing = outcome.timing;
    let (mut variants, mut config) = (Map::new(), Map::new());
    for row in &outcome.rows {
        let mut by_kind = Map::new();
        for kind in Kind::ALL {
            let figure = |measure| row.of_kind(kind, measure);
            by_kind.insert(
                kind.name().to_owned(),
                figures(figure(Measure::Rps), figure(Measure::Cpu)),
            );
        }
        let figure = |measure| row.over_all(measure);
        let mut variant = figures(figure(Measure::Rps), figure(Measure::Cpu));
        variant["by_kind"] = Value::Object(by_kind);
        variants.insert(row.variant.name(), variant);
        config.insert(row.variant.name(), setup(row));
    }
    let (mut ratios, mut details) = (Map::new(), Map::new());
    for ratio in outcome.ratios() {
        ratios.insert(ratio.name.to_owned(), json!(round(ratio.over_all.median)));
        let kinds = Kind::ALL.into_iter().zip(ratio.by_kind);
        let by_kind: Map<_, _> = kinds
            .map(|(kind, spread)| (kind.name().to_owned(), json!(round(spread.median))))
            .collect();
        let mut detail = json!({
            "of": match ratio.measure {
                Measure::Rps => "rps",
                Measure::Cpu => "cpu_us_per_request",
            },
            "min_max": min_max(ratio.over_all),
            "by_kind": by_kind,
        });
        if let Some(goal) = ratio.goal {
            let (bound, value) = match goal {
                Goal::AtLeast(value) => ("at_least", value),
                Goal::AtMost(value) => ("at_most", value),
            };
            detail["goal"] = json!({bound: value, "met": goal.is_met(ratio.over_all.median)});
        }
        details.insert(ratio.name.to_owned(), detail);
    }
    let mut all = json!({
        "machine": {"cores": machine.cores, "cpu": machine.cpu, "envoy": outcome.envoy},
        "settings": {
            "quick": outcome.quick,
            "rounds": timing.rounds,
            "seconds": timing.window.as_secs_f64(),
            "connections": timing.connections,
            "agreed_requests": outcome.agreed,
        },
        "variants": variants,
        "ratios": ratios,
        "ratio_details": details,
        "config": config,
    });
    for cost in outcome.costs() {
        all[cost.name] = json!(round(cost.value));
    }
    all
}

fn figures(rps: Spread, cpu: Spread) -> Value {
    json!({
        "rps": round(rps.median),
        "rps_min_max": min_max(rps),
        "cpu_us_per_request": round(cpu.median),
        "cpu_us_min_max": min_max(cpu),
    })
}

fn setup(row: &Row) -> Value {
    let ready = ready(row);
    let policies = match row.variant {
        Variant::None | Variant::Noop => 0,
        Variant::Rbac(size) | Variant::Landbridge(size) => size,
    };
    json!({
        "policies": policies,
        "bytes": row.setup.bytes,
        "ready_ms": round(ready.median),
        "ready_ms_min_max": min_max(ready),
        "rss_kib": row.setup.rss,
        "peak_rss_kib": row.setup.peak_rss,
    })
}

/// Until the Envoy takes requests, in milliseconds.
fn ready(row: &Row) -> Spread {
    Spread::of(row.setup.ready.iter().map(|time| time.as_secs_f64() * 1e3))
}

pub fn min_max(spread: Spread) -> [f64; 2] {
    [round(spread.least), round(spread.most)]
}

/// More digits would be noise.
pub fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// What it was measured on.
pub struct Machine {
    pub cores: usize,
    pub cpu: String,
}

impl Machine {
    pub fn here() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find(|line| line.starts_with("model name"));
        let model = model.and_then(|line| line.split_once(':'));
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            cpu: model.map_or("unknown", |(_, name)| name.trim()).to_owned(),
        }
    }
}
