//! `landbridge completions`: a script for the shell.

use crate::exit::{Failure, Outcome, print};
use clap::CommandFactory;
use clap_complete::Shell;

/// Print a script that completes the arguments of `landbridge` in a shell
#[derive(clap::Args)]
pub(crate) struct Args {
    shell: Shell,
}

pub(crate) fn run<Cli: CommandFactory>(args: &Args) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "landbridge", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Fine)
}
