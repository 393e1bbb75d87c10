//! Taking a configuration, or refusing it and saying why.

use crate::NAME;
use landbridge_engine::{Kept, PolicySet, load_after};
use landbridge_filter::{Cost, Node, announce, refuse};
use landbridge_host::{Host, Level};
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
            let cost = Cost::since(start, host);
            for warning in &loaded.warnings {
                host.log(Level::Warn, &format!("landbridge authz: {warning}"));
            }
            let line = format!(
                "landbridge authz: configuration {} is in force: {} of {} policies apply here{cost}",
                loaded.digest,
                loaded.set.len(),
                loaded.policies,
            );
            host.log(Level::Info, &line);
            cost.announce(NAME, host);
            announce(NAME, VERSION, host, loaded.digest);
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
