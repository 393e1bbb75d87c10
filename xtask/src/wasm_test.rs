//! `cargo xtask wasm-test`: the case corpus, decided by the engine as Wasm in Node.
//!
//! The program that cargo hands the test to comes from crates.io and must be of the very version
//! of wasm-bindgen that the test was built with. Building it takes minutes, once, and so it is kept
//! under `target/tools`; without optimisation, which would take more than twice as long to save
//! a few seconds a run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Result, process, workspace};

const TARGET: &str = "wasm32-unknown-unknown";
const PACKAGE: &str = "landbridge-wasm-test";
const RUNNER: &str = "wasm-bindgen-test-runner";
const RUNNER_VARIABLE: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER";

pub(crate) fn run() -> Result<()> {
    if workspace::on_path("node").is_none() {
        eprintln!("NOT TESTED: the case corpus as Wasm: there is no `node` on PATH");
        eprintln!("  help: install Node.js 20 or later, then run this again");
        return Ok(());
    }
    let runner = runner()?;
    // Without rustup the toolchain is its owner's, and cargo says what it lacks.
    if let Some(rustup) = workspace::on_path("rustup") {
        let mut add = Command::new(rustup);
        add.args(["--quiet", "target", "add", TARGET])
            .current_dir(workspace::root()?)
            .stdin(Stdio::null());
        process::run(&mut add)?;
    }
    let mut test = process::cargo(["test", "--target", TARGET, "-p", PACKAGE])?;
    test.env(RUNNER_VARIABLE, runner);
    process::run(test.args(["--", "--nocapture"]))
}

/// The runner, installed if it is not there.
fn runner() -> Result<PathBuf> {
    let version = workspace::locked_version("wasm-bindgen")?;
    let to = workspace::target()?
        .join("tools")
        .join(format!("wasm-bindgen-{version}"));
    let runner = to.join("bin").join(RUNNER);
    if !runs(&runner) {
        install(&version, &to)?;
    }
    Ok(runner)
}

fn install(version: &str, to: &Path) -> Result<()> {
    eprintln!("building {RUNNER} {version} from crates.io, once; it takes minutes …");
    let start = Instant::now();
    let scratch = to.join("build");
    let install = |locked: &[&str]| {
        let mut cargo = process::cargo(["install", "wasm-bindgen-cli", "--quiet", "--debug"])?;
        cargo
            .args(["--version", version, "--bin", RUNNER, "--root"])
            .arg(to)
            .args(locked)
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_TARGET_DIR", &scratch);
        process::run(&mut cargo)
    };
    // A mirror of crates.io may lack a release that the published lock file names.
    let done = install(&["--locked"]).or_else(|_| {
        eprintln!("its own lock file cannot be met here: trying with what is compatible …");
        install(&[])
    });
    // What was built from has served, and is hundreds of megabytes.
    let _ = fs::remove_dir_all(&scratch);
    done?;
    eprintln!("{RUNNER}: built in {} s", start.elapsed().as_secs());
    Ok(())
}

/// An installation that was interrupted may have left anything.
fn runs(runner: &Path) -> bool {
    let mut version = Command::new(runner);
    let quiet = version.arg("--version").stdin(Stdio::null());
    quiet
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}
