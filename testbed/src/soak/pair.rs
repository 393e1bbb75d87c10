//! The two Envoys: one enforces the policies with its own RBAC filters, the other with Landbridge.
//! Everything else about them is the same.
//!
//! Policies change through ECDS while connections stay open, and a change must be in force in the
//! worker before anything is compared. Envoy's metrics tell when its main thread has taken a
//! version, the worker follows. So a last filter, the mark, is changed after all others, and every
//! answer carries it: threads are told of changes in the order in which the main thread makes them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::callers;
use super::case::Case;
use super::outcome::{self, HEADERS_TYPE, MARK, Outcome};
use super::request::Request;
use crate::jwt::KeySet;
use crate::rbac::{self, Filters};
use crate::solo::{Discovered, Shape, Solo, Stage, Stream};
use crate::wire::{Answer, Connection};
use crate::{Delivery, Error, Filter, PeerAuthentication, Wasm, tools};

/// How long a change of policies may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many connections each caller has to each Envoy, with one request in flight on each.
const CONNECTIONS: usize = 2;

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The testbed failed.
    #[error(transparent)]
    Testbed(#[from] Error),
    /// An Envoy was not reached.
    #[error("cannot connect to {0}: {1}")]
    Connect(&'static str, #[source] crate::CallError),
    /// An Envoy said something that is no answer.
    #[error("{0} does not answer\n{1}")]
    Answer(&'static str, Box<Request>, #[source] io::Error),
    /// An answer came under another version of the policies.
    #[error("{0} answers under the mark {1:?} instead of {2}")]
    Stale(&'static str, Option<String>, u64),
}

/// Requests to be sent on one connection, with their indexes.
type Queue = Vec<(usize, Vec<u8>)>;

/// One Envoy, with everything that the other has too.
struct Side {
    name: &'static str,
    solo: Arc<Solo>,
    mark: Discovered,
    /// Some for each caller.
    lines: Vec<Line>,
}

/// Both Envoys, running.
pub(super) struct Pair {
    rbac: Side,
    slots: Vec<Discovered>,
    /// What is in force in them.
    filters: Option<Filters>,
    landbridge: Side,
    wasm: Wasm,
    module: Discovered,
    tokens: Vec<String>,
    marked: u64,
    // Dropped last: its folder holds what the Envoys watch.
    _stage: Stage,
}

impl Pair {
    /// Starts both, with no policies.
    pub(super) async fn start(name: &str) -> Result<Self, Trouble> {
        let keys = KeySet::new()?;
        let tokens = callers::claims()
            .iter()
            .map(|claims| keys.mint(claims))
            .collect();
        let mut stage = Stage::of(name, 2, &callers::clusters())?;
        let nothing = json!({"@type": format!("type.googleapis.com/{}", rbac::TYPE)});
        let mut slots = Vec::new();
        for slot in ["audit", "root-deny", "deny", "allow"] {
            slots.push(stage.discovered(slot, &[rbac::TYPE], nothing.clone())?);
        }
        let rbac_mark = stage.discovered("rbac-mark", &[HEADERS_TYPE], outcome::headers(0))?;
        let landbridge_mark =
            stage.discovered("landbridge-mark", &[HEADERS_TYPE], outcome::headers(0))?;
        let mut wasm = Wasm::new("authz", tools::filter("authz")?);
        // What it begins with; it waits for the first case.
        let nothing = json!({
            "apiVersion": "landbridge.dev/v1alpha1",
            "mesh": {
                "regions": [{"name": "nowhere", "jurisdiction": "US"}],
                "clusters": [{
                    "name": "nowhere",
                    "identity": {"trustDomains": ["nowhere"]},
                    "region": "nowhere",
                }],
            },
            "policies": [],
        });
        wasm.config = nothing.to_string();
        let types = [crate::envoy::WASM];
        let module = stage.discovered("landbridge", &types, wasm.typed_config(&wasm.config))?;
        let mut filters = vec![rbac_mark.filter()];
        filters.extend(before(&keys));
        filters.extend(slots.iter().map(Discovered::filter));
        let rbac = stage.start_as("rbac", shape(filters, true))?;
        let mut filters = vec![landbridge_mark.filter()];
        filters.extend(before(&keys));
        filters.push(inline(Filter::peer_issuer()));
        filters.push(module.filter());
        let landbridge = stage.start_as("landbridge", shape(filters, false))?;
        Ok(Self {
            rbac: Side::start("RBAC's Envoy", rbac, rbac_mark).await?,
            slots,
            filters: None,
            landbridge: Side::start("Landbridge's Envoy", landbridge, landbridge_mark).await?,
            wasm,
            module,
            tokens,
            marked: 0,
            _stage: stage,
        })
    }

    /// Puts a case in force in both; what an Envoy refuses is in the answer.
    pub(super) async fn apply(&mut self, case: &Case) -> Result<Result<(), String>, Trouble> {
        let filters = match case.rbac(self.rbac.solo.ip()) {
            Ok(filters) => filters,
            Err(malformed) => return Ok(Err(malformed.to_string())),
        };
        let config = case.landbridge(self.landbridge.solo.ip()).to_string();
        let module = self.module.deliver(self.wasm.typed_config(&config))?;
        let mut versions = Vec::new();
        for (slot, (_, filter)) in self.slots.iter().zip(filters.each()) {
            versions.push((slot, slot.deliver(filter.clone())?));
        }
        self.marked += 1;
        for (slot, version) in versions {
            if self.rbac.judged(slot, version).await? == Delivery::Rejected {
                let log = self.rbac.solo.last_words();
                return Ok(Err(format!("Envoy's RBAC refuses the policies:\n{log}")));
            }
        }
        if self.landbridge.judged(&self.module, module).await? == Delivery::Rejected {
            let log = self.landbridge.solo.last_words();
            return Ok(Err(format!(
                "Landbridge refuses the policies: {}",
                errors(&log)
            )));
        }
        self.filters = Some(filters);
        tokio::try_join!(
            self.rbac.mark(self.marked),
            self.landbridge.mark(self.marked)
        )?;
        Ok(Ok(()))
    }

    /// What both make of some requests, in their order.
    pub(super) async fn ask(
        &mut self,
        requests: &[Request],
    ) -> Result<Vec<(Outcome, Outcome)>, Trouble> {
        let (rbac, landbridge) = tokio::try_join!(
            self.rbac.ask(requests, &self.tokens, self.marked),
            self.landbridge.ask(requests, &self.tokens, self.marked),
        )?;
        let filters = self.filters.as_ref().expect("a case is in force");
        let rbac = rbac.iter().map(|answer| Outcome::of_rbac(answer, filters));
        Ok(rbac
            .zip(landbridge.iter().map(Outcome::of_landbridge))
            .collect())
    }
}

impl Side {
    async fn start(name: &'static str, solo: Solo, mark: Discovered) -> Result<Self, Trouble> {
        solo.ready().await?;
        let mut side = Self {
            name,
            solo: Arc::new(solo),
            mark,
            lines: Vec::new(),
        };
        for number in 0..callers::COUNT * CONNECTIONS {
            let line = Line::open(name, &side.solo, number / CONNECTIONS).await?;
            side.lines.push(line);
        }
        Ok(side)
    }

    async fn judged(&self, filter: &Discovered, version: u64) -> Result<Delivery, Trouble> {
        Ok(self.solo.wait_config(filter, version, PATIENCE).await?)
    }

    /// Waits until the worker answers under this mark, on TLS and without: each has a chain of
    /// filters of its own, and is told by itself.
    async fn mark(&mut self, marked: u64) -> Result<(), Trouble> {
        self.mark.deliver(outcome::headers(marked))?;
        let start = Instant::now();
        for caller in [callers::CERTIFIED, callers::PLAINTEXT] {
            let request = Request::plain(caller);
            let mut probe = Vec::new();
            request.write(&[], &mut probe);
            let line = &mut self.lines[caller * CONNECTIONS];
            loop {
                let answer = line.connection.exchange(&probe).await;
                let failed = |error| Trouble::Answer(self.name, request.clone().into(), error);
                let answer = answer.map_err(failed)?;
                let seen = answer.header(MARK);
                if seen == Some(&marked.to_string()) {
                    break;
                }
                if start.elapsed() > PATIENCE {
                    return Err(Trouble::Stale(self.name, seen.map(str::to_owned), marked));
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        Ok(())
    }

    async fn ask(
        &mut self,
        requests: &[Request],
        tokens: &[String],
        marked: u64,
    ) -> Result<Vec<Answer>, Trouble> {
        let mut queues: Vec<Queue> = vec![Vec::new(); self.lines.len()];
        for (index, request) in requests.iter().enumerate() {
            let mut bytes = Vec::new();
            request.write(tokens, &mut bytes);
            let first = request.caller * CONNECTIONS;
            let mine = &mut queues[first..first + CONNECTIONS];
            let shortest = mine.iter_mut().min_by_key(|queue| queue.len());
            shortest.expect("there are some").push((index, bytes));
        }
        let mut tasks = JoinSet::new();
        for (number, (line, queue)) in self.lines.drain(..).zip(queues).enumerate() {
            let (name, solo) = (self.name, self.solo.clone());
            tasks.spawn(async move {
                let mut line = line;
                let answers = line.exchange(name, &solo, queue).await;
                (number, line, answers)
            });
        }
        let mut lines = Vec::new();
        let mut all = vec![None; requests.len()];
        while let Some(task) = tasks.join_next().await {
            let (number, line, answers) = task.expect("a task does not panic");
            lines.push((number, line));
            let failed = |(index, error): (usize, _)| {
                Trouble::Answer(self.name, Box::new(requests[index].clone()), error)
            };
            for (index, answer) in answers.map_err(failed)? {
                let mark = answer.header(MARK);
                if mark != Some(&marked.to_string()) {
                    return Err(Trouble::Stale(self.name, mark.map(str::to_owned), marked));
                }
                all[index] = Some(answer);
            }
        }
        lines.sort_by_key(|(number, _)| *number);
        self.lines.extend(lines.into_iter().map(|(_, line)| line));
        Ok(all.into_iter().flatten().collect())
    }
}

/// A connection of a caller.
struct Line {
    caller: usize,
    connection: Connection<Box<dyn Stream>>,
}

impl Line {
    async fn open(name: &'static str, solo: &Solo, caller: usize) -> Result<Self, Trouble> {
        let stream = solo.connect_as(&callers::caller(caller)).await;
        let stream = stream.map_err(|error| Trouble::Connect(name, error))?;
        Ok(Self {
            caller,
            connection: Connection::new(Box::new(stream)),
        })
    }

    /// One after the other; an error has the request's index with it.
    async fn exchange(
        &mut self,
        name: &'static str,
        solo: &Solo,
        queue: Queue,
    ) -> Result<Vec<(usize, Answer)>, (usize, io::Error)> {
        let mut answers = Vec::with_capacity(queue.len());
        for (index, bytes) in queue {
            let answer = self.connection.exchange(&bytes).await;
            let answer = answer.map_err(|error| (index, error))?;
            // Envoy closes after an answer such as 400, which is one to compare, too.
            if answer.header("connection") == Some("close") {
                *self = Self::open(name, solo, self.caller)
                    .await
                    .map_err(|error| (index, io::Error::other(error)))?;
            }
            answers.push((index, answer));
        }
        Ok(answers)
    }
}

/// What Landbridge last said is wrong with its configuration, or the whole log if it said nothing.
fn errors(log: &str) -> String {
    let last = log
        .rsplit_once("configuration is refused")
        .map_or(log, |(_, last)| last);
    let errors = last
        .lines()
        .filter_map(|line| line.split_once("landbridge authz: error"));
    let errors: Vec<_> = errors.map(|(_, error)| error).collect();
    match errors.is_empty() {
        true => log.to_owned(),
        false => errors.join("\n"),
    }
}

fn shape(filters: Vec<Value>, merge_slashes: bool) -> Shape {
    Shape {
        peer_authentication: PeerAuthentication::Permissive,
        merge_slashes,
        ..Shape::new(filters)
    }
}

fn inline(filter: Filter) -> Value {
    match filter {
        Filter::Static(filter) => filter,
        Filter::Ecds(_) => unreachable!("it is said in full"),
    }
}

/// What stands before the policies: tokens, and metadata of other filters for policies to read.
fn before(keys: &KeySet) -> [Value; 3] {
    let typed = |name: &str, kind: &str, mut config: Value| {
        config["@type"] = json!(format!(
            "type.googleapis.com/envoy.extensions.filters.http.{kind}"
        ));
        json!({"name": name, "typed_config": config})
    };
    [
        keys.filter(),
        typed(
            "tier",
            "header_to_metadata.v3.Config",
            json!({"request_rules": [{
                "header": "x-tier",
                "on_header_present": {
                    "metadata_namespace": "envoy.filters.http.tier",
                    "key": "colour",
                    "type": "STRING",
                },
            }]}),
        ),
        typed(
            "listed",
            "set_metadata.v3.Config",
            json!({"metadata": [{
                "metadata_namespace": "envoy.filters.http.listed",
                "value": {"colours": callers::colours()},
            }]}),
        ),
    ]
}
