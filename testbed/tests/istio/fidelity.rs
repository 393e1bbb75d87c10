//! A real istiod 1.31 and the testbed's, given the same manifests.
//!
//! What differs, and why:
//!
//! - The agent's file: a module's digest is that of the image that was there. Its folder is compared
//!   (`src/istio/agent/cache.rs`).
//! - `allow_any`: the testbed's meshes know their services only (`REGISTRY_ONLY`), so that a request
//!   that is routed nowhere is seen to be.
//! - Where filters and endpoints come from: istiod streams both; the testbed writes files. Here both
//!   still say `ads`, since files come after this (`src/delivery.rs`).
//! - Listeners beside their HTTP filters, mTLS and the inbound cluster: those are the testbed's
//!   (`src/envoy`), for its certificates are files.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;

use landbridge_testbed::istio::{Control, Endpoint, Kind, Manifests, Recipient, ServiceEntry, Xds};
use landbridge_testbed::workspace;
use serde_json::Value;

const ORDERS: &str = "orders.shop.svc.cluster.local";

fn fixture(name: &str) -> String {
    let folder = workspace().join("testbed/tests/fixtures/istio-1.31");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// What the real one made.
fn real() -> Value {
    serde_json::from_str(&fixture("sidecar.json")).unwrap()
}

/// The services that the real one had as `ServiceEntry` and `WorkloadEntry`.
fn services() -> Vec<ServiceEntry> {
    let endpoint = |cluster: &str, address: &str, place: (&str, &str)| Endpoint {
        address: address.parse::<SocketAddr>().unwrap(),
        labels: BTreeMap::from([
            ("app".to_owned(), "orders".to_owned()),
            ("topology.istio.io/cluster".to_owned(), cluster.to_owned()),
        ]),
        region: place.0.to_owned(),
        zone: place.1.to_owned(),
    };
    let service = |host: &str, address: &str, endpoints| ServiceEntry {
        host: host.to_owned(),
        namespace: "shop".to_owned(),
        port: 80,
        addresses: vec![address.to_owned()],
        endpoints,
    };
    let orders = vec![
        endpoint("use1-a", "127.0.0.11:18081", ("us-east-1", "us-east-1a")),
        endpoint("euw1-a", "127.0.0.12:18082", ("eu-west-1", "eu-west-1a")),
    ];
    vec![
        service("frontend.shop.svc.cluster.local", "240.0.0.11", Vec::new()),
        service(ORDERS, "240.0.0.10", orders),
    ]
}

fn ours(manifests: &str) -> Xds {
    let manifests = Manifests::parse(manifests).unwrap();
    let control = Control::new("istio-system", &manifests, services()).unwrap();
    let frontend = Recipient::new(Kind::Sidecar, "shop", [("app", "frontend")]);
    control.xds(&frontend, 80)
}

fn by_name(list: &Value) -> BTreeMap<String, Value> {
    let named = |value: &Value| (value["name"].as_str().unwrap().to_owned(), value.clone());
    list.as_array().unwrap().iter().map(named).collect()
}

#[test]
fn filters_are_the_same_in_the_same_order() {
    let (real, ours) = (real(), ours(&fixture("manifests.yaml")));
    assert_eq!(Value::from(ours.inbound), real["inbound_filters"]);
    assert_eq!(Value::from(ours.outbound), real["outbound_filters"]);
}

#[test]
fn plugins_are_configured_the_same() {
    let (mut real, ours) = (by_name(&real()["ecds"]), ours(&fixture("manifests.yaml")));
    let mut ours = by_name(&Value::from(ours.ecds));
    for plugin in real.values_mut().chain(ours.values_mut()) {
        let vm = &mut plugin["typed_config"]["config"]["vm_config"];
        let code = vm.as_object_mut().unwrap().remove("code").unwrap();
        assert!(code.get("local").is_some() || code.get("remote").is_some());
    }
    assert_eq!(ours, real);
}

#[test]
fn routes_are_the_same_in_the_same_order() {
    let (real, ours) = (real(), ours(&fixture("manifests.yaml")));
    let real = &real["routes"][0];
    let otherwise = real["virtual_hosts"].as_array().unwrap().last().unwrap();
    assert_eq!(otherwise["name"], "allow_any");
    assert_eq!(&ours.route_configuration(80, otherwise.clone()), real);
}

#[test]
fn clusters_are_the_same() {
    let (real, ours) = (real(), ours(&fixture("manifests.yaml")));
    let ours = by_name(&Value::from(ours.clusters));
    assert_eq!(ours, by_name(&real["clusters"]));
    assert!(ours.contains_key(&format!("outbound|80|use1-a|{ORDERS}")));
}

#[test]
fn a_traffic_extension_is_the_plugin_without_the_mark() {
    let plugin = ours(&fixture("manifests.yaml"));
    let (mut manifests, mut count) = (String::new(), 0);
    for document in fixture("manifests.yaml").split("---\n") {
        manifests.push_str("---\n");
        if document.contains("kind: WasmPlugin") {
            count += 1;
            let nested = |line: &str| {
                let wasm = ["  url:", "  failStrategy:", "  pluginConfig:"];
                wasm.iter().any(|field| line.starts_with(field))
            };
            let (wasm, other): (Vec<_>, Vec<_>) = document.lines().partition(|line| nested(line));
            let other = other
                .join("\n")
                .replace("kind: WasmPlugin", "kind: TrafficExtension");
            manifests.push_str(&format!("{other}\n  wasm:\n  {}\n", wasm.join("\n  ")));
        } else {
            manifests.push_str(document);
        }
    }
    assert_eq!(count, 2);
    let extension = ours(&manifests);
    let text = |xds: &Xds| {
        let parts = [&xds.inbound, &xds.outbound, &xds.ecds];
        format!("{parts:?}")
    };
    let mark = "~istio-translated-wasmplugin";
    assert!(!text(&extension).contains(mark));
    assert_eq!(text(&extension), text(&plugin).replace(mark, ""));
}
