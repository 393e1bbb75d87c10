//! `cargo xtask build`: the filters, as modules that Envoy loads.
//!
//! One cargo invocation builds them all, so that they share their dependencies' artifacts. A
//! module does not depend on where it was built: paths of the machine are mapped away, and
//! flags from the environment are not taken over.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::BuildArgs;
use crate::wasm_opt::WasmOpt;
use crate::{Error, Result, exports, process, python, workspace};

pub(crate) const TARGET: &str = "wasm32-wasip1";
pub(crate) const PROFILE: &str = "filter";

/// The name of each module, the package that it is built from, and the callbacks that its `Filter`
/// has besides those that every filter has.
const FILTERS: &[(&str, &str, &[&str])] = &[
    ("authz", "landbridge-authz", &[]),
    (
        "locality",
        "landbridge-locality",
        &[
            "proxy_on_tick",
            "proxy_on_http_call_response",
            "proxy_on_request_body",
            "proxy_on_log",
        ],
    ),
    (
        "shaping",
        "landbridge-shaping",
        &[
            "proxy_on_tick",
            "proxy_on_grpc_receive",
            "proxy_on_grpc_close",
            "proxy_on_log",
        ],
    ),
    ("noop", "landbridge-noop", &[]),
    (
        "hostcheck",
        "landbridge-hostcheck",
        &[
            "proxy_on_tick",
            "proxy_on_grpc_receive",
            "proxy_on_grpc_close",
            "proxy_on_request_body",
        ],
    ),
];

pub(crate) fn run(args: &BuildArgs) -> Result<()> {
    let filters = build(args)?;
    let sizes = python::deflated_sizes(&filters)?;
    for (filter, gzip) in filters.iter().zip(sizes) {
        let raw = fs::metadata(filter)
            .map_err(|e| Error::at("read", filter, &e))?
            .len();
        println!(
            "{:>9} {:>9} gzip  {}",
            kib(raw),
            kib(gzip),
            filter.display()
        );
    }
    Ok(())
}

/// Builds every filter and says where each one is.
pub(crate) fn build(args: &BuildArgs) -> Result<Vec<PathBuf>> {
    ensure_target()?;
    let packages = FILTERS.iter().flat_map(|(_, package, _)| ["-p", package]);
    let mut cargo = process::cargo(["build", "--profile", PROFILE, "--target", TARGET])?;
    cargo
        .args(packages)
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags()?)
        .env_remove("RUSTFLAGS");
    process::run(&mut cargo)?;

    let optimiser = if args.no_opt { None } else { WasmOpt::find() };
    if optimiser.is_none() {
        let why = if args.no_opt {
            "--no-opt"
        } else {
            "not on PATH"
        };
        eprintln!("wasm-opt: skipped ({why})");
    }
    let built = workspace::target()?.join(TARGET).join(PROFILE);
    let to = workspace::filters()?;
    fs::create_dir_all(&to).map_err(|e| Error::at("create", &to, &e))?;
    let publish = |(name, package, callbacks): &(&str, &str, &[&str])| {
        let module = built.join(format!("{}.wasm", package.replace('-', "_")));
        let trimmed = built.join(format!("{name}.trimmed.wasm"));
        replace(&trimmed, &exports::trim(&read(&module)?, callbacks)?)?;
        let published = to.join(format!("{name}.wasm"));
        match &optimiser {
            Some(wasm_opt) => wasm_opt.publish(&trimmed, &published)?,
            None => replace(&published, &read(&trimmed)?)?,
        }
        Ok(published)
    };
    FILTERS.iter().map(publish).collect()
}

/// Makes sure that the toolchain has the standard library for the filters.
fn ensure_target() -> Result<()> {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let libraries = process::output(rustc.current_dir(workspace::root()?))?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    let Some(rustup) = workspace::on_path("rustup") else {
        return Err(Error::new(format!(
            "the toolchain has no `{TARGET}`, and there is no rustup"
        ))
        .help(format!(
            "install rustup, or this toolchain's standard library for `{TARGET}`"
        )));
    };
    eprintln!("adding the target {TARGET} to the toolchain …");
    let mut add = Command::new(rustup);
    add.args(["target", "add", TARGET])
        .current_dir(workspace::root()?)
        .stdin(Stdio::null());
    process::run(&mut add)
}

/// Maps the paths of this machine to names that every machine shares. Where several prefixes
/// match, rustc takes the last.
pub(crate) fn rustflags() -> Result<OsString> {
    let mut prefixes: Vec<(PathBuf, &str)> = Vec::new();
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = env::var_os("HOME").map(PathBuf::from);
    prefixes.extend(
        cargo_home
            .or_else(|| Some(home?.join(".cargo")))
            .map(|dir| (dir, "/cargo")),
    );
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc
        .args(["--print", "sysroot"])
        .current_dir(workspace::root()?);
    prefixes.push((PathBuf::from(process::output(&mut rustc)?.trim()), "/rust"));
    prefixes.push((workspace::root()?, "/landbridge"));
    prefixes.push((workspace::target()?, "/landbridge/target"));

    let mut flags = OsString::new();
    for (from, to) in prefixes {
        if !flags.is_empty() {
            flags.push("\u{1f}"); // how CARGO_ENCODED_RUSTFLAGS separates its flags
        }
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    Ok(flags)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| Error::at("read", path, &e))
}

/// Writes a file in one step, and only if that changes it: an Envoy that watches the directory
/// sees whole modules, and none for nothing.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let part = path.with_extension(format!("part-{}", std::process::id()));
    fs::write(&part, content).map_err(|e| Error::at("write", &part, &e))?;
    fs::rename(&part, path).map_err(|e| Error::at("write", path, &e))
}

fn kib(bytes: u64) -> String {
    format!("{}.{} KiB", bytes / 1024, bytes % 1024 * 10 / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_kib() {
        assert_eq!(kib(0), "0.0 KiB");
        assert_eq!(kib(1536), "1.5 KiB");
        assert_eq!(kib(1024 * 127 + 1023), "127.9 KiB");
    }

    #[test]
    fn a_file_is_rewritten_only_when_it_changes() {
        let dir = env::temp_dir().join(format!("xtask-replace-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let file = dir.join("module.wasm");
        let written = |file: &Path| fs::metadata(file).unwrap().modified().unwrap();

        replace(&file, b"one").unwrap();
        let old = fs::File::open(&file).unwrap();
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        old.set_modified(long_ago).unwrap();
        replace(&file, b"one").unwrap();
        assert_eq!(written(&file), long_ago);
        replace(&file, b"two").unwrap();
        assert_ne!(written(&file), long_ago);
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(
            fs::read_dir(&dir).unwrap().count(),
            1,
            "nothing is left behind"
        );
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn paths_of_the_machine_are_mapped_away() {
        let flags = rustflags().unwrap().into_string().unwrap();
        let root = workspace::root().unwrap();
        assert!(flags.contains(&format!(
            "--remap-path-prefix={}=/landbridge\u{1f}",
            root.display()
        )));
        assert!(flags.contains("=/cargo\u{1f}"), "{flags}");
    }
}
