//! Load at a fixed rate. It is open-loop: a request is due when the clock says
//! so, not when the last one has been answered, and its latency counts from
//! when it was due. A proxy that stalls can therefore not slow its own test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::call::{Call, CallError};
use crate::connect::Way;
use crate::pool::Pool;

mod mix;
mod told;

pub use mix::mix;
use told::Told;

/// The cap on requests in flight; beyond it requests wait, and their latency shows it.
const IN_FLIGHT: usize = 4096;

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
    /// The cluster whose upstream answered, as the echo says; none if the answer is a proxy's own.
    pub served: Option<String>,
    /// The answer's `x-landbridge-served-by`.
    pub served_by: Option<String>,
    /// The answer's `x-landbridge-failover`.
    pub failover: Option<String>,
    /// The answer's `retry-after`.
    pub retry_after: Option<String>,
    /// The answer's `ratelimit`.
    pub ratelimit: Option<String>,
    /// The answer's `ratelimit-policy`.
    pub ratelimit_policy: Option<String>,
    /// The answer's gRPC status, from its headers or its trailers.
    pub grpc_status: Option<u32>,
}

/// All requests of a load, in the order in which they were due: the first is that of number 0.
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

    /// The requests that were due in `from..to`, counted from the start of the load.
    pub fn between(&self, from: Duration, to: Duration) -> impl Iterator<Item = &Shot> {
        let due = move |shot: &&Shot| (from..to).contains(&shot.at);
        self.shots.iter().filter(due)
    }

    /// Which clusters answered the requests that were due in `from..to`, and how many each. What
    /// no upstream answered is in none.
    pub fn served_between(&self, from: Duration, to: Duration) -> BTreeMap<String, usize> {
        count(self.between(from, to))
    }

    /// Which clusters answered the requests, and how many each, by the window in which they were
    /// due. With a window of no length there are no windows.
    pub fn shares(&self, window: Duration) -> Vec<BTreeMap<String, usize>> {
        if window.is_zero() {
            return Vec::new();
        }
        let of = |shot: &Shot| shot.at.as_nanos() / window.as_nanos();
        let mut shares = Vec::new();
        // They are in the order in which they were due; a window may be empty.
        let mut rest = self.shots.as_slice();
        while !rest.is_empty() {
            let number = shares.len() as u128;
            let end = rest.partition_point(|shot| of(shot) <= number);
            let (due, later) = rest.split_at(end);
            shares.push(count(due));
            rest = later;
        }
        shares
    }

    /// Requests per second.
    pub fn rate(&self) -> f64 {
        self.count() as f64 / self.ran.as_secs_f64()
    }
}

fn count<'a>(shots: impl IntoIterator<Item = &'a Shot>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for served in shots.into_iter().filter_map(|shot| shot.served.as_ref()) {
        if let Some(count) = counts.get_mut(served) {
            *count += 1;
        } else {
            counts.insert(served.clone(), 1);
        }
    }
    counts
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
        flight.spawn(shoot(pool.clone(), call.clone(), number, start, at));
    }
    let ran = start.elapsed();
    while let Some(Ok(shot)) = flight.join_next().await {
        shots.push(shot);
    }
    shots.sort_by_key(|shot| shot.at);
    Report { shots, start, ran }
}

async fn shoot(
    pool: Arc<Pool>,
    call: Arc<Call>,
    number: u32,
    start: Instant,
    at: Duration,
) -> Shot {
    let exchange = async { pool.exchange(call.request(number)?).await };
    let answer = tokio::time::timeout(call.timeout, exchange).await;
    let latency = (start + at).elapsed();
    let failed = |error: CallError| (Err(error.to_string()), Told::default());
    let (outcome, told) = match answer {
        Ok(Ok((head, body))) => (Ok(head.status.as_u16()), Told::of(&head.headers, body)),
        Ok(Err(error)) => failed(error),
        Err(_) => failed(CallError::Timeout(call.timeout)),
    };
    Shot {
        at,
        latency,
        outcome,
        decision: told.decision,
        served: told.served,
        served_by: told.served_by,
        failover: told.failover,
        retry_after: told.retry_after,
        ratelimit: told.ratelimit,
        ratelimit_policy: told.ratelimit_policy,
        grpc_status: told.grpc_status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shot(at: u64, cluster: Option<&str>) -> Shot {
        Shot {
            at: Duration::from_millis(at),
            latency: Duration::ZERO,
            outcome: Ok(200),
            decision: None,
            served: cluster.map(str::to_owned),
            served_by: None,
            failover: None,
            retry_after: None,
            ratelimit: None,
            ratelimit_policy: None,
            grpc_status: None,
        }
    }

    #[test]
    fn shares_are_counted_by_the_window_in_which_a_request_was_due() {
        let report = Report {
            shots: vec![
                shot(0, Some("a")),
                shot(999, Some("b")),
                shot(1000, Some("b")),
                shot(3500, None),
                shot(3600, Some("a")),
            ],
            start: Instant::now(),
            ran: Duration::from_secs(4),
        };
        let of = |counts: &[(&str, usize)]| -> BTreeMap<String, usize> {
            let counts = counts.iter();
            counts.map(|(name, n)| ((*name).to_owned(), *n)).collect()
        };
        let shares = report.shares(Duration::from_secs(1));
        let b = of(&[("b", 1)]);
        assert_eq!(
            shares,
            [
                of(&[("a", 1), ("b", 1)]),
                b.clone(),
                of(&[]),
                of(&[("a", 1)])
            ]
        );
        let from = Duration::from_millis(999);
        assert_eq!(report.served_between(from, from * 2), of(&[("b", 2)]));
        assert_eq!(report.between(from, from * 3).count(), 2);
        assert!(report.shares(Duration::ZERO).is_empty());
    }
}
