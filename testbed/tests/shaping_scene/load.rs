//! Loads of several callers at a time.

use std::collections::BTreeSet;

use landbridge_testbed::{
    Call, Filter, NativeBucket, NativeLocalRateLimit, Report, Side, Workload, eventually, mix,
};
use serde_json::json;

use crate::setup::{SECOND, SOON, call, mesh};

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
async fn loads_of_several_callers_run_at_a_time() {
    let mesh = mesh("loads").start().await.unwrap();
    let from =
        |cluster: &str| Call::get("/orders").from(Workload::new(cluster, "shop", "frontend"));
    let unique = |number: u32| format!("user-{number}");
    let direct = from("euw1-a")
        .to("use1-a")
        .header_by("x-testbed-label", unique)
        .header_by("x-criticality", mix([("Critical", 20), ("Sheddable", 80)]));
    let sidecar = from("use1-b").via_sidecar().to("use1-a");
    let grpc = Call::grpc("/shop.Orders/List").from(Workload::new("use1-a", "shop", "frontend"));
    let began = cpu_seconds();
    let loads = [
        (direct, 2000.0),
        (sidecar, 500.0),
        (grpc.via_sidecar().to("use1-a"), 500.0),
    ]
    .map(|(call, rate)| mesh.load(call, rate, 4 * SECOND).unwrap());
    let mut reports: Vec<Report> = Vec::new();
    for load in loads {
        reports.push(load.finish().await);
    }
    let own = (cpu_seconds() - began) / 4.0;
    let envoys = |side| mesh.cpu_time("use1-a", side).unwrap().as_secs_f64() / 4.0;
    eprintln!(
        "testbed {own:.2} cores; server's Envoy {:.2}, client's {:.2}",
        envoys(Side::Server),
        envoys(Side::Client),
    );
    for (report, count) in reports.iter().zip([8000, 2000, 2000]) {
        eprintln!(
            "{:.0} a second; p50 {:?}, p99 {:?}",
            report.rate(),
            report.percentile(50.0),
            report.percentile(99.0),
        );
        assert_eq!(report.count(), count);
        assert_eq!(report.failures().count(), 0, "{:?}", report.outcomes());
        assert!(report.ran < 5 * SECOND, "{:?}", report.ran);
    }
    assert!(
        reports[2]
            .shots
            .iter()
            .all(|shot| shot.grpc_status == Some(0))
    );
    let seen = mesh.upstream("use1-a").seen();
    let labels: BTreeSet<_> = seen.iter().filter_map(|it| it.label.as_ref()).collect();
    assert_eq!(labels.len(), 8000);
    let critical = seen
        .iter()
        .filter(|it| it.criticality.as_deref() == Some("Critical"));
    assert!((1590..=1610).contains(&critical.count()));
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
