//! "What happens to the counts when Envoy goes?" They go with its memory: at most one burst more.

use landbridge_testbed::{Mesh, Side};
use serde_json::json;

use crate::setup::{answered, config, get, mesh, s};

const BURST: usize = 40;

fn spec() -> String {
    config(json!({"limits": [{"name": "slow", "rate": "60/m", "burst": BURST}]}))
}

/// How many of so many at once pass.
async fn passing(mesh: &Mesh) -> usize {
    let report = mesh
        .load(get("euw1-a", "/orders"), 100.0, s(1.0))
        .unwrap()
        .finish()
        .await;
    let (served, refused) = (answered(&report, 200), answered(&report, 429));
    assert_eq!(served + refused, report.count(), "{:?}", report.outcomes());
    served
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_gives_one_burst_more_and_no_more() {
    let mesh = mesh("shaping-restart", &spec())
        .clients(false)
        .start()
        .await
        .unwrap();
    let before = passing(&mesh).await;
    assert!((BURST..=BURST + 2).contains(&before), "{before}");
    assert!(passing(&mesh).await <= 3);
    mesh.restart("use1-a", Side::Server).await.unwrap();
    let after = passing(&mesh).await;
    assert!((BURST..=BURST + 2).contains(&after), "{after}");
    assert!(passing(&mesh).await <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_restart_counts_anew_in_the_new_process() {
    let mesh = mesh("shaping-hot", &spec())
        .clients(false)
        .hot_restarts()
        .start()
        .await
        .unwrap();
    let load = mesh.load(get("euw1-a", "/orders"), 50.0, None).unwrap();
    tokio::time::sleep(s(2.0)).await;
    mesh.hot_restart("use1-a", Side::Server).await.unwrap();
    tokio::time::sleep(s(2.0)).await;
    let report = load.stop().await;
    let served = answered(&report, 200);
    // Two bursts, and what the rate gives to each of two.
    let most = 2 * BURST + 2 * report.ran.as_secs() as usize + 4;
    println!(
        "hot restart: {served} of at most {most}; {:?}",
        report.outcomes()
    );
    assert!(served <= most, "{served}, not {most}");
    assert!(served > BURST, "{served}");
}
