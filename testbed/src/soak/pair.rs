//! The two Envoys: one enforces the policies with its own RBAC filters, the other with Landbridge.
//! Everything else about them is the same.
//!
//! Policies change through ECDS while connections stay open, and a change must be in force in the
//! worker before anything is compared. Envoy's metrics tell when its main thread has taken a
//! version, the worker follows. So a last filter, the mark, is changed after all others, and every
//! answer carries it: threads are told of changes in the order in which the main thread makes them.

use std::io;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

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

/// One Envoy, with everything that the other has too.
struct Side<S> {
    name: &'static str,
    solo: Solo,
    mark: Discovered,
    /// Some for each caller.
    connections: Vec<Connection<S>>,
}

/// Both Envoys, running.
pub(super) struct Pair {
    rbac: Side<Box<dyn Stream>>,
    slots: Vec<Discovered>,
    /// What is in force in them.
    filters: Option<Filters>,
    landbridge: Side<Box<dyn Stream>>,
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
            return Ok(Err(format!("Landbridge refuses the policies:\n{log}")));
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

impl Side<Box<dyn Stream>> {
    async fn start(name: &'static str, solo: Solo, mark: Discovered) -> Result<Self, Trouble> {
        solo.ready().await?;
        let mut side = Self {
            name,
            solo,
            mark,
            connections: Vec::new(),
        };
        for number in 0..callers::COUNT * CONNECTIONS {
            let connection = connect(name, &side.solo, number / CONNECTIONS).await?;
            side.connections.push(connection);
        }
        Ok(side)
    }

    async fn judged(&self, filter: &Discovered, version: u64) -> Result<Delivery, Trouble> {
        Ok(self.solo.wait_config(filter, version, PATIENCE).await?)
    }

    /// Waits until the worker answers under this mark.
    async fn mark(&mut self, marked: u64) -> Result<(), Trouble> {
        self.mark.deliver(outcome::headers(marked))?;
        let start = Instant::now();
        let request = Request::plain(0);
        let mut probe = Vec::new();
        request.write(&[], &mut probe);
        loop {
            let answer = self.connections[0].exchange(&probe).await;
            let answer = answer
                .map_err(|error| Trouble::Answer(self.name, request.clone().into(), error))?;
            let seen = answer.header(MARK);
            if seen == Some(&marked.to_string()) {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                return Err(Trouble::Stale(self.name, seen.map(str::to_owned), marked));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn ask(
        &mut self,
        requests: &[Request],
        tokens: &[String],
        marked: u64,
    ) -> Result<Vec<Answer>, Trouble> {
        let mut queues: Vec<Vec<(usize, Vec<u8>)>> = vec![Vec::new(); self.connections.len()];
        for (index, request) in requests.iter().enumerate() {
            let mut bytes = Vec::new();
            request.write(tokens, &mut bytes);
            let first = request.caller * CONNECTIONS;
            let mine = &mut queues[first..first + CONNECTIONS];
            let shortest = mine.iter_mut().min_by_key(|queue| queue.len());
            shortest.expect("there are some").push((index, bytes));
        }
        let (name, solo) = (self.name, &self.solo);
        let asked = self.connections.iter_mut().zip(queues);
        let asked = asked.map(async |(connection, queue)| {
            let mut answers = Vec::new();
            for (index, bytes) in queue {
                let request = &requests[index];
                let answer = connection.exchange(&bytes).await;
                let failed = |error| Trouble::Answer(name, request.clone().into(), error);
                let answer = answer.map_err(failed)?;
                // Envoy closes after an answer such as 400, which is one to compare, too.
                if answer.header("connection") == Some("close") {
                    *connection = connect(name, solo, request.caller).await?;
                }
                answers.push((index, answer));
            }
            Result::<_, Trouble>::Ok(answers)
        });
        let mut all = vec![None; requests.len()];
        for answers in join_all(asked).await {
            for (index, answer) in answers? {
                let mark = answer.header(MARK);
                if mark != Some(&marked.to_string()) {
                    return Err(Trouble::Stale(name, mark.map(str::to_owned), marked));
                }
                all[index] = Some(answer);
            }
        }
        Ok(all.into_iter().flatten().collect())
    }
}

async fn connect(
    name: &'static str,
    solo: &Solo,
    caller: usize,
) -> Result<Connection<Box<dyn Stream>>, Trouble> {
    let stream = solo.connect_as(&callers::caller(caller)).await;
    let stream = stream.map_err(|error| Trouble::Connect(name, error))?;
    Ok(Connection::new(Box::new(stream)))
}

/// All at once, on this thread.
async fn join_all<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        let mut done = true;
        for (future, output) in &mut all {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(it) => *output = Some(it),
                    std::task::Poll::Pending => done = false,
                }
            }
        }
        if done {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    all.into_iter().filter_map(|(_, output)| output).collect()
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
                "value": {"colours": ["red", "green", 7]},
            }]}),
        ),
    ]
}
