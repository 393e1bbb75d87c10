//! Policies change while traffic runs.

use std::time::Duration;

use landbridge_testbed::{Call, Mesh, Side, Workload};
use tokio::time::Instant;

use crate::setup::{ALLOW_ALL, ALLOW_US, apply, config, frontend, only};

/// The workers that have taken connections, by the listener's own counters.
async fn busy_workers(mesh: &Mesh, cluster: &str) -> usize {
    let stats = mesh
        .admin(
            cluster,
            Side::Server,
            "/stats?filter=worker_.*downstream_cx_total",
        )
        .await;
    let stats = stats.unwrap();
    let counts = stats
        .lines()
        .filter(|line| line.contains("_8080.worker_") || line.contains(":8080.worker_"));
    counts.filter(|line| !line.ends_with(": 0")).count()
}

#[tokio::test]
async fn a_policy_changes_under_load_and_nobody_that_both_allow_notices() {
    let mesh = Mesh::builder("update")
        .clusters(only(&["use1-a", "use1-b"]))
        .clients(false);
    let mesh = mesh
        .server_concurrency(2)
        .config(config(ALLOW_ALL, "{}"))
        .start()
        .await
        .unwrap();
    // `shop` of the US is allowed by each of the policies, `partner` only by one of them.
    let both = Call::get("/both").from(frontend("use1-b")).to("use1-a");
    let one = Call::get("/one")
        .from(Workload::new("use1-b", "partner", "web"))
        .to("use1-a");
    let steady = mesh.load(both, 200.0, None).unwrap();
    let flipping = mesh.load(one, 200.0, None).unwrap();
    let mut settled = Vec::new();
    for (policies, status) in [(ALLOW_US, 403), (ALLOW_ALL, 200)].repeat(3) {
        apply(&mesh, "use1-a", &config(policies, "{}")).await;
        // The workers follow within milliseconds, on a busy machine within more of them.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let from = Instant::now();
        tokio::time::sleep(Duration::from_secs(1)).await;
        settled.push((from..Instant::now(), status));
    }
    assert_eq!(
        busy_workers(&mesh, "use1-a").await,
        2,
        "both workers have connections"
    );
    let (steady, flipping) = (steady.stop().await, flipping.stop().await);
    assert!(steady.count() > 1500, "{}", steady.count());
    assert_eq!(steady.failures().count(), 0, "{:?}", steady.outcomes());
    // A second after each change, no worker answers by the old policy.
    for (time, status) in settled {
        // By its answer: on a busy machine the next change may overtake a request that was due.
        let shots: Vec<_> = (flipping.shots.iter())
            .map(|shot| (flipping.start + shot.at, shot))
            .filter(|(due, shot)| *due >= time.start && *due + shot.latency < time.end)
            .collect();
        for (due, shot) in &shots {
            let settled = *due - time.start;
            assert_eq!(shot.outcome, Ok(status), "{settled:?} after it was settled");
        }
        assert!(shots.len() > 50, "only {} requests", shots.len());
    }
    let statuses = flipping.outcomes();
    assert_eq!(
        statuses.keys().map(String::as_str).collect::<Vec<_>>(),
        ["200", "403"]
    );
}

#[tokio::test]
async fn a_killed_upstream_is_not_the_filters_doing() {
    let mesh = Mesh::builder("upstream")
        .clusters(only(&["use1-a"]))
        .clients(false);
    let mesh = mesh.config(config(ALLOW_ALL, "{}")).start().await.unwrap();
    let call = || Call::get("/").from(frontend("use1-a")).to("use1-a");
    mesh.upstream("use1-a").kill();
    assert_eq!(mesh.call(call()).await.unwrap().status, 503);
    let decided = crate::setup::decision(&mesh, "use1-a", "/").await;
    assert_eq!(decided["verdict"], "allow");
    apply(&mesh, "use1-a", &config(ALLOW_US, "{}")).await;
    assert_eq!(mesh.call(call()).await.unwrap().status, 503);
}
