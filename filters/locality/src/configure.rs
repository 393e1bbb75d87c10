//! Taking a configuration, or refusing it and saying why.

use crate::metrics::Metrics;
use crate::{Locality, NAME};
use hashbrown::HashMap;
use landbridge_engine::failover::{Worker, load_failover};
use landbridge_filter::{Cost, InForce, Missing, Node, SharedData, is_sidecar, random, refuse};
use landbridge_host::Host;
use landbridge_model::Limits;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Compiles a configuration wholly, or logs and counts what is wrong with it.
pub(crate) fn configure(host: &dyn Host, configuration: &[u8]) -> Option<Locality> {
    let start = host.now().ok();
    let loaded = match load_failover(configuration, &Limits::default(), &Node(host)) {
        Ok(loaded) => loaded,
        Err(diagnostics) => {
            refuse(NAME, host, &diagnostics);
            return None;
        }
    };
    let in_force = InForce {
        filter: NAME,
        version: VERSION,
        digest: loaded.digest,
        warnings: &loaded.warnings,
        cost: Cost::since(start, host),
    };
    let set = Rc::new(loaded.set);
    let what = format!(
        "{} services of {} policies are routed here",
        set.services().count(),
        loaded.policies,
    );
    in_force.tell(host, &what);
    let mut worker = Worker::new(Rc::clone(&set), random());
    if let Ok(now) = host.now() {
        // What was learnt under the last configuration is in force before the first request.
        worker.look(millis(now), &SharedData(host));
    }
    Some(Locality {
        trusts_plaintext: set.trusts_own_workload && is_sidecar(host),
        worker: RefCell::new(worker),
        metrics: Metrics::default(),
        missing: Missing::new(NAME),
        pending: RefCell::new(HashMap::new()),
        routed: RefCell::new(HashMap::new()),
        ticks: Cell::new(0),
        keeps_routes: Cell::new(false),
        set,
    })
}

pub(crate) fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
