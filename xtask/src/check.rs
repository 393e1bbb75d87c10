//! `cargo xtask check`: what can be judged without running anything.

use crate::{Result, process, workspace};

const CLIPPY: [&str; 6] = [
    "clippy",
    "--workspace",
    "--all-targets",
    "--",
    "-D",
    "warnings",
];

pub(crate) fn run() -> Result<()> {
    process::run(&mut process::cargo(["fmt", "--all", "--check"])?)?;
    process::run(&mut process::cargo(CLIPPY)?)?;
    if workspace::on_path("cargo-deny").is_some() {
        return process::run(&mut process::cargo(["deny", "check"])?);
    }
    eprintln!("NOT CHECKED: licences, bans and advisories of the dependencies (deny.toml)");
    eprintln!("  help: `cargo install cargo-deny`, then run this again");
    Ok(())
}
