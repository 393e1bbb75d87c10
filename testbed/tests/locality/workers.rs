//! "Each worker has to find out for itself", and "after a restart it does so again".

use landbridge_testbed::{Mesh, Side};
use serde_json::json;

use crate::known::{apply, reason, served};
use crate::setup::{config, failures, get, mesh, post, quick, s};

/// How many connections each of the client sidecar's workers has taken.
async fn taken(mesh: &Mesh) -> Vec<u64> {
    let path = "/stats?filter=15001.worker_.*downstream_cx_total";
    let stats = mesh.admin("use1-a", Side::Client, path).await.unwrap();
    let counts = stats.lines().filter_map(|line| line.rsplit_once(": "));
    counts
        .map(|(_, count)| count.trim().parse().unwrap())
        .collect()
}

/// Which workers took connections in between.
fn which(before: &[u64], after: &[u64]) -> Vec<usize> {
    let pairs = before.iter().zip(after).enumerate();
    pairs.filter(|(_, (a, b))| a < b).map(|(i, _)| i).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_worker_learns_the_other_knows() {
    // No probes: there is nothing to learn from but requests.
    let mut spec = quick();
    spec["health"] = json!({});
    spec["failback"]["holdDown"] = json!("60s");
    let mesh = mesh("workers", &config(spec))
        .client_concurrency(2)
        .start()
        .await
        .unwrap();
    mesh.upstream("use1-a").set_status(503);
    // Each call is a connection. Once a worker has seen enough, it is told to nobody in words.
    let mut learner = None;
    let mut sent = 0;
    while learner.is_none() {
        let before = taken(&mesh).await;
        let reply = mesh.call(get("use1-a", "/learn")).await.unwrap();
        sent += 1;
        let found = which(&before, &taken(&mesh).await);
        assert_eq!(before.len(), 2, "{before:?}");
        if reason(&reply) == Some("FAILED_OVER") {
            learner = found.first().copied();
        }
        assert!(sent < 100);
    }
    println!("learnt after {sent} requests");
    // A tick of each.
    tokio::time::sleep(s(0.6)).await;
    mesh.upstream("use1-a").clear_seen();
    let mut others = 0;
    for _ in 0..200 {
        let before = taken(&mesh).await;
        // It would not be tried elsewhere.
        let reply = mesh.call(post("use1-a", "/know")).await.unwrap();
        assert_eq!(
            (served(&reply).as_str(), reason(&reply)),
            ("use1-b", Some("FAILED_OVER"))
        );
        others += usize::from(which(&before, &taken(&mesh).await) != [learner.unwrap()]);
        if others >= 5 {
            break;
        }
    }
    assert!(others >= 5, "only {others} came to the other worker");
    assert_eq!(mesh.upstream("use1-a").seen(), []);

    // A new process knows nothing, and learns it without its callers' noticing.
    apply(&mesh, &config(quick())).await;
    mesh.restart("use1-a", Side::Client).await.unwrap();
    let loads = [get("use1-a", "/get"), post("use1-a", "/post")]
        .map(|call| mesh.load(call, 75.0, s(4.0)).unwrap());
    let [gets, posts] = loads;
    let (gets, posts) = (gets.finish().await, posts.finish().await);
    assert_eq!(failures(&gets).len(), 0, "{:?}", failures(&gets));
    let lost = failures(&posts);
    println!("{} posts failed", lost.len());
    // As many in a row as it takes, for each of the workers.
    assert!(lost.len() <= 20, "{lost:?}");
    assert!(lost.iter().all(|shot| shot.at < s(1.5)), "{lost:?}");
}
