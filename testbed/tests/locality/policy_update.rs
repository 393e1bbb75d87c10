//! "I changed a policy during the outage, and it went back to the dead cluster."

use landbridge_testbed::{Load, Mesh, Side};
use serde_json::json;
use tokio::time::Instant;

use crate::known::{apply, sum};
use crate::setup::{config, failures, get, mesh, post, quick, s};

/// GETs, and POSTs that are not tried elsewhere.
fn loads(mesh: &Mesh) -> [Load; 2] {
    let calls = [get("use1-a", "/get"), post("use1-a", "/post")];
    calls.map(|call| mesh.load(call, 75.0, None).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learnt_outlives_an_update() {
    let mesh = mesh("policy-update", &config(quick()))
        .client_concurrency(2)
        .start()
        .await
        .unwrap();
    // Its upstream is gone and its sidecar is there: it would see all that comes.
    mesh.upstream("use1-a").set_status(503);
    let warm = loads(&mesh);
    tokio::time::sleep(s(3.0)).await;
    for load in warm {
        load.stop().await;
    }
    let loads = loads(&mesh);
    tokio::time::sleep(s(0.5)).await;
    let update = Instant::now();
    for hold_down in ["3s", "4s", "5s"] {
        let mut spec = quick();
        spec["failback"]["holdDown"] = json!(hold_down);
        spec["retries"] = json!({"attempts": 1});
        apply(&mesh, &config(spec)).await;
        tokio::time::sleep(s(0.7)).await;
    }
    for load in loads {
        let report = load.stop().await;
        assert_eq!(failures(&report).len(), 0, "{:?}", failures(&report));
        assert!(
            report
                .shots
                .iter()
                .all(|shot| shot.served.as_deref() == Some("use1-b"))
        );
        assert!(report.shots.iter().all(|shot| {
            let told = shot.failover.as_deref();
            told.is_some_and(|told| told.ends_with("reason=FAILED_OVER"))
        }));
    }
    let seen = mesh.upstream("use1-a").seen();
    let after: Vec<_> = seen.iter().filter(|seen| seen.at > update).collect();
    assert!(!after.is_empty(), "it is still probed");
    assert!(
        after.iter().all(|seen| seen.path == "/healthz"),
        "{after:?}"
    );
    // It did not come and go in between.
    let labels = [("serving_cluster", "use1-a")];
    let changes = sum(&mesh, "landbridge_locality_transitions_total", &labels).await;
    assert_eq!(changes, 1.0);
    assert!(mesh.is_alive("use1-a", Side::Client).unwrap());
}
