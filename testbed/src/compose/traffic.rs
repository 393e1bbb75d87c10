//! The workloads `shop/frontend`, at work: each asks its own sidecar, and leaves it to that where
//! the request goes.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{Layout, send};
use crate::{Call, CallError, ClusterSpec};

/// How long a frontend waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What came of the requests of one cluster's frontend.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<String, u32>>);

impl Tally {
    /// What came of them since it was asked last: for each kind of answer, how many.
    pub fn take(&self) -> BTreeMap<String, u32> {
        std::mem::take(&mut *self.0.lock().expect("nobody panics with it"))
    }

    fn count(&self, what: String) {
        *self
            .0
            .lock()
            .expect("nobody panics with it")
            .entry(what)
            .or_default() += 1;
    }
}

/// Sends so many requests a second, for ever: of ten, eight for orders, one that changes them, and
/// one for personal data of the EU.
pub async fn traffic(cluster: ClusterSpec, rate: u32, tally: &Tally) {
    let mut turns = interval(Duration::from_secs(1) / rate.max(1));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0_u32.. {
        turns.tick().await;
        let call = match number % 10 {
            4 => Call::post("/orders", "{}"),
            9 => Call::get("/customers/7"),
            _ => Call::get("/orders"),
        };
        tally.count(ask(&cluster, call).await);
    }
}

/// Who served a request, or else what came of it.
async fn ask(cluster: &ClusterSpec, call: Call) -> String {
    match send(&Layout::sidecar(cluster), call.timeout(PATIENCE)).await {
        Ok(reply) if reply.status == 200 => match reply.json()["cluster"].as_str() {
            Some(by) => by.to_owned(),
            None => "200 from nobody".to_owned(),
        },
        Ok(reply) => reply.status.to_string(),
        Err(CallError::Timeout(_)) => "no answer".to_owned(),
        Err(why) => format!("failed ({why})"),
    }
}
