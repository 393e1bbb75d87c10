//! "There is nothing there, and I cannot tell why": each dead end has an answer of its own.

use landbridge_testbed::{Call, ClusterSpec, Mesh};
use serde_json::{Value, json};

use crate::known::{REQUESTS, apply, is_unharmed, logged, reason, served, sum, until};
use crate::setup::{PROBE, config_of, get, mesh, post, quick, s};

/// The service runs in these clusters, it is said.
fn runs_in(clusters: &[&str], mut more: Value) -> String {
    more["services"] = json!([{
        "name": "orders",
        "hosts": ["orders.shop.svc.cluster.local"],
        "port": 8080,
        "clusters": clusters,
    }]);
    let options = json!({"explain": "Always", "trustOwnWorkload": true});
    let mut config: Value = serde_json::from_str(&config_of(more, options)).unwrap();
    // They ask for a cluster of the EU.
    config["mesh"]
        .as_object_mut()
        .unwrap()
        .remove("dataClasses");
    config.to_string()
}

/// All ways to ask end there, at once, and it can be seen.
async fn ends(mesh: &Mesh, path: &str, why: &str) {
    until(mesh, &get("use1-a", "/until"), 503, why).await;
    let grpc = Call::grpc("/shop.Orders/Nowhere").host(crate::setup::HOST);
    let grpc = grpc
        .from(landbridge_testbed::Workload::new(
            "use1-a", "shop", "frontend",
        ))
        .via_sidecar();
    let before = sum(mesh, REQUESTS, &[("reason", why)]).await;
    for call in [
        get("use1-a", path),
        get("use1-a", path).http2(),
        post("use1-a", path),
        get("use1-a", path).header("x-landbridge-cluster", "use1-b"),
        get("use1-a", path).header("x-landbridge-cluster", "no-such"),
        grpc,
    ] {
        let reply = mesh.call(call).await.unwrap();
        assert!(
            reply.status == 503 || reply.grpc_status() == Some(14),
            "{:?}",
            reply.headers
        );
        assert_eq!(reason(&reply), Some(why));
        assert_eq!(reply.header("x-landbridge-served-by"), None);
        assert!(reply.latency < s(1.0), "{:?}", reply.latency);
    }
    let line = logged(mesh, path).await;
    assert_eq!(
        (&line["reason"], &line["serving_cluster"]),
        (&json!(why), &json!("none"))
    );
    let labels = [("reason", why), ("serving_cluster", "none")];
    assert_eq!(sum(mesh, REQUESTS, &labels).await - before, 6.0, "{why}");
}

/// The proxy has no `use1-b`, and of `euw1-a` no endpoint.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_can_go_nowhere_is_told_why() {
    let all = ["use1-a", "use1-b", "euw1-a"];
    let clusters = ClusterSpec::default_mesh().into_iter();
    let mesh = mesh("nowhere", &runs_in(&["use1-b"], json!({})))
        .clusters(clusters.filter(|cluster| cluster.name != "use1-b"))
        .without_endpoints("euw1-a")
        .start()
        .await
        .unwrap();
    ends(&mesh, "/no-route", "NO_ROUTE").await;
    // When it is no longer believed, it is found out again: with the same answer.
    let load = mesh.load(get("use1-a", "/again"), 20.0, s(6.0)).unwrap();
    let report = load.finish().await;
    assert_eq!(report.outcomes().keys().collect::<Vec<_>>(), ["503"]);
    assert!(report.percentile(100.0) < s(1.0));
    for shot in &report.shots {
        assert_eq!(shot.failover.as_deref(), Some("reason=NO_ROUTE"));
    }

    for active in [json!(null), json!({"path": PROBE, "interval": "500ms"})] {
        let mut health = json!({"endpoints": {"interval": "500ms"}});
        if !active.is_null() {
            health["active"] = active;
        }
        apply(&mesh, &runs_in(&["euw1-a"], json!({"health": health}))).await;
        ends(&mesh, "/no-endpoints", "NO_ENDPOINTS").await;
    }

    // Where there is one that is well, it has them all: of two that share the load too, and
    // whatever the caller wishes.
    for more in [json!({"preference": ["jurisdiction"]}), quick(), json!({})] {
        apply(&mesh, &runs_in(&all, more)).await;
        for call in [
            get("use1-a", "/well"),
            post("use1-a", "/well"),
            get("use1-a", "/well").header("x-landbridge-cluster", "use1-b"),
            post("use1-a", "/well").header("x-landbridge-cluster", "use1-b"),
            get("use1-a", "/well").header("x-landbridge-cluster", "euw1-a"),
            post("use1-a", "/well")
                .http2()
                .header("x-landbridge-cluster", "euw1-a"),
        ] {
            for _ in 0..4 {
                let reply = mesh.call(call.clone()).await.unwrap();
                assert_eq!(served(&reply), "use1-a");
                assert!(reply.latency < s(1.0), "{:?}", reply.latency);
            }
        }
    }

    let mut drained = quick();
    drained["drains"] = json!([{
        "clusters": all,
        "start": "2020-01-01T00:00:00Z",
        "end": "2099-01-01T00:00:00Z",
    }]);
    apply(&mesh, &runs_in(&all, drained)).await;
    ends(&mesh, "/all-drained", "ALL_DRAINED").await;
    apply(&mesh, &runs_in(&all, quick())).await;
    is_unharmed(&mesh, &get("use1-a", "/")).await;
}
