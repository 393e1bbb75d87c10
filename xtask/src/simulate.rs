//! `cargo xtask simulate`: a mesh of thousands of proxies, by the clock of a program.

use crate::cli::SimulateArgs;
use crate::{Result, process, workspace};

pub(crate) fn run(args: &SimulateArgs) -> Result<()> {
    let package = ["run", "-q", "--release", "-p", "landbridge-simulator", "--"];
    let mut simulator = process::cargo(package)?;
    simulator.arg(&args.what);
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            simulator.arg(name).arg(value);
        }
    };
    option("--scenario", args.scenario.clone());
    option("--seed", args.seed.map(|n| n.to_string()));
    option("--regions", args.regions.map(|n| n.to_string()));
    option("--proxies", args.proxies.map(|n| n.to_string()));
    option("--seconds", args.seconds.map(|n| n.to_string()));
    if let Some(file) = &args.json {
        simulator.arg("--json").arg(workspace::absolute(file)?);
    }
    if let Some(folder) = &args.svg {
        simulator.arg("--svg").arg(workspace::absolute(folder)?);
    }
    Err(process::become_it(&mut simulator))
}
