//! Programs that need the testbed: a real Envoy, and the filters freshly built.

use std::process::Command;

use crate::cli::BuildArgs;
use crate::{Result, build, envoy, process, workspace};

const PACKAGE: &str = "landbridge-testbed";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

/// One of the testbed's programs, ready to be given its arguments.
pub(crate) fn program(name: &str, profile: Profile) -> Result<Command> {
    let release: &[&str] = if profile == Profile::Release {
        &["--release"]
    } else {
        &[]
    };
    // All of its programs are built, for they start one another: `cargo run` would build one.
    let mut build = process::cargo(["build", "-q", "-p", PACKAGE, "--bins"])?;
    process::run(build.args(release))?;
    let mut run = process::cargo(["run", "-q", "-p", PACKAGE])?;
    run.args(release).args(["--bin", name, "--"]);
    provide(&mut run)?;
    Ok(run)
}

/// Gives a command what the testbed looks for.
pub(crate) fn provide(command: &mut Command) -> Result<()> {
    let envoy = envoy::find_or_install()?;
    build::build(&BuildArgs::default())?;
    eprintln!("using {}", envoy.display());
    command
        .env(envoy::VARIABLE, envoy)
        .env("LANDBRIDGE_FILTERS", workspace::filters()?);
    Ok(())
}
