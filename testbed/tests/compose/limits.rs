//! What is too much is refused, and only to whom it is too much.

use std::time::Instant;

use landbridge_testbed::Call;
use tokio::task::JoinSet;

use crate::running::{call, served, until};

/// The limit `searches` of `testbed/compose/policies/shaping.yaml`, for each cluster's workloads.
const RATE: f64 = 5.0;
const BURST: f64 = 10.0;
/// So many ask at a time, so often: far more than that, on the slowest machine.
const CALLERS: u32 = 8;
const CALLS: u32 = 15;

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_asks_too_much_is_refused_and_the_others_are_not() {
    served("use1-b", &["use1-b"]).await;
    let search = || Call::get("/search").to("use1-a");
    until("use1-b", search(), |reply| reply.status == 200).await;
    let (start, mut calls) = (Instant::now(), JoinSet::new());
    for _ in 0..CALLERS {
        calls.spawn(async move {
            let (mut passed, mut refused) = (0_u32, 0_u32);
            for _ in 0..CALLS {
                let reply = call("use1-b", search()).await.expect("a reply");
                if reply.status == 200 && reply.json()["cluster"] == "use1-a" {
                    passed += 1;
                } else if reply.status == 429 {
                    assert!(reply.header("retry-after").is_some());
                    let policy = reply.header("ratelimit-policy").unwrap_or_default();
                    assert!(policy.starts_with("\"searches\""), "{policy}");
                    refused += 1;
                }
                // What a busy machine answers too late was tried elsewhere.
            }
            (passed, refused)
        });
    }
    until("use1-a", search(), |reply| reply.status == 200).await;
    let (mut passed, mut refused) = (0, 0);
    for (some, others) in calls.join_all().await {
        passed += some;
        refused += others;
    }
    let most = BURST + RATE * start.elapsed().as_secs_f64();
    assert!(refused > 0, "{passed} passed; {most:.0} might have");
    assert!(
        f64::from(passed) <= most,
        "{passed} passed; {most:.0} might have"
    );
}
