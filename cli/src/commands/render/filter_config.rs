//! `landbridge render filter-config`: documents as a proxy is given them.

use crate::exit::{Failure, Outcome, print};
use crate::proxy::{self, Proxy};
use crate::{input, report};
use landbridge_model::{Diagnostic, FilterKind, Limits, Node, RawConfig};
use std::fs;
use std::path::PathBuf;

/// Print a filter's pluginConfig, as JSON
///
/// The documents are checked as `landbridge check` does; with errors nothing is printed and the
/// exit code is 1.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files, directories (their *.yaml, *.yml and *.json, recursively), or `-` for stdin
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// The filter that will read it
    #[arg(long)]
    filter: Filter,
    #[command(flatten)]
    proxy: Proxy,
    /// Indent the JSON
    #[arg(long)]
    pretty: bool,
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Filter {
    /// Cross-cluster authorization: CrossClusterAuthorization and AuthorizationPolicy
    Authz,
    /// Locality failover: LocalityFailover
    Locality,
    /// Traffic shaping: TrafficShaping
    Shaping,
}

impl Filter {
    fn kind(self) -> FilterKind {
        match self {
            Self::Authz => FilterKind::Authz,
            Self::Locality => FilterKind::Locality,
            Self::Shaping => FilterKind::Shaping,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let filter = args.filter.kind();
    let mut input = input::read(&args.paths)?;
    let Some(json) = proxy::config(filter, &args.proxy, &mut input)? else {
        report::findings(&input);
        report::summary(&input);
        return Ok(Outcome::Errors);
    };
    input.findings.extend(verify(filter, &json));
    report::findings(&input);
    if input.has_errors() {
        report::summary(&input);
        return Ok(Outcome::Errors);
    }
    let text = if args.pretty { pretty(&json)? } else { json };
    let text = format!("{text}\n");
    match &args.output {
        Some(path) => fs::write(path, text)
            .map_err(|e| Failure::new(format!("cannot write to {}: {e}", path.display())))?,
        None => print(&text)?,
    }
    Ok(Outcome::Fine)
}

/// Reads what was rendered as a filter does: its limits are its own.
fn verify(filter: FilterKind, json: &str) -> Vec<Diagnostic> {
    match RawConfig::read(json.as_bytes(), &Limits::default()) {
        Err(found) => found,
        Ok(config) => filter.read_policies(&config),
    }
}

fn pretty(json: &str) -> Result<String, Failure> {
    let node: Node = serde_json::from_str(json)
        .map_err(|e| Failure::new(format!("what was rendered is not JSON: {e}")))?;
    serde_json::to_string_pretty(&node).map_err(|e| Failure::new(format!("cannot write JSON: {e}")))
}
