//! Taking a configuration, or refusing it and saying why.

use crate::metrics::Metrics;
use crate::{NAME, Shaping};
use hashbrown::HashMap;
use landbridge_engine::shaping::{Carried, Worker, load_shaping};
use landbridge_filter::{
    Cost, InForce, Missing, Node, SharedData, is_sidecar, plugin, random, refuse,
};
use landbridge_host::Host;
use landbridge_model::Limits;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const VERSION: &str = env!("CARGO_PKG_VERSION");

thread_local! {
    /// What this worker of a plugin carries from one configuration to the next, and what tells it
    /// from the others: what is under way stays so, and what it holds stays its own. A sidecar has
    /// this filter at both ends, as two plugins that Envoy runs in one VM.
    static CARRIED: RefCell<HashMap<Vec<u8>, (u64, Carried)>> = RefCell::new(HashMap::new());
}

/// Compiles a configuration wholly, or logs and counts what is wrong with it.
pub(crate) fn configure(host: &dyn Host, configuration: &[u8]) -> Option<Shaping> {
    let start = host.now().ok();
    let loaded = match load_shaping(configuration, &Limits::default(), &Node(host)) {
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
        "{} limits and the like of {} policies shape here",
        set.items().count(),
        loaded.policies,
    );
    in_force.tell(host, &what);
    let worker = CARRIED.with_borrow_mut(|carried| {
        let (id, carried) = carried.entry(plugin(host)).or_insert_with(|| {
            let id = random();
            (id, Carried::new(id))
        });
        Worker::new(Rc::clone(&set), *id, carried, &SharedData(host))
    });
    Some(Shaping {
        trusts_plaintext: set.trusts_own_workload && is_sidecar(host),
        worker: RefCell::new(worker),
        metrics: Metrics::default(),
        missing: Missing::new(NAME),
        waiting: RefCell::new(Vec::new()),
        pending: RefCell::new(HashMap::new()),
        ticks: Cell::new(0),
        set,
    })
}
