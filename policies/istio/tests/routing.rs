//! Subsets and routes: that each choice of a filter leads where it says, and none elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scene;

use landbridge_engine::{Surroundings, Unknown, failover::load_failover};
use landbridge_istio::{BackendPlace, Object, Settings};
use landbridge_model::{Limits, Name};
use scene::{demo, documents, lock, of, rendered};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const MESH: &str = include_str!("../../corpus/mesh.yaml");
const HOST: &str = "orders.shop.svc.cluster.local";

fn objects(text: &str, settings: &Settings) -> Vec<Object> {
    let documents = documents(text);
    of(&rendered(&documents, settings), "use1-a").to_vec()
}

fn spec<'o>(objects: &'o [Object], kind: &str, name: &str) -> &'o Value {
    let found = objects
        .iter()
        .find(|o| o.kind() == kind && o.name() == name);
    &found.unwrap_or_else(|| panic!("no {kind} {name}")).value["spec"]
}

fn subsets(rule: &Value) -> BTreeMap<&str, &Value> {
    let list = rule["subsets"].as_array().unwrap().iter();
    list.map(|subset| (subset["name"].as_str().unwrap(), &subset["labels"]))
        .collect()
}

/// Where a `VirtualService` sends a request with these headers: by the first route that matches, as
/// Istio and Envoy have it.
fn way(service: &Value, headers: &[(&str, &str)]) -> Option<(String, String)> {
    let of = |name: &str| {
        let found = headers.iter().find(|(header, _)| *header == name);
        found.map(|(_, value)| *value)
    };
    let fits = |one: &Value| {
        let mut with = one["headers"].as_object().into_iter().flatten();
        let mut without = one["withoutHeaders"].as_object().into_iter().flatten();
        with.all(|(name, wanted)| wanted["exact"].as_str() == of(name))
            && without.all(|(name, _)| of(name).is_none())
    };
    let matches = |route: &&Value| {
        let list = route["match"].as_array();
        list.is_none_or(|list| list.iter().any(fits))
    };
    let route = service["http"].as_array().unwrap().iter().find(matches)?;
    let destination = &route["route"][0]["destination"];
    let text = |key: &str| destination[key].as_str().unwrap_or_default().to_owned();
    Some((text("host"), text("subset")))
}

#[test]
fn each_choice_has_its_way_and_an_unknown_one_has_none() {
    let objects = objects(&demo(false), &Settings::new(lock()));
    let service = spec(&objects, "VirtualService", "landbridge-orders");
    let (cluster, backend) = ("x-landbridge-cluster", "x-landbridge-backend");
    let to = |subset: &str| Some((HOST.to_owned(), subset.to_owned()));
    assert_eq!(way(service, &[]), to(""));
    assert_eq!(way(service, &[(cluster, "euw1-a")]), to("euw1-a"));
    assert_eq!(way(service, &[(backend, "canary")]), to("canary"));
    let both = [(cluster, "use1-b"), (backend, "stable")];
    assert_eq!(way(service, &both), to("use1-b-stable"));
    assert_eq!(way(service, &[(cluster, "mars")]), None);
    assert_eq!(way(service, &[(cluster, "euw1-a"), (backend, "old")]), None);
    assert_eq!(
        way(service, &[(cluster, "mars"), (backend, "canary")]),
        None
    );
    // Every subset that a route leads to is there, with the labels that make it one.
    let subsets = subsets(spec(&objects, "DestinationRule", "landbridge-orders"));
    for route in service["http"].as_array().unwrap() {
        if let Some(subset) = route["route"][0]["destination"]["subset"].as_str() {
            assert!(subsets.contains_key(subset), "{subset}");
        }
    }
    let labels = json!({"topology.istio.io/cluster": "use1-b", "version": "stable"});
    assert_eq!(subsets["use1-b-stable"], &labels);
    let labels = json!({"topology.istio.io/cluster": "use1-b"});
    assert_eq!(subsets["use1-b"], &labels);
}

struct Nothing;

impl Surroundings for Nothing {
    fn cluster(&self) -> Option<String> {
        None
    }

    fn namespace(&self) -> Option<String> {
        None
    }

    fn label(&self, _: &str) -> Result<Option<String>, Unknown> {
        Ok(None)
    }
}

#[test]
fn the_filter_finds_its_clusters_by_the_names_of_subsets() {
    let objects = objects(&demo(false), &Settings::new(lock()));
    let config = spec(&objects, "WasmPlugin", "landbridge-locality")["pluginConfig"].to_string();
    let loaded = load_failover(config.as_bytes(), &Limits::default(), &Nothing);
    let loaded = loaded.unwrap_or_else(|found| panic!("{found:#?}"));
    let services = loaded.set.services();
    let upstreams: Vec<String> = services
        .flat_map(|(_, service)| service.candidates.iter().map(|c| c.upstream.to_string()))
        .collect();
    assert_eq!(upstreams.len(), 3);
    let subsets = subsets(spec(&objects, "DestinationRule", "landbridge-orders"));
    for upstream in upstreams {
        let parts: Vec<&str> = upstream.split('|').collect();
        assert_eq!((parts[0], parts[1], parts[3]), ("outbound", "8080", HOST));
        assert!(subsets.contains_key(parts[2]), "{upstream}");
    }
}

fn failover(service: &str, more: &str) -> String {
    format!(
        "{MESH}---
apiVersion: landbridge.dev/v1alpha1
kind: LocalityFailover
metadata: {{name: orders, namespace: edge}}
spec:
  services: [{{name: orders, {service}, clusters: [use1-a, euw1-a]}}]
{more}"
    )
}

#[test]
fn objects_are_where_every_client_finds_them_and_hosts_are_written_once() {
    let service_of = |hosts: &str| {
        let objects = objects(&failover(hosts, ""), &Settings::new(lock()));
        let found = objects.iter().find(|o| o.kind() == "VirtualService");
        found.unwrap().clone()
    };
    let hosts = "hosts: [orders.shop.svc.cluster.local, orders.shop, orders.example.com], port: 80";
    let service = service_of(hosts);
    assert_eq!(service.namespace(), "shop");
    let hosts = json!([HOST, "orders.example.com"]);
    assert_eq!(service.value["spec"]["hosts"], hosts);
    // Of a host that is no Kubernetes service, they are beside the policy.
    let service = service_of("hosts: [api.example.com], port: 443");
    let name = (service.namespace(), service.name());
    assert_eq!(name, ("edge", "landbridge-api-example-com"));
}

#[test]
fn retries_are_istios_only_where_they_are_not_the_filters() {
    let of = |more: &str| {
        let text = failover("hosts: [orders.shop.svc.cluster.local], port: 80", more);
        let objects = objects(&text, &Settings::new(lock()));
        spec(&objects, "VirtualService", "landbridge-orders")["http"].clone()
    };
    let own = of("");
    assert_eq!(own[0]["retries"], json!({"attempts": 0}));
    assert_eq!(own[2]["retries"], Value::Null, "the route without a choice");
    let istios = of("  retries: {attempts: 0}\n");
    assert_eq!(istios[0]["retries"], Value::Null);
}

#[test]
fn an_upstream_of_istios_form_names_the_subsets_and_another_has_none() {
    let of = |upstream: &str| {
        let service = format!("hosts: [orders], upstream: \"{upstream}\"");
        objects(&failover(&service, ""), &Settings::new(lock()))
    };
    let objects = of("outbound|80|v-{cluster}|orders.shop.svc.cluster.local");
    let subsets = subsets(spec(&objects, "DestinationRule", "landbridge-orders"));
    let names: Vec<&str> = subsets.into_keys().collect();
    assert_eq!(names, ["v-euw1-a", "v-use1-a"]);
    let objects = of("orders-{cluster}");
    assert!(objects.iter().all(|o| o.kind() != "VirtualService"));
}

#[test]
fn a_backend_may_be_another_host_or_have_other_labels() {
    let mut settings = Settings::new(lock());
    settings.routing.backend_label = Some("track".to_owned());
    let canary = "orders-canary.shop.svc.cluster.local".to_owned();
    settings.routing.backends = vec![BackendPlace {
        host: HOST.to_owned(),
        name: Name::new("canary").unwrap(),
        destination: Some(canary.clone()),
        labels: None,
    }];
    let objects = objects(&demo(false), &settings);
    let service = spec(&objects, "VirtualService", "landbridge-orders");
    let chosen = [
        ("x-landbridge-backend", "canary"),
        ("x-landbridge-cluster", "euw1-a"),
    ];
    let to = |subset: &str| Some((canary.clone(), subset.to_owned()));
    assert_eq!(way(service, &chosen), to("euw1-a"));
    assert_eq!(way(service, &chosen[..1]), to(""));
    // It has subsets of its own, and the other backend the label that was asked for.
    let rule = spec(&objects, "DestinationRule", "landbridge-orders-canary");
    assert_eq!(subsets(rule).len(), 3);
    let rule = spec(&objects, "DestinationRule", "landbridge-orders");
    assert_eq!(subsets(rule)["stable"], &json!({"track": "stable"}));
}
