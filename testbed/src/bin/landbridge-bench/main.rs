//! `landbridge-bench authz|locality|shaping|chain [--quick] [--json FILE] [--svg DIR]`: what
//! a filter costs in a real Envoy, beside no filter and a Wasm filter that
//! does nothing; authorization beside Envoy's own RBAC with the same policies,
//! too.
//!
//! How it is measured, and why so, is in `docs/performance.md`. Figures depend
//! on the machine, ratios less so: ratios are what the goals are about.

mod agree;
mod apply;
mod chain;
mod client;
mod contest;
mod figures;
mod generate;
mod locality;
mod measure;
mod plot;
mod policies;
mod report;
mod scenes;
mod shaping;
mod standing;
mod translate;
mod update;
mod variant;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use landbridge_testbed::failed;
use landbridge_testbed::solo::{Solo, Stage};
use serde_json::Value;

use figures::Outcome;
use measure::Timing;
use variant::{Runner, Variant};

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

const USAGE: &str =
    "usage: landbridge-bench authz|locality|shaping|chain [--quick] [--json FILE] [--svg DIR]";

fn problem(what: impl Into<String>) -> Error {
    what.into().into()
}

/// What the command line asks for.
#[derive(Debug)]
struct Args {
    what: What,
    quick: bool,
    json: Option<PathBuf>,
    svg: Option<PathBuf>,
}

/// Which filter is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Authz,
    Locality,
    Shaping,
    Chain,
}

impl Args {
    fn parse(mut args: impl Iterator<Item = String>) -> Option<Self> {
        let mut parsed = Self {
            what: match args.next()?.as_str() {
                "authz" => What::Authz,
                "locality" => What::Locality,
                "shaping" => What::Shaping,
                "chain" => What::Chain,
                _ => return None,
            },
            quick: false,
            json: None,
            svg: None,
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--quick" => parsed.quick = true,
                "--json" => parsed.json = Some(args.next()?.into()),
                "--svg" => parsed.svg = Some(args.next()?.into()),
                _ => return None,
            }
        }
        Some(parsed)
    }
}

fn main() -> ExitCode {
    let Some(args) = Args::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("landbridge-bench", error.as_ref()),
    }
}

fn run(args: &Args) -> Result<()> {
    // One thread for the load: the other core is the Envoy's.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let json = match args.what {
        What::Authz => None,
        What::Locality => {
            let outcome = runtime.block_on(locality::measure(args.quick))?;
            outcome.print();
            Some(outcome.json())
        }
        What::Shaping => {
            let outcome = runtime.block_on(shaping::measure(args.quick))?;
            outcome.print();
            Some(outcome.json())
        }
        What::Chain => {
            let outcome = runtime.block_on(chain::measure(args.quick))?;
            outcome.print();
            Some(outcome.json())
        }
    };
    if let Some(json) = json {
        if let Some(file) = &args.json {
            write(file, &format!("{json:#}\n"))?;
        }
        return Ok(());
    }
    let outcome = runtime.block_on(authz(args))?;
    report::print(&outcome);
    if let Some(file) = &args.json {
        write(file, &format!("{:#}\n", report::json(&outcome)))?;
    }
    if let Some(folder) = &args.svg {
        std::fs::create_dir_all(folder)?;
        write(&folder.join("authz-cpu.svg"), &plot::svg(&outcome)?)?;
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text)
        .map_err(|error| problem(format!("cannot write `{}`: {error}", file.display())))
}

async fn authz(args: &Args) -> Result<Outcome> {
    let timing = if args.quick {
        Timing::QUICK
    } else {
        Timing::FULL
    };
    let variants = Variant::all();
    let mut stage = Stage::new("bench", variants.len() + update::SIZES.len())?;
    let mut runners = Vec::new();
    for variant in variants {
        eprintln!("starting {}", variant.name());
        runners.push(Runner::start(&mut stage, variant, timing.starts).await?);
    }
    let agreed = agree::check(&runners).await?;
    eprintln!("RBAC and Landbridge agree on {agreed} requests");
    let samples = measure::rounds(&runners, timing, |round| {
        eprintln!("round {round} of {}", timing.rounds);
    })
    .await?;
    let first = runners.first().ok_or_else(|| problem("nothing runs"))?;
    let envoy = envoy_version(&first.solo).await?;
    // The Envoys end here: what follows has the machine to itself.
    let rows = figures::rows(runners, samples);
    let mut updates = Vec::new();
    for size in update::SIZES {
        eprintln!("updating {size} policies under load");
        let timing = if args.quick {
            update::Timing::QUICK
        } else {
            update::Timing::FULL
        };
        updates.push(update::measure(&mut stage, size, timing).await?);
    }
    Ok(Outcome {
        quick: args.quick,
        timing,
        agreed,
        envoy,
        rows,
        updates,
    })
}

async fn envoy_version(solo: &Solo) -> Result<String> {
    let info: Value = serde_json::from_str(&solo.admin("/server_info").await?)?;
    // A commit, the version, and how it was built.
    let version = info["version"].as_str().and_then(|v| v.split('/').nth(1));
    Ok(version.unwrap_or("unknown").to_owned())
}
