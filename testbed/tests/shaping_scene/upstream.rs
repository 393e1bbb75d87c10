//! A service that can do so much and no more.

use landbridge_testbed::{Tally, Workers, eventually, mix};

use crate::setup::{SECOND, SOON, call, mesh};

#[tokio::test]
async fn a_service_does_what_its_workers_can() {
    let mesh = mesh("workers").clients(false).start().await.unwrap();
    let upstream = mesh.upstream("use1-a");
    let workers = Workers::new(4, SECOND / 50).queue(40);
    assert_eq!(workers.capacity(), 200.0);
    upstream.set_workers(workers);
    let shares = mix([("Critical", 1), ("Sheddable", 3)]);
    let call = call()
        .header_by("x-criticality", shares)
        .header_by("x-testbed-label", |number| format!("half-{}", number % 2));
    let load = mesh.load(call, 400.0, 3 * SECOND).unwrap();
    let report = load.finish().await;
    let outcomes = report.outcomes();
    // 200 in each of three seconds, and those that wait at the end.
    let ok = outcomes["200"];
    assert!((620..=650).contains(&ok), "{outcomes:?}");
    assert_eq!(ok + outcomes["503"], 1200);
    // Who is served has waited for forty before it, ten for each worker.
    let served = report.between(SECOND, 3 * SECOND);
    let served = served.filter(|shot| shot.outcome == Ok(200));
    let (least, most) = (SECOND / 5, SECOND / 2);
    let waited: Vec<_> = served.map(|shot| shot.latency).collect();
    assert!(
        waited.iter().all(|it| (least..most).contains(it)),
        "{waited:?}"
    );

    let work = upstream.work();
    let all = ok as u64;
    assert_eq!(
        work.all,
        Tally {
            begun: all,
            finished: all
        }
    );
    assert_eq!((work.longest_queue, work.waiting), (40, 0));
    assert_eq!(work.refused, outcomes["503"] as u64);
    let of = |tallies: &std::collections::BTreeMap<String, Tally>| {
        tallies.values().map(|it| it.finished).sum::<u64>()
    };
    assert_eq!((of(&work.labels), of(&work.criticalities)), (all, all));
    let critical = work.criticalities["Critical"].finished as f64 / all as f64;
    assert!((0.15..0.35).contains(&critical), "{critical}");
}

/// Through Envoy, which tells the service of it by a reset, or by closing.
#[tokio::test]
async fn a_service_works_for_callers_who_have_gone_or_gives_them_up() {
    let mesh = mesh("gone").clients(false).start().await.unwrap();
    let upstream = mesh.upstream("use1-a");
    for call in [call(), call().http2()] {
        for give_up in [false, true] {
            let mut workers = Workers::new(1, SECOND / 10);
            workers.give_up = give_up;
            upstream.set_workers(workers);
            let hasty = call.clone().timeout(SECOND / 5);
            let load = mesh.load(hasty, 50.0, SECOND / 2).unwrap();
            let failed = load.finish().await.failures().count();
            assert!(failed >= 20, "{failed}");
            let idle = async || {
                let work = upstream.work();
                let done = work.all.finished + work.given_up;
                (done == 25).then_some(work)
            };
            let work = eventually(SOON, "an idle service", idle).await.unwrap();
            if give_up {
                assert_eq!(work.given_up, failed as u64);
            } else {
                assert_eq!((work.for_nobody, work.given_up), (failed as u64, 0));
            }
        }
    }
}
