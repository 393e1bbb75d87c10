//! One request: whether it goes on, and how.

use crate::stream::Stream;
use crate::waiting::Waiting;
use crate::{NAME, Shaping, refuse, request_time};
use landbridge_engine::Facts;
use landbridge_engine::shaping::{Asked, Begun, Pass, Told};
use landbridge_filter::{header, is_grpc, is_own, malformed, read, remove_own};
use landbridge_host::{Flow, Headers, Host, HostError, Level};
use landbridge_model::Explain;

/// The cluster that a failover would rather have sent a request to.
const DISPLACED: &str = "x-landbridge-displaced";
/// Where the decision stands in the filter state: `wasm.landbridge_shaping`.
const FILTER_STATE: &str = "landbridge_shaping";

/// What is known of who calls.
#[derive(Clone, Copy)]
struct Trust {
    /// The caller, whoever made the connection.
    caller: bool,
    /// Who made the connection, and may set headers of ours.
    peer: bool,
}

pub(crate) fn handle(shaping: &Shaping, host: &dyn Host) -> (Flow, Option<Box<Stream>>) {
    match go(shaping, host) {
        Ok(done) => done,
        Err(error) => (refuse::broken(host, error), None),
    }
}

fn go(shaping: &Shaping, host: &dyn Host) -> Result<(Flow, Option<Box<Stream>>), HostError> {
    let set = &shaping.set;
    let asks = set.asks_for_facts();
    if !asks && !set.base.trusts_anyone() && !shaping.trusts_plaintext {
        // Nothing depends on who calls.
        let nobody = Trust {
            caller: false,
            peer: false,
        };
        return begin(shaping, host, &host.request_headers()?, nobody, None);
    }
    let mut read = read(set.base.plan(), &shaping.missing, host)?;
    let peer_is_nobody = read.peer().is_none();
    let headers = std::mem::take(&mut read.headers);
    let mut raw = read.raw();
    raw.headers = &headers;
    let facts = match Facts::new(raw, &set.base) {
        Ok(facts) => Some(facts),
        // What cannot be judged would pass by whatever is meant for it.
        Err(rejection) if asks => {
            return Ok((malformed(NAME, host, &headers, &rejection), None));
        }
        Err(_) => None,
    };
    let own_workload = shaping.trusts_plaintext && peer_is_nobody;
    let trust = Trust {
        caller: own_workload || facts.as_ref().is_some_and(|facts| set.base.trusts(facts)),
        peer: own_workload
            || facts
                .as_ref()
                .is_some_and(|facts| set.base.trusts_peer(facts)),
    };
    if asks && let Some(path) = facts.as_ref().and_then(Facts::rewritten_path) {
        // What was judged is what is sent.
        host.set_request_header(":path", path.as_bytes())?;
    }
    begin(shaping, host, &headers, trust, facts.as_ref())
}

fn begin(
    shaping: &Shaping,
    host: &dyn Host,
    headers: &Headers,
    trust: Trust,
    facts: Option<&Facts<'_>>,
) -> Result<(Flow, Option<Box<Stream>>), HostError> {
    let owned;
    let mut given = headers;
    if !trust.peer && headers.iter().any(|(name, _)| is_own(name)) {
        // Routes match on these: from just anyone they choose nothing.
        remove_own(host, headers)?;
        owned = headers
            .iter()
            .filter(|(name, _)| !is_own(name))
            .cloned()
            .collect();
        given = &owned;
    }
    let now = request_time(shaping, host)?;
    let asked = Asked {
        facts,
        headers: given,
        trusted: trust.caller,
        displaced: trust.peer && header(given, DISPLACED).is_some(),
        is_grpc: is_grpc(given),
    };
    let may_know = match shaping.set.base.settings().explain {
        Explain::Never => false,
        Explain::Trusted => trust.caller,
        Explain::Always => true,
    };
    let shared = landbridge_filter::SharedData(host);
    let begun = shaping.worker.borrow_mut().begin(&asked, now, &shared);
    match begun {
        Begun::Refused(refusal) => {
            tell(shaping, host, &refusal.told);
            let flow = refuse::refused(shaping, host, asked.is_grpc, may_know, &refusal);
            Ok((flow, None))
        }
        Begun::Passed(pass) => {
            tell(shaping, host, &pass.run.told);
            pass_on(shaping, host, *pass, now.steady, asked.is_grpc)
        }
    }
}

fn pass_on(
    shaping: &Shaping,
    host: &dyn Host,
    pass: Pass,
    began: u64,
    is_grpc: bool,
) -> Result<(Flow, Option<Box<Stream>>), HostError> {
    for (name, value) in &pass.set {
        host.set_request_header(name, value.as_bytes())?;
    }
    let flow = match pass.delay {
        Some(delay) => Waiting::begin(shaping, host, delay, pass.abort, is_grpc),
        None => Flow::Continue,
    };
    let stream = Stream {
        run: pass.run,
        began,
        is_grpc,
        told: pass.told,
        ended: None,
    };
    Ok((flow, Some(Box::new(stream))))
}

/// Says in the access log what was decided.
fn tell(shaping: &Shaping, host: &dyn Host, told: &Told) {
    let line = shaping.metrics.json(&shaping.set, told);
    if let Err(error) = host.set_filter_state(FILTER_STATE, line.as_bytes()) {
        host.log(Level::Error, &format!("landbridge {NAME}: {error}"));
    }
}
