//! Loads of several callers at a time.

use std::collections::BTreeSet;

use landbridge_testbed::{
    Call, Filter, Mesh, NativeBucket, NativeLocalRateLimit, Report, Seen, Workload, eventually, mix,
};
use serde_json::json;

use crate::setup::{SECOND, SOON, call, mesh};

/// So many requests a second, directly and from two clusters' sidecars, and what came of them in
/// two seconds.
pub async fn three_loads(mesh: &Mesh, rates: [f64; 3]) -> [Report; 3] {
    let from = |cluster: &str| Workload::new(cluster, "shop", "frontend");
    let calls = [
        call()
            .header_by("x-testbed-label", |number| format!("user-{number}"))
            .header_by("x-criticality", mix([("Critical", 20), ("Sheddable", 80)])),
        Call::get("/orders")
            .from(from("use1-b"))
            .via_sidecar()
            .to("use1-a"),
        Call::grpc("/shop.Orders/List")
            .from(from("use1-a"))
            .via_sidecar()
            .to("use1-a"),
    ];
    let loads: Vec<_> = calls
        .into_iter()
        .zip(rates)
        .map(|(call, rate)| mesh.load(call, rate, 2 * SECOND).unwrap())
        .collect();
    let mut reports = Vec::new();
    for load in loads {
        reports.push(load.finish().await);
    }
    reports.try_into().unwrap()
}

#[tokio::test]
async fn loads_of_several_callers_run_at_a_time() {
    let mesh = mesh("loads").start().await.unwrap();
    let reports = three_loads(&mesh, [300.0, 100.0, 100.0]).await;
    for (report, count) in reports.iter().zip([600, 200, 200]) {
        assert_eq!(report.count(), count);
        assert_eq!(report.failures().count(), 0, "{:?}", report.outcomes());
    }
    let grpc = &reports[2].shots;
    assert!(grpc.iter().all(|shot| shot.grpc_status == Some(0)));
    let seen = mesh.upstream("use1-a").seen();
    let labels: BTreeSet<_> = seen.iter().filter_map(|it| it.label.as_ref()).collect();
    assert_eq!(labels.len(), 600);
    let criticality = |it: &&Seen| it.criticality.as_deref() == Some("Critical");
    let critical = seen.iter().filter(criticality).count();
    assert!((118..=122).contains(&critical), "{critical}");
}

#[tokio::test]
async fn a_report_has_what_limits_say() {
    let limit = NativeLocalRateLimit::new(NativeBucket::per_second(50));
    let mut limit = limit.filter();
    let says = |key: &str, value: &str| json!({"header": {"key": key, "value": value}});
    limit["typed_config"]["response_headers_to_add"] = json!([
        says("retry-after", "1"),
        says("ratelimit", "\"a\";r=0;t=1"),
        says("ratelimit-policy", "\"a\";q=50;w=1"),
    ]);
    let mesh = mesh("said")
        .clients(false)
        .filters([Filter::Static(limit)])
        .start()
        .await
        .unwrap();
    // It counts from the start on.
    let full = async || (mesh.call(call()).await.ok()?.status == 200).then_some(());
    eventually(SOON, "a token", full).await.unwrap();
    let report = mesh.load(call(), 200.0, SECOND).unwrap().finish().await;
    let refused = report.failures();
    let mut count = 0;
    for shot in refused {
        count += 1;
        assert_eq!(shot.outcome, Ok(429));
        assert_eq!(shot.retry_after.as_deref(), Some("1"));
        assert_eq!(shot.ratelimit.as_deref(), Some("\"a\";r=0;t=1"));
        assert_eq!(shot.ratelimit_policy.as_deref(), Some("\"a\";q=50;w=1"));
    }
    assert!(count > 50, "{count}");
}
