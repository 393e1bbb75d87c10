//! Several endpoints of one cluster, and Envoy's own opinion of each.

use std::collections::BTreeMap;

use landbridge_testbed::{HealthChecks, Side, eventually};
use serde_json::json;

use crate::setup::{SECOND, SOON, ejected, mesh, status, to};

#[tokio::test]
async fn a_cluster_has_as_many_endpoints_as_is_wished() {
    let mesh = mesh("endpoints")
        .endpoints("use1-b", 3)
        .client_health_checks(HealthChecks {
            interval: SECOND / 4,
            ..HealthChecks::default()
        })
        .start()
        .await
        .unwrap();
    let upstream = mesh.upstream("use1-b");
    let endpoints = async || {
        upstream.clear_seen();
        let mut failures = 0;
        for _ in 0..60 {
            let forged = to("use1-b").header("x-testbed-endpoint", "7");
            failures += usize::from(status(&mesh, forged).await != 200);
        }
        let mut endpoints = BTreeMap::new();
        for seen in upstream.seen() {
            if seen.path == "/orders" {
                *endpoints.entry(seen.endpoint.unwrap()).or_insert(0) += 1;
            }
        }
        (failures, endpoints)
    };
    let (failures, found) = endpoints().await;
    assert_eq!(failures, 0);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["0", "1", "2"]);
    assert_eq!(found.values().sum::<usize>(), 60);

    // Each of them is asked for its health.
    eventually(SOON, "a check of each endpoint", async || {
        let seen = upstream.seen();
        let asked = |endpoint: &str| {
            let mut checks = seen.iter().filter(|one| one.path == "/healthz");
            checks.any(|one| one.endpoint.as_deref() == Some(endpoint))
        };
        ["0", "1", "2"].into_iter().all(asked).then_some(())
    })
    .await
    .unwrap();

    upstream.set_failing_endpoints([1], 503);
    let cluster = (
        "cluster_name",
        "outbound|8080|use1-b|orders.shop.svc.cluster.local",
    );
    let healthy = async |count: f64| {
        mesh.wait_stats("use1-a", Side::Client, SOON, |stats| {
            stats.sum("envoy_cluster_membership_healthy", &[cluster]) == count
        })
        .await
        .unwrap();
    };
    healthy(2.0).await;
    let (failures, found) = endpoints().await;
    assert_eq!(failures, 0);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["0", "2"]);

    upstream.set_failing_endpoints([], 503);
    healthy(3.0).await;
    // The cluster with one endpoint says nothing of endpoints.
    assert_eq!(status(&mesh, to("euw1-a")).await, 200);
    let seen = mesh.upstream("euw1-a").seen();
    assert!(seen.iter().all(|one| one.endpoint.is_none()));
}

#[tokio::test]
async fn outliers_of_a_subset_are_ejected() {
    let mesh = mesh("outliers")
        .endpoints("use1-b", 2)
        .client_outlier_detection(json!({
            "consecutive_5xx": 3,
            "interval": "0.2s",
            "base_ejection_time": "60s",
            "max_ejection_percent": 50,
        }))
        .start()
        .await
        .unwrap();
    let upstream = mesh.upstream("use1-b");
    upstream.set_failing_endpoints([0], 500);
    let mut failures = 0;
    while failures < 3 {
        failures += usize::from(status(&mesh, to("use1-b")).await == 500);
    }
    ejected(&mesh, 1.0).await;
    for _ in 0..30 {
        assert_eq!(status(&mesh, to("use1-b")).await, 200);
    }
}
