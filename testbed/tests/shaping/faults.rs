//! "We wanted to see what a slow dependency does, and slowed down the customers."

use landbridge_testbed::{Call, Workload};
use serde_json::{Value, json};

use crate::setup::{apply, config, get, mesh, s, trusted};

fn spec() -> Value {
    let asked =
        |what: &str| json!([{"when": [{"key": "request.headers[x-fault]", "values": [what]}]}]);
    json!({"faults": [
        {"name": "slow", "requests": asked("slow"), "delay": {"time": "400ms"}},
        {"name": "fails", "requests": asked("fails"), "abort": {"status": 500, "grpcStatus": 13}},
        {"name": "half", "requests": asked("half"), "abort": {"share": 50}},
    ]})
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_trusted_suffers_and_only_where_it_is_allowed() {
    let allowed = config(spec()).replacen("\"explain\"", "\"faults\":\"Trusted\",\"explain\"", 1);
    let mesh = mesh("faults", &allowed)
        .clients(false)
        .start()
        .await
        .unwrap();
    let tester = |fault: &str| trusted("use1-b", "/orders").header("x-fault", fault);
    let reply = mesh.call(tester("slow")).await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(
        (s(0.4)..s(0.8)).contains(&reply.latency),
        "{:?}",
        reply.latency
    );
    assert_eq!(mesh.call(tester("fails")).await.unwrap().status, 500);
    let grpc = Call::grpc("/shop.Orders/List").from(Workload::new("use1-b", "gateways", "gateway"));
    let reply = mesh
        .call(grpc.to("use1-a").header("x-fault", "fails"))
        .await
        .unwrap();
    assert_eq!(reply.grpc_status(), Some(13));
    let mut failed = 0;
    for _ in 0..40 {
        failed += usize::from(mesh.call(tester("half")).await.unwrap().status == 503);
    }
    // Each of two workers has a half of its own.
    assert!((17..=23).contains(&failed), "{failed}");
    for fault in ["slow", "fails", "half"] {
        let customer = get("use1-b", "/orders").header("x-fault", fault);
        let reply = mesh.call(customer).await.unwrap();
        assert_eq!(reply.status, 200, "{fault}");
        assert!(reply.latency < s(0.3), "{:?}", reply.latency);
    }
    apply(&mesh, &config(spec())).await;
    assert_eq!(mesh.call(tester("fails")).await.unwrap().status, 200);
}
