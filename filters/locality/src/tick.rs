//! What is done between requests.

use crate::configure::millis;
use crate::{Locality, NAME, probe};
use landbridge_engine::failover::Transition;
use landbridge_filter::SharedData;
use landbridge_host::{Host, Level};

/// How many ticks lie between two looks at how all clusters are seen.
const GAUGES: u32 = 4;

pub(crate) fn tick(locality: &Locality, host: &dyn Host) {
    let Ok(now) = host.now() else {
        return;
    };
    let ticks = locality.ticks.get().wrapping_add(1);
    locality.ticks.set(ticks);
    let ticked = {
        let mut worker = locality.worker.borrow_mut();
        worker.tick(millis(now), &SharedData(host))
    };
    for transition in &ticked.transitions {
        tell(locality, host, transition);
    }
    for found in ticked.probes {
        probe::send(locality, host, found);
    }
    for service in ticked.polls {
        probe::poll(locality, host, service);
    }
    if ticked.leads && (ticks % GAUGES == 1 || !ticked.transitions.is_empty()) {
        let mut worker = locality.worker.borrow_mut();
        locality.metrics.sights(host, &locality.set, &mut worker);
    }
}

fn tell(locality: &Locality, host: &dyn Host, transition: &Transition) {
    locality.metrics.transition(host, &locality.set, transition);
    let service = locality.set.service(transition.service);
    let candidate = service.and_then(|s| s.candidates.get(transition.candidate));
    if let Some((service, candidate)) = service.zip(candidate) {
        let line = format!(
            "landbridge {NAME}: `{}` in cluster `{}` is {}, was {}",
            service.name,
            candidate.name,
            transition.change.to.as_str(),
            transition.change.from.as_str(),
        );
        host.log(Level::Warn, &line);
    }
}
