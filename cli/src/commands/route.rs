//! `landbridge route`: where one request would go, and why.

use super::explain::told;
use crate::exit::{Failure, Outcome, print};
use crate::proxy::{self, Proxy};
use crate::request::Asked;
use crate::{input, report};
use landbridge_engine::Memory;
use landbridge_engine::failover::{
    Asked as Routed, FailoverSet, Lawful, Outcome as Answered, Route, Service, ServiceId, Worker,
    load_failover,
};
use landbridge_engine::policy_test::{Nowhere, TestRequest};
use landbridge_engine::{Facts, Rejection};
use landbridge_model::{FilterKind, Limits};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Say where a request would go, what share each cluster has, and why
///
/// The request is routed as the locality filter of the proxy that `--cluster` and `--options` describe
/// would route it, were all clusters well but those of `--out`; drains count as of `--time`. Nothing
/// is sent anywhere. Exit codes: 0, routed or refused; 1, the documents have errors; 2, a flag makes no
/// sense or a file could not be read.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files, directories (their *.yaml, *.yml and *.json, recursively), or `-` for stdin
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    proxy: Proxy,
    /// A cluster that is out
    #[arg(long = "out", value_name = "CLUSTER")]
    out: Vec<String>,
    /// How often the request was sent on to another cluster before
    #[arg(long, value_name = "N", default_value_t = 0)]
    hops: u32,
    #[command(flatten)]
    request: Asked,
    /// Print the answer as one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut input = input::read(&args.paths)?;
    let config = proxy::config(FilterKind::Locality, &args.proxy, &mut input)?;
    report::findings(&input);
    let Some(config) = config else {
        report::summary(&input);
        return Ok(Outcome::Errors);
    };
    let loaded = load_failover(config.as_bytes(), &Limits::default(), &Nowhere).map_err(told)?;
    let set = Rc::new(loaded.set);
    let request = TestRequest::new(&args.request.read()?, &set.base);
    let told = match Routing::new(&set, &request, args)? {
        Err(rejection) => Told::malformed(&rejection),
        Ok(routing) => routing.told(),
    };
    print(&match args.json {
        true => format!("{}\n", told.json),
        false => told.text,
    })?;
    Ok(Outcome::Fine)
}

/// What is said of a request.
struct Told {
    text: String,
    json: Value,
}

impl Told {
    fn malformed(rejection: &Rejection) -> Self {
        let (reason, detail) = (rejection.reason.as_str(), &rejection.detail);
        Self {
            text: format!("400: {reason}, {detail}\n"),
            json: json!({"status": 400, "reason": reason, "detail": detail}),
        }
    }
}

/// A request and what becomes of it.
struct Routing<'a> {
    set: &'a FailoverSet,
    service: &'a Service,
    lawful: Lawful,
    route: Route,
    shares: Vec<f64>,
    out: &'a [String],
}

impl<'a> Routing<'a> {
    fn new(
        set: &'a Rc<FailoverSet>,
        request: &TestRequest,
        args: &'a Args,
    ) -> Result<Result<Self, Rejection>, Failure> {
        let authority = request
            .headers
            .iter()
            .find(|(name, _)| name == ":authority");
        let authority = authority.map_or(&b""[..], |(_, value)| value);
        let found = set.service_of(authority);
        let found = found.and_then(|id| Some((id, set.service(id)?)));
        let Some((id, service)) = found else {
            let host = String::from_utf8_lossy(authority);
            return Err(Failure::new(format!(
                "no policy routes the host `{host}` here: name one by --host"
            )));
        };
        let facts = match Facts::new(request.raw(), &set.base) {
            Ok(facts) => Some(facts),
            Err(rejection) if set.asks_for_facts() => return Ok(Err(rejection)),
            Err(_) => None,
        };
        let lawful = set.lawful(service, facts.as_ref());
        let mut worker = Worker::new(Rc::clone(set), 0);
        worker.look(millis(request.now), &Memory::default());
        take_out(&mut worker, (id, service), &args.out)?;
        let asked = Routed {
            service: id,
            lawful,
            hops: args.hops,
            requested: None,
            affinity: None,
        };
        Ok(Ok(Self {
            set,
            service,
            lawful,
            route: worker.route(&asked),
            shares: worker.shares(id, lawful),
            out: &args.out,
        }))
    }

    fn told(&self) -> Told {
        let (service, own) = (self.service, self.set.own_cluster());
        let mut text = format!("{} of {}, from {own}: ", service.name, service.policy);
        let name = |i: usize| service.candidates.get(i).map_or("", |c| &*c.name);
        let (to, status, reason) = match self.route {
            Ok(choice) => (Some(name(choice.candidate)), None, choice.reason.as_str()),
            Err(refusal) => (None, Some(503), refusal.reason.as_str()),
        };
        match to {
            Some(to) => text.push_str(&format!("to {to}, {reason}\n")),
            None => text.push_str(&format!("503, {reason}\n")),
        }
        let mut clusters = Vec::new();
        for (i, candidate) in service.candidates.iter().enumerate() {
            let lawful = self.lawful.has(i);
            let is_out = self.out.iter().any(|out| **out == *candidate.name);
            let share = match self.route {
                Ok(_) => self.shares.get(i).copied().unwrap_or_default() * 100.0,
                Err(_) => 0.0,
            };
            let why = match (lawful, is_out) {
                (false, _) => "  may not go there",
                (true, true) => "  out",
                (true, false) => "",
            };
            let level = candidate.level();
            text.push_str(&format!(
                "  {level}  {:<24} {share:>5.1} %{why}\n",
                candidate.name
            ));
            clusters.push(json!({
                "cluster": &*candidate.name,
                "level": level,
                "share_percent": share,
                "lawful": lawful,
                "out": is_out,
            }));
        }
        let json = json!({
            "service": &*service.name,
            "policy": &*service.policy,
            "from": own,
            "cluster": to,
            "status": status,
            "reason": reason,
            "clusters": clusters,
        });
        Told { text, json }
    }
}

/// Has clusters fail until they are out.
fn take_out(
    worker: &mut Worker,
    (id, service): (ServiceId, &Service),
    out: &[String],
) -> Result<(), Failure> {
    for name in out {
        let mut candidates = service.candidates.iter();
        let Some(candidate) = candidates.position(|c| *c.name == **name) else {
            let service = &service.name;
            return Err(Failure::new(format!(
                "`{service}` does not run in `{name}`"
            )));
        };
        for _ in 0..service.settings.consecutive_errors {
            worker.answered(id, candidate, Answered::Failure, None);
        }
    }
    Ok(())
}

/// The time of the request; now, where it has none.
fn millis(at: Option<Duration>) -> u64 {
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    };
    u64::try_from(at.unwrap_or_else(now).as_millis()).unwrap_or(u64::MAX)
}
