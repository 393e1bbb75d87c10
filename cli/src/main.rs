//! `landbridge`: what authors and operators of policies type.
//!
//! Every command ends with one of three exit codes, which scripts can rely on: 0, all is well
//! (warnings allowed); 1, the documents have errors; 2, the command could not do its work (a file
//! that cannot be read, an argument that makes no sense). What a command is asked for goes to
//! stdout; findings, summaries and failures go to stderr.

mod commands;
mod exit;
mod fleet;
mod input;
mod modules;
mod plugin_config;
mod proxy;
mod registry;
mod report;
mod request;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Checks, tests, explains and renders the policies of a multi-cluster mesh.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// One variant and one file under `commands/` for each command.
#[derive(Subcommand)]
enum Command {
    Check(commands::check::Args),
    Test(commands::test::Args),
    Explain(Box<commands::explain::Args>),
    Route(Box<commands::route::Args>),
    Render(commands::render::Args),
    Inspect(commands::inspect::Args),
    Status(Box<commands::status::Args>),
    Package(commands::package::Args),
    Push(commands::push::Args),
    Pull(commands::pull::Args),
    Completions(commands::completions::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Check(args) => commands::check::run(&args),
        Command::Test(args) => commands::test::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Route(args) => commands::route::run(&args),
        Command::Render(args) => commands::render::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Status(args) => commands::status::run(&args),
        Command::Package(args) => commands::package::run(&args),
        Command::Push(args) => commands::push::run(&args),
        Command::Pull(args) => commands::pull::run(&args),
        Command::Completions(args) => commands::completions::run::<Cli>(&args),
    };
    exit::code(done)
}
