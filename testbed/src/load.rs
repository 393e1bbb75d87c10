//! Load at a fixed rate. It is open-loop: a request is due when the clock says
//! so, not when the last one has been answered, and its latency counts from
//! when it was due. A proxy that stalls can therefore not slow its own test.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::call::{Call, CallError};
use crate::connect::{Connection, Way};

/// Enough that both workers of a sidecar get some.
const CONNECTIONS: usize = 16;
/// The cap on requests in flight; beyond it requests wait, and their latency shows it.
const IN_FLIGHT: usize = 1024;

/// One request of a load.
#[derive(Debug, Clone)]
pub struct Shot {
    /// When it was due, counted from the start of the load.
    pub at: Duration,
    /// How long after that the whole answer was there, or was given up.
    pub latency: Duration,
    /// The HTTP status, or why there is none.
    pub outcome: Result<u16, String>,
    /// The answer's `x-landbridge-decision`.
    pub decision: Option<String>,
}

/// All requests of a load, in the order in which they were due.
#[derive(Debug, Clone)]
pub struct Report {
    /// The requests.
    pub shots: Vec<Shot>,
    /// When the load started: once its connections stood.
    pub start: Instant,
    /// How long the load ran.
    pub ran: Duration,
}

impl Report {
    /// How many requests there were.
    pub fn count(&self) -> usize {
        self.shots.len()
    }

    /// The requests that were not answered with a status below 400.
    pub fn failures(&self) -> impl Iterator<Item = &Shot> {
        self.shots
            .iter()
            .filter(|shot| !matches!(shot.outcome, Ok(status) if status < 400))
    }

    /// How often each status or error occurred.
    pub fn outcomes(&self) -> BTreeMap<String, usize> {
        let mut outcomes = BTreeMap::new();
        for shot in &self.shots {
            let outcome = match &shot.outcome {
                Ok(status) => status.to_string(),
                Err(error) => error.clone(),
            };
            *outcomes.entry(outcome).or_default() += 1;
        }
        outcomes
    }

    /// The latency that `percent` of the requests did not exceed.
    pub fn percentile(&self, percent: f64) -> Duration {
        let mut latencies: Vec<_> = self.shots.iter().map(|shot| shot.latency).collect();
        latencies.sort_unstable();
        let rank = (percent / 100.0 * latencies.len() as f64).ceil() as usize;
        latencies
            .get(rank.saturating_sub(1))
            .or(latencies.last())
            .copied()
            .unwrap_or_default()
    }

    /// Requests per second.
    pub fn rate(&self) -> f64 {
        self.count() as f64 / self.ran.as_secs_f64()
    }
}

/// A load that runs; dropping it stops it.
#[derive(Debug)]
pub struct Load {
    stop: watch::Sender<bool>,
    running: JoinHandle<Report>,
}

impl Load {
    pub(crate) fn start(
        runtime: &Handle,
        call: Call,
        way: Way,
        rate: f64,
        length: Option<Duration>,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let running = runtime.spawn(run(call, way, rate, length, stopped));
        Self { stop, running }
    }

    /// Waits for the end of a load that has one.
    pub async fn finish(self) -> Report {
        self.running.await.expect("the load does not panic")
    }

    /// Ends it now; what is in flight is awaited.
    pub async fn stop(self) -> Report {
        // It may have ended by itself.
        let _ = self.stop.send(true);
        self.running.await.expect("the load does not panic")
    }
}

async fn run(
    call: Call,
    way: Way,
    rate: f64,
    length: Option<Duration>,
    mut stopped: watch::Receiver<bool>,
) -> Report {
    let pool = Arc::new(Pool::new(way));
    pool.warm().await;
    let call = Arc::new(call);
    let start = Instant::now();
    let mut flight = JoinSet::new();
    let mut shots = Vec::new();
    for number in 0_u32.. {
        let at = Duration::from_secs_f64(f64::from(number) / rate);
        if length.is_some_and(|length| at >= length) {
            break;
        }
        tokio::select! {
            biased;
            // An error is the handle's end: nobody wants this load any more.
            _ = stopped.changed() => break,
            () = tokio::time::sleep_until(start + at) => {}
        }
        while flight.len() >= IN_FLIGHT {
            shots.extend(flight.join_next().await.and_then(Result::ok));
        }
        while let Some(Ok(shot)) = flight.try_join_next() {
            shots.push(shot);
        }
        flight.spawn(shoot(pool.clone(), call.clone(), start, at));
    }
    let ran = start.elapsed();
    while let Some(Ok(shot)) = flight.join_next().await {
        shots.push(shot);
    }
    shots.sort_by_key(|shot| shot.at);
    Report { shots, start, ran }
}

async fn shoot(pool: Arc<Pool>, call: Arc<Call>, start: Instant, at: Duration) -> Shot {
    let answer = tokio::time::timeout(call.timeout, pool.send(&call)).await;
    let latency = (start + at).elapsed();
    let (outcome, decision) = match answer {
        Ok(Ok((status, decision))) => (Ok(status), decision),
        Ok(Err(error)) => (Err(error.to_string()), None),
        Err(_) => (Err(CallError::Timeout(call.timeout).to_string()), None),
    };
    Shot {
        at,
        latency,
        outcome,
        decision,
    }
}

/// Connections that are kept; the one that rested longest is next.
struct Pool {
    way: Way,
    idle: Mutex<VecDeque<Connection>>,
}

impl Pool {
    fn new(way: Way) -> Self {
        Self {
            way,
            idle: Mutex::default(),
        }
    }

    /// Opens the first connections, so that the first requests do not pay for them.
    async fn warm(&self) {
        for _ in 0..CONNECTIONS {
            // The request that needs it tells why it cannot be had.
            let Ok(connection) = self.way.connection().await else {
                return;
            };
            self.rest(connection);
        }
    }

    fn rest(&self, connection: Connection) {
        self.idle
            .lock()
            .expect("nobody panics with it")
            .push_back(connection);
    }

    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().expect("nobody panics with it");
        while let Some(connection) = idle.pop_front() {
            if connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    async fn send(&self, call: &Call) -> Result<(u16, Option<String>), CallError> {
        let mut connection = match self.take() {
            Some(connection) => connection,
            None => self.way.connection().await?,
        };
        let answer = connection.send(call.request()?).await?;
        let status = answer.status().as_u16();
        let decision = answer.headers().get("x-landbridge-decision");
        let decision = decision.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
        if let Err(error) = answer.into_body().collect().await {
            return Err(connection.explain(&error).await);
        }
        self.rest(connection);
        Ok((status, decision))
    }
}
