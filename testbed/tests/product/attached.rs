//! Other proxies than sidecars, and the other form of a plugin.

use landbridge_testbed::{Call, GatewayMode, Mesh, Side};
use serde_json::Value;

use crate::setup::{HOST, POLICIES, Shop, Trust, frontend, get};

/// The names of the HTTP filters of a proxy's listener, in order.
async fn filters(mesh: &Mesh, side: Side) -> Vec<String> {
    let path = "/config_dump?resource=dynamic_listeners";
    let dump = mesh.admin("use1-a", side, path).await.unwrap();
    let dump: Value = serde_json::from_str(&dump).unwrap();
    let mut found = Vec::new();
    collect(&dump, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for filter in map
                .get("http_filters")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                found.push(filter["name"].as_str().unwrap().to_owned());
            }
            map.values().for_each(|value| collect(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_traffic_extension_makes_the_same_chain() {
    let Some(shop) = Shop::new("product-forms", Trust::Own).await else {
        return;
    };
    let mut chains = Vec::new();
    for form in ["wasm-plugin", "traffic-extension"] {
        let manifests = shop.render(POLICIES, &format!("form: {form}"));
        let mesh = shop.bare(&manifests).start().await.unwrap();
        assert_eq!(
            mesh.call(get("use1-a", "/orders/1")).await.unwrap().status,
            200
        );
        assert_eq!(
            mesh.call(get("use1-a", "/other")).await.unwrap().status,
            403
        );
        chains.push((
            filters(&mesh, Side::Server).await,
            filters(&mesh, Side::Client).await,
        ));
    }
    let plain = |names: &[String]| {
        let plain = names
            .iter()
            .map(|name| name.replace("~istio-translated-wasmplugin", ""));
        plain.collect::<Vec<_>>()
    };
    let wasm =
        |name: &str| format!("extensions.istio.io/trafficextension/istio-system.landbridge-{name}");
    let own = [
        "envoy.filters.http.grpc_stats",
        "envoy.filters.http.fault",
        "envoy.filters.http.cors",
        "envoy.filters.http.router",
    ]
    .map(str::to_owned);
    let mut server = vec![
        "landbridge.issuer".to_owned(),
        wasm("authz"),
        wasm("shaping"),
    ];
    server.extend(own.clone());
    let mut client = vec![wasm("shaping-outbound"), wasm("locality")];
    client.extend(own);
    let [(of_plugin, out_of_plugin), (of_extension, out_of_extension)] = &chains[..] else {
        panic!("two forms");
    };
    assert_eq!((of_extension, out_of_extension), (&server, &client));
    assert_eq!((plain(of_plugin), plain(out_of_plugin)), (server, client));
    assert!(of_plugin[1].ends_with("~istio-translated-wasmplugin"));
}

const AT: &str = "
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: orders, namespace: NAMESPACE}
spec:
  target: {targetRefs: [TARGET]}
  rules:
  - {name: us, from: [{source: {regions: [us-east-1]}}]}
---
apiVersion: landbridge.dev/v1alpha1
kind: TrafficShaping
metadata: {name: orders, namespace: NAMESPACE}
spec:
  target: {targetRefs: [TARGET]}
  limits:
  - {name: few, key: [source.cluster], requests: [{to: [{operation: {paths: [/limited/*]}}]}], rate: 3/m, burst: 3}
";

fn at(namespace: &str, target: &str) -> String {
    AT.replace("NAMESPACE", namespace).replace("TARGET", target)
}

async fn judged(mesh: &Mesh, call: impl Fn(&str, &str) -> Call) {
    for (from, status) in [("use1-a", 200), ("use1-b", 200), ("euw1-a", 403)] {
        let reply = mesh.call(call(from, "/orders/1")).await.unwrap();
        assert_eq!(reply.status, status, "{from}: {}", reply.text());
    }
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(
            mesh.call(call("use1-b", "/limited/1"))
                .await
                .unwrap()
                .status,
        );
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    assert_eq!(
        mesh.call(call("use1-a", "/limited/1"))
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waypoint_is_reached_by_the_service_before_which_it_stands() {
    let Some(shop) = Shop::new("product-waypoint", Trust::Own).await else {
        return;
    };
    let manifests = shop.render(&at("shop", "{kind: Service, name: orders}"), "");
    let mesh = shop.bare(&manifests).waypoints().start().await.unwrap();
    let call = |from: &str, path: &str| Call::get(path).from(frontend(from)).to("use1-a");
    judged(&mesh, call).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_reached_by_its_name() {
    let Some(shop) = Shop::new("product-gateway", Trust::Own).await else {
        return;
    };
    let target = "{group: gateway.networking.k8s.io, kind: Gateway, name: gateway}";
    let manifests = shop.render(&at("istio-system", target), "");
    let builder = shop
        .bare(&manifests)
        .gateway("use1-a", GatewayMode::SanitizeSet);
    let mesh = builder.start().await.unwrap();
    let call = |from: &str, path: &str| {
        let call = Call::get(path).from(frontend(from));
        call.via_gateway("use1-a").host(HOST)
    };
    judged(&mesh, call).await;
    // The sidecars have nothing of it.
    let direct = Call::get("/orders/1").from(frontend("euw1-a")).to("use1-a");
    assert_eq!(mesh.call(direct).await.unwrap().status, 200);
}
