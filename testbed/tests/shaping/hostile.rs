//! "What if they send rubbish?" Each has an answer, and the proxy stays up.

use landbridge_testbed::{Call, Protocol, Side, Workload};
use serde_json::json;

use crate::setup::{config, get, mesh};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_headers_say_has_an_answer() {
    let spec = json!({
        "limits": [{"name": "users", "key": ["request.headers[x-user]"], "rate": "1000/s",
            "cost": {"header": "x-cost", "most": 5}, "headers": "Always"}],
        "concurrency": [{"name": "all", "adaptive": {}}],
        "criticality": {},
        "deadlines": [{"name": "all", "default": "5s"}],
        "retryBudgets": [{"name": "all"}],
        "splits": [{"name": "some", "sticky": {"cookie": "at"}, "backends": [
            {"name": "one", "weight": 1}, {"name": "two", "weight": 1}]}],
    });
    let mesh = mesh("hostile", &config(spec))
        .clients(false)
        .start()
        .await
        .unwrap();
    let huge = "9".repeat(20_000);
    let long = "u".repeat(50_000);
    let said: &[(&str, &[u8])] = &[
        ("x-cost", b"-1"),
        ("x-cost", b"99999999999"),
        ("x-cost", b"abc"),
        ("x-cost", b""),
        ("x-cost", b"1, 2"),
        ("x-cost", b"\xff\xfe"),
        ("x-cost", huge.as_bytes()),
        ("x-user", b""),
        ("x-user", b"\xff\xfe\x80"),
        ("x-user", long.as_bytes()),
        ("grpc-timeout", b"S"),
        ("grpc-timeout", b"-1S"),
        ("grpc-timeout", b"99999999999999999999H"),
        ("grpc-timeout", b"1"),
        ("grpc-timeout", b"\xff"),
        ("x-request-deadline", b"0"),
        ("x-request-deadline", b"-1"),
        ("x-request-deadline", b"99999999999999999999999999"),
        ("x-request-deadline", b"tomorrow"),
        ("x-envoy-expected-rq-timeout-ms", b"0"),
        ("x-envoy-expected-rq-timeout-ms", b"-7"),
        ("x-envoy-attempt-count", b"99999999999999"),
        ("x-criticality", b"THE_MOST"),
        ("x-criticality", b"\xff"),
        ("x-criticality", huge.as_bytes()),
        ("x-landbridge-displaced", b"\xff"),
        ("x-landbridge-backend", b"three"),
        ("cookie", b"at=;at=;;=\xff"),
        ("cookie", huge.as_bytes()),
    ];
    let grpc = || {
        Call::grpc("/shop.Orders/List")
            .from(Workload::new("euw1-a", "shop", "frontend"))
            .to("use1-a")
    };
    for (name, value) in said {
        for call in [get("euw1-a", "/o"), grpc()] {
            let what = format!("{name}: {:?}", String::from_utf8_lossy(value).get(..20));
            let reply = mesh.call(call.clone().header(*name, value)).await;
            let status = reply.as_ref().unwrap().status;
            // Refused by Envoy, by policy, or passed; nothing broke.
            assert!(
                matches!(status, 200 | 400 | 429 | 431 | 504),
                "{what}: {status}"
            );
            println!("{what}: {status}, gRPC {:?}", reply.unwrap().grpc_status());
            let twice = call.header(*name, value).header(*name, "1");
            let status = mesh.call(twice).await.unwrap().status;
            assert!(
                matches!(status, 200 | 400 | 429 | 431 | 504),
                "{what} twice: {status}"
            );
        }
    }
    // A byte that HTTP has no place for never gets as far.
    let nul = b"GET /o HTTP/1.1\r\nhost: a\r\nx-user: a\0b\r\n\r\n";
    let answer = mesh
        .raw(
            "use1-a",
            Workload::new("euw1-a", "shop", "frontend"),
            Protocol::Http1,
            nul,
        )
        .await;
    println!("NUL: {:?}", answer.as_ref().map(|_| ()).err());
    assert!(mesh.is_alive("use1-a", Side::Server).unwrap());
    let log = mesh.envoy_log("use1-a", Side::Server).unwrap();
    for word in ["panicked", "Function: proxy_on", "unreachable", "wasm trap"] {
        assert!(!log.contains(word), "{word} in the log");
    }
    for _ in 0..4 {
        assert_eq!(mesh.call(get("euw1-a", "/o")).await.unwrap().status, 200);
    }
}
