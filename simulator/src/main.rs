//! `landbridge-simulator failover`: locality failover in a mesh of thousands of proxies, beside what
//! Envoy's own failover makes of the same weather.
//!
//! What decides in Landbridge's proxies is the engine's own code, one worker a proxy, told the time
//! by a loop. What is modelled and what is not is in `docs/simulation.md`.

mod backend;
mod figures;
mod geography;
mod istio;
mod landbridge;
mod outliers;
mod plot;
mod proxy;
mod random;
mod record;
mod report;
mod run;
mod weather;

#[cfg(test)]
mod laws;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use figures::Figures;
use record::Record;
use run::{Plan, Variant};
use weather::Scenario;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

fn problem(what: impl Into<String>) -> Error {
    what.into().into()
}

/// Simulate a mesh
#[derive(Debug, Parser)]
#[command(name = "landbridge-simulator")]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Locality failover, beside Envoy's own
    Failover(FailoverArgs),
}

#[derive(Debug, Args)]
struct FailoverArgs {
    /// Only this scenario
    #[arg(long)]
    scenario: Option<Scenario>,
    /// What everything random follows from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Regions, each with one cluster
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(3..=60))]
    regions: u16,
    /// Proxies, the same number in each region
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(3..=10_000))]
    proxies: u32,
    /// How long, by the simulated clock
    #[arg(long, default_value_t = 240, value_parser = clap::value_parser!(u64).range(30..=3600))]
    seconds: u64,
    /// Write the figures to FILE as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write plots into DIR, too
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
}

/// What became of one scenario, by who decided.
struct Outcome {
    plan: Plan,
    runs: Vec<(Variant, Record, Figures)>,
}

impl Outcome {
    fn of(plan: Plan) -> Result<Self> {
        let runs: Result<Vec<_>> = Variant::ALL
            .into_iter()
            .map(|variant| {
                let record = run::run(&plan, variant)?;
                let figures = Figures::of(&record, &plan.weather());
                Ok((variant, record, figures))
            })
            .collect();
        Ok(Self { plan, runs: runs? })
    }
}

fn main() -> ExitCode {
    let What::Failover(args) = Cli::parse().what;
    match failover(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn failover(args: &FailoverArgs) -> Result<()> {
    let scenarios = match args.scenario {
        Some(scenario) => vec![scenario],
        None => Scenario::value_variants().to_vec(),
    };
    let mut outcomes = Vec::new();
    for scenario in scenarios {
        let outcome = Outcome::of(Plan {
            scenario,
            regions: scenario.regions(usize::from(args.regions)),
            proxies: args.proxies as usize,
            seconds: args.seconds,
            seed: args.seed,
        })?;
        println!("{}", report::table(&outcome));
        if let Some(folder) = &args.svg {
            std::fs::create_dir_all(folder)?;
            let file = folder.join(format!("{}.svg", scenario.name()));
            write(&file, &plot::svg(&outcome)?)?;
        }
        outcomes.push(report::json(&outcome));
    }
    if let Some(file) = &args.json {
        let all = serde_json::Value::from(outcomes);
        write(file, &format!("{all:#}\n"))?;
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text)
        .map_err(|error| problem(format!("cannot write `{}`: {error}", file.display())))
}
