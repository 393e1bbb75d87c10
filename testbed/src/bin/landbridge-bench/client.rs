//! The load: closed-loop, each connection has one request in flight, always.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
    tasks: JoinSet<Result<()>>,
}

#[derive(Default)]
struct Shared {
    done: AtomicU64,
    stop: AtomicBool,
}

impl Load {
    /// Opens the connections and lets them go. Any answer with another status
    /// than `expected` ends the load with an error.
    pub async fn start(
        solo: &Solo,
        caller: &Workload,
        request: Vec<u8>,
        expected: u16,
        connections: usize,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let request: Arc<[u8]> = request.into();
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(connect(solo, caller).await?);
        }
        let mut tasks = JoinSet::new();
        for mut connection in open {
            let (shared, request) = (shared.clone(), request.clone());
            tasks.spawn(async move {
                while !shared.stop.load(Ordering::Relaxed) {
                    let status = connection.exchange(&request).await?.status;
                    if status != expected {
                        let what = format!("{status} instead of {expected} under load");
                        return Err(problem(what));
                    }
                    shared.done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            });
        }
        Ok(Self { shared, tasks })
    }

    /// How many requests were answered so far.
    pub fn done(&self) -> u64 {
        self.shared.done.load(Ordering::Relaxed)
    }

    /// Ends it; what is in flight is awaited.
    pub async fn stop(mut self) -> Result<()> {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(task) = self.tasks.join_next().await {
            task.map_err(|error| problem(error.to_string()))??;
        }
        Ok(())
    }
}
