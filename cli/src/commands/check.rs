//! `landbridge check`: what is wrong with documents.

use crate::exit::{Failure, Outcome};
use crate::{input, report};
use std::path::PathBuf;

/// Check documents and show everything that is wrong with them
///
/// All files are read as one set: a policy may name a cluster that the Mesh of another file has.
/// Findings and the summary go to stderr. Exit codes: 0, fine, or warnings alone; 1, errors; 2, a
/// file could not be read.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files, directories (their *.yaml, *.yml and *.json, recursively), or `-` for stdin
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Print the findings as one JSON object on stdout
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let input = input::read(&args.paths)?;
    if args.json {
        report::json(&input)?;
    } else {
        report::findings(&input);
        report::summary(&input);
    }
    Ok(report::outcome(&input))
}
