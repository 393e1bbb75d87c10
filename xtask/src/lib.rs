//! Every chore of this repository, one module a command.
//!
//! A library with a thin binary, so that the test which reads the documentation
//! (`xtask/tests/docs.rs`) can ask the real command line whether it accepts what the docs show.
//!
//! The chores depend on clap alone: whoever clones the repository builds this crate before
//! anything else. What clap cannot do is left to cargo, rustup and Python 3.

pub mod cli;

mod aws;
mod bench;
mod build;
mod check;
mod compose;
mod conformance;
mod dashboards;
mod debian;
mod demo;
mod envoy;
mod error;
mod exports;
mod fuzz;
mod go;
mod install;
mod instructions;
mod kubernetes;
mod process;
mod python;
mod redis;
mod schema;
mod simulate;
mod skew;
mod soak;
mod test;
mod testbed;
mod version;
mod wasm_opt;
mod wasm_test;
mod workspace;

pub use error::{Error, Result};
pub use workspace::root;

/// Runs the command that was asked for.
pub fn run(cli: cli::Cli) -> Result<()> {
    use cli::Command;
    match cli.command {
        Command::Envoy => envoy::run(),
        Command::Redis => redis::run(),
        Command::Build(args) => build::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Conformance(args) => conformance::run(&args),
        Command::Compose(args) => compose::run(&args),
        Command::Skew => skew::run(),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::WasmTest => wasm_test::run(),
        Command::Demo(args) => demo::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Check => check::run(),
        Command::Schema => schema::run(),
        Command::Dashboards => dashboards::run(),
    }
}
