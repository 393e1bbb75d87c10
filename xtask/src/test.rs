//! `cargo xtask test`: every test there is.

use std::time::Instant;

use crate::cli::TestArgs;
use crate::debian::{self, REGISTRY};
use crate::{Result, process, redis, testbed, wasm_test};

/// The packages of a run that chooses none. What needs the tools of others has its own command.
pub(crate) const PACKAGES: [&str; 3] = ["--workspace", "--exclude", "landbridge-conformance"];

pub(crate) fn run(args: &TestArgs) -> Result<()> {
    let start = Instant::now();
    let mut cargo = process::cargo(["test", "--no-fail-fast"])?;
    if !chooses_packages(&args.args) {
        cargo.args(PACKAGES);
    }
    testbed::provide(cargo.args(&args.args))?;
    if let Some(redis) = redis::find_if_possible() {
        cargo.env(redis::VARIABLE, redis);
    }
    debian::program_if_possible(&REGISTRY, "docker-registry");
    let mut result = process::run(&mut cargo);
    if args.args.is_empty() {
        let wasm = wasm_test::run();
        result = result.and(wasm);
    }
    let seconds = start.elapsed().as_secs();
    eprintln!(
        "total time: {} min {:02} s, filters included",
        seconds / 60,
        seconds % 60
    );
    result
}

/// Whether the arguments for cargo (those before `--`) name packages. With `--workspace` beside
/// it, cargo would not heed `-p`.
fn chooses_packages(args: &[String]) -> bool {
    let for_cargo = args.iter().take_while(|arg| *arg != "--");
    let short = |arg: &str| arg.starts_with("-p") && !arg.starts_with("--");
    for_cargo
        .into_iter()
        .any(|arg| short(arg) || arg.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_chosen_before_the_dashes() {
        let chosen = |args: &str| {
            let args: Vec<_> = args.split_whitespace().map(str::to_owned).collect();
            chooses_packages(&args)
        };
        assert!(chosen("-p xtask"));
        assert!(chosen("-pxtask"));
        assert!(chosen("--release --package=xtask"));
        assert!(!chosen(""));
        assert!(!chosen("--profile filter"));
        assert!(!chosen("corpus -- -p"));
    }
}
