//! Where things are.

use std::env;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The root of the repository.
///
/// Cargo says at run time which checkout it runs this for; what was compiled in may be another
/// one, where several checkouts share a target directory.
pub fn root() -> Result<PathBuf> {
    let said = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = said
        .filter(|dir| dir.ends_with("xtask"))
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    match here.parent() {
        Some(root) if root.join("Cargo.toml").is_file() => Ok(root.to_owned()),
        _ => Err(Error::new(format!(
            "`{}` is not in a checkout any more",
            here.display()
        ))
        .help("run `cargo xtask` from inside the repository")),
    }
}

/// Cargo's target directory, absolute.
pub(crate) fn target() -> Result<PathBuf> {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => absolute(Path::new(&dir)),
        _ => Ok(root()?.join("target")),
    }
}

/// Where `build` puts the filters and tests look for them.
pub(crate) fn filters() -> Result<PathBuf> {
    Ok(target()?.join("filters"))
}

/// `path` as the caller meant it, whatever directory a child runs in.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|e| Error::at("resolve", path, &e))
}

/// The first executable file called `name` in `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let runs = |file: &PathBuf| {
        file.metadata()
            .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    env::split_paths(&env::var_os("PATH")?)
        .map(|dir| dir.join(name))
        .find(runs)
}
