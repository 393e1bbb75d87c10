//! A clock that all workers share and nobody sets.

use std::collections::BTreeMap;

use crate::setup::{is_well, mesh, told};

/// How far two workers' clocks may be apart, in nanoseconds: what comes between a look at one
/// clock and a look at the other.
const APART: i128 = 5_000_000;

#[tokio::test]
async fn all_workers_have_one_clock_that_never_goes_back() {
    let mesh = mesh("host-clocks", "clock\nmeasure").await;
    println!("{}", told(&mesh, "measured", 3).await.join("\n"));
    let mut by_worker: BTreeMap<i128, Vec<[i128; 3]>> = BTreeMap::new();
    for line in told(&mesh, "clock ", 60).await {
        let mut words = line.split(' ').skip(1).map(|it| it.parse().unwrap());
        let worker = words.next().unwrap();
        let looks = [(); 3].map(|()| words.next().unwrap());
        by_worker.entry(worker).or_default().push(looks);
    }
    // A worker that lost the race for its number has it at the next tick.
    by_worker.remove(&0);
    println!("{} threads", by_worker.len());
    assert_eq!(by_worker.len(), 3, "{by_worker:?}");
    for looks in by_worker.values() {
        let steady: Vec<_> = looks.iter().flat_map(|it| [it[0], it[2]]).collect();
        assert!(steady.is_sorted(), "{looks:?}");
    }
    // The wall clock, which all share, is looked at in between, and not set meanwhile.
    let offsets = by_worker.values().flatten();
    let offsets: Vec<_> = offsets
        .filter(|it| it[2] - it[0] < APART)
        .map(|it| it[1] - it[0])
        .collect();
    assert!(offsets.len() > 50);
    let (least, most) = (offsets.iter().min().unwrap(), offsets.iter().max().unwrap());
    println!("{} ns apart at most", most - least);
    assert!(most - least < APART, "{offsets:?}");
    // It is the machine's: the time for which it has run, which another process knows as well.
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    let last = by_worker.values().flatten().map(|it| it[2]).max().unwrap();
    assert!(
        (last as f64) < (uptime + 0.1) * 1e9,
        "{last} ns of {uptime} s"
    );
    is_well(&mesh).await;
}
