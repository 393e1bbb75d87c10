//! Where things are.

use std::env;
use std::fs;
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

/// The version that Cargo.lock has of a package.
pub(crate) fn locked_version(package: &str) -> Result<String> {
    let lock = root()?.join("Cargo.lock");
    let text = fs::read_to_string(&lock).map_err(|e| Error::at("read", &lock, &e))?;
    let version = version_in(&text, package).map(str::to_owned);
    version.ok_or_else(|| Error::new(format!("Cargo.lock does not have `{package}`")))
}

/// The version of a package in the text of a lock file.
fn version_in<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, after) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    after.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_lock_file() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"1.2.3\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"x\"\n";
        assert_eq!(version_in(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(version_in(lock, "wasm"), None);
        assert!(locked_version("wasm-bindgen").is_ok());
    }
}
