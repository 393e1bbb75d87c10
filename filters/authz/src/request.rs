//! One request: read, decide, take effect.

use crate::denial_log::Denial;
use crate::{Authz, answer};
use landbridge_engine::{Decision, Facts, Reason, Verdict};
use landbridge_filter::{Read, header, read, remove_own};
use landbridge_host::{Flow, Headers, Host, HostError, Level};
use landbridge_model::Explain;
use std::rc::Rc;

/// Where the decision stands in the filter state: `wasm.landbridge_decision`.
const FILTER_STATE: &str = "landbridge_decision";

/// What was decided of it, and what follows.
struct Judged {
    decision: Decision,
    /// Whether who made the connection may set headers of ours.
    trusted_peer: bool,
    /// Whether the caller may be told why.
    trusted: bool,
    rewritten_path: Option<String>,
    /// What was wrong with the request, where it was not judged.
    detail: Option<String>,
}

pub(crate) fn handle(authz: &Authz, host: &dyn Host) -> (Flow, Option<Rc<str>>) {
    let (read, judged) = match read(authz.set.plan(), &authz.missing, host) {
        Ok(read) => {
            let judged = judge(authz, &read);
            (read, judged)
        }
        Err(error) => (Read::default(), failure(error)),
    };
    effects(authz, host, &read, judged)
}

fn judge(authz: &Authz, read: &Read) -> Judged {
    match Facts::new(read.raw(), &authz.set) {
        Ok(facts) => Judged {
            decision: authz.set.decide(&facts),
            trusted_peer: authz.set.trusts_peer(&facts),
            trusted: authz.set.trusts(&facts),
            rewritten_path: facts.rewritten_path().map(str::to_owned),
            detail: None,
        },
        Err(rejection) => Judged {
            decision: authz.set.reject(&rejection, &read.raw()),
            trusted_peer: false,
            trusted: false,
            rewritten_path: None,
            detail: Some(rejection.detail),
        },
    }
}

/// What could not be read is not let through.
fn failure(error: HostError) -> Judged {
    Judged {
        decision: Decision {
            verdict: Verdict::Deny,
            reason: Reason::EvaluationError,
            rule: None,
            source: None,
            shadow: None,
            audited: Vec::new(),
        },
        trusted_peer: false,
        trusted: false,
        rewritten_path: None,
        detail: Some(error.to_string()),
    }
}

fn effects(
    authz: &Authz,
    host: &dyn Host,
    read: &Read,
    mut judged: Judged,
) -> (Flow, Option<Rc<str>>) {
    if judged.decision.verdict == Verdict::Allow
        && let Err(error) = prepare(host, &read.headers, &judged)
    {
        // What would be sent on is not what was judged.
        judged = failure(error);
    }
    let report = authz.reports.count(host, &authz.set, &judged.decision);
    if let Err(error) = host.set_filter_state(FILTER_STATE, report.json.as_bytes()) {
        host.log(Level::Error, &format!("landbridge authz: {error}"));
    }
    let may_know = match authz.set.settings().explain {
        Explain::Never => false,
        Explain::Trusted => judged.trusted,
        Explain::Always => true,
    };
    let explanation = may_know.then_some(report.explanation);
    if judged.decision.verdict == Verdict::Allow {
        return (Flow::Continue, explanation);
    }
    authz.denials.log(
        host,
        &Denial {
            json: &report.json,
            detail: judged.detail.as_deref(),
            principal: read.peer(),
            method: header(&read.headers, ":method"),
            path: header(&read.headers, ":path"),
        },
    );
    let verdict = judged.decision.verdict;
    (
        answer::answer(host, verdict, &read.headers, explanation.as_deref()),
        None,
    )
}

/// Makes the request what was judged: no forged header, and the path in its normal form.
fn prepare(host: &dyn Host, headers: &Headers, judged: &Judged) -> Result<(), HostError> {
    if !judged.trusted_peer {
        remove_own(host, headers)?;
    }
    if let Some(path) = &judged.rewritten_path {
        host.set_request_header(":path", path.as_bytes())?;
        host.clear_route_cache()?;
    }
    Ok(())
}
