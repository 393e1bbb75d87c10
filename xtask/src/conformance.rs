//! `cargo xtask conformance`: what is shipped, held to the real tools that take it.
//!
//! They are built from their Go modules, and fetched from Debian's packages; on a machine without
//! Go it says so, loudly, and does nothing.

use crate::cli::ConformanceArgs;
use crate::go::{self, Program};
use crate::{Result, aws, debian, kubernetes, process, skew, testbed};

/// Small ones first: what is wrong with the set-up shows early.
const PROGRAMS: [Program; 6] = [
    Program::new("crane", "github.com/google/go-containerregistry/cmd/crane"),
    Program::new("kustomize", "sigs.k8s.io/kustomize/kustomize/v5"),
    Program::new("actionlint", "github.com/rhysd/actionlint/cmd/actionlint"),
    Program::new("otelcol", "."),
    Program::new("helm", "helm.sh/helm/v4/cmd/helm"),
    Program::new("cosign", "github.com/sigstore/cosign/v3/cmd/cosign"),
];

/// What the tests start: the command that is shipped, and what ends their servers with them.
const BINARIES: [&str; 10] = [
    "build",
    "-q",
    "-p",
    "landbridge",
    "-p",
    "landbridge-testbed",
    "--bin",
    "landbridge",
    "--bin",
    "landbridge-guard",
];

pub(crate) fn run(args: &ConformanceArgs) -> Result<()> {
    if args.args.is_empty() {
        skew::run()?;
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
    process::run(&mut process::cargo(BINARIES)?)?;
    let mut cargo = process::cargo(["test", "--no-fail-fast", "-p", "landbridge-conformance"])?;
    testbed::provide(cargo.args(&args.args))?;
    process::run(&mut cargo)
}
