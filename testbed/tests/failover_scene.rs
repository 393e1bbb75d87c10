//! Proves what failover's scenarios stand on: clusters that are lost or hang, services that fail in
//! part, endpoints, gateways, and Istio's own failover. No filter of ours runs here.

use std::collections::BTreeMap;
use std::time::Duration;

use landbridge_testbed::{
    Builder, Call, CallError, Filter, GatewayMode, HealthChecks, Mesh, NativeFailover, Report,
    Side, Workload, eventually,
};
use serde_json::json;

const SOON: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

fn mesh(name: &str) -> Builder {
    Mesh::builder(name).filters([])
}

fn from(cluster: &str) -> Call {
    let frontend = Workload::new(cluster, "shop", "frontend");
    Call::get("/orders").from(frontend)
}

/// A call that says to which cluster it wants to go.
fn to(cluster: &str) -> Call {
    from("use1-a").via_sidecar().to(cluster)
}

async fn status(mesh: &Mesh, call: Call) -> u16 {
    mesh.call(call).await.unwrap().status
}

async fn served(mesh: &Mesh, call: Call) -> String {
    let reply = mesh.call(call).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["cluster"].as_str().unwrap().to_owned()
}

/// Waits until so many endpoints are ejected.
async fn ejected(mesh: &Mesh, count: f64) {
    let name = "envoy_cluster_outlier_detection_ejections_active";
    mesh.wait_stats("use1-a", Side::Client, SOON, |stats| {
        stats.sum(name, &[]) == count
    })
    .await
    .unwrap();
}

fn counts(of: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let of = of.iter();
    of.map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[tokio::test]
async fn an_upstream_fails_in_part_and_knows_what_it_was_asked() {
    let mesh = mesh("partly").start().await.unwrap();
    let upstream = mesh.upstream("use1-b");
    upstream.set_error_share(30.0, 500);
    let mut statuses = BTreeMap::new();
    for number in 0..20 {
        let call = to("use1-b").header("x-testbed-label", number.to_string());
        *statuses.entry(status(&mesh, call).await).or_insert(0) += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(200, 14), (500, 6)]));

    let seen = upstream.seen();
    let labels: Vec<_> = seen.iter().filter_map(|one| one.label.clone()).collect();
    let sent: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(labels, sent);
    assert!(seen.is_sorted_by_key(|one| one.at));
    for one in &seen {
        assert_eq!((one.method.as_str(), one.path.as_str()), ("GET", "/orders"));
        assert_eq!(one.endpoint, None);
    }
    let failed = seen.iter().filter(|one| one.status == Some(500));
    assert_eq!(failed.count(), 6);
    upstream.clear_seen();
    assert_eq!((upstream.seen().len(), upstream.requests()), (0, 20));

    upstream.set_error_share(0.0, 500);
    upstream.set_capacity(Some(50.0));
    let load = mesh.load(to("use1-b"), 200.0, 2 * SECOND).unwrap();
    let outcomes = load.finish().await.outcomes();
    // 100 are served in the time, and a tenth of a second's at once.
    let ok = outcomes["200"];
    assert!((95..=115).contains(&ok), "{outcomes:?}");
    assert_eq!(ok + outcomes["503"], 400);
    upstream.set_capacity(None);
    assert_eq!(status(&mesh, to("use1-b")).await, 200);
}

#[tokio::test]
async fn a_cluster_has_as_many_endpoints_as_is_wished() {
    let mesh = mesh("endpoints")
        .endpoints("use1-b", 3)
        .client_health_checks(HealthChecks {
            interval: SECOND / 4,
            ..HealthChecks::default()
        })
        .start()
        .await
        .unwrap();
    let upstream = mesh.upstream("use1-b");
    let endpoints = async || {
        upstream.clear_seen();
        let mut failures = 0;
        for _ in 0..60 {
            let forged = to("use1-b").header("x-testbed-endpoint", "7");
            failures += usize::from(status(&mesh, forged).await != 200);
        }
        let mut endpoints = BTreeMap::new();
        for seen in upstream.seen() {
            if seen.path == "/orders" {
                *endpoints.entry(seen.endpoint.unwrap()).or_insert(0) += 1;
            }
        }
        (failures, endpoints)
    };
    let (failures, found) = endpoints().await;
    assert_eq!(failures, 0);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["0", "1", "2"]);
    assert_eq!(found.values().sum::<usize>(), 60);

    // Each of them is asked for its health.
    eventually(SOON, "a check of each endpoint", async || {
        let seen = upstream.seen();
        let asked = |endpoint: &str| {
            let mut checks = seen.iter().filter(|one| one.path == "/healthz");
            checks.any(|one| one.endpoint.as_deref() == Some(endpoint))
        };
        ["0", "1", "2"].into_iter().all(asked).then_some(())
    })
    .await
    .unwrap();

    upstream.set_failing_endpoints([1], 503);
    let cluster = (
        "cluster_name",
        "outbound|8080|use1-b|orders.shop.svc.cluster.local",
    );
    let healthy = async |count: f64| {
        mesh.wait_stats("use1-a", Side::Client, SOON, |stats| {
            stats.sum("envoy_cluster_membership_healthy", &[cluster]) == count
        })
        .await
        .unwrap();
    };
    healthy(2.0).await;
    let (failures, found) = endpoints().await;
    assert_eq!(failures, 0);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["0", "2"]);

    upstream.set_failing_endpoints([], 503);
    healthy(3.0).await;
    // The cluster with one endpoint says nothing of endpoints.
    assert_eq!(status(&mesh, to("euw1-a")).await, 200);
    let seen = mesh.upstream("euw1-a").seen();
    assert!(seen.iter().all(|one| one.endpoint.is_none()));
}

#[tokio::test]
async fn outliers_of_a_subset_are_ejected() {
    let mesh = mesh("outliers")
        .endpoints("use1-b", 2)
        .client_outlier_detection(json!({
            "consecutive_5xx": 3,
            "interval": "0.2s",
            "base_ejection_time": "60s",
            "max_ejection_percent": 50,
        }))
        .start()
        .await
        .unwrap();
    let upstream = mesh.upstream("use1-b");
    upstream.set_failing_endpoints([0], 500);
    let mut failures = 0;
    while failures < 3 {
        failures += usize::from(status(&mesh, to("use1-b")).await == 500);
    }
    ejected(&mesh, 1.0).await;
    for _ in 0..30 {
        assert_eq!(status(&mesh, to("use1-b")).await, 200);
    }
}

#[tokio::test]
async fn a_lost_cluster_comes_back_whole() {
    let mesh = mesh("lost")
        .gateway("use1-b", GatewayMode::SanitizeSet)
        .start()
        .await
        .unwrap();
    let sides = [Side::Server, Side::Client, Side::Gateway];
    let gateway = || from("use1-a").via_gateway("use1-b");
    assert_eq!(status(&mesh, to("use1-b")).await, 200);
    assert_eq!(status(&mesh, gateway()).await, 200);

    let load = mesh.load(to("use1-b"), 50.0, None).unwrap();
    tokio::time::sleep(SECOND / 2).await;
    mesh.kill_cluster("use1-b").unwrap();
    for side in sides {
        assert!(!mesh.is_alive("use1-b", side).unwrap());
    }
    assert!(!mesh.upstream("use1-b").is_alive());
    assert_eq!(status(&mesh, to("use1-b")).await, 503);
    let outcome = mesh.call(gateway()).await;
    assert!(matches!(outcome, Err(CallError::Connect(_))), "{outcome:?}");
    assert_eq!(status(&mesh, to("euw1-a")).await, 200);

    mesh.restart_cluster("use1-b").await.unwrap();
    for side in sides {
        assert!(mesh.is_alive("use1-b", side).unwrap());
    }
    assert_eq!(status(&mesh, to("use1-b")).await, 200);
    assert_eq!(status(&mesh, gateway()).await, 200);
    let back = from("use1-b").via_sidecar().to("use1-a");
    assert_eq!(status(&mesh, back).await, 200);
    let report = load.stop().await;
    let outcomes = report.outcomes();
    assert!(outcomes["200"] > 20 && outcomes["503"] > 5, "{outcomes:?}");
    assert_eq!(
        report.served_between(Duration::ZERO, report.ran),
        counts(&[("use1-b", outcomes["200"])])
    );
}

#[tokio::test]
async fn a_frozen_envoy_hangs_until_it_is_thawed() {
    let mesh = mesh("frozen").start().await.unwrap();
    assert_eq!(status(&mesh, to("use1-b")).await, 200);
    mesh.freeze("use1-b", Side::Server).unwrap();
    let hanging = mesh.call(to("use1-b").timeout(SECOND / 2)).await;
    assert!(matches!(hanging, Err(CallError::Timeout(_))), "{hanging:?}");
    assert!(mesh.is_alive("use1-b", Side::Server).unwrap());
    mesh.thaw("use1-b", Side::Server).unwrap();
    assert_eq!(status(&mesh, to("use1-b")).await, 200);

    mesh.kill("euw1-a", Side::Server).unwrap();
    assert!(mesh.freeze("euw1-a", Side::Server).is_err());

    // It dies with its mesh all the same.
    mesh.freeze("use1-b", Side::Client).unwrap();
    let pid = mesh.pid("use1-b", Side::Client).unwrap().unwrap();
    drop(mesh);
    let process = std::path::PathBuf::from(format!("/proc/{pid}"));
    assert!(!process.exists());
}

#[tokio::test]
async fn callers_survive_a_restart_of_their_sidecar() {
    let mesh = mesh("restarted").start().await.unwrap();
    let load = mesh.load(to("use1-b"), 100.0, None).unwrap();
    tokio::time::sleep(SECOND).await;
    mesh.restart("use1-a", Side::Client).await.unwrap();
    tokio::time::sleep(SECOND).await;
    let report = load.stop().await;
    let end = report.ran;
    assert!(report.failures().count() > 0, "{:?}", report.outcomes());
    let later = report.served_between(end - SECOND / 2, end);
    let due = report.between(end - SECOND / 2, end).count();
    assert_eq!(later, counts(&[("use1-b", due)]));
    assert!(due > 40, "{due}");
}

#[tokio::test]
async fn a_report_tells_who_served() {
    let mesh = mesh("shares").start().await.unwrap();
    // What the filter will say, said by a route's own means.
    edit(&mesh, "use1-a", Side::Client, |config| {
        let manager = manager(config);
        manager["route_config"]["response_headers_to_add"] = json!([
            {"header": {"key": "x-landbridge-served-by", "value": "use1-b"}},
            {"header": {"key": "x-landbridge-failover", "value": "because"}},
        ]);
    })
    .await;
    let load = mesh.load(to("use1-b"), 100.0, 3 * SECOND).unwrap();
    tokio::time::sleep(SECOND + SECOND / 2).await;
    let upstream = mesh.upstream("use1-b");
    upstream.kill();
    let report = load.finish().await;
    let shares = report.shares(SECOND);
    assert_eq!(shares.len(), 3);
    assert_eq!(shares[0], counts(&[("use1-b", 100)]));
    let half = shares[1]["use1-b"];
    assert!((30..=70).contains(&half), "{half}");
    assert_eq!(shares[2], counts(&[]));
    for shot in &report.shots {
        assert_eq!(shot.served_by.as_deref(), Some("use1-b"));
        assert_eq!(shot.failover.as_deref(), Some("because"));
    }
}

#[tokio::test]
async fn istios_own_failover_goes_by_locality() {
    let mesh = mesh("native")
        .native_failover(NativeFailover::default())
        .start()
        .await
        .unwrap();
    let home = || from("use1-a").via_sidecar();
    assert_eq!(served(&mesh, home()).await, "use1-a");
    assert_eq!(served(&mesh, from("euw1-a").via_sidecar()).await, "euw1-a");

    for (ejections, ill, next) in [(1.0, "use1-a", "use1-b"), (2.0, "use1-b", "euw1-a")] {
        mesh.upstream(ill).set_status(500);
        for _ in 0..5 {
            assert_eq!(status(&mesh, home()).await, 500);
        }
        ejected(&mesh, ejections).await;
        // Envoy gathers such changes for a second before its workers hear of them, but for the first.
        eventually(SOON, "the next cluster", async || {
            let status = mesh.call(home()).await.ok()?.status;
            (status == 200).then_some(())
        })
        .await
        .unwrap();
        for _ in 0..10 {
            assert_eq!(served(&mesh, home()).await, next);
        }
    }
    // The law of a region is nothing to it. What says its cluster goes there.
    assert_eq!(status(&mesh, to("use1-a")).await, 500);
}

#[tokio::test]
async fn istios_own_failover_under_load_with_health_checks() {
    let checks = HealthChecks {
        interval: SECOND / 4,
        ..HealthChecks::default()
    };
    let mesh = mesh("native-checked")
        .native_failover(NativeFailover {
            outlier_detection: None,
            health_checks: Some(checks),
            ..NativeFailover::default()
        })
        .start()
        .await
        .unwrap();
    let load = mesh
        .load(from("use1-a").via_sidecar(), 100.0, 5 * SECOND)
        .unwrap();
    tokio::time::sleep(SECOND).await;
    mesh.kill_cluster("use1-b").unwrap();
    mesh.upstream("use1-a").set_status(503);
    let report: Report = load.finish().await;
    let before = report.served_between(Duration::ZERO, SECOND * 9 / 10);
    assert_eq!(before, counts(&[("use1-a", 90)]));
    assert_eq!(
        report.served_between(4 * SECOND, 5 * SECOND),
        counts(&[("euw1-a", 100)])
    );
}

#[tokio::test]
async fn a_gateway_has_filters_that_choose() {
    // Any filter will do that sets the header and has the route chosen after that.
    let code = "function envoy_on_request(handle)
        handle:headers():replace('x-landbridge-cluster', 'euw1-a')
        handle:headers():replace('x-landbridge-hops', '1')
    end";
    let choose = Filter::Static(json!({
        "name": "choose",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": code},
        },
    }));
    let mesh = mesh("gateway-filters")
        .clients(false)
        .gateway("use1-a", GatewayMode::SanitizeSet)
        .gateway_filters([choose])
        .start()
        .await
        .unwrap();
    let reply = mesh
        .call(from("use1-b").via_gateway("use1-a"))
        .await
        .unwrap();
    assert_eq!(reply.json()["cluster"], "euw1-a");
    assert_eq!(reply.received("x-landbridge-cluster"), [""; 0]);
    assert_eq!(reply.received("x-landbridge-hops"), ["1"]);
}

#[tokio::test]
async fn joined_gateways_send_to_one_another() {
    let mesh = mesh("joined")
        .clients(false)
        .gateway("use1-a", GatewayMode::SanitizeSet)
        .gateway("euw1-a", GatewayMode::SanitizeSet)
        .gateways_joined()
        .start()
        .await
        .unwrap();
    let through = |cluster: &str| {
        let call = from("use1-b").via_gateway("use1-a").to(cluster);
        call.header("x-landbridge-hops", "1")
    };
    let reply = mesh.call(through("euw1-a")).await.unwrap();
    assert_eq!(reply.json()["cluster"], "euw1-a");
    assert_eq!(reply.received("x-landbridge-cluster"), [""; 0]);
    assert_eq!(reply.received("x-landbridge-hops"), ["1"]);
    // What has no gateway is called itself, and so is what is at home.
    assert_eq!(served(&mesh, through("use1-b")).await, "use1-b");
    assert_eq!(served(&mesh, through("use1-a")).await, "use1-a");
    let log = eventually(SOON, "a line", async || {
        Some(mesh.access_log("euw1-a", Side::Gateway).unwrap()).filter(|log| !log.is_empty())
    })
    .await
    .unwrap();
    assert_eq!(log.len(), 1);
    let gateway = mesh.spiffe(&Workload::new("use1-a", "istio-system", "gateway"));
    assert_eq!(log[0]["downstream_peer_uri_san"], gateway.unwrap());
}

/// The fact behind: a header that no route knows is no choice, and the request goes anywhere.
#[tokio::test]
async fn a_subset_may_be_unknown_or_empty() {
    let mesh = mesh("unknown")
        .without_route("use1-b")
        .without_endpoints("euw1-a")
        .start()
        .await
        .unwrap();
    assert_eq!(served(&mesh, to("use1-a")).await, "use1-a");
    let empty = mesh.call(to("euw1-a")).await.unwrap();
    assert_eq!(
        (empty.status, empty.text().as_str()),
        (503, "no healthy upstream")
    );
    let mut clusters = BTreeMap::new();
    for _ in 0..40 {
        *clusters
            .entry(served(&mesh, to("use1-b")).await)
            .or_insert(0) += 1;
    }
    assert_eq!(clusters.keys().collect::<Vec<_>>(), ["use1-a", "use1-b"]);
}

#[tokio::test]
async fn a_sidecar_can_ask_its_own_metrics() {
    let mesh = mesh("own-metrics").start().await.unwrap();
    let clusters = mesh
        .admin("use1-a", Side::Client, "/clusters")
        .await
        .unwrap();
    let own = format!(
        "prometheus_stats::{}:15010::health_flags::healthy",
        mesh.ip("use1-a").unwrap()
    );
    assert!(clusters.contains(&own), "{clusters}");
    // A route to it, for want of a filter that would call out.
    edit(&mesh, "use1-a", Side::Client, |config| {
        let routes = &mut manager(config)["route_config"]["virtual_hosts"][0]["routes"];
        let route = json!({"match": {"path": "/stats"}, "route": {"cluster": "prometheus_stats"}});
        routes.as_array_mut().unwrap().insert(0, route);
    })
    .await;
    let call =
        Call::get("/stats?filter=server.live").from(Workload::new("use1-a", "shop", "frontend"));
    let reply = mesh.call(call.via_sidecar()).await.unwrap();
    assert_eq!(reply.text().trim(), "server.live: 1");
}

#[tokio::test]
async fn a_label_is_not_found_in_a_longer_one() {
    let labels = [
        ("source_cluster", "a"),
        ("cluster", "b"),
        ("serving_cluster", "c"),
        ("service", "orders.shop.svc.cluster.local"),
        ("link", "us-eu"),
        ("direction", "out"),
        ("to", "eu-west-1"),
        ("outcome", "same"),
        ("decision", "allow"),
    ];
    let named: String = labels
        .iter()
        .map(|(label, value)| format!("{label}.=.{value};."))
        .collect();
    // A native filter whose metrics begin with what it is told.
    let counting = Filter::Static(json!({
        "name": "counting",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": format!("landbridge.locality.{named}picks"),
            "token_bucket": {"max_tokens": 100, "fill_interval": "1s"},
            "filter_enabled": {"default_value": {"numerator": 100}},
        },
    }));
    let mesh = mesh("labels")
        .client_filters([counting])
        .start()
        .await
        .unwrap();
    assert_eq!(status(&mesh, to("use1-a")).await, 200);
    let stats = mesh.stats("use1-a", Side::Client).await.unwrap();
    let name = "landbridge_locality_picks_http_local_rate_limit_enabled";
    let envoys = format!("envoy_{name}");
    let found: Vec<_> = stats
        .samples()
        .iter()
        .filter(|sample| sample.name == name || sample.name == envoys)
        .collect();
    assert_eq!(
        found.len(),
        1,
        "{:?}",
        stats
            .samples()
            .iter()
            .filter(|it| it.name.contains("locality"))
            .collect::<Vec<_>>()
    );
    assert_eq!(found[0].value, 1.0);
    let expected: BTreeMap<_, _> = labels
        .iter()
        .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()))
        .collect();
    assert_eq!(found[0].labels, expected);
}

/// Changes an Envoy's configuration, and starts it with that.
async fn edit(mesh: &Mesh, cluster: &str, side: Side, change: impl FnOnce(&mut serde_json::Value)) {
    let path = mesh.folder().join(format!("{cluster}-{side}.json"));
    let mut config = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    std::fs::write(&path, config.to_string()).unwrap();
    mesh.restart(cluster, side).await.unwrap();
}

fn manager(config: &mut serde_json::Value) -> &mut serde_json::Value {
    let listener = &mut config["static_resources"]["listeners"][0];
    &mut listener["filter_chains"][0]["filters"][0]["typed_config"]
}
