//! `cargo xtask envoy`: an Envoy for the testbed.
//!
//! An Envoy that the reader names or has comes first; only without one is a release installed,
//! and then under `target`, never into the system.

use std::env;
use std::path::{Path, PathBuf};

use crate::{Error, Result, install, version, workspace};

/// Variable that names the Envoy to use, for us and for the testbed.
pub(crate) const VARIABLE: &str = "ENVOY";

pub(crate) const RANGE: &str = "1.36 up to 1.40";

pub(crate) fn run() -> Result<()> {
    println!("{}", find_or_install()?.display());
    Ok(())
}

/// The path of an Envoy of a supported version, absolute.
pub(crate) fn find_or_install() -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).filter(|v| !v.is_empty()) {
        let path = workspace::absolute(Path::new(&named))?;
        match check(&path) {
            Ok(()) => return Ok(path),
            Err(why) => eprintln!("{VARIABLE} is set but not used: {why}"),
        }
    }
    let installed = install::destination()?;
    if installed.is_file() && check(&installed).is_ok() {
        return Ok(installed);
    }
    if let Some(path) = workspace::on_path("envoy") {
        match check(&path) {
            Ok(()) => return workspace::absolute(&path),
            Err(why) => eprintln!("the Envoy on PATH is not used: {why}"),
        }
    }
    install::install().map_err(|why| {
        why.or_help(format!(
            "set {VARIABLE} to an Envoy {RANGE}, or put one on PATH as `envoy`"
        ))
    })?;
    Ok(installed)
}

/// Refuses what does not run and what is not supported.
pub(crate) fn check(envoy: &Path) -> Result<()> {
    let version = version::of(envoy)?;
    if version.is_supported() {
        return Ok(());
    }
    Err(Error::new(format!(
        "`{}` is Envoy {version}; supported is {RANGE}",
        envoy.display()
    )))
}
