//! What a change of configuration costs: how long a worker takes to load it, the
//! memory that its module then has, and how much longer requests wait that come
//! meanwhile. A worker that loads does nothing else.
//!
//! The load is open-loop: a request is due when the clock says so, and its
//! latency counts from then, so that a proxy that stalls does not slow its own
//! test.

use std::time::Duration;

use landbridge_testbed::solo::{Discovered, Solo, Stage};
use landbridge_testbed::{Delivery, Stats, filter_module};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::figures::Spread;
use crate::generate::{self, Kind};
use crate::policies::Policy;
use crate::{Result, client, problem, translate};

/// The numbers of policies: a large set, and one that no Kubernetes object holds.
pub const SIZES: [usize; 2] = [1_000, 10_000];
const CONNECTIONS: u32 = 12;
/// How long an Envoy may take to judge a configuration.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How often requests are sent without updates and then with them.
    pub rounds: usize,
    /// For how long, each time.
    pub window: Duration,
    /// The time from one update to the next.
    pub pause: Duration,
    /// How many requests a second are due: far fewer than a worker can answer.
    pub rate: u32,
}

impl Timing {
    pub const FULL: Self = Self {
        rounds: 3,
        window: Duration::from_secs(12),
        pause: Duration::from_secs(3),
        rate: 1_200,
    };
    pub const QUICK: Self = Self {
        rounds: 1,
        window: Duration::from_secs(6),
        ..Self::FULL
    };
}

/// What was found out about configurations of one size.
#[derive(Debug, Clone)]
pub struct Update {
    pub policies: usize,
    /// How long the worker took to load the first, whole, in milliseconds.
    pub load_ms: f64,
    /// And each one after it, where one policy came or went.
    pub reload_ms: Spread,
    /// The module's memory, in MiB, with the first configuration, and after all updates.
    pub memory_mib: [f64; 2],
    /// Latencies in milliseconds, without updates and with.
    pub calm: Latency,
    pub updated: Latency,
}

/// Of latencies, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
    pub most: f64,
}

impl Update {
    /// By how much updates lengthen the latency that 99 of 100 requests do not exceed.
    pub fn p99_added_ms(&self) -> f64 {
        self.updated.p99 - self.calm.p99
    }
}

impl Latency {
    fn of(mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| {
            let rank = (latencies.len() * percent).div_ceil(100);
            let latency = latencies.get(rank.saturating_sub(1));
            latency.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
        };
        Self {
            p50: at(50),
            p99: at(99),
            most: at(100),
        }
    }
}

/// Measures sets of one size.
pub async fn measure(stage: &mut Stage, policies: usize, timing: Timing) -> Result<Update> {
    // One policy more, one policy less: each is another configuration.
    let mut set = generate::policies(policies);
    let module = filter_module("authz")?;
    let typed = |set: &[Policy]| {
        let config = translate::landbridge(set);
        translate::wasm("authz", &module, &config)["typed_config"].take()
    };
    let whole = typed(&set);
    set.pop();
    let configs = [typed(&set), whole.clone()];
    let name = format!("update-{policies}");
    let filter = stage.discovered(&name, &[translate::WASM], whole)?;
    let solo = stage.start(&name, vec![filter.filter()])?;
    solo.ready().await?;
    let (load_ms, first) = told(&solo).await?;
    requests(&solo, Duration::from_secs(1), timing.rate).await?;

    let (mut calm, mut updated, mut reloads) = (Vec::new(), Vec::new(), Vec::new());
    let mut turn = configs.iter().cycle();
    for _ in 0..timing.rounds {
        calm.extend(requests(&solo, timing.window, timing.rate).await?);
        let (latencies, times) = tokio::join!(
            requests(&solo, timing.window, timing.rate),
            updates(&solo, &filter, &mut turn, timing),
        );
        updated.extend(latencies?);
        reloads.extend(times?);
    }
    let (_, last) = told(&solo).await?;
    Ok(Update {
        policies,
        load_ms,
        reload_ms: Spread::of(reloads),
        memory_mib: [first, last],
        calm: Latency::of(calm),
        updated: Latency::of(updated),
    })
}

/// Delivers configurations for the length of a window; how long each took to load.
async fn updates<'a>(
    solo: &Solo,
    filter: &Discovered,
    configs: &mut impl Iterator<Item = &'a Value>,
    timing: Timing,
) -> Result<Vec<f64>> {
    let start = Instant::now();
    let mut reloads = Vec::new();
    // Half a pause of quiet before the first and behind the last.
    let mut next = start + timing.pause / 2;
    while next < start + timing.window {
        sleep_until(next).await;
        next += timing.pause;
        let config = configs.next().ok_or_else(|| problem("no configuration"))?;
        let version = filter.deliver(config.clone())?;
        if solo.wait_config(filter, version, PATIENCE).await? == Delivery::Rejected {
            return Err(problem("an update was refused"));
        }
        // The worker follows the main thread.
        sleep_until(next - timing.pause / 2).await;
        reloads.push(told(solo).await?.0);
    }
    Ok(reloads)
}

/// What the filter tells: how long it took to load, in ms, and its memory, in MiB.
async fn told(solo: &Solo) -> Result<(f64, f64)> {
    let stats = Stats::parse(&solo.admin("/stats/prometheus").await?);
    let gauge = |name: &str| {
        let found = stats.find(name, &[]).next().map(|sample| sample.value);
        found.ok_or_else(|| problem(format!("the filter does not tell `{name}`")))
    };
    let memory = gauge("landbridge_config_memory_bytes")?;
    Ok((
        gauge("landbridge_config_load_milliseconds")?,
        memory / f64::from(1 << 20),
    ))
}

/// Sends requests for so long, evenly over the connections; their latencies.
async fn requests(solo: &Solo, window: Duration, rate: u32) -> Result<Vec<Duration>> {
    let request = Kind::AllowedFirst.request();
    let bytes = request.bytes();
    let step = Duration::from_secs(1) * CONNECTIONS / rate;
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(client::connect(solo, &request.caller).await?);
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, mut connection) in (0..).zip(open) {
        let bytes = bytes.clone();
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            let mut due = start + step * number / CONNECTIONS;
            while due < start + window {
                sleep_until(due).await;
                let status = connection.exchange(&bytes).await?.status;
                if status != 200 {
                    return Err(problem(format!("{status} during an update")));
                }
                latencies.push(due.elapsed());
                due += step;
            }
            Ok(latencies)
        });
    }
    let mut all = Vec::new();
    while let Some(task) = tasks.join_next().await {
        all.extend(task.map_err(|error| problem(error.to_string()))??);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::Latency;
    use std::time::Duration;

    #[test]
    fn one_in_a_hundred_may_take_longer() {
        let latency = Latency::of((1..=200).map(Duration::from_millis).collect());
        assert_eq!(
            (latency.p50, latency.p99, latency.most),
            (100.0, 198.0, 200.0)
        );
    }
}
