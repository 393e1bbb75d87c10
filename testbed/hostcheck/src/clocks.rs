//! Clocks.

use crate::log;
use landbridge_host::Host;
use std::cell::Cell;
use std::time::Duration;

/// How often a clock is looked at to measure what it costs.
const LOOKS: u32 = 100_000;
/// By which workers are told apart.
const WORKERS: &str = "landbridge.hostcheck.workers";

/// Whether clocks are logged.
pub(crate) struct Clocks {
    is_on: bool,
    measures: Cell<bool>,
    worker: Cell<Option<u32>>,
}

impl Clocks {
    pub(crate) fn new(configuration: &str) -> Self {
        let has = |word| configuration.lines().any(|line| line == word);
        Self {
            is_on: has("clock"),
            measures: Cell::new(has("measure")),
            worker: Cell::new(None),
        }
    }

    pub(crate) fn tick(&self, host: &dyn Host) {
        if self.measures.replace(false) {
            log(host, &measured(host));
        }
        if !self.is_on {
            return;
        }
        let worker = self.worker.get().or_else(|| number(host));
        self.worker.set(worker);
        let before = host.monotonic();
        let wall = host.now().unwrap_or_default();
        let after = host.monotonic();
        let line = format!(
            "clock {} {} {} {}",
            worker.unwrap_or_default(),
            before.as_nanos(),
            wall.as_nanos(),
            after.as_nanos(),
        );
        log(host, &line);
    }
}

/// The next number that no other worker has.
fn number(host: &dyn Host) -> Option<u32> {
    let (last, state) = host.shared(WORKERS).ok()?.unwrap_or_default();
    let last = <[u8; 4]>::try_from(last.as_slice()).map_or(0, u32::from_le_bytes);
    let number = last.checked_add(1)?;
    let is_ours = host.set_shared(WORKERS, &number.to_le_bytes(), Some(state));
    is_ours.ok()?.then_some(number)
}

/// What a look costs, and the shortest time that two of them see.
fn measured(host: &dyn Host) -> String {
    let mut shortest = Duration::MAX;
    let begun = host.monotonic();
    let mut last = begun;
    for _ in 0..LOOKS {
        let now = host.monotonic();
        let step = now.saturating_sub(last);
        if !step.is_zero() {
            shortest = shortest.min(step);
        }
        last = now;
    }
    let monotonic = last.saturating_sub(begun).checked_div(LOOKS);
    let begun = host.monotonic();
    for _ in 0..LOOKS {
        let _ = host.now();
    }
    let wall = host.monotonic().saturating_sub(begun).checked_div(LOOKS);
    format!(
        "measured monotonic {} ns, shortest step {} ns, wall {} ns",
        monotonic.unwrap_or_default().as_nanos(),
        shortest.as_nanos(),
        wall.unwrap_or_default().as_nanos(),
    )
}
