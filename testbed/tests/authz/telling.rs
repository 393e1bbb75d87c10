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
