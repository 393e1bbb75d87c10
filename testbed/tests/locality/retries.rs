//! "My request failed although another cluster could have answered it", and "it was sent twice".

use landbridge_testbed::{Call, CallError, Failure, Mesh, Side, Workload};
use serde_json::{Value, json};

use crate::known::{apply, reason, served, sum};
use crate::setup::{config, get, mesh, post, received, s};

/// Nothing takes a cluster out: every request finds out for itself.
fn spec(more: &Value) -> Value {
    let mut spec = json!({
        "health": {"passive": {"errorShare": 100, "consecutiveErrors": 100_000}},
        "retries": {"budget": 100, "minPerSecond": 100},
    });
    if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
        spec.extend(more.clone());
    }
    spec
}

fn labelled(call: Call, label: &str) -> Call {
    call.header("x-testbed-label", label)
}

/// How many times each cluster of the US received what has this label.
fn twice(mesh: &Mesh, label: &str) -> (usize, usize) {
    (
        received(mesh, "use1-a", label),
        received(mesh, "use1-b", label),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_repeated_is_answered_by_the_next_cluster() {
    let mesh = mesh("retries", &config(spec(&json!({}))))
        .start()
        .await
        .unwrap();
    mesh.upstream("use1-a").set_failure(Failure::Reset);
    let repeated = [
        ("get", get("use1-a", "/get")),
        ("get-h2", get("use1-a", "/get").http2()),
        ("head", get("use1-a", "/head").method("HEAD")),
        ("head-h2", get("use1-a", "/head").method("HEAD").http2()),
        ("options", get("use1-a", "/options").method("OPTIONS")),
        ("key", post("use1-a", "/key").header("idempotency-key", "1")),
        (
            "key-h2",
            post("use1-a", "/key")
                .header("idempotency-key", "1")
                .http2(),
        ),
    ];
    for (label, call) in repeated {
        let reply = mesh.call(labelled(call, label)).await.unwrap();
        assert_eq!(reply.status, 200, "{label}: {:?}", reply.headers);
        assert_eq!(
            reply.header("x-landbridge-served-by"),
            Some("use1-b"),
            "{label}"
        );
        assert_eq!(reason(&reply), Some("RETRIED"), "{label}");
        if label.starts_with("head") {
            assert!(reply.body.is_empty());
        } else {
            assert_eq!(served(&reply), "use1-b", "{label}");
            assert_eq!(reply.received("x-testbed-label"), [label]);
            assert_eq!(reply.received("x-landbridge-hops"), ["1"], "{label}");
        }
        if label.starts_with("key") {
            assert_eq!(reply.json()["body_len"], 15);
        }
        for name in ["date", "server", "content-type", "content-length"] {
            let count = reply.headers.get_all(name).iter().count();
            assert!(count <= 1, "{label}: {:?}", reply.headers);
        }
        assert_eq!(twice(&mesh, label), (1, 1), "{label}");
    }
    // A body is kept up to 64 KiB.
    for (label, size, status) in [("kept", 65_536, 200), ("large", 65_537, 503)] {
        let call = post("use1-a", "/body").body(vec![b'x'; size]);
        let call = labelled(call.header("idempotency-key", "1"), label);
        let reply = mesh.call(call).await.unwrap();
        assert_eq!(reply.status, status, "{label}");
        if status == 200 {
            assert_eq!(reply.json()["body_len"], size);
        }
        assert_eq!(
            twice(&mesh, label),
            (1, usize::from(status == 200)),
            "{label}"
        );
    }
    // An answer that is large arrives as it was.
    for http2 in [false, true] {
        let call = labelled(get("use1-a", "/large"), "answer").header("x-testbed-size", "1048576");
        let call = if http2 { call.http2() } else { call };
        let reply = mesh.call(call).await.unwrap();
        assert_eq!(served(&reply), "use1-b");
        assert_eq!(reply.body.len(), 1_048_576);
        assert_eq!(reply.received("x-testbed-label"), ["answer"]);
    }
    // What may have had its effect is not done twice.
    for (label, call) in [
        ("post", post("use1-a", "/post")),
        ("put", post("use1-a", "/put").method("PUT")),
        ("post-h2", post("use1-a", "/post").http2()),
    ] {
        let reply = mesh.call(labelled(call, label)).await.unwrap();
        assert_eq!(reply.status, 503, "{label}");
        assert_eq!(twice(&mesh, label), (1, 0), "{label}");
    }
    let grpc = Call::grpc("/shop.Orders/Get")
        .from(Workload::new("use1-a", "shop", "frontend"))
        .via_sidecar();
    let reply = mesh.call(labelled(grpc.clone(), "grpc")).await.unwrap();
    assert_eq!(reply.grpc_status(), Some(14), "{:?}", reply.headers);
    assert_eq!(twice(&mesh, "grpc").1, 0);
    // Two of three are ill: the third answers, and no further hop is needed.
    mesh.upstream("use1-b").set_failure(Failure::Reset);
    let reply = mesh.call(get("use1-a", "/third")).await.unwrap();
    assert_eq!(served(&reply), "euw1-a");
    mesh.upstream("euw1-a").set_failure(Failure::Reset);
    let reply = mesh
        .call(labelled(get("use1-a", "/none"), "none"))
        .await
        .unwrap();
    assert_eq!(reply.status, 503);
    assert_eq!(twice(&mesh, "none"), (1, 1));
    assert_eq!(received(&mesh, "euw1-a", "none"), 1);
    for cluster in ["use1-a", "use1-b", "euw1-a"] {
        mesh.upstream(cluster).set_failure(Failure::None);
    }

    // A connection that breaks with the request on it.
    mesh.upstream("use1-a").set_delay(s(5.0));
    let call = labelled(get("use1-a", "/broken"), "broken");
    let (reply, ()) = tokio::join!(mesh.call(call), async {
        tokio::time::sleep(s(0.3)).await;
        mesh.kill("use1-a", Side::Server).unwrap();
    });
    assert_eq!(served(&reply.unwrap()), "use1-b");
    assert_eq!(twice(&mesh, "broken"), (1, 1));
    mesh.upstream("use1-a").set_delay(s(0.0));
    // Nobody took the connection: nothing was sent, whatever it is.
    for (label, call) in [
        ("unsent", post("use1-a", "/unsent")),
        ("unsent-h2", post("use1-a", "/unsent").http2()),
    ] {
        let reply = mesh.call(labelled(call, label)).await.unwrap();
        assert_eq!(served(&reply), "use1-b", "{label}");
        assert_eq!(twice(&mesh, label), (0, 1), "{label}");
    }
    // gRPC is not repeated even so: its caller has a status, and may.
    let reply = mesh.call(labelled(grpc, "grpc")).await.unwrap();
    assert_eq!(reply.grpc_status(), Some(14), "{:?}", reply.headers);
    assert_eq!(twice(&mesh, "grpc").1, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_have_a_budget_and_hanging_clusters_a_limit() {
    let budget = json!({"retries": {"budget": 10, "minPerSecond": 0}});
    let mesh = mesh("retry-budget", &config(spec(&budget)))
        .start()
        .await
        .unwrap();
    mesh.upstream("use1-a").set_failure(Failure::Reset);
    let load = mesh.load(get("use1-a", "/budget"), 200.0, s(2.0)).unwrap();
    let report = load.finish().await;
    let answered = report.outcomes()["200"];
    assert!((35..=42).contains(&answered), "{:?}", report.outcomes());
    let retried = sum(&mesh, "landbridge_locality_retries_total", &[]).await;
    assert_eq!(retried as usize, answered);
    apply(&mesh, &config(spec(&json!({"retries": {"attempts": 0}})))).await;
    let reply = mesh
        .call(labelled(get("use1-a", "/once"), "once"))
        .await
        .unwrap();
    assert_eq!(reply.status, 503);
    assert_eq!(twice(&mesh, "once"), (1, 0));

    // The cluster hangs, with its connections open.
    mesh.upstream("use1-a").set_failure(Failure::None);
    let passive = json!({"errorShare": 100, "consecutiveErrors": 100_000, "timeout": "300ms"});
    apply(
        &mesh,
        &config(spec(&json!({"health": {"passive": passive}}))),
    )
    .await;
    let open = mesh.call(get("use1-a", "/open")).await.unwrap();
    assert_eq!(served(&open), "use1-a");
    mesh.freeze("use1-a", Side::Server).unwrap();
    for call in [get("use1-a", "/hangs"), get("use1-a", "/hangs").http2()] {
        let reply = mesh.call(call).await.unwrap();
        assert_eq!(served(&reply), "use1-b");
        assert!(
            reply.latency > s(0.25) && reply.latency < s(1.0),
            "{:?}",
            reply.latency
        );
    }
    // What cannot be tried elsewhere has all the time that it wants.
    let call = labelled(post("use1-a", "/patient"), "patient").timeout(s(1.0));
    let reply = mesh.call(call).await;
    assert!(matches!(reply, Err(CallError::Timeout(_))), "{reply:?}");
    let grpc = Call::grpc("/shop.Orders/Get")
        .header("idempotency-key", "1")
        .from(Workload::new("use1-a", "shop", "frontend"))
        .via_sidecar()
        .timeout(s(1.0));
    let reply = mesh.call(labelled(grpc, "patient")).await;
    assert!(matches!(reply, Err(CallError::Timeout(_))), "{reply:?}");
    assert_eq!(twice(&mesh, "patient").1, 0);
    mesh.thaw("use1-a", Side::Server).unwrap();
    assert_eq!(
        served(&mesh.call(get("use1-a", "/thawed")).await.unwrap()),
        "use1-a"
    );
}
