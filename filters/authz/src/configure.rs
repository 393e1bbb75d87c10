//! Taking a configuration, or refusing it and saying why.

use crate::NAME;
use landbridge_engine::{Kept, PolicySet, load_after};
use landbridge_filter::{Cost, InForce, Node, refuse};
use landbridge_host::Host;
use landbridge_model::Limits;
use std::cell::Cell;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Compiles a configuration wholly, or logs and counts what is wrong with it.
pub(crate) fn configure(host: &dyn Host, configuration: &[u8]) -> Option<PolicySet> {
    let start = host.now().ok();
    let before = KEPT.take();
    match load_after(configuration, &Limits::default(), &Node(host), &before) {
        Ok(loaded) => {
            KEPT.set(loaded.kept);
            let in_force = InForce {
                filter: NAME,
                version: VERSION,
                digest: loaded.digest,
                warnings: &loaded.warnings,
                cost: Cost::since(start, host),
            };
            let (here, all) = (loaded.set.len(), loaded.policies);
            in_force.tell(host, &format!("{here} of {all} policies apply here"));
            Some(loaded.set)
        }
        Err(diagnostics) => {
            KEPT.set(before);
            refuse(NAME, host, &diagnostics);
            None
        }
    }
}

thread_local! {
    /// What the next configuration need not read again. Each update makes a new filter in the same
    /// Wasm VM.
    static KEPT: Cell<Kept> = Cell::new(Kept::default());
}
