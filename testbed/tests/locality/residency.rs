//! "Personal data of the EU was served in the US while the EU was down."

use landbridge_testbed::{Call, Mesh, RawOutcome, Side};
use serde_json::{Value, json};

use crate::known::{REQUESTS, apply, is_unharmed, logged, reason, served, sum, until};
use crate::setup::{config, config_of, get, mesh, post, quick, received, s};

/// The label of requests that must stay in the EU.
const EU: &str = "eu";
const COOKIE: &str = "served-in";

fn spec() -> Value {
    let mut spec = quick();
    spec["affinity"] = json!({"cookie": COOKIE});
    spec["retries"] = json!({"budget": 100, "minPerSecond": 100});
    spec
}

fn trusting(spec: Value) -> String {
    config_of(spec, json!({"explain": "Always", "trustOwnWorkload": true}))
}

fn personal(call: Call) -> Call {
    call.header("x-data", "eu").header("x-testbed-label", EU)
}

/// Every way to ask for what must stay in the EU that a caller in the US might try.
fn ways(path: &str) -> Vec<Call> {
    let plain = [get("use1-a", path), post("use1-a", path)];
    let mut ways = Vec::new();
    for call in plain {
        let call = personal(call);
        ways.extend([
            call.clone(),
            call.clone().header("idempotency-key", "1"),
            call.clone().header("x-landbridge-cluster", "use1-a"),
            call.clone().header("x-landbridge-cluster", "use1-b"),
            call.clone().header("x-landbridge-cluster", "no-such"),
            call.clone()
                .header("x-landbridge-cluster", "euw1-a")
                .header("x-landbridge-cluster", "use1-b"),
            call.clone().header("x-landbridge-hops", "1"),
            call.clone().header("cookie", format!("{COOKIE}=use1-b")),
            call.header("cookie", format!("a=b; {COOKIE}=use1-a"))
                .header("x-landbridge-cluster", "use1-b"),
        ]);
    }
    let http2: Vec<Call> = ways.iter().map(|call| call.clone().http2()).collect();
    ways.extend(http2);
    ways
}

/// Not one of them came anywhere but to the EU.
fn stayed(mesh: &Mesh) {
    for cluster in ["use1-a", "use1-b"] {
        assert_eq!(received(mesh, cluster, EU), 0, "{cluster}");
    }
}

/// A request in HTTP/1.1, byte by byte.
async fn raw(mesh: &Mesh, headers: &[u8]) -> u16 {
    let head =
        b"GET /raw HTTP/1.1\r\nhost: orders.shop.svc.cluster.local\r\nx-testbed-label: eu\r\n";
    let bytes = [head, headers, b"connection: close\r\n\r\n"].concat();
    match mesh.raw_http1_as(&get("use1-a", "/"), &bytes).await {
        Ok(RawOutcome::Answered(reply)) => reply.status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_stay_in_the_eu_fails_rather_than_leave_it() {
    let mesh = mesh("residency", &trusting(spec())).start().await.unwrap();
    for call in ways("/well") {
        assert_eq!(served(&mesh.call(call).await.unwrap()), "euw1-a");
    }
    // What is only one header, whatever its case, has the class; what may be taken for another
    // has no answer but an error.
    let odd: [(&[u8], u16); 6] = [
        (b"X-DATA: eu\r\n", 200),
        (b"x-Data:   eu  \r\n", 200),
        (b"x-data: us\r\nX-Data: eu\r\n", 400),
        (b"x-data: eu\r\nx-data: eu\r\n", 400),
        (b"x_data: eu\r\n", 400),
        (b"x-data: eu\xff\r\n", 400),
    ];
    for (headers, status) in odd {
        let text = String::from_utf8_lossy(headers).into_owned();
        assert_eq!(raw(&mesh, headers).await, status, "{text}");
    }
    stayed(&mesh);

    // The EU goes, comes back and goes again under load; and answers as it can in between.
    let loads: Vec<_> = [
        personal(get("use1-a", "/flapping")),
        personal(post("use1-a", "/flapping"))
            .http2()
            .header("idempotency-key", "1")
            .header("x-landbridge-cluster", "use1-b"),
        personal(get("use1-a", "/flapping")).header("cookie", format!("{COOKIE}=use1-a")),
    ]
    .map(|call| mesh.load(call, 50.0, None).unwrap())
    .into();
    let upstream = mesh.upstream("euw1-a");
    for _ in 0..3 {
        upstream.kill();
        tokio::time::sleep(s(0.7)).await;
        upstream.restart().await.unwrap();
        upstream.set_error_share(50.0, 503);
        tokio::time::sleep(s(0.7)).await;
        upstream.set_error_share(0.0, 503);
    }
    mesh.kill("euw1-a", Side::Server).unwrap();
    tokio::time::sleep(s(0.5)).await;
    for load in loads {
        let report = load.stop().await;
        assert!(report.count() > 100);
        for shot in &report.shots {
            let told = (&shot.outcome, &shot.served);
            assert!(
                shot.served.as_deref() == Some("euw1-a") || shot.outcome == Ok(503),
                "{told:?}"
            );
        }
    }
    stayed(&mesh);

    // Once it is known, the answer comes at once and says why.
    let call = personal(get("use1-a", "/down"));
    until(&mesh, &call, 503, "RESIDENCY").await;
    for call in ways("/down") {
        let reply = mesh.call(call).await.unwrap();
        assert_eq!((reply.status, reason(&reply)), (503, Some("RESIDENCY")));
        assert!(reply.latency < s(0.1), "{:?}", reply.latency);
    }
    assert_eq!(raw(&mesh, b"X-DATA: eu\r\n").await, 503);
    assert_eq!(raw(&mesh, b"x-data: us\r\nX-Data: eu\r\n").await, 400);
    let call = personal(get("use1-a", "/down/logged"));
    mesh.call(call).await.unwrap();
    let line = logged(&mesh, "/down/logged").await;
    assert_eq!(line["reason"], "RESIDENCY");
    assert_eq!(line["serving_cluster"], "none");
    let grpc = personal(Call::grpc("/shop.Orders/Down"))
        .from(landbridge_testbed::Workload::new(
            "use1-a", "shop", "frontend",
        ))
        .via_sidecar();
    assert_eq!(mesh.call(grpc).await.unwrap().grpc_status(), Some(14));
    stayed(&mesh);
    // The others are served as ever.
    assert_eq!(
        served(&mesh.call(get("use1-a", "/other")).await.unwrap()),
        "use1-a"
    );

    // It is well, and drained: the same.
    mesh.restart("euw1-a", Side::Server).await.unwrap();
    let call = personal(get("use1-a", "/back"));
    crate::known::until_served(&mesh, &call, "euw1-a").await;
    let mut drained = spec();
    drained["drains"] = json!([{
        "regions": ["eu-west-1"],
        "start": "2020-01-01T00:00:00Z",
        "end": "2099-01-01T00:00:00Z",
    }]);
    apply(&mesh, &trusting(drained)).await;
    for call in ways("/drained") {
        let reply = mesh.call(call).await.unwrap();
        assert_eq!((reply.status, reason(&reply)), (503, Some("RESIDENCY")));
    }
    stayed(&mesh);
    let labels = [("reason", "RESIDENCY"), ("serving_cluster", "none")];
    assert!(sum(&mesh, REQUESTS, &labels).await > 36.0);
    is_unharmed(&mesh, &get("use1-a", "/")).await;
}

/// Who is not trusted asks for a cluster in vain; where no route leads to the EU, nothing is
/// routed elsewhere by the default.
/// A caller that nobody trusts gets nowhere else either, whatever it sends.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_untrusted_caller_sends_takes_nothing_out_of_the_eu() {
    let mesh = mesh("residency-untrusted", &config(spec()));
    let mesh = mesh.start().await.unwrap();
    for call in ways("/well") {
        assert_eq!(served(&mesh.call(call).await.unwrap()), "euw1-a");
    }
    mesh.kill("euw1-a", Side::Server).unwrap();
    let call = personal(get("use1-a", "/down"));
    until(&mesh, &call, 503, "RESIDENCY").await;
    for call in ways("/down") {
        let reply = mesh.call(call).await.unwrap();
        assert_eq!((reply.status, reason(&reply)), (503, Some("RESIDENCY")));
    }
    stayed(&mesh);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_route_to_the_eu_nothing_leaves_it_either() {
    let mesh = mesh(
        "residency-routes",
        &config_of(spec(), json!({"explain": "Always"})),
    )
    .without_route("euw1-a")
    .start()
    .await
    .unwrap();
    for _ in 0..2 {
        for call in ways("/unrouted") {
            let reply = mesh.call(call).await.unwrap();
            assert_eq!(reply.status, 503, "{:?}", reply.headers);
        }
        stayed(&mesh);
        // As long as it is believed that there is no route, and after that.
        tokio::time::sleep(s(5.5)).await;
    }
    assert_eq!(
        served(&mesh.call(get("use1-a", "/other")).await.unwrap()),
        "use1-a"
    );
}
