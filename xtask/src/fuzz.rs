//! `cargo xtask fuzz`: the decoders and the engine under random bytes.
//!
//! What a run finds grows in `target/fuzz/corpus`; `fuzz/corpus`, which `cargo test` replays, is
//! read and never written to. Words for the inputs come from `policies/schema`, so that a field
//! that is added is tried without anybody listing it. What is worth keeping of a run, at most 50
//! inputs a target, is copied by hand: libFuzzer's `-set_cover_merge=1` says which inputs reach
//! most.
//!
//! No sanitizer: our crates have no unsafe code, and a run without one is several times faster.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::FuzzArgs;
use crate::{Error, Result, process, workspace};

/// The longest input that is tried. What is kept in `fuzz/corpus` is half as long.
const LONGEST: u32 = 4096;
/// An input that takes this many seconds is a finding.
const SLOWEST: u32 = 10;

pub(crate) fn run(args: &FuzzArgs) -> Result<()> {
    let all = targets()?;
    let chosen: Vec<&String> = match &args.target {
        None => all.iter().collect(),
        Some(name) => match all.get(name) {
            Some(name) => vec![name],
            None => {
                let names: Vec<&str> = all.iter().map(String::as_str).collect();
                return Err(Error::new(format!("there is no fuzz target `{name}`"))
                    .help(format!("there are {}", names.join(", "))));
            }
        },
    };
    ensure_tools()?;
    let scratch = workspace::target()?.join("fuzz");
    let words = scratch.join("words.dict");
    create(&scratch)?;
    fs::write(&words, dictionary()?).map_err(|e| Error::at("write", &words, &e))?;
    let mut failed = Vec::new();
    for target in chosen {
        eprintln!("fuzzing `{target}` for {} s …", args.seconds);
        if let Err(why) = fuzz(target, args.seconds, &scratch, &words) {
            eprintln!("{why}");
            failed.push(target.as_str());
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(
        Error::new(format!("fuzzing failed: {}", failed.join(", "))).help(
            "an input that breaks a law is in fuzz/artifacts; once it is mended, keep it in fuzz/corpus",
        ),
    )
}

fn fuzz(target: &str, seconds: u32, scratch: &Path, words: &Path) -> Result<()> {
    let root = workspace::root()?;
    let grown = scratch.join("corpus").join(target);
    create(&grown)?;
    let mut fuzz = nightly_cargo(["fuzz", "run", "--sanitizer", "none", target])?;
    fuzz.env("CARGO_TARGET_DIR", scratch);
    // New inputs go to the first of these.
    fuzz.arg(&grown).arg(root.join("fuzz/corpus").join(target));
    if target == "yaml" {
        fuzz.arg(root.join("policies/corpus"));
    }
    fuzz.arg("--").args([
        format!("-dict={}", words.display()),
        format!("-max_total_time={seconds}"),
        format!("-max_len={LONGEST}"),
        format!("-timeout={SLOWEST}"),
    ]);
    process::run(&mut fuzz)
}

/// The fuzz targets, by the names of their files.
fn targets() -> Result<BTreeSet<String>> {
    let dir = workspace::root()?.join("fuzz/targets");
    let name = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    Ok(files(&dir)?.into_iter().filter_map(name).collect())
}

fn ensure_tools() -> Result<()> {
    const NIGHTLY: &str = "`rustup toolchain install nightly --profile minimal`";
    if workspace::on_path("rustup").is_none() {
        return Err(Error::new(
            "fuzzing needs a nightly compiler, and there is no rustup to find one",
        )
        .help(format!("install rustup, then {NIGHTLY}")));
    }
    let mut rustc = Command::new("rustup");
    rustc.args(["run", "nightly", "rustc", "--version"]);
    let quiet = rustc.stdin(Stdio::null()).stdout(Stdio::null());
    if !quiet
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
    {
        return Err(
            Error::new("fuzzing needs a nightly compiler, and there is none")
                .help(format!("{NIGHTLY}, then run this again")),
        );
    }
    if workspace::on_path("cargo-fuzz").is_none() {
        return Err(Error::new("there is no `cargo-fuzz` on PATH")
            .help("`cargo install cargo-fuzz --locked`, then run this again"));
    }
    Ok(())
}

/// As [`process::cargo`], of the nightly toolchain.
fn nightly_cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Result<Command> {
    let ours = process::cargo(args)?;
    let mut nightly = Command::new("rustup");
    nightly
        .args(["run", "nightly", "cargo"])
        .args(ours.get_args())
        .current_dir(workspace::root()?);
    for (name, value) in ours.get_envs() {
        match value {
            Some(value) => nightly.env(name, value),
            None => nightly.env_remove(name),
        };
    }
    Ok(nightly)
}

/// The words of the schemas, in libFuzzer's format.
fn dictionary() -> Result<String> {
    let mut all = BTreeSet::new();
    for schema in files(&workspace::root()?.join("policies/schema"))? {
        let text = fs::read_to_string(&schema).map_err(|e| Error::at("read", &schema, &e))?;
        all.extend(words(&text));
    }
    Ok(all.iter().map(|word| format!("\"{word}\"\n")).collect())
}

/// The strings of a JSON text that look like a name or a value of ours.
fn words(json: &str) -> BTreeSet<String> {
    let named = |c: char| c.is_ascii_alphanumeric() || "./_-*".contains(c);
    let is_word = |s: &&str| (1..=32).contains(&s.len()) && s.chars().all(named);
    // Every other piece is inside quotes, once escaped ones are out of the way.
    let plain = json.replace("\\\\", " ").replace("\\\"", " ");
    let inside = plain.split('"').skip(1).step_by(2);
    inside.filter(is_word).map(str::to_owned).collect()
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).map_err(|e| Error::at("list", dir, &e))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

fn create(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|e| Error::at("create", dir, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_corpus() {
        let targets = targets().unwrap();
        assert!(targets.contains("config"), "{targets:?}");
        for target in targets {
            let corpus = workspace::root().unwrap().join("fuzz/corpus").join(&target);
            assert!(!files(&corpus).unwrap().is_empty(), "{target}");
        }
    }

    #[test]
    fn words_are_the_names_in_a_schema() {
        let json = r#"{"notPaths": {"description": "A \"quoted\" text.", "enum": ["P*", ""]}}"#;
        let words: Vec<_> = words(json).into_iter().collect();
        assert_eq!(words, ["P*", "description", "enum", "notPaths"]);
        assert!(dictionary().unwrap().contains("\"trustDomains\"\n"));
    }
}
