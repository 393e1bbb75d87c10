//! "Nobody can see who answered": who may know is told, and what is counted adds up.

use landbridge_testbed::{Call, Mesh, Reply, Side};
use serde_json::json;

use crate::known::{REQUESTS, apply, logged, served, sum, until};
use crate::setup::{config_of, get, mesh, post, quick, s};

fn told(reply: &Reply) -> (Option<&str>, Option<&str>) {
    let told = |name| reply.header(name);
    (
        told("x-landbridge-served-by"),
        told("x-landbridge-failover"),
    )
}

async fn tell(mesh: &Mesh, options: serde_json::Value) -> Reply {
    apply(mesh, &config_of(quick(), options)).await;
    let reply = mesh.call(get("use1-a", "/told")).await.unwrap();
    assert_eq!(reply.received("x-landbridge-served-by"), [""; 0]);
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_know_is_told_and_all_is_counted() {
    let always = json!({"explain": "Always"});
    let mesh = mesh("telling", &config_of(quick(), always.clone()))
        .start()
        .await
        .unwrap();
    let mut sent = 0;
    let mut send = async |call: Call, times: usize, status: u16| {
        for _ in 0..times {
            let reply = mesh.call(call.clone()).await.unwrap();
            assert_eq!(reply.status, status, "{:?}", reply.headers);
            sent += 1;
        }
    };
    send(get("use1-a", "/well"), 7, 200).await;
    send(post("use1-a", "/well"), 5, 200).await;
    send(get("use1-a", "/eu").header("x-data", "eu"), 4, 200).await;
    let reply = mesh.call(get("use1-a", "/who")).await.unwrap();
    assert_eq!(told(&reply), (Some("use1-a"), None));
    mesh.upstream("euw1-a").kill();
    mesh.upstream("use1-a").kill();
    until(
        &mesh,
        &get("use1-a", "/until").header("x-data", "eu"),
        503,
        "RESIDENCY",
    )
    .await;
    until(&mesh, &get("use1-a", "/until"), 200, "FAILED_OVER").await;
    send(get("use1-a", "/over"), 6, 200).await;
    send(get("use1-a", "/refused").header("x-data", "eu"), 3, 503).await;
    // Of a host that no policy routes, nothing is said.
    send(get("use1-a", "/other").host("other.shop"), 2, 502).await;

    // Gauges are set each second.
    tokio::time::sleep(s(1.5)).await;
    // In the log, each request has one line of JSON.
    let line = |serving: &str, preferred: &str, reason: &str| {
        json!({
            "filter": "locality", "policy": "shop/orders", "service": "orders",
            "source_cluster": "use1-a", "serving_cluster": serving,
            "preferred_cluster": preferred, "reason": reason,
        })
    };
    assert_eq!(
        logged(&mesh, "/well").await,
        line("use1-a", "use1-a", "PREFERRED")
    );
    assert_eq!(
        logged(&mesh, "/eu").await,
        line("euw1-a", "euw1-a", "PREFERRED")
    );
    assert_eq!(
        logged(&mesh, "/over").await,
        line("use1-b", "use1-a", "FAILED_OVER")
    );
    assert_eq!(
        logged(&mesh, "/refused").await,
        line("none", "none", "RESIDENCY")
    );
    let log = mesh.access_log("use1-a", Side::Client).unwrap();
    let of = |path: &str| log.iter().filter(|line| line["path"] == path).count();
    assert_eq!(
        [of("/well"), of("/eu"), of("/over"), of("/refused")],
        [12, 4, 6, 3]
    );
    let other = log.iter().find(|line| line["path"] == "/other").unwrap();
    assert_eq!(other["landbridge_locality"], json!(null));

    // Each request is counted once, whatever became of it.
    let stats = mesh.stats("use1-a", Side::Client).await.unwrap();
    let routed = log
        .iter()
        .filter(|line| line["landbridge_locality"] != json!(null));
    assert_eq!(stats.sum(REQUESTS, &[]) as usize, routed.count());
    assert!(stats.sum(REQUESTS, &[]) as usize >= sent - 2);
    let of = |reason, serving| {
        let labels = [
            ("reason", reason),
            ("serving_cluster", serving),
            ("source_cluster", "use1-a"),
        ];
        let labels = [&labels[..], &[("service", "orders")]].concat();
        stats.sum(REQUESTS, &labels) as usize
    };
    assert_eq!(of("PREFERRED", "use1-a") + of("PREFERRED", "euw1-a"), {
        let first = log.iter().filter(|line| {
            let told = line["landbridge_locality"].as_str().unwrap_or_default();
            told.contains("PREFERRED")
        });
        first.count()
    });
    assert!(of("FAILED_OVER", "use1-b") >= 7);
    assert!(of("RESIDENCY", "none") >= 4);
    let retried = stats.sum(
        "landbridge_locality_retries_total",
        &[("serving_cluster", "use1-b")],
    );
    assert_eq!(retried as usize, of("RETRIED", "use1-b"));
    let gauge = |name: &str, cluster| {
        let name = format!("landbridge_locality_{name}");
        let labels = [("service", "orders"), ("serving_cluster", cluster)];
        let found: Vec<f64> = stats
            .find(&name, &labels)
            .map(|sample| sample.value)
            .collect();
        assert_eq!(found.len(), 1, "{name} {cluster}");
        found[0]
    };
    let clusters = ["use1-a", "use1-b", "euw1-a"];
    assert_eq!(
        clusters.map(|cluster| gauge("cluster_state", cluster)),
        [0.0, 2.0, 0.0]
    );
    let shares = clusters.map(|cluster| gauge("cluster_share_permille", cluster));
    assert_eq!(shares, [0.0, 1000.0, 0.0]);
    let probes = |cluster, outcome| {
        let labels = [("serving_cluster", cluster), ("outcome", outcome)];
        stats.sum("landbridge_locality_probes_total", &labels)
    };
    assert!(probes("use1-b", "good") >= 3.0);
    assert_eq!(probes("use1-b", "bad"), 0.0);
    assert!(probes("use1-a", "bad") >= 2.0 && probes("euw1-a", "bad") >= 2.0);
    for cluster in ["use1-a", "euw1-a"] {
        let labels = [("serving_cluster", cluster), ("outcome", "down")];
        let down = stats.sum("landbridge_locality_transitions_total", &labels);
        assert_eq!(down, 1.0, "{cluster}");
    }
    let log = mesh.envoy_log("use1-a", Side::Client).unwrap();
    assert!(
        log.contains("`orders` in cluster `use1-a` is down, was up"),
        "{log}"
    );

    // It comes back, and that is counted too.
    mesh.upstream("use1-a").restart().await.unwrap();
    for outcome in ["held", "up"] {
        let labels = [("serving_cluster", "use1-a"), ("outcome", outcome)];
        mesh.wait_stats("use1-a", Side::Client, s(10.0), |stats| {
            stats.sum("landbridge_locality_transitions_total", &labels) == 1.0
        })
        .await
        .unwrap();
    }
    mesh.upstream("use1-a").kill();
    until(&mesh, &get("use1-a", "/until"), 200, "FAILED_OVER").await;

    // Who is told.
    let why = r#"from="use1-a", to="use1-b", reason=FAILED_OVER"#;
    let all = (Some("use1-b"), Some(why));
    assert_eq!(told(&tell(&mesh, always).await), all);
    let quiet = [
        json!({"explain": "Never"}),
        json!({"explain": "Never", "trustOwnWorkload": true}),
        json!({"explain": "Trusted"}),
        json!({}),
    ];
    for options in quiet {
        let reply = tell(&mesh, options.clone()).await;
        assert_eq!(
            (served(&reply).as_str(), told(&reply)),
            ("use1-b", (None, None)),
            "{options}"
        );
    }
    for options in [
        json!({"explain": "Trusted", "trustOwnWorkload": true}),
        json!({"trustOwnWorkload": true}),
    ] {
        assert_eq!(told(&tell(&mesh, options).await), all);
    }
    assert!(sum(&mesh, "landbridge_locality_unroutable_total", &[]).await < 1.0);
}
