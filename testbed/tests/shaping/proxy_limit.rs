//! "The limit is per worker, or is it?": one proxy's limit, exactly, over all its workers.

use landbridge_testbed::{Filter, Mesh, NativeBucket, NativeLocalRateLimit};
use serde_json::json;

use crate::setup::{answered, config, get, mesh, s};

const RATE: f64 = 300.0;
const BURST: usize = 60;
const LENGTH: f64 = 20.0;

/// Holds the moments at which the upstream was asked to the limit: in no window more than the burst
/// and what the rate gives in it. Two milliseconds are what it takes to get there and be written
/// down.
fn within(mut moments: Vec<f64>) {
    moments.sort_by(f64::total_cmp);
    for (i, from) in moments.iter().enumerate() {
        for (j, to) in moments.iter().enumerate().skip(i + BURST) {
            let count = j - i + 1;
            let most = BURST as f64 + (to - from + 0.002) * RATE + 1.0;
            assert!(count as f64 <= most, "{count} in {} s", to - from);
        }
    }
}

async fn moments(mesh: &Mesh) -> Vec<f64> {
    let seen = mesh.upstream("use1-a").seen();
    let first = seen.first().map(|seen| seen.at).unwrap();
    seen.iter()
        .map(|seen| (seen.at - first).as_secs_f64())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxys_limit_is_exact_over_its_workers() {
    let spec = json!({"limits": [{"name": "all", "rate": "300/s", "burst": 60}]});
    let mesh = mesh("proxy-limit", &config(spec))
        .clients(false)
        .start()
        .await
        .unwrap();
    let load = mesh
        .load(get("euw1-a", "/orders"), 3.0 * RATE, s(LENGTH))
        .unwrap();
    let report = load.finish().await;
    let (served, refused) = (answered(&report, 200), answered(&report, 429));
    assert_eq!(served + refused, report.count(), "{:?}", report.outcomes());
    let most = BURST as f64 + RATE * LENGTH;
    println!("served {served} of {most}");
    assert!(served as f64 <= most + 1.0, "{served} of {most}");
    assert!(served as f64 >= 0.98 * most, "{served} of {most}");
    within(moments(&mesh).await);
}

/// Envoy's own, for the documentation: the same limit, the same load.
#[tokio::test(flavor = "multi_thread")]
async fn beside_it_envoys_own_limit() {
    let bucket = NativeBucket {
        max: 60,
        refill: 15,
        every: s(0.05),
    };
    let native = NativeLocalRateLimit::new(bucket).filter();
    let mesh = Mesh::builder("proxy-limit-native")
        .filters([Filter::Static(native)])
        .clients(false)
        .start()
        .await
        .unwrap();
    let length = 8.0;
    let load = mesh
        .load(get("euw1-a", "/orders"), 3.0 * RATE, s(length))
        .unwrap();
    let report = load.finish().await;
    let (served, refused) = (answered(&report, 200), answered(&report, 429));
    assert_eq!(served + refused, report.count(), "{:?}", report.outcomes());
    let most = BURST as f64 + RATE * length;
    println!("native: served {served} of {most}");
    assert!(served as f64 >= 0.9 * most, "{served} of {most}");
}
