//! `cargo xtask redis`: a Redis for the tests whose services share one.
//!
//! One that the reader names or has comes first. Without one, Debian's packages are downloaded and
//! unpacked under `target`: that needs no root, and disturbs nothing. Where that fails too, those
//! tests say that they are skipped; no other needs a Redis.

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, Result, install, process, workspace};

/// Variable that names the Redis to use, for us and for the testbed.
pub(crate) const VARIABLE: &str = "REDIS_SERVER";

/// The server's program is in the package of the tools; then there are those of its libraries that
/// not every machine has.
const PACKAGES: [&str; 4] = ["redis-tools", "libatomic1", "libjemalloc2", "liblzf1"];

pub(crate) fn run() -> Result<()> {
    println!("{}", find_or_install()?.display());
    Ok(())
}

/// The path of a `redis-server`; says why there is none.
pub(crate) fn find_if_possible() -> Option<PathBuf> {
    match find_or_install() {
        Ok(path) => Some(path),
        Err(why) => {
            eprintln!("no Redis, so the tests that need one are skipped: {why}");
            None
        }
    }
}

fn find_or_install() -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE).filter(|v| !v.is_empty()) {
        let path = workspace::absolute(Path::new(&named))?;
        match check(&path) {
            Ok(()) => return Ok(path),
            Err(why) => eprintln!("{VARIABLE} is set but not used: {why}"),
        }
    }
    if let Some(path) = workspace::on_path("redis-server") {
        return workspace::absolute(&path);
    }
    let tools = install::tools()?;
    let installed = tools.join("redis").join("redis-server");
    if check(&installed).is_ok() {
        return Ok(installed);
    }
    let help = format!("put `redis-server` on PATH, or set {VARIABLE} to one");
    install::under_lock(&tools, "redis", |scratch| {
        if check(&installed).is_ok() {
            return Ok(()); // by whoever held the lock before
        }
        install_through(scratch, &tools.join("redis"))
    })
    .map_err(|why| why.or_help(help))?;
    Ok(installed)
}

fn install_through(scratch: &Path, destination: &Path) -> Result<()> {
    eprintln!("fetching Debian's Redis (about 30 MiB, most of it lists of packages) …");
    let whole = scratch.join("redis");
    let root = whole.join("root");
    install::create(&root)?;
    for package in download(scratch)? {
        let mut unpack = Command::new("dpkg");
        process::output(unpack.arg("-x").arg(package).arg(&root))?;
    }
    let program = root.join("usr/bin/redis-server");
    // The server's package has no more than this link, and a service that nobody wants here.
    symlink("redis-check-rdb", &program).map_err(|e| Error::at("link", &program, &e))?;
    // It finds its libraries wherever this is put, and stays the process that was started.
    let script = "#!/bin/sh\n\
        root=${0%/*}/root\n\
        for libraries in \"$root\"/usr/lib/*-linux-*; do\n\
        \x20   LD_LIBRARY_PATH=$libraries:$LD_LIBRARY_PATH\n\
        done\n\
        export LD_LIBRARY_PATH\n\
        exec \"$root/usr/bin/redis-server\" \"$@\"\n";
    let server = whole.join("redis-server");
    fs::write(&server, script).map_err(|e| Error::at("write", &server, &e))?;
    fs::set_permissions(&server, fs::Permissions::from_mode(0o755))
        .map_err(|e| Error::at("make executable", &server, &e))?;
    check(&server)?;
    install::discard(destination)?;
    fs::rename(&whole, destination).map_err(|e| Error::at("write", destination, &e))
}

/// Downloads the packages. The lists of what there is are fetched into a place of their own: the
/// system's may be old or missing, and only root may change those.
fn download(scratch: &Path) -> Result<Vec<PathBuf>> {
    let packages = scratch.join("packages");
    let (lists, cache) = (scratch.join("lists"), scratch.join("cache"));
    for dir in [
        &packages,
        &lists.join("partial"),
        &cache.join("archives/partial"),
    ] {
        install::create(dir)?;
    }
    let apt = |args: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.arg("-qq")
            .arg("-o")
            .arg(format!("Dir::State::Lists={}", lists.display()))
            .arg("-o")
            .arg(format!("Dir::Cache={}", cache.display()))
            // Root would have the files fetched by a user who may not write here.
            .args(["-o", "APT::Sandbox::User="])
            .args(args)
            .current_dir(&packages)
            .stdin(Stdio::null());
        process::output(&mut apt)
    };
    apt(&["update"])?;
    apt(&[&["download"], PACKAGES.as_slice()].concat())?;
    let entries = fs::read_dir(&packages).map_err(|e| Error::at("list", &packages, &e))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

fn check(redis: &Path) -> Result<()> {
    process::output(Command::new(redis).arg("--version")).map(drop)
}
