//! What was decided can be seen: metrics, the access log, the proxy's log.

use landbridge_testbed::{Call, Mesh, Side, Workload};

use crate::setup::{ALLOW_US, SOON, config, decision, frontend, logged, only, stray};

#[tokio::test]
async fn counters_carry_who_why_and_from_where_and_add_up() {
    let mesh = Mesh::builder("counters")
        .clients(false)
        .extra_trust_domain("stray.example");
    let mesh = mesh.config(config(ALLOW_US, "{}")).start().await.unwrap();
    let sent = [
        (frontend("use1-a").into(), "/", 7),
        (frontend("use1-b").into(), "/", 5),
        (frontend("euw1-a").into(), "/", 4),
        (Workload::new("use1-a", "partner", "web").into(), "/", 3),
        (stray(), "/", 2),
        (frontend("use1-a").into(), "/a%2Fb", 1),
    ];
    for (who, path, times) in &sent {
        for _ in 0..*times {
            mesh.call(Call::get(*path).from(who.clone()).to("use1-a"))
                .await
                .unwrap();
        }
    }
    let stats = mesh.stats("use1-a", Side::Server).await.unwrap();
    let count = |labels: &[(&str, &str)]| stats.sum("landbridge_authz_requests_total", labels);
    assert_eq!(count(&[]), 22.0, "every request is counted once");
    let allowed = |cluster| {
        [
            ("policy", "shop/allow-us"),
            ("rule", "shop-of-the-us"),
            ("decision", "allow"),
            ("reason", "ALLOWED_BY_RULE"),
            ("source_cluster", cluster),
        ]
    };
    assert_eq!(count(&allowed("use1-a")), 7.0);
    assert_eq!(count(&allowed("use1-b")), 5.0);
    let denied = |reason, cluster| {
        [
            ("policy", "none"),
            ("rule", "none"),
            ("decision", "deny"),
            ("reason", reason),
            ("source_cluster", cluster),
        ]
    };
    assert_eq!(count(&denied("NO_RULE_MATCHED", "euw1-a")), 4.0);
    assert_eq!(count(&denied("NO_RULE_MATCHED", "use1-a")), 3.0);
    assert_eq!(count(&denied("UNKNOWN_CLUSTER", "unknown")), 2.0);
    let malformed = [
        ("decision", "reject"),
        ("reason", "MALFORMED_PATH"),
        ("source_cluster", "use1-a"),
    ];
    assert_eq!(count(&malformed), 1.0);
    for sample in stats.find("landbridge_authz_requests_total", &[]) {
        let mut labels: Vec<&str> = sample.labels.keys().map(String::as_str).collect();
        labels.retain(|label| !label.starts_with("envoy_"));
        assert_eq!(
            labels,
            ["decision", "policy", "reason", "rule", "source_cluster"]
        );
    }
}

#[tokio::test]
async fn the_access_log_carries_the_decision_as_json() {
    let mesh = Mesh::builder("access-log")
        .clusters(only(&["use1-a", "euw1-a"]))
        .clients(false);
    let mesh = mesh.config(config(ALLOW_US, "{}")).start().await.unwrap();
    mesh.call(Call::get("/allowed").from(frontend("use1-a")).to("use1-a"))
        .await
        .unwrap();
    mesh.call(Call::get("/denied").from(frontend("euw1-a")).to("use1-a"))
        .await
        .unwrap();
    mesh.call(
        Call::grpc("/denied.Grpc/Call")
            .from(frontend("euw1-a"))
            .to("use1-a"),
    )
    .await
    .unwrap();
    assert_eq!(
        decision(&mesh, "use1-a", "/allowed").await,
        serde_json::json!({
            "filter": "authz", "verdict": "allow", "reason": "ALLOWED_BY_RULE",
            "policy": "shop/allow-us", "rule": "shop-of-the-us", "source_cluster": "use1-a",
        })
    );
    for path in ["/denied", "/denied.Grpc/Call"] {
        assert_eq!(
            decision(&mesh, "use1-a", path).await,
            serde_json::json!({
                "filter": "authz", "verdict": "deny", "reason": "NO_RULE_MATCHED",
                "source_cluster": "euw1-a",
            })
        );
    }
    let line = logged(&mesh, "use1-a", "/denied").await;
    assert_eq!(line["response_code"], 403);
}

#[tokio::test]
async fn denials_are_in_the_proxys_log_so_many_a_second() {
    let mesh = Mesh::builder("denial-log")
        .clusters(only(&["use1-a", "euw1-a"]))
        .clients(false);
    let mesh = mesh
        .server_concurrency(1)
        .config(config(ALLOW_US, r#"{"denialLogsPerSecond":2}"#));
    let mesh = mesh.start().await.unwrap();
    let load = mesh.load(
        Call::get("/denied").from(frontend("euw1-a")).to("use1-a"),
        100.0,
        SOON / 5,
    );
    let report = load.unwrap().finish().await;
    assert!(report.count() > 200);
    let log = mesh.envoy_log("use1-a", Side::Server).unwrap();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("NO_RULE_MATCHED"))
        .collect();
    assert!((4..=10).contains(&lines.len()), "{} lines", lines.len());
    assert!(
        lines[0].contains(r#"principal="spiffe://euw1-a.mesh.example/ns/shop/sa/frontend""#),
        "{}",
        lines[0]
    );
    assert!(lines[0].contains(r#"path="/denied""#), "{}", lines[0]);
    assert!(
        lines.iter().any(|line| line.contains("passed_over=")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn what_shadow_changes_would_do_is_counted_and_changes_nothing() {
    let policies = format!(
        "{ALLOW_US}---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {{name: no-writes, namespace: shop}}
spec: {{mode: Shadow, action: DENY, rules: [{{name: writes, to: [{{operation: {{notMethods: [GET]}}}}]}}]}}
---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {{name: eu-too, namespace: shop}}
spec: {{mode: Shadow, rules: [{{from: [{{source: {{jurisdictions: [EU]}}}}]}}]}}
"
    );
    let mesh = Mesh::builder("shadow")
        .clusters(only(&["use1-a", "euw1-a"]))
        .clients(false);
    let mesh = mesh
        .config(config(&policies, r#"{"explain":"Always"}"#))
        .start()
        .await
        .unwrap();
    let send = async |from: &str, call: Call| {
        let reply = mesh
            .call(call.from(frontend(from)).to("use1-a"))
            .await
            .unwrap();
        (
            reply.status,
            reply.header("x-landbridge-decision").unwrap().to_owned(),
        )
    };
    let (status, told) = send("use1-a", Call::get("/same")).await;
    assert_eq!(status, 200);
    assert!(told.contains("shadow=same"), "{told}");
    let (status, told) = send("use1-a", Call::post("/write", "")).await;
    assert_eq!(status, 200);
    assert!(
        told.ends_with(
            r#"shadow=would_deny, shadow_policy="shop/no-writes", shadow_rule="writes""#
        ),
        "{told}"
    );
    let (status, told) = send("euw1-a", Call::get("/eu")).await;
    assert_eq!(status, 403);
    assert!(told.contains("shadow=would_allow"), "{told}");
    assert_eq!(
        decision(&mesh, "use1-a", "/write").await["shadow"],
        serde_json::json!({
            "outcome": "would_deny", "reason": "DENIED_BY_RULE",
            "policy": "shop/no-writes", "rule": "writes",
        })
    );
    let stats = mesh.stats("use1-a", Side::Server).await.unwrap();
    for (outcome, policy, from) in [
        ("same", "shop/allow-us", "use1-a"),
        ("would_deny", "shop/no-writes", "use1-a"),
        ("would_allow", "shop/eu-too", "euw1-a"),
    ] {
        let labels = [
            ("outcome", outcome),
            ("policy", policy),
            ("source_cluster", from),
        ];
        assert_eq!(
            stats.sum("landbridge_authz_shadow_total", &labels),
            1.0,
            "{outcome}"
        );
    }
}
