//! `cargo xtask conformance`: what is shipped, held to the real tools that take it.
//!
//! They are built from their Go modules, and fetched from Debian's packages; on a machine without
//! Go it says so, loudly, and does nothing.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use crate::cli::ConformanceArgs;
use crate::go::{self, Program};
use crate::{Error, Result, aws, debian, kubernetes, process, skew, testbed, workspace};

/// Small ones first: what is wrong with the set-up shows early.
const PROGRAMS: [Program; 6] = [
    Program::new("crane", "github.com/google/go-containerregistry/cmd/crane"),
    Program::new("kustomize", "sigs.k8s.io/kustomize/kustomize/v5"),
    Program::new("actionlint", "github.com/rhysd/actionlint/cmd/actionlint"),
    Program::new("otelcol", "."),
    Program::new("helm", "helm.sh/helm/v4/cmd/helm"),
    Program::new("cosign", "github.com/sigstore/cosign/v3/cmd/cosign"),
];

/// What the tests start: the command that is shipped, and what ends their servers with them. All
/// packages are chosen, here and below, though few are built: so their dependencies have the features
/// that they have in `cargo xtask test`, and are not built twice.
const BINARIES: [&str; 7] = [
    "build",
    "-q",
    "--workspace",
    "--bin",
    "landbridge",
    "--bin",
    "landbridge-guard",
];

pub(crate) fn run(args: &ConformanceArgs) -> Result<()> {
    match (args.prepare, args.args.is_empty()) {
        (true, _) => drop(skew::older()?),
        (false, true) => skew::run()?,
        (false, false) => {}
    }
    if !go::is_here() {
        eprintln!(
            "SKIPPED: the conformance tests, since there is no `go` on PATH to build \
             kube-apiserver, helm, kustomize, crane, cosign and otelcol with"
        );
        return Ok(());
    }
    for program in &PROGRAMS {
        go::program(program)?;
    }
    for (bundle, name) in [
        (&debian::REGISTRY, "docker-registry"),
        (&debian::SKOPEO, "skopeo"),
        (&debian::PROMETHEUS, "promtool"),
    ] {
        debian::program(bundle, name)?;
    }
    kubernetes::provide()?;
    aws::provide()?;
    if args.prepare {
        return Ok(());
    }
    process::run(&mut process::cargo(BINARIES)?)?;
    let mut cargo = process::cargo(["test", "--no-fail-fast", "--workspace"])?;
    if !args.args.iter().any(|arg| arg == "--test") {
        for name in tests()? {
            cargo.arg("--test").arg(name);
        }
    }
    testbed::provide(cargo.args(&args.args))?;
    process::run(&mut cargo)
}

/// The names of the tests in `conformance/tests`.
fn tests() -> Result<Vec<OsString>> {
    let folder = workspace::root()?.join("conformance/tests");
    let entries = fs::read_dir(&folder).map_err(|e| Error::at("list", &folder, &e))?;
    let is_test = |path: &PathBuf| {
        path.extension().is_some_and(|ext| ext == "rs") || path.join("main.rs").is_file()
    };
    let paths = entries.flatten().map(|entry| entry.path()).filter(is_test);
    let mut names: Vec<_> = paths
        .filter_map(|path| path.file_stem().map(OsString::from))
        .collect();
    names.sort();
    Ok(names)
}
