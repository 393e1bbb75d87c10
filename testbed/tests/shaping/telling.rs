//! "We were limited, and nobody could say by what."

use landbridge_testbed::{Call, Mesh, Side, Workload, eventually};
use serde_json::{Value, json};

use crate::setup::{config, get, mesh, s};

async fn logged(mesh: &Mesh, path: &str) -> Value {
    let found = eventually(s(10.0), "a line in the access log", async || {
        let lines = mesh.access_log("use1-a", Side::Server).unwrap();
        lines.into_iter().rfind(|line| line["path"] == path)
    });
    let line = found.await.unwrap();
    serde_json::from_str(line["landbridge_shaping"].as_str().unwrap()).unwrap()
}

async fn sum(mesh: &Mesh, name: &str, labels: &[(&str, &str)]) -> f64 {
    let stats = mesh.stats("use1-a", Side::Server).await.unwrap();
    stats.sum(&format!("landbridge_shaping_{name}"), labels)
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_logs_and_metrics_say_which_limit_it_was() {
    let spec = json!({
        "limits": [
            {"name": "few", "key": ["source.cluster"], "rate": "5/m", "burst": 5, "headers": "Always"},
            {"name": "tried", "rate": "2/m", "burst": 2, "mode": "Shadow"},
        ],
        "concurrency": [{"name": "all", "max": 50}],
    });
    let mesh = mesh("shaping-telling", &config(spec))
        .clients(false)
        .start()
        .await
        .unwrap();
    for left in (0..5).rev() {
        let reply = mesh.call(get("euw1-a", "/passes")).await.unwrap();
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("ratelimit-policy"), Some("\"few\";q=5;w=60"));
        let told = reply.header("ratelimit").unwrap();
        assert!(told.starts_with(&format!("\"few\";r={left};t=")), "{told}");
    }
    let reply = mesh.call(get("euw1-a", "/limited")).await.unwrap();
    assert_eq!(reply.status, 429);
    let after: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=12).contains(&after), "{after}");
    assert_eq!(reply.header("x-envoy-ratelimited"), Some("true"));
    assert_eq!(
        reply.header("x-landbridge-shaping"),
        Some("reason=RATE_LIMITED, policy=\"shop/orders\", rule=\"few\"")
    );
    let frontend = Workload::new("euw1-a", "shop", "frontend");
    let grpc = Call::grpc("/shop.Orders/List").from(frontend).to("use1-a");
    assert_eq!(mesh.call(grpc).await.unwrap().grpc_status(), Some(8));
    assert_eq!(
        mesh.call(get("use1-b", "/other")).await.unwrap().status,
        200
    );
    assert_eq!(
        logged(&mesh, "/limited").await,
        json!({
            "filter": "shaping", "verdict": "deny", "reason": "RATE_LIMITED",
            "source_cluster": "euw1-a", "policy": "shop/orders", "rule": "few",
            "criticality": "CRITICAL",
        })
    );
    assert_eq!(
        logged(&mesh, "/passes").await,
        json!({
            "filter": "shaping", "verdict": "allow", "reason": "WITHIN_LIMITS",
            "source_cluster": "euw1-a", "criticality": "CRITICAL",
            "shadow": {"outcome": "would_deny", "reason": "RATE_LIMITED",
                       "policy": "shop/orders", "rule": "tried"},
        })
    );
    tokio::time::sleep(s(1.2)).await;
    let limits = async |labels: &[(&str, &str)]| sum(&mesh, "limit_requests_total", labels).await;
    let few = [("rule", "few"), ("policy", "shop/orders")];
    let of = |outcome, cluster| {
        [
            few[0],
            few[1],
            ("outcome", outcome),
            ("source_cluster", cluster),
        ]
    };
    assert_eq!(limits(&of("allowed", "euw1-a")).await, 5.0);
    assert_eq!(limits(&of("refused", "euw1-a")).await, 2.0);
    assert_eq!(limits(&of("allowed", "use1-b")).await, 1.0);
    assert_eq!(
        limits(&[("rule", "tried"), ("outcome", "allowed")]).await,
        2.0
    );
    assert_eq!(
        limits(&[("rule", "tried"), ("outcome", "would_refuse")]).await,
        4.0
    );
    assert_eq!(
        sum(&mesh, "concurrency_limit", &[("rule", "all")]).await,
        50.0
    );
    assert_eq!(sum(&mesh, "in_flight", &[("rule", "all")]).await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_callers_say_has_a_defined_answer() {
    let spec = json!({
        "limits": [{"name": "l", "key": ["request.headers[x-user]"], "rate": "1000/s", "cost": {"header": "x-cost", "most": 5}}],
        "deadlines": [{"name": "d"}],
        "retryBudgets": [{"name": "r"}],
        "concurrency": [{"name": "c", "max": 50}],
        "splits": [{"name": "s", "sticky": {"cookie": "lot"}, "backends": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}]}],
    });
    let mesh = mesh("shaping-hostile", &config(spec))
        .clients(false)
        .start()
        .await
        .unwrap();
    let long = "k".repeat(30_000);
    for (name, value, status) in [
        ("x-cost", "-1", 200),
        ("x-cost", "99999999999999999999", 200),
        ("x-cost", "abc", 200),
        ("x-user", &*long, 400),
        ("x-user", "\u{e4}\u{f6}", 200),
        ("grpc-timeout", "99999999999H", 200),
        ("grpc-timeout", "-1S", 200),
        ("x-request-deadline", "-5", 200),
        ("x-request-deadline", "99999999999999999999999", 200),
        ("x-request-deadline", "1", 504),
        ("x-criticality", "SUPER", 200),
        ("x-envoy-attempt-count", "18446744073709551616", 200),
        ("cookie", "lot=; lot=;;;===", 200),
        ("cookie", "lot=\u{1}", 400),
        ("x-landbridge-displaced", "euw1-a", 200),
    ] {
        let call = get("euw1-a", "/hostile").header(name, value);
        let Ok(reply) = mesh.call(call).await else {
            // What is no header value is not even sent.
            continue;
        };
        let shown: String = value.chars().take(40).collect();
        assert_eq!(reply.status, status, "{name}: {shown}");
    }
    for _ in 0..20 {
        assert_eq!(mesh.call(get("euw1-a", "/well")).await.unwrap().status, 200);
    }
}
