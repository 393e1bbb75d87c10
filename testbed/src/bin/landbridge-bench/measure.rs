//! The rounds: every variant under load after every other, again and again, so
//! that whatever else the machine does meets all of them alike.

use std::time::{Duration, Instant};

use landbridge_testbed::Workload;
use landbridge_testbed::solo::Solo;

use crate::client::Load;
use crate::generate::Kind;
use crate::variant::Runner;
use crate::{Result, problem};

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How often an Envoy is started, to time its start.
    pub starts: usize,
    /// How often each variant is measured with each kind of request.
    pub rounds: usize,
    /// For how long.
    pub window: Duration,
    /// How long the load runs before that, each time.
    pub settle: Duration,
    /// How long each variant gets each kind of request before the first round.
    pub warm_up: Duration,
    /// How many connections there are, each with one request in flight.
    pub connections: usize,
}

impl Timing {
    pub const FULL: Self = Self {
        starts: 3,
        rounds: 5,
        window: Duration::from_secs(2),
        settle: Duration::from_millis(300),
        warm_up: Duration::from_secs(1),
        connections: 12,
    };
    pub const QUICK: Self = Self {
        starts: 1,
        rounds: 3,
        window: Duration::from_millis(700),
        settle: Duration::from_millis(150),
        warm_up: Duration::from_millis(250),
        connections: 12,
    };
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Requests a second.
    pub rps: f64,
    /// CPU time of the Envoy's process per request, in microseconds.
    pub cpu: f64,
    /// The latency that 99 % of its exchanges did not exceed, in milliseconds; from the first on.
    pub p99: f64,
}

/// What was measured of a variant: by kind, by round.
pub type Samples = [Vec<Sample>; 3];

/// Measures all of them; the result is in the order of the runners.
pub async fn rounds(
    runners: &[Runner],
    timing: Timing,
    mut tell: impl FnMut(usize),
) -> Result<Vec<Samples>> {
    for runner in runners {
        for kind in Kind::ALL {
            let timing = Timing {
                settle: Duration::ZERO,
                window: timing.warm_up,
                ..timing
            };
            sample(runner, kind, timing).await?;
        }
    }
    let mut samples: Vec<Samples> = runners.iter().map(|_| Samples::default()).collect();
    for round in 0..timing.rounds {
        tell(round + 1);
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            // There and back, so that no variant always follows the same one.
            let mut order: Vec<usize> = (0..runners.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let one = sample(&runners[index], kind, timing).await?;
                samples[index][number].push(one);
            }
        }
    }
    Ok(samples)
}

async fn sample(runner: &Runner, kind: Kind, timing: Timing) -> Result<Sample> {
    let request = kind.request();
    let policies = runner.policies.as_deref();
    let asked = Asked {
        caller: &request.caller,
        bytes: request.bytes(),
        values: None,
        expected: policies.map_or(200, |policies| kind.status(policies)),
    };
    let name = runner.variant.name();
    window(&runner.solo, &name, asked, timing).await
}

/// What is asked of an Envoy, again and again.
pub struct Asked<'a> {
    pub caller: &'a Workload,
    pub bytes: Vec<u8>,
    /// How many values the place of a number in them goes through, where there is one.
    pub values: Option<u64>,
    pub expected: u16,
}

/// Measures one Envoy for a while.
pub async fn window(solo: &Solo, name: &str, asked: Asked<'_>, timing: Timing) -> Result<Sample> {
    let load = Load::start(
        solo,
        asked.caller,
        asked.bytes,
        asked.values,
        asked.expected,
        timing.connections,
    )
    .await?;
    tokio::time::sleep(timing.settle).await;
    let before = (load.done(), solo.cpu_time()?, Instant::now());
    tokio::time::sleep(timing.window).await;
    let after = (load.done(), solo.cpu_time()?, Instant::now());
    let mut latencies = load.stop().await?;
    latencies.sort_unstable();
    let p99 = latencies.get(latencies.len() * 99 / 100);
    let done = (after.0 - before.0) as f64;
    if done == 0.0 {
        return Err(problem(format!("`{name}` answers nothing")));
    }
    Ok(Sample {
        rps: done / (after.2 - before.2).as_secs_f64(),
        cpu: (after.1.saturating_sub(before.1)).as_secs_f64() * 1e6 / done,
        p99: p99.map_or(0.0, |p99| p99.as_secs_f64() * 1e3),
    })
}
