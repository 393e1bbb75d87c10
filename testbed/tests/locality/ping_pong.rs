//! "Both regions were ill, and their gateways sent requests to and fro" (istio#22534).

use landbridge_testbed::{Call, Failure, Filter, GatewayMode, Mesh, Side, Workload, eventually};
use serde_json::{Value, json};

use crate::known::{SOON, reason, served, until};
use crate::setup::{config_of, quick, s};

const HERE: &str = "use1-a";
const THERE: &str = "euw1-a";

/// Two gateways that send to one another, and believe one another's hops.
async fn joined(name: &str, mut spec: Value) -> Mesh {
    spec["services"] = json!([{
        "name": "orders", "hosts": ["orders.shop.svc.cluster.local"], "port": 8080,
        "clusters": [HERE, THERE],
    }]);
    let gateways = [HERE, THERE].map(|c| format!("{c}.mesh.example/ns/istio-system/sa/gateway"));
    let options = json!({"explain": "Always", "trustedCallers": [{"principals": gateways}]});
    let joined = Mesh::builder(name)
        .filters([])
        .clients(false)
        .gateway(HERE, GatewayMode::SanitizeSet)
        .gateway(THERE, GatewayMode::SanitizeSet)
        .gateways_joined()
        .gateway_filters([Filter::wasm("locality").unwrap()])
        .gateway_config(config_of(spec, options));
    joined.start().await.unwrap()
}

/// A call of a workload by a cluster's gateway.
fn by(gateway: &str, path: &str) -> Call {
    let frontend = Workload::new("use1-b", "shop", "frontend");
    Call::get(path).from(frontend).via_gateway(gateway)
}

/// How often a request with this path came to each gateway.
async fn passes(mesh: &Mesh, path: &str) -> (usize, usize) {
    // The log is written every 50 ms.
    tokio::time::sleep(s(0.3)).await;
    let count = |gateway| {
        let log = mesh.access_log(gateway, Side::Gateway).unwrap();
        log.iter().filter(|line| line["path"] == path).count()
    };
    (count(HERE), count(THERE))
}

async fn down(mesh: &Mesh, at: &str, cluster: &str) {
    let state = "landbridge_locality_cluster_state";
    let wish = mesh.wait_stats(at, Side::Gateway, SOON, |stats| {
        let labels = [("serving_cluster", cluster)];
        let mut found = stats.find(state, &labels).peekable();
        found.peek().is_some() && found.all(|sample| sample.value == 0.0)
    });
    wish.await
        .unwrap_or_else(|error| panic!("{cluster} at {at}: {error}"));
}

/// Nothing is known, and nothing is learnt: every request finds out for itself.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_sent_on_more_often_than_it_may() {
    for (name, most, passed) in [
        ("hops", 2, (2, 1)),
        ("one-hop", 1, (1, 1)),
        ("no-hop", 0, (1, 0)),
    ] {
        let spec = json!({
            "health": {"passive": {"errorShare": 100, "consecutiveErrors": 100_000}},
            "retries": {"budget": 100, "minPerSecond": 100},
            "maxHops": most,
        });
        let mesh = joined(name, spec).await;
        assert_eq!(served(&mesh.call(by(HERE, "/well")).await.unwrap()), HERE);
        for cluster in [HERE, THERE] {
            mesh.upstream(cluster).set_failure(Failure::Reset);
        }
        for call in [
            by(HERE, "/ill"),
            by(HERE, "/ill").header("x-landbridge-hops", "0"),
        ] {
            let before = passes(&mesh, "/ill").await;
            let reply = mesh.call(call).await.unwrap();
            assert_eq!(reply.status, 503, "{name}");
            assert!(reply.latency < s(1.0), "{name}: {:?}", reply.latency);
            let (here, there) = passes(&mesh, "/ill").await;
            assert_eq!((here - before.0, there - before.1), passed, "{name}");
        }
        // What is not repeated does not even leave.
        let reply = mesh.call(by(HERE, "/post").method("POST")).await.unwrap();
        assert_eq!(reply.status, 503);
        assert_eq!(passes(&mesh, "/post").await, (1, 0), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_both_are_ill_the_answer_comes_at_once() {
    let mesh = joined("ping-pong", quick()).await;
    // One is ill. Its gateway could have the other one answer, and must not have its probes.
    mesh.upstream(THERE).set_failure(Failure::Reset);
    down(&mesh, HERE, THERE).await;
    down(&mesh, THERE, THERE).await;
    let reply = mesh.call(by(THERE, "/over")).await.unwrap();
    assert_eq!(
        (served(&reply).as_str(), reason(&reply)),
        (HERE, Some("FAILED_OVER"))
    );
    assert_eq!(reply.received("x-landbridge-hops"), ["1"]);
    assert_eq!(passes(&mesh, "/over").await, (1, 1));
    let gateway = |hops: &str| {
        let call = Call::get("/limit")
            .from(Workload::gateway(HERE))
            .via_gateway(THERE);
        call.header("x-landbridge-hops", hops)
    };
    let reply = mesh.call(gateway("2")).await.unwrap();
    assert_eq!((reply.status, reason(&reply)), (503, Some("HOP_LIMIT")));
    assert!(reply.latency < s(0.1), "{:?}", reply.latency);
    assert_eq!(passes(&mesh, "/limit").await, (0, 1));
    // Anyone may not say how often it was sent on.
    let call = by(THERE, "/anyone").header("x-landbridge-hops", "9");
    assert_eq!(served(&mesh.call(call).await.unwrap()), HERE);

    // Both are, under load at both.
    let loads = [HERE, THERE].map(|gateway| mesh.load(by(gateway, "/load"), 50.0, s(4.0)).unwrap());
    tokio::time::sleep(s(0.5)).await;
    mesh.upstream(HERE).kill();
    let mut sent = 0;
    for load in loads {
        let report = load.finish().await;
        sent += report.count();
        assert!(
            report.percentile(100.0) < s(2.0),
            "{:?}",
            report.percentile(100.0)
        );
        let late: Vec<_> = report.between(s(3.0), s(4.0)).collect();
        assert!(late.len() > 40);
        for shot in late {
            assert_eq!(shot.outcome, Ok(503));
            assert_eq!(shot.failover.as_deref(), Some("reason=NO_HEALTHY_CLUSTER"));
            assert!(shot.latency < s(0.1), "{:?}", shot.latency);
        }
    }
    let (here, there) = passes(&mesh, "/load").await;
    println!("{sent} requests, {} passes", here + there);
    assert!(here + there <= 3 * sent, "{here} {there} of {sent}");
    // Once it is known, each request comes to the gateway that it was sent to, and no further.
    until(&mesh, &by(HERE, "/known"), 503, "NO_HEALTHY_CLUSTER").await;
    for _ in 0..10 {
        let reply = mesh.call(by(HERE, "/both")).await.unwrap();
        assert_eq!(
            (reply.status, reason(&reply)),
            (503, Some("NO_HEALTHY_CLUSTER"))
        );
        assert!(reply.latency < s(0.1), "{:?}", reply.latency);
    }
    assert_eq!(passes(&mesh, "/both").await, (10, 0));
    // And they come back.
    mesh.upstream(HERE).restart().await.unwrap();
    eventually(SOON, "an answer", async || {
        let reply = mesh.call(by(THERE, "/back")).await.unwrap();
        (reply.status == 200).then_some(())
    })
    .await
    .unwrap();
}
