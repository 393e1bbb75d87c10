//! `landbridge render`: documents as a mesh is given them.

mod filter_config;
mod folder;
mod istio;

use crate::exit::{Failure, Outcome};

/// Render documents as what a mesh is given
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    FilterConfig(filter_config::Args),
    Istio(Box<istio::Args>),
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    match &args.what {
        What::FilterConfig(args) => filter_config::run(args),
        What::Istio(args) => istio::run(args),
    }
}
