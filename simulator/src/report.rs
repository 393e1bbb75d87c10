//! The outcome as a table, which is Markdown too, and as JSON.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::figures::Figures;

type Row = (&'static str, fn(&Figures) -> String);

const ROWS: &[Row] = &[
    ("lost", |f| {
        format!("{} ({:.2} %)", f.lost, f.lost_percent())
    }),
    ("unavoidably", |f| f.unavoidable.to_string()),
    ("sent nowhere", |f| f.refused.to_string()),
    ("retries", |f| f.retries.to_string()),
    ("misdirected", |f| f.misdirected.to_string()),
    ("against residency", |f| f.unlawful.to_string()),
    ("time to divert", |f| seconds(f.divert)),
    ("peak load, survivors", |f| format!("{:.2}", f.peak)),
    ("peak load, returning", |f| {
        format!("{:.2}", f.peak_returning)
    }),
    ("turns", |f| f.turns.to_string()),
    ("swing, last third", |f| format!("{:.0} points", f.swing)),
    ("time to return", |f| seconds(f.back)),
    ("fastest rise", |f| format!("{:.1} points/s", f.rise)),
    ("probes, by capacity", |f| format!("{:.2}", f.probing)),
    ("mean answer", |f| format!("{:.0} ms", f.latency)),
];

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| "—".to_owned(), |value| format!("{value} s"))
}

pub fn table(outcome: &Outcome) -> String {
    let plan = &outcome.plan;
    let requests = outcome.runs.first().map_or(0, |run| run.2.requests);
    let mut rows = vec![vec![plan.scenario.name().to_owned()]];
    rows[0].extend(outcome.runs.iter().map(|run| run.0.name().to_owned()));
    for (name, of) in ROWS {
        let mut row = vec![(*name).to_owned()];
        row.extend(outcome.runs.iter().map(|run| of(&run.2)));
        rows.push(row);
    }
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|i| {
            rows.iter()
                .map(|row| row[i].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    rows.insert(1, widths.iter().map(|width| "-".repeat(*width)).collect());
    let mut out = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(out, "| {cell:width$} ");
        }
        out.push_str("|\n");
    }
    let _ = writeln!(
        out,
        "\n{} regions, {} proxies, {} s, {requests} requests, seed {}",
        plan.regions, plan.proxies, plan.seconds, plan.seed
    );
    out
}

pub fn json(outcome: &Outcome) -> Value {
    let runs = outcome.runs.iter();
    let runs: Map<String, Value> = runs
        .map(|(variant, _, figures)| (variant.name().to_owned(), figures.json()))
        .collect();
    json!({
        "scenario": outcome.plan.scenario.name(),
        "regions": outcome.plan.regions,
        "proxies": outcome.plan.proxies,
        "seconds": outcome.plan.seconds,
        "seed": outcome.plan.seed,
        "runs": runs,
    })
}
