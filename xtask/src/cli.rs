//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Every chore of this repository
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the path of an Envoy that the testbed can use, installing one if there is none
    Envoy,
    /// Print the path of a Redis that tests can use, fetching one if there is none
    Redis,
    /// Build the filters into target/filters
    Build(BuildArgs),
    /// Run every test, with a real Envoy and freshly built filters
    Test(TestArgs),
    /// Hold what is shipped to the real tools that take it; needs Go
    Conformance(ConformanceArgs),
    /// Run the mesh of testbed/compose.yaml in containers, and test it; needs docker, or root
    Compose(ComposeArgs),
    /// Hold this version and an older one to what they make of each other's configurations
    Skew,
    /// Try random bytes on the decoders and the engine
    Fuzz(FuzzArgs),
    /// Run the case corpus through the engine as Wasm, in Node
    WasmTest,
    /// Start the three-cluster mesh and show it at work
    Demo(DemoArgs),
    /// Measure the filters in a real Envoy, or count the engine's instructions
    Bench(BenchArgs),
    /// Compare the filters with Envoy's own, at random and for as long as is said
    Soak(SoakArgs),
    /// Simulate a mesh of thousands of proxies, beside what Envoy's own failover makes of it
    Simulate(SimulateArgs),
    /// Check formatting, lints and dependencies
    Check,
    /// Write policies/schema anew from the model
    Schema,
    /// Write deploy/observability/dashboards anew from their description
    Dashboards,
}

#[derive(Debug, Default, Args)]
pub struct BuildArgs {
    /// Leave the modules as the compiler made them, even if wasm-opt is there
    #[arg(long)]
    pub no_opt: bool,
}

#[derive(Debug, Args)]
pub struct TestArgs {
    /// Passed on to `cargo test`; `-p NAME` narrows the run to one package
    #[arg(last = true)]
    pub args: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ConformanceArgs {
    /// Build and fetch the tools, and run no test
    #[arg(long)]
    pub prepare: bool,
    /// Passed on to `cargo test`
    #[arg(last = true)]
    pub args: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ComposeArgs {
    /// Leave the mesh running until Enter is pressed
    #[arg(long)]
    pub keep: bool,
    /// Fail where it cannot be run, instead of saying that it is skipped
    #[arg(long)]
    pub required: bool,
}

#[derive(Debug, Args)]
pub struct FuzzArgs {
    /// Which target: the name of a file in fuzz/targets; all of them, one after the other, if it
    /// is left out
    pub target: Option<String>,
    /// How long to try each
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub seconds: u32,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Leave the mesh running until interrupted
    #[arg(long)]
    pub keep: bool,
}

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Which benchmark to run: `authz`, `locality`, `shaping` or the whole `chain` in a real Envoy, or `instructions`, which needs valgrind
    pub what: String,
    /// `authz`: fewer and shorter rounds; a look, not a figure to publish
    #[arg(long)]
    pub quick: bool,
    /// Write the results to FILE as JSON, too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the plot into DIR, too
    #[arg(long, value_name = "DIR")]
    pub svg: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SoakArgs {
    /// Which filter
    pub what: String,
    /// For how many minutes
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    pub minutes: f64,
    /// What everything random follows from; the time of day, if it is left out
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Only the case of this number
    #[arg(long, value_name = "C")]
    pub case: Option<u64>,
}

#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// What: `failover`
    pub what: String,
    /// Only this scenario: `region-loss`, `partial-loss`, `flapping`, `slow-return`,
    /// `skewed-load` or `two-regions`
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
    /// What everything random follows from; 1, if it is left out
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// How many regions, from 3 to 60; 6, if it is left out
    #[arg(long, value_name = "N")]
    pub regions: Option<u16>,
    /// How many proxies, up to 10000; 600, if it is left out
    #[arg(long, value_name = "N")]
    pub proxies: Option<u32>,
    /// For how long, by the simulated clock; 240, if it is left out
    #[arg(long, value_name = "T")]
    pub seconds: Option<u64>,
    /// Write the figures to FILE as JSON, too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write plots into DIR, too
    #[arg(long, value_name = "DIR")]
    pub svg: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn test_passes_on_what_follows_the_dashes() {
        let cli = Cli::try_parse_from([
            "cargo xtask",
            "test",
            "--",
            "-p",
            "xtask",
            "--",
            "--nocapture",
        ]);
        let Ok(Cli {
            command: Command::Test(test),
        }) = cli
        else {
            panic!("not parsed as a test: {cli:?}");
        };
        assert_eq!(test.args, ["-p", "xtask", "--", "--nocapture"]);
    }
}
