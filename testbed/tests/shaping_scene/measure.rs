//! What the testbed itself can do. It needs the machine for itself, so it runs on demand:
//! `cargo test -p landbridge-testbed --test shaping_scene measure -- --ignored --nocapture --test-threads 1`.

use std::time::Duration;

use landbridge_testbed::{Side, Workers};
use tokio::time::Instant;

use crate::load::three_loads;
use crate::setup::{SECOND, call, mesh};

/// What this process has used.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

#[tokio::test]
#[ignore = "it needs the machine for itself"]
async fn three_thousand_requests_a_second() {
    let mesh = mesh("loads-measured").start().await.unwrap();
    let began = cpu_seconds();
    let reports = three_loads(&mesh, [2000.0, 500.0, 500.0]).await;
    let own = (cpu_seconds() - began) / 2.0;
    let envoy = |side| mesh.cpu_time("use1-a", side).unwrap().as_secs_f64() / 2.0;
    eprintln!(
        "testbed {own:.2} cores, the server's Envoy {:.2}, a client's {:.2}",
        envoy(Side::Server),
        envoy(Side::Client),
    );
    for report in &reports {
        let [half, most] = [50.0, 99.0].map(|percent| report.percentile(percent));
        eprintln!("{:.0} a second, p50 {half:?}, p99 {most:?}", report.rate());
        assert_eq!(report.failures().count(), 0, "{:?}", report.outcomes());
        assert!(report.ran < 3 * SECOND, "{:?}", report.ran);
    }
}

/// What a service can do is kept at rates that shaping's scenes need.
#[tokio::test]
#[ignore = "it needs the machine for itself"]
async fn a_service_does_two_thousand_a_second() {
    let mesh = mesh("capacity").clients(false).start().await.unwrap();
    let upstream = mesh.upstream("use1-a");
    upstream.set_workers(Workers::new(10, Duration::from_millis(5)).queue(100));
    let load = mesh.load(call(), 2400.0, 3 * SECOND).unwrap();
    tokio::time::sleep(SECOND).await;
    let before = upstream.work().all.finished;
    let start = Instant::now();
    tokio::time::sleep(SECOND).await;
    let finished = upstream.work().all.finished - before;
    let rate = finished as f64 / start.elapsed().as_secs_f64();
    let report = load.finish().await;
    eprintln!(
        "{rate:.0} a second, p50 {:?}, {:?}",
        report.percentile(50.0),
        report.outcomes()
    );
    assert!((1900.0..2060.0).contains(&rate), "{rate}");
}
