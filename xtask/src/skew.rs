//! `cargo xtask skew`: this version and an older one, each with the other's configuration.
//!
//! The older module is built from the history, by the sources and the lock file that it had then,
//! and kept: a commit does not change. A clone without that commit says so, loudly, and does
//! nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::BuildArgs;
use crate::{Error, Result, build, exports, install, process, test, testbed, workspace};

/// The last commit whose modules do not read packed configurations; also in
/// `testbed/tests/authz/skew.rs`.
const OLDER: &str = "a35b844";

pub(crate) fn run() -> Result<()> {
    if older()?.is_none() {
        return Ok(());
    }
    build::build(&BuildArgs::default())?;
    let mut cargo = process::cargo(["test"])?;
    cargo.args(test::PACKAGES).args(["--test", "authz"]);
    testbed::provide(cargo.args(["--", "skew::"]))?;
    process::run(&mut cargo)
}

/// The older module, built where it was not yet.
pub(crate) fn older() -> Result<Option<PathBuf>> {
    let folder = workspace::target()?.join("skew");
    let module = folder.join(OLDER).join("authz.wasm");
    if module.is_file() {
        return Ok(Some(module));
    }
    let commit = format!("{OLDER}^{{commit}}");
    let mut git = Command::new("git");
    git.args(["cat-file", "-e", &commit])
        .current_dir(workspace::root()?)
        .stderr(Stdio::null());
    if !git.status().is_ok_and(|status| status.success()) {
        eprintln!(
            "SKIPPED: the skew tests, since this clone has no commit {OLDER} to build the older \
             modules of; `git fetch --unshallow` brings it"
        );
        return Ok(None);
    }
    install::under_lock(&folder, OLDER, |scratch| {
        if module.is_file() {
            return Ok(()); // by whoever held the lock before
        }
        eprintln!("building the authorization filter of {OLDER} …");
        let source = scratch.join("source");
        install::create(&source)?;
        export(&source)?;
        let built = folder.join("build");
        let mut cargo = process::cargo(["build", "--locked", "-p", "landbridge-authz"])?;
        cargo
            .args(["--profile", build::PROFILE, "--target", build::TARGET])
            .current_dir(&source)
            .env("CARGO_TARGET_DIR", &built)
            .env("CARGO_ENCODED_RUSTFLAGS", build::rustflags()?)
            .env_remove("RUSTFLAGS");
        process::run(&mut cargo)?;
        let raw = built.join(build::TARGET).join(build::PROFILE);
        let raw = build::read(&raw.join("landbridge_authz.wasm"))?;
        if let Some(parent) = module.parent() {
            install::create(parent)?;
        }
        build::replace(&module, &exports::trim(&raw, &[])?)
    })?;
    Ok(Some(module))
}

/// The tree of the older commit, as files.
fn export(to: &Path) -> Result<()> {
    let archive = to.with_extension("tar");
    let mut git = Command::new("git");
    git.args(["archive", "--format=tar", "-o"])
        .arg(&archive)
        .arg(OLDER)
        .current_dir(workspace::root()?);
    process::run(&mut git)?;
    let mut tar = Command::new("tar");
    tar.arg("-xf").arg(&archive).arg("-C").arg(to);
    process::run(&mut tar)?;
    fs::remove_file(&archive).map_err(|e| Error::at("remove", &archive, &e))
}
