//! What is done between requests.

use crate::{Shaping, now, service, waiting};
use landbridge_filter::SharedData;
use landbridge_host::Host;

/// How many ticks lie between two looks at what is under way.
const GAUGES: u32 = 10;

pub(crate) fn tick(shaping: &Shaping, host: &dyn Host) {
    waiting::tick(shaping, host);
    let Ok(now) = now(host) else {
        return;
    };
    let ticks = shaping.ticks.get().wrapping_add(1);
    shaping.ticks.set(ticks);
    let asked = shaping.worker.borrow_mut().tick(now, &SharedData(host));
    service::ask(shaping, host, asked);
    let mut worker = shaping.worker.borrow_mut();
    let (set, metrics) = (&shaping.set, &shaping.metrics);
    metrics.count(host, set, &worker.counts());
    if ticks.is_multiple_of(GAUGES) {
        metrics.sights(host, set, &worker);
    }
}
