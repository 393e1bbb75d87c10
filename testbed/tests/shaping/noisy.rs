//! "One cluster's batch job took the service down for everybody."

use landbridge_testbed::{Mesh, Report};
use serde_json::json;

use crate::setup::{answered, config, get, mesh, s};

const SHARE: f64 = 80.0;
const USUAL: f64 = 60.0;
const LENGTH: f64 = 6.0;

/// What two other clusters send, and what comes of it.
async fn others(mesh: &Mesh) -> [Report; 2] {
    let loads = ["use1-a", "use1-b"].map(|cluster| {
        mesh.load(get(cluster, "/orders"), USUAL, s(LENGTH))
            .unwrap()
    });
    let [one, other] = loads;
    [one.finish().await, other.finish().await]
}

fn p99(reports: &[Report; 2]) -> f64 {
    let worst = reports.iter().map(|report| report.percentile(99.0)).max();
    worst.unwrap().as_secs_f64() * 1e3
}

#[tokio::test(flavor = "multi_thread")]
async fn a_noisy_cluster_is_held_to_its_share_and_nobody_else_notices() {
    let limit = json!({"name": "each", "key": ["source.cluster"], "rate": "80/s", "burst": 20});
    let mesh = mesh("noisy", &config(json!({"limits": [limit]})))
        .clients(false)
        .start()
        .await
        .unwrap();
    let quiet = others(&mesh).await;
    let noise = mesh
        .load(get("euw1-a", "/orders"), 10.0 * SHARE, s(LENGTH))
        .unwrap();
    let noisy = others(&mesh).await;
    let noise = noise.finish().await;
    for report in quiet.iter().chain(&noisy) {
        assert_eq!(
            answered(report, 200),
            report.count(),
            "{:?}",
            report.outcomes()
        );
    }
    let served = answered(&noise, 200) as f64;
    let most = 20.0 + SHARE * LENGTH;
    let (before, in_it) = (p99(&quiet), p99(&noisy));
    println!(
        "noisy: {served} of {most}; p99 of the others {before:.1} ms before, {in_it:.1} ms in it"
    );
    assert!(
        (0.95 * most..=most + 1.0).contains(&served),
        "{served} of {most}"
    );
    // On a machine that others use as well.
    assert!(in_it < 5.0 * before + 50.0, "{before} ms, then {in_it} ms");
}
