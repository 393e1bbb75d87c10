//! The load: closed-loop, each connection has one request in flight, always.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use landbridge_testbed::Workload;
use landbridge_testbed::solo::{Solo, Stream};
use landbridge_testbed::wire::Connection;
use tokio::task::JoinSet;

use crate::{Result, problem};

/// A caller's connection to an Envoy.
pub async fn connect(solo: &Solo, caller: &Workload) -> Result<Connection<impl Stream + use<>>> {
    Ok(Connection::new(solo.connect(caller).await?))
}

/// Connections that all repeat one request until they are stopped.
pub struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<Result<Vec<Duration>>>,
}

#[derive(Default)]
struct Shared {
    done: AtomicU64,
    stop: AtomicBool,
    next: AtomicU64,
}

impl Load {
    /// Opens the connections and lets them go. Any answer with another status
    /// than `expected` ends the load with an error.
    pub async fn start(
        solo: &Solo,
        caller: &Workload,
        request: Vec<u8>,
        values: Option<u64>,
        expected: u16,
        connections: usize,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let varied = varied(&request, values)?;
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(connect(solo, caller).await?);
        }
        let mut tasks = JoinSet::new();
        for mut connection in open {
            let (shared, mut request) = (shared.clone(), request.clone());
            tasks.spawn(async move {
                let mut latencies = Vec::new();
                while !shared.stop.load(Ordering::Relaxed) {
                    if let Some((place, values)) = varied {
                        let number = shared.next.fetch_add(1, Ordering::Relaxed) % values;
                        write_number(&mut request[place..place + DIGITS], number);
                    }
                    let began = Instant::now();
                    let status = connection.exchange(&request).await?.status;
                    latencies.push(began.elapsed());
                    if status != expected {
                        let what = format!("{status} instead of {expected} under load");
                        return Err(problem(what));
                    }
                    shared.done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(latencies)
            });
        }
        Ok(Self { shared, tasks })
    }

    /// How many requests were answered so far.
    pub fn done(&self) -> u64 {
        self.shared.done.load(Ordering::Relaxed)
    }

    /// Ends it; what is in flight is awaited. How long each exchange took.
    pub async fn stop(mut self) -> Result<Vec<Duration>> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut latencies = Vec::new();
        while let Some(task) = self.tasks.join_next().await {
            latencies.append(&mut task.map_err(|error| problem(error.to_string()))??);
        }
        Ok(latencies)
    }
}

/// How many digits stand in the place of [`PLACE`].
const DIGITS: usize = 6;
/// Where a request has another number each time.
const PLACE: &[u8; DIGITS] = b"@@@@@@";

/// Where the number stands, and how many there are.
fn varied(request: &[u8], values: Option<u64>) -> Result<Option<(usize, u64)>> {
    let Some(values) = values else {
        return Ok(None);
    };
    let place = request.windows(DIGITS).position(|window| window == PLACE);
    let place = place.ok_or_else(|| problem("the request has no place for a number"))?;
    Ok(Some((place, values.max(1))))
}

fn write_number(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
