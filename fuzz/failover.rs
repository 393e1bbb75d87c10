//! A configuration of the locality filter, and what then happens to its worker: the bytes behind the
//! first NUL, one event each.

use landbridge_engine::Memory;
use landbridge_engine::failover::{
    Asked, Lawful, Outcome, Probe, ServiceId, Worker, load_failover,
};
use std::rc::Rc;

use super::{Here, LIMITS};

/// It is refused with reasons, or it routes: to lawful clusters that there are, whatever happens.
pub fn failover(bytes: &[u8]) {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let (config, events) = bytes.split_at(end);
    let loaded = match load_failover(config, &LIMITS, &Here) {
        Ok(loaded) => loaded,
        Err(found) => {
            assert!(!found.is_empty(), "refused without a reason");
            assert!(found.iter().all(|d| d.is_error()), "{found:#?}");
            return;
        }
    };
    assert!(loaded.warnings.iter().all(|d| !d.is_error()));
    let set = Rc::new(loaded.set);
    let services: Vec<ServiceId> = set.services().map(|(id, _)| id).collect();
    let store = Memory::default();
    let mut workers = [0, 1].map(|id| Worker::new(Rc::clone(&set), id));
    let mut now: u64 = 1_800_000_000_000;
    for event in events.iter().skip(1) {
        let low = usize::from(event & 0x0f);
        let worker = &mut workers[low % 2];
        let Some(service) = services.get(low % services.len().max(1)).copied() else {
            return;
        };
        let count = set.service(service).map_or(0, |s| s.candidates.len());
        let lawful = (0..count).filter(|i| event >> (i % 8) & 1 == 1);
        let lawful = lawful.fold(Lawful::NONE, Lawful::with);
        let asked = Asked {
            service,
            lawful,
            hops: u32::from(event & 3),
            requested: (event & 8 != 0).then_some(&b"a"[..]),
            affinity: (event & 4 != 0).then_some(&b"b"[..]),
        };
        match event >> 4 {
            0..=5 => {
                if let Ok(choice) = worker.route(&asked) {
                    assert!(lawful.has(choice.candidate) && choice.candidate < count);
                    let outcomes = [Outcome::Failure, Outcome::Error, Outcome::Good];
                    let outcome = outcomes[low % 3];
                    let took = (event & 1 == 1).then_some(u64::from(*event) << (low * 3));
                    worker.answered(service, choice.candidate, outcome, took);
                }
            }
            6 | 7 => {
                let tried = Lawful::NONE.with(low);
                if let Some(choice) = worker.retry(&asked, tried) {
                    assert!(lawful.has(choice.candidate) && !tried.has(choice.candidate));
                }
            }
            8 => worker.probed(
                Probe {
                    service,
                    candidate: low,
                },
                event & 1 == 1,
            ),
            9 => worker.unroutable(service, low),
            10 => worker.polled(service, "cluster.outbound|80|a|a;.membership_total: 0\n"),
            11 => {
                let links = set
                    .service(service)
                    .and_then(|s| s.candidates.get(low)?.link);
                links
                    .into_iter()
                    .for_each(|link| worker.transferred(link, 1 << (low * 4)));
            }
            12 => now = now.saturating_sub(1 << low),
            _ => {
                now = now.saturating_add(1 << low);
                let ticked = worker.tick(now, &store);
                assert!(
                    ticked
                        .probes
                        .iter()
                        .all(|p| set.service(p.service).is_some())
                );
            }
        }
        for i in 0..count {
            let sight = worker.sight(service, i).expect("it is there");
            assert!((0.0..=1.0 + 1e-9).contains(&sight.share), "{sight:?}");
        }
    }
}
