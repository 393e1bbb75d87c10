//! "Failing over cost us a fortune": of two targets the cheaper, and no more than the budget.

use landbridge_testbed::{ClusterSpec, Mesh};
use serde_json::{Value, json};

use crate::known::{REQUESTS, apply, reason, served, sum, until, until_served};
use crate::setup::{config, get, mesh, mesh_document, quick, s};

const SENT: [(&str, &str); 2] = [("link", "us-east-1~eu-west-1"), ("direction", "sent")];
const RECEIVED: [(&str, &str); 2] = [("link", "us-east-1~eu-west-1"), ("direction", "received")];
const DISPLACED: &str = "x-landbridge-displaced";
const BYTES: &str = "landbridge_locality_transferred_bytes_total";
const COST: &str = "landbridge_locality_transfer_cost_millionths_total";

/// With a fourth cluster, in India, which costs more than Europe; prices a GiB that show.
fn priced(mut spec: Value) -> String {
    spec["services"] = json!([{
        "name": "orders", "hosts": ["orders.shop.svc.cluster.local"], "port": 8080,
        // Written the other way round: it is not their order that counts.
        "clusters": ["aps1-a", "euw1-a", "use1-b", "use1-a"],
    }]);
    let mut document = mesh_document();
    let cluster = json!({
        "name": "aps1-a", "region": "ap-south-1", "zone": "ap-south-1a",
        "identity": {"trustDomains": ["aps1-a.mesh.example"]},
    });
    document["clusters"].as_array_mut().unwrap().push(cluster);
    let region = json!({"name": "ap-south-1", "jurisdiction": "IN"});
    document["regions"].as_array_mut().unwrap().push(region);
    document["links"] = json!([
        {"from": "ap-south-1", "to": "us-east-1", "rtt": "20ms", "pricePerGib": 5000},
        {"from": "us-east-1", "to": "eu-west-1", "rtt": "80ms", "pricePerGib": 2000},
    ]);
    let mut config: Value = serde_json::from_str(&config(spec)).unwrap();
    config["mesh"] = document;
    config.to_string()
}

/// Counts what each cluster answered of some GETs.
async fn answered(mesh: &Mesh, count: usize) -> Vec<String> {
    let mut clusters = Vec::new();
    for _ in 0..count {
        let reply = mesh.call(get("use1-a", "/cost")).await.unwrap();
        clusters.push(served(&reply));
    }
    clusters
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_regions_the_cheaper_is_taken_within_its_budget() {
    let mut clusters = ClusterSpec::default_mesh();
    clusters.push(ClusterSpec::new(
        "aps1-a",
        "ap-south-1",
        "ap-south-1a",
        "in",
    ));
    let mesh = mesh("cost", &priced(quick()))
        .clusters(clusters)
        .start()
        .await
        .unwrap();
    assert_eq!(answered(&mesh, 5).await, ["use1-a"; 5]);
    let reply = mesh.call(get("use1-a", "/home")).await.unwrap();
    assert_eq!(reply.received(DISPLACED), [""; 0]);
    assert_eq!(sum(&mesh, BYTES, &[]).await, 0.0, "nothing left the region");
    for cluster in ["use1-a", "use1-b"] {
        mesh.upstream(cluster).kill();
    }
    until(&mesh, &get("use1-a", "/until"), 200, "FAILED_OVER").await;
    // What is under way is counted when it is over.
    tokio::time::sleep(s(0.5)).await;
    let (sent, received) = (
        sum(&mesh, BYTES, &SENT).await,
        sum(&mesh, BYTES, &RECEIVED).await,
    );
    let cost = sum(&mesh, COST, &[("link", "us-east-1~eu-west-1")]).await;
    for _ in 0..100 {
        let call = get("use1-a", "/large").header("x-testbed-size", "20000");
        let reply = mesh.call(call).await.unwrap();
        assert_eq!(
            (served(&reply).as_str(), reason(&reply)),
            ("euw1-a", Some("FAILED_OVER"))
        );
        assert_eq!(reply.received(DISPLACED), ["use1-a"]);
    }
    let sent = sum(&mesh, BYTES, &SENT).await - sent;
    let received = sum(&mesh, BYTES, &RECEIVED).await - received;
    let cost = sum(&mesh, COST, &[("link", "us-east-1~eu-west-1")]).await - cost;
    assert!((5_000.0..100_000.0).contains(&sent), "{sent}");
    assert!((2_000_000.0..2_200_000.0).contains(&received), "{received}");
    let millionths = (sent + received) * 2e9 / f64::from(1 << 30);
    assert!(
        (cost - millionths).abs() <= 3.0,
        "{cost}, wants {millionths}"
    );
    assert_eq!(
        sum(&mesh, BYTES, &[("link", "us-east-1~ap-south-1")]).await,
        0.0
    );

    // 100,000 bytes an hour: a few answers' worth.
    let mut spec = quick();
    spec["transferBudgets"] = json!([
        {"from": "us-east-1", "to": "eu-west-1", "gibPerHour": 0.0001},
    ]);
    apply(&mesh, &priced(spec)).await;
    let mut over = Vec::new();
    for _ in 0..40 {
        let call = get("use1-a", "/budget").header("x-testbed-size", "20000");
        let reply = mesh.call(call).await.unwrap();
        let why = reason(&reply).unwrap_or_default().to_owned();
        assert_eq!(reply.received(DISPLACED), ["use1-a"], "{why}");
        over.push((served(&reply), why));
        tokio::time::sleep(s(0.05)).await;
    }
    let europe = over
        .iter()
        .take_while(|(cluster, _)| cluster == "euw1-a")
        .count();
    assert!((5..30).contains(&europe), "{over:?}");
    for (cluster, why) in &over[europe..] {
        assert_eq!((cluster.as_str(), why.as_str()), ("aps1-a", "BUDGET_SPENT"));
    }
    let labels = [("reason", "BUDGET_SPENT"), ("serving_cluster", "aps1-a")];
    assert_eq!(sum(&mesh, REQUESTS, &labels).await, (40 - europe) as f64);
    assert_eq!(
        sum(&mesh, REQUESTS, &[("reason", "OVER_BUDGET")]).await,
        0.0
    );

    // Where the alternative is an error, the link is used, and it is told.
    mesh.upstream("aps1-a").kill();
    let mut reasons = Vec::new();
    for _ in 0..60 {
        let reply = mesh.call(get("use1-a", "/over")).await.unwrap();
        assert_eq!(served(&reply), "euw1-a");
        assert_eq!(reply.received(DISPLACED), ["use1-a"]);
        reasons.push(reason(&reply).unwrap_or_default().to_owned());
        tokio::time::sleep(s(0.05)).await;
    }
    let over = reasons.iter().filter(|why| *why == "OVER_BUDGET").count();
    assert!(over > 20, "{reasons:?}");
    assert!(
        reasons
            .iter()
            .all(|why| why == "OVER_BUDGET" || why == "RETRIED"),
        "{reasons:?}"
    );
    let labels = [("reason", "OVER_BUDGET"), ("serving_cluster", "euw1-a")];
    assert_eq!(sum(&mesh, REQUESTS, &labels).await, over as f64);
    // One of the region is back: nothing goes over the link.
    mesh.upstream("use1-b").restart().await.unwrap();
    until_served(&mesh, &get("use1-a", "/back"), "use1-b").await;
}
