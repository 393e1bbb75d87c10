//! `cargo xtask bench instructions`: what the engine costs in instructions, counted by valgrind.
//!
//! Two programs are needed that cargo does not bring. They are not installed behind anybody's
//! back: without them this says how to get them, and fails.

use std::path::PathBuf;
use std::process::Command;

use crate::{Error, Result, process, workspace};

const RUNNER: &str = "gungraun-runner";
/// The variable by which gungraun finds it.
const VARIABLE: &str = "GUNGRAUN_RUNNER";

pub(crate) fn run() -> Result<()> {
    if workspace::on_path("valgrind").is_none() {
        return Err(
            Error::new("there is no `valgrind`, which counts instructions")
                .help("install your system's package, e.g. `apt-get install valgrind`"),
        );
    }
    let runner = runner()?;
    let mut bench = process::cargo([
        "bench",
        "-p",
        "landbridge-engine",
        "--bench",
        "instructions",
    ])?;
    Err(process::become_it(bench.env(VARIABLE, runner)))
}

/// The runner, of the very version of the library: others are refused by it.
fn runner() -> Result<PathBuf> {
    let version = workspace::locked_version(RUNNER)?;
    let help = format!("cargo install {RUNNER} --version ={version} --locked");
    let Some(path) = workspace::on_path(RUNNER) else {
        return Err(Error::new(format!("there is no `{RUNNER}`")).help(help));
    };
    let found = process::output(Command::new(&path).arg("--version"))?;
    if found.split_whitespace().nth(1) != Some(version.as_str()) {
        let found = found.trim();
        return Err(Error::new(format!("`{found}` is not version {version}")).help(help));
    }
    Ok(path)
}
