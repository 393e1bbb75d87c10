//! What Landbridge ships, held to the real tools that take it: registries and their clients, a
//! Kubernetes API server, Helm, kustomize, Prometheus.
//!
//! `cargo xtask conformance` builds or fetches the tools and runs the tests of this package, and
//! nothing else does: a tool that is missing here is an error, and never a test that passes.

pub mod dashboards;
pub mod kubernetes;
pub mod rendering;

use landbridge_testbed::program;
use std::env;
use std::path::PathBuf;
use std::process::Command;

/// A tool that `cargo xtask conformance` provides, ready for its arguments.
///
/// # Panics
///
/// If it is not there.
pub fn tool(name: &str) -> Command {
    Command::new(place(name))
}

/// The `landbridge` that `cargo xtask conformance` built.
///
/// # Panics
///
/// If it is not there.
pub fn landbridge() -> Command {
    let me = env::current_exe().expect("this program is somewhere");
    // Tests are in `deps`, beside which the commands are.
    let place = me
        .ancestors()
        .nth(2)
        .map(|folder| folder.join("landbridge"));
    let place = place.filter(|place| place.is_file());
    Command::new(place.expect("no `landbridge`: `cargo xtask conformance` builds it"))
}

fn place(name: &str) -> PathBuf {
    let place = match env::var_os("KUBEBUILDER_ASSETS") {
        Some(assets) if kubernetes::PROGRAMS.contains(&name) => {
            Some(PathBuf::from(assets).join(name)).filter(|place| place.is_file())
        }
        _ => program(name),
    };
    place.unwrap_or_else(|| panic!("no `{name}`: `cargo xtask conformance` provides it"))
}
