//! "One endpoint more was lost, and everything moved."

use std::time::Duration;

use landbridge_testbed::{
    Builder, Call, Filter, HealthChecks, Mesh, NativeFailover, Workload, scene,
};
use serde_json::json;

const ENDPOINTS: u32 = 10;

fn checks() -> HealthChecks {
    HealthChecks {
        interval: Duration::from_millis(300),
        timeout: Duration::from_millis(300),
        unhealthy_threshold: 1,
        healthy_threshold: 1,
        ..HealthChecks::default()
    }
}

fn builder(name: &str) -> Builder {
    Mesh::builder(name)
        .filters([])
        .endpoints("use1-a", ENDPOINTS)
        .client_health_checks(checks())
}

/// The share of `use1-a` in percent, with this many of its endpoints ill.
async fn share(mesh: &Mesh, ill: u32) -> f64 {
    mesh.upstream("use1-a").set_failing_endpoints(0..ill, 503);
    // Envoy finds out, merges updates for up to a second, and the filter asks twice a second.
    tokio::time::sleep(Duration::from_millis(3_000)).await;
    let call = Call::get("/orders")
        .from(Workload::new("use1-a", "shop", "frontend"))
        .via_sidecar()
        .host("orders.shop.svc.cluster.local:8080");
    let load = mesh.load(call, 200.0, Duration::from_secs(3)).unwrap();
    let report = load.finish().await;
    assert_eq!(report.failures().count(), 0, "{:?}", report.outcomes());
    let served = report.served_between(Duration::ZERO, Duration::from_secs(3));
    let home = served.get("use1-a").copied().unwrap_or(0);
    home as f64 * 100.0 / report.count() as f64
}

/// As endpoints fall ill, the share that leaves follows the table in Envoy's documentation, as it
/// does in an Envoy with priorities at the same health.
#[tokio::test(flavor = "multi_thread")]
async fn load_spills_by_envoys_own_table() {
    let policy = json!({"health": {"endpoints": {"interval": "500ms"}}});
    let config = scene::config(policy, json!({}));
    let ours = builder("spill-landbridge")
        .client_filters([Filter::wasm("locality").unwrap()])
        .client_config(config);
    let native = builder("spill-native").native_failover(NativeFailover {
        outlier_detection: None,
        health_checks: Some(checks()),
        ..NativeFailover::default()
    });
    let (ours, native) = tokio::join!(ours.start(), native.start());
    let (ours, native) = (ours.unwrap(), native.unwrap());
    for ill in [0, 3, 5, 7, 10] {
        let healthy = f64::from(ENDPOINTS - ill) / f64::from(ENDPOINTS);
        let table = (healthy * 1.4).min(1.0) * 100.0;
        let (ours, native) = tokio::join!(share(&ours, ill), share(&native, ill));
        println!(
            "{ill} of {ENDPOINTS} ill: {ours:.1} % stay, native {native:.1} %, table {table:.0} %"
        );
        assert!((ours - table).abs() <= 3.0, "{ill} ill: {ours} for {table}");
        // Envoy draws at random: 600 requests of it wander by four points or so.
        assert!(
            (native - table).abs() <= 10.0,
            "{ill} ill: native {native} for {table}"
        );
    }
}
