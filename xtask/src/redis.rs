//! `cargo xtask redis`: a Redis for the tests whose services share one.
//!
//! One that the reader names or has comes first; without one, Debian's. Where there can be none,
//! those tests say that they are skipped; no other needs a Redis.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian::{self, REDIS};
use crate::{Result, process, workspace};

/// Variable that names the Redis to use, for us and for the testbed.
pub(crate) const VARIABLE: &str = "REDIS_SERVER";

pub(crate) fn run() -> Result<()> {
    let path = match named()? {
        Some(path) => path,
        None => debian::program(&REDIS, "redis-server")?,
    };
    println!("{}", path.display());
    Ok(())
}

/// The path of a `redis-server`; says why there is none.
pub(crate) fn find_if_possible() -> Option<PathBuf> {
    let named = named().ok().flatten();
    named.or_else(|| debian::program_if_possible(&REDIS, "redis-server"))
}

fn named() -> Result<Option<PathBuf>> {
    let Some(named) = env::var_os(VARIABLE).filter(|v| !v.is_empty()) else {
        return Ok(None);
    };
    let path = workspace::absolute(Path::new(&named))?;
    match process::output(Command::new(&path).arg("--version")) {
        Ok(_) => Ok(Some(path)),
        Err(why) => {
            eprintln!("{VARIABLE} is set but not used: {why}");
            Ok(None)
        }
    }
}
