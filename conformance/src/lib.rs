//! What Landbridge ships, held to the real tools that take it: registries and their clients, a
//! Kubernetes API server, Helm, kustomize, Prometheus.
//!
//! `cargo xtask conformance` builds or fetches the tools and runs the tests of this package, and
//! nothing else does: a tool that is missing here is an error, and never a test that passes.

pub mod dashboards;

use landbridge_testbed::program;
use std::process::Command;

/// A tool that `cargo xtask conformance` provides, ready for its arguments.
///
/// # Panics
///
/// If it is not there.
pub fn tool(name: &str) -> Command {
    match program(name) {
        Some(path) => Command::new(path),
        None => panic!("no `{name}`: `cargo xtask conformance` provides it"),
    }
}
