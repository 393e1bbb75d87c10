//! The client sidecar's routes, clusters and labels.

use std::collections::BTreeMap;

use landbridge_testbed::{Call, Filter, Side, Workload};
use serde_json::json;

use crate::setup::{edit, manager, mesh, served, status, to};

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
    // What no route knows goes nowhere, and not by the route of those that choose nothing.
    assert_eq!(mesh.call(to("use1-b")).await.unwrap().status, 404);
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
        ("upstream_cluster", "b"),
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
        .map(|(label, value)| format!("{label}=.={value};.;"))
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
