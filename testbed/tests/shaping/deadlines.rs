//! "The service worked through a queue of requests that nobody waited for any more."

use std::time::{SystemTime, UNIX_EPOCH};

use landbridge_testbed::{Call, Workload};
use serde_json::json;

use crate::setup::{config, get, mesh, s};

fn in_millis(millis: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (now.as_millis() as u64 + millis).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_two_hops_nothing_is_done_that_nobody_waits_for() {
    let spec = json!({"deadlines": [{"name": "all"}]});
    let mesh = mesh("deadlines", &config(spec)).start().await.unwrap();
    // Orders asks stock, of another cluster, after it has worked for 300 ms.
    mesh.call_on("use1-a", Call::get("/stock").to("euw1-a"))
        .unwrap();
    mesh.upstream("use1-a").set_delay(s(0.3));
    let call =
        |millis: u64| get("use1-b", "/orders").header("x-request-deadline", in_millis(millis));
    let reply = mesh.call(call(3000)).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(mesh.upstream("euw1-a").seen().len(), 1);
    // The caller is gone before orders asks.
    for _ in 0..5 {
        let reply = mesh.call(call(150)).await.unwrap();
        assert_eq!(reply.status, 504, "{:?}", reply.headers);
    }
    tokio::time::sleep(s(0.6)).await;
    assert_eq!(
        mesh.upstream("euw1-a").seen().len(),
        1,
        "nobody waits for it"
    );
    // And what is expired when it comes is not even begun.
    let before = mesh.upstream("use1-a").seen().len();
    let reply = mesh.call(call(0)).await.unwrap();
    assert_eq!(reply.status, 504);
    let why = reply.header("x-landbridge-shaping").unwrap();
    assert!(why.starts_with("reason=DEADLINE_EXPIRED"), "{why}");
    assert_eq!(mesh.upstream("use1-a").seen().len(), before);
    let frontend = Workload::new("use1-b", "shop", "frontend");
    let grpc = Call::grpc("/shop.Orders/List").from(frontend).to("use1-a");
    let reply = mesh
        .call(grpc.header("x-request-deadline", in_millis(0)))
        .await
        .unwrap();
    assert_eq!(reply.grpc_status(), Some(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_is_given_up_when_its_caller_is_gone() {
    let spec = json!({"deadlines": [{"name": "all", "max": "5s"}]});
    let mesh = mesh("clipped", &config(spec))
        .clients(false)
        .start()
        .await
        .unwrap();
    mesh.upstream("use1-a").set_delay(s(3.0));
    // Envoy takes `x-envoy-expected-rq-timeout-ms` from nobody whose address it was not told to
    // believe: it is tried in the engine.
    let late = get("euw1-a", "/slow").header("x-request-deadline", in_millis(400));
    let reply = mesh.call(late).await.unwrap();
    assert_eq!(reply.status, 504);
    assert!(reply.latency < s(1.5), "{:?}", reply.latency);
    let frontend = Workload::new("euw1-a", "shop", "frontend");
    let grpc = Call::grpc("/shop.Orders/List").from(frontend).to("use1-a");
    let reply = mesh
        .call(grpc.header("grpc-timeout", "400m"))
        .await
        .unwrap();
    assert!(
        matches!(reply.grpc_status(), Some(4 | 14)),
        "{:?}",
        reply.grpc_status()
    );
    assert!(reply.latency < s(1.5), "{:?}", reply.latency);
    mesh.upstream("use1-a").set_delay(s(0.0));
    let reply = mesh.call(get("euw1-a", "/quick")).await.unwrap();
    let received = reply.received("x-request-deadline");
    assert_eq!(received.len(), 1, "the next one is told");
}
