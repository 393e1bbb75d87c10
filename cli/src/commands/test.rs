//! `landbridge test`: what policies decide, against what their tests expect.

use crate::exit::{Failure, Outcome, print};
use crate::{input, report};
use landbridge_engine::policy_test::{self, Nowhere, TestRequest};
use landbridge_engine::{Account, Facts, load};
use landbridge_model::{Case, Content, Diagnostic, Document, Documents, Limits, PolicyTest};
use landbridge_model::{Named, render_for_test};
use serde_json::json;
use std::path::PathBuf;

/// Run the PolicyTest documents among documents
///
/// All files are read as one set and checked first, as `landbridge check` does; with errors no
/// test runs. Each case is decided as the filter would decide it, from the same rendered
/// configuration. Of a case that fails it is shown what each policy made of the request. Results
/// go to stdout. Exit codes: 0, every case as expected; 1, errors, or a case that is not, or no
/// case at all; 2, a file could not be read.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files, directories (their *.yaml, *.yml and *.json, recursively), or `-` for stdin
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Print the results as one JSON object on stdout
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let input = input::read(&args.paths)?;
    report::findings(&input);
    if input.has_errors() {
        report::summary(&input);
        return Ok(Outcome::Errors);
    }
    let mut results = Vec::new();
    for document in &input.documents.0 {
        if let Content::PolicyTest(test) = &document.content {
            results.extend(run_test(&input.documents, document, test)?);
        }
    }
    let failed = results
        .iter()
        .filter(|result| !result.differences.is_empty())
        .count();
    let text = match args.json {
        true => as_json(&results, failed),
        false => as_text(&results, failed),
    };
    print(&text)?;
    Ok(match failed == 0 && !results.is_empty() {
        true => Outcome::Fine,
        false => Outcome::Errors,
    })
}

/// One case and what became of it.
struct CaseResult {
    test: String,
    file: Option<String>,
    case: String,
    got: policy_test::Outcome,
    differences: Vec<String>,
    accounts: Vec<Account>,
}

fn run_test(
    documents: &Documents,
    document: &Document,
    test: &Named<PolicyTest>,
) -> Result<Vec<CaseResult>, Failure> {
    let config = render_for_test(documents, document);
    let loaded = load(config.as_bytes(), &Limits::default(), &Nowhere).map_err(|found| {
        let lines: Vec<String> = found.iter().map(Diagnostic::to_string).collect();
        Failure::new(format!(
            "{} cannot be run: {}",
            document.content.title(),
            lines.join("; ")
        ))
    })?;
    let set = &loaded.set;
    let one = |case: &Case| {
        let request = TestRequest::new(&case.request, set);
        let got = policy_test::Outcome::new(&request.decide(set), set);
        let differences = got.check(&case.expect).err().unwrap_or_default();
        let facts = match differences.is_empty() {
            true => None,
            false => Facts::new(request.raw(), set).ok(),
        };
        CaseResult {
            test: test.metadata.full_name(),
            file: document.file.clone(),
            case: case.name.clone(),
            got,
            differences,
            accounts: facts.map(|facts| set.explain(&facts)).unwrap_or_default(),
        }
    };
    Ok(test.spec.cases.iter().map(one).collect())
}

fn as_text(results: &[CaseResult], failed: usize) -> String {
    let mut out = String::new();
    for result in results
        .iter()
        .filter(|result| !result.differences.is_empty())
    {
        let file = result.file.as_deref().unwrap_or("-");
        out.push_str(&format!(
            "FAILED {}: {} ({file})\n",
            result.test, result.case
        ));
        for difference in &result.differences {
            out.push_str(&format!("  {difference}\n"));
        }
        for account in &result.accounts {
            out.push_str(&format!("    {account}\n"));
        }
    }
    let passed = results.len().saturating_sub(failed);
    out.push_str(&format!("{passed} passed, {failed} failed\n"));
    if results.is_empty() {
        out.push_str("there is no `PolicyTest` among these documents\n");
    }
    out
}

fn as_json(results: &[CaseResult], failed: usize) -> String {
    let case = |result: &CaseResult| {
        json!({
            "test": result.test,
            "file": result.file,
            "case": result.case,
            "passed": result.differences.is_empty(),
            "verdict": result.got.verdict,
            "reason": result.got.reason,
            "policy": result.got.policy,
            "rule": result.got.rule,
            "shadow": result.got.shadow,
            "audited": result.got.audited,
            "differences": result.differences,
            "why": result.accounts.iter().map(Account::to_string).collect::<Vec<_>>(),
        })
    };
    let object = json!({
        "passed": results.len().saturating_sub(failed),
        "failed": failed,
        "cases": results.iter().map(case).collect::<Vec<_>>(),
    });
    format!("{object}\n")
}
