//! Istio's own failover, which ours will be held beside.

use std::time::Duration;

use landbridge_testbed::{HealthChecks, NativeFailover, Report, eventually};

use crate::setup::{SECOND, SOON, counts, ejected, from, mesh, served, status, to};

#[tokio::test]
async fn istios_own_failover_goes_by_locality() {
    let mesh = mesh("native")
        .native_failover(NativeFailover::default())
        .start()
        .await
        .unwrap();
    let home = || from("use1-a").via_sidecar();
    assert_eq!(served(&mesh, home()).await, "use1-a");
    assert_eq!(served(&mesh, from("euw1-a").via_sidecar()).await, "euw1-a");

    for (ejections, ill, next) in [(1.0, "use1-a", "use1-b"), (2.0, "use1-b", "euw1-a")] {
        mesh.upstream(ill).set_status(500);
        for _ in 0..5 {
            assert_eq!(status(&mesh, home()).await, 500);
        }
        ejected(&mesh, ejections).await;
        // Envoy gathers such changes for a second before its workers hear of them, but for the first.
        eventually(SOON, "the next cluster", async || {
            let status = mesh.call(home()).await.ok()?.status;
            (status == 200).then_some(())
        })
        .await
        .unwrap();
        for _ in 0..10 {
            assert_eq!(served(&mesh, home()).await, next);
        }
    }
    // The law of a region is nothing to it. What says its cluster goes there.
    assert_eq!(status(&mesh, to("use1-a")).await, 500);
}

#[tokio::test]
async fn istios_own_failover_under_load_with_health_checks() {
    let checks = HealthChecks {
        interval: SECOND / 4,
        ..HealthChecks::default()
    };
    let mesh = mesh("native-checked")
        .native_failover(NativeFailover {
            outlier_detection: None,
            health_checks: Some(checks),
            ..NativeFailover::default()
        })
        .start()
        .await
        .unwrap();
    let load = mesh
        .load(from("use1-a").via_sidecar(), 100.0, 5 * SECOND)
        .unwrap();
    tokio::time::sleep(SECOND).await;
    mesh.kill_cluster("use1-b").unwrap();
    mesh.upstream("use1-a").set_status(503);
    let report: Report = load.finish().await;
    let before = report.served_between(Duration::ZERO, SECOND * 9 / 10);
    assert_eq!(before, counts(&[("use1-a", 90)]));
    assert_eq!(
        report.served_between(4 * SECOND, 5 * SECOND),
        counts(&[("euw1-a", 100)])
    );
}
