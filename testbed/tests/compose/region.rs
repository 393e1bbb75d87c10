//! The loss of a region: docker takes its orders off the network, and nothing answers any more,
//! nor refuses.

use std::time::Duration;

use landbridge_testbed::compose::Layout;
use landbridge_testbed::{Call, ClusterSpec};

use crate::running::{call, docker, served, until};

/// A region without its orders; dropping it gives them back.
struct Lost(Vec<ClusterSpec>);

impl Lost {
    fn region(name: &str) -> Self {
        let mut clusters = Layout::clusters();
        clusters.retain(|cluster| cluster.region == name);
        let lost = Self(clusters);
        for cluster in &lost.0 {
            let taken = docker(&[
                "network",
                "disconnect",
                &network(cluster),
                &container(cluster),
            ]);
            taken.expect("it is on the network");
        }
        lost
    }
}

impl Drop for Lost {
    fn drop(&mut self) {
        let subnet = std::env::var("LANDBRIDGE_SUBNET").ok();
        let layout = subnet.and_then(|it| it.parse().ok()).unwrap_or_default();
        for cluster in &self.0 {
            let ip = Layout::orders(&layout, cluster).ip().to_string();
            let (network, container) = (network(cluster), container(cluster));
            let back = docker(&["network", "connect", "--ip", &ip, &network, &container]);
            if let Err(why) = back {
                eprintln!("{why}");
            }
        }
    }
}

fn network(cluster: &ClusterSpec) -> String {
    format!("landbridge-{}", cluster.region)
}

fn container(cluster: &ClusterSpec) -> String {
    format!("landbridge-{}-orders", cluster.name)
}

#[tokio::test]
async fn the_loss_of_the_eu_moves_its_requests_to_the_us_and_its_data_nowhere() {
    served("euw1-a", &["euw1-a"]).await;
    let lost = Lost::region("eu-west-1");
    let reply = served("euw1-a", &["use1-a", "use1-b"]).await;
    let told = reply.header("x-landbridge-failover").unwrap_or_default();
    assert!(told.contains("from=\"euw1-a\""), "{told}");
    // What is personal waits for the EU, and everything else does not fail.
    let personal = Call::get("/customers/7");
    let refused = until("euw1-a", personal.clone(), |reply| reply.status == 503).await;
    assert!(refused.json()["cluster"].is_null(), "{}", refused.text());
    for _ in 0..50 {
        let reply = call("euw1-a", Call::get("/orders")).await.expect("a reply");
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_ne!(reply.json()["cluster"], "euw1-a");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(lost);
    served("euw1-a", &["euw1-a"]).await;
    until("euw1-a", personal, |reply| reply.status == 200).await;
    // Home for good: the ramp is over when ten in a row are.
    let mut in_a_row = 0;
    for _ in 0..600 {
        let reply = call("euw1-a", Call::get("/orders")).await.expect("a reply");
        let home = reply.json()["cluster"] == "euw1-a";
        in_a_row = if home { in_a_row + 1 } else { 0 };
        if in_a_row == 10 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the load does not come back");
}

#[tokio::test]
async fn the_loss_of_the_us_moves_its_requests_to_the_eu() {
    served("use1-a", &["use1-a"]).await;
    let lost = Lost::region("us-east-1");
    served("use1-a", &["euw1-a"]).await;
    served("use1-b", &["euw1-a"]).await;
    drop(lost);
    served("use1-a", &["use1-a"]).await;
    served("use1-b", &["use1-b"]).await;
}
