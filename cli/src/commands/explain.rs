//! `landbridge explain`: what would become of one request, and why.

use crate::exit::{Failure, Outcome, print};
use crate::proxy::{self, Proxy};
use crate::request::Asked;
use crate::{input, report};
use landbridge_engine::policy_test::{self, Nowhere, TestRequest};
use landbridge_engine::{Account, Facts, PolicySet, load};
use landbridge_model::{Diagnostic, FilterKind, Limits};
use serde_json::json;
use std::path::PathBuf;

/// Say what would become of a request, and what each policy made of it
///
/// The request is decided as the filter of the proxy that `--cluster`, `--namespace`, `--label` and
/// `--options` describe would decide it, from the configuration that `landbridge render
/// filter-config` gives it. Nothing is sent anywhere. Exit codes: 0, decided, whatever the verdict;
/// 1, the documents have errors; 2, a flag makes no sense or a file could not be read.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files, directories (their *.yaml, *.yml and *.json, recursively), or `-` for stdin
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    proxy: Proxy,
    #[command(flatten)]
    request: Asked,
    /// Print the decision as one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut input = input::read(&args.paths)?;
    let config = proxy::config(FilterKind::Authz, &args.proxy, &mut input)?;
    report::findings(&input);
    let Some(config) = config else {
        report::summary(&input);
        return Ok(Outcome::Errors);
    };
    let loaded = load(config.as_bytes(), &Limits::default(), &Nowhere).map_err(told)?;
    let set = &loaded.set;
    let from = args.request.from();
    if let Some(from) = from.filter(|from| !set.mesh().has(from)) {
        return Err(Failure::new(format!("the mesh has no cluster `{from}`")));
    }
    let request = TestRequest::new(&args.request.read()?, set);
    let explained = Explained::new(&request, set);
    print(&match args.json {
        true => explained.as_json(),
        false => explained.as_text(),
    })?;
    Ok(Outcome::Fine)
}

pub(crate) fn told(found: Vec<Diagnostic>) -> Failure {
    Failure(found.iter().map(Diagnostic::to_string).collect())
}

/// A decision, and what led to it.
struct Explained {
    outcome: policy_test::Outcome,
    source_cluster: String,
    /// What was wrong with the request, where it was not judged.
    detail: Option<String>,
    accounts: Vec<Account>,
}

impl Explained {
    fn new(request: &TestRequest, set: &PolicySet) -> Self {
        let decision = request.decide(set);
        let (detail, accounts) = match Facts::new(request.raw(), set) {
            Ok(facts) => (None, set.explain(&facts)),
            Err(rejection) => (Some(rejection.detail), Vec::new()),
        };
        Self {
            outcome: policy_test::Outcome::new(&decision, set),
            source_cluster: set.source_name(decision.source).to_owned(),
            detail,
            accounts,
        }
    }

    fn as_text(&self) -> String {
        let outcome = &self.outcome;
        let mut out = format!("{}: {}", outcome.verdict, outcome.reason);
        if let (Some(policy), Some(rule)) = (&outcome.policy, &outcome.rule) {
            out.push_str(&format!(", by rule `{rule}` of {policy}"));
        }
        if let Some(detail) = &self.detail {
            out.push_str(&format!(", {detail}"));
        }
        out.push_str(&format!(
            "\nthe caller's cluster: {}\n",
            self.source_cluster
        ));
        if let Some(shadow) = &outcome.shadow {
            out.push_str(&format!("with every shadow change made: {shadow}\n"));
        }
        if !outcome.audited.is_empty() {
            out.push_str(&format!("marked by: {}\n", outcome.audited.join(", ")));
        }
        for account in &self.accounts {
            out.push_str(&format!("  {account}\n"));
        }
        out
    }

    fn as_json(&self) -> String {
        let outcome = &self.outcome;
        let object = json!({
            "verdict": outcome.verdict,
            "reason": outcome.reason,
            "policy": outcome.policy,
            "rule": outcome.rule,
            "shadow": outcome.shadow,
            "audited": outcome.audited,
            "source_cluster": self.source_cluster,
            "detail": self.detail,
            "why": self.accounts.iter().map(Account::to_string).collect::<Vec<_>>(),
        });
        format!("{object}\n")
    }
}
