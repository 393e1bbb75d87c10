//! Where the programs are: Envoy, Redis, the guard and the filters.
//!
//! Each is looked for where `cargo xtask` puts it, after an environment
//! variable that overrides it; what is missing is an error that says which
//! command makes it.

use std::path::{Path, PathBuf};

use crate::Error;

/// The Envoy that `cargo xtask envoy` fetches.
pub const ENVOY_VERSION: &str = "1.40.0";

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The Envoy binary: `$ENVOY`, what `cargo xtask envoy` fetched, or what is on the path.
pub fn envoy() -> Result<PathBuf, Error> {
    let fetched = workspace().join(format!("target/tools/envoy-{ENVOY_VERSION}/envoy"));
    if let Some(named) = std::env::var_os("ENVOY") {
        let named = PathBuf::from(named);
        return if named.is_file() {
            Ok(named)
        } else {
            Err(Error::NoEnvoy(named))
        };
    }
    if fetched.is_file() {
        return Ok(fetched);
    }
    on_path("envoy").ok_or(Error::NoEnvoy(fetched))
}

/// A `redis-server`, if there is one: `$REDIS_SERVER`, or any [`program`] of that name.
pub(crate) fn redis() -> Option<PathBuf> {
    let named = std::env::var_os("REDIS_SERVER").map(PathBuf::from);
    let named = named.filter(|program| program.is_file());
    named.or_else(|| program("redis-server"))
}

/// A program that not every machine has, if there is one: what `cargo xtask` fetched or built into
/// `target/tools/bin`, or what is on the path.
pub fn program(name: &str) -> Option<PathBuf> {
    let fetched = workspace().join("target/tools/bin").join(name);
    if fetched.is_file() {
        return Some(fetched);
    }
    on_path(name)
}

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// A filter's module by its short name: `authz` is `authz.wasm` in
/// `$LANDBRIDGE_FILTERS`, or in `target/filters`.
pub fn filter(name: &str) -> Result<PathBuf, Error> {
    let folder = std::env::var_os("LANDBRIDGE_FILTERS")
        .map_or_else(|| workspace().join("target/filters"), PathBuf::from);
    let module = folder.join(format!("{name}.wasm"));
    if module.is_file() {
        Ok(module)
    } else {
        Err(Error::NoFilter(module))
    }
}

/// `landbridge-guard`: beside this program, or, for a test in `deps`, one above.
#[cfg(target_os = "linux")]
pub(crate) fn guard() -> Result<PathBuf, Error> {
    let me = std::env::current_exe().map_err(Error::io("find this program"))?;
    me.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("landbridge-guard"))
        .find(|candidate| candidate.is_file())
        .ok_or(Error::NoGuard(me))
}
