//! "One endpoint more was lost, and everything moved."

use std::time::Duration;

use landbridge_testbed::{
    Builder, Call, Filter, HealthChecks, Mesh, NativeFailover, Workload, scene,
};
use serde_json::json;
use tokio::time::Instant;

const ENDPOINTS: u32 = 10;

fn checks() -> HealthChecks {
    HealthChecks {
        interval: Duration::from_millis(300),
        timeout: Duration::from_millis(300),
        // A 503 counts at once all the same; an answer that is late on a busy machine does not.
        unhealthy_threshold: 3,
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

/// How many of the endpoints are ill, and for how long each such state is looked at, once it is
/// known everywhere: Envoy finds out, merges updates for up to a second, and the filter asks twice a
/// second.
const ILL: [u32; 7] = [0, 2, 3, 5, 7, 9, 10];
const KNOWN: Duration = Duration::from_millis(2_200);
const LOOK: Duration = Duration::from_millis(2_000);

/// The share of `use1-a` in percent under steady load, for each number of endpoints that are ill.
async fn shares(mesh: &Mesh) -> Vec<f64> {
    let call = Call::get("/orders")
        .from(Workload::new("use1-a", "shop", "frontend"))
        .via_sidecar()
        .host("orders.shop.svc.cluster.local:8080");
    let load = mesh.load(call, 200.0, None).unwrap();
    let mut looks = Vec::new();
    for ill in ILL {
        mesh.upstream("use1-a").set_failing_endpoints(0..ill, 503);
        tokio::time::sleep(KNOWN).await;
        let from = Instant::now();
        tokio::time::sleep(LOOK).await;
        looks.push((from, Instant::now()));
    }
    let report = load.stop().await;
    let share = |(from, to): (Instant, Instant)| {
        let served = report.served_between(from - report.start, to - report.start);
        let home = served.get("use1-a").copied().unwrap_or(0);
        home as f64 * 100.0 / served.values().sum::<usize>() as f64
    };
    looks.into_iter().map(share).collect()
}

/// As endpoints fall ill, the share that leaves follows the table in Envoy's documentation, as it
/// does in an Envoy with priorities at the same health.
#[tokio::test(flavor = "multi_thread")]
async fn load_spills_by_envoys_own_table() {
    // What fails until Envoy has found out would cut the cluster's share as well, for a while: here
    // only its endpoints' health is to count.
    let policy = json!({"health": {
        "endpoints": {"interval": "500ms"},
        "passive": {"errorShare": 100, "consecutiveErrors": 1000},
    }});
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
    let (ours, native) = tokio::join!(shares(&ours), shares(&native));
    for ((ill, ours), native) in ILL.into_iter().zip(ours).zip(native) {
        let healthy = f64::from(ENDPOINTS - ill) / f64::from(ENDPOINTS);
        let table = (healthy * 1.4).min(1.0) * 100.0;
        println!(
            "scene=gradual_spill ill={ill}/{ENDPOINTS} landbridge={ours:.1}% native={native:.1}% \
             table={table:.0}%"
        );
        assert!((ours - table).abs() <= 2.0, "{ill} ill: {ours} for {table}");
        // Envoy draws at random: 400 requests of it wander by two and a half points, and seldom
        // by four times that.
        assert!(
            (native - table).abs() <= 10.0,
            "{ill} ill: native {native} for {table}"
        );
    }
}
