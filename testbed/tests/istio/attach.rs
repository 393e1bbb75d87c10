//! Which plugins a proxy has, and in what order: Istio's rules, also those that surprise.

use landbridge_testbed::istio::{Control, Kind, Manifests, Recipient, Xds};

const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

fn plugin(name: &str, namespace: &str, more: &str) -> String {
    format!(
        "---\napiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\n\
         metadata: {{name: {name}, namespace: {namespace}}}\n\
         spec: {{wasm: {{url: oci://registry.example/{name}:1}}, {more}}}\n"
    )
}

fn xds(manifests: &str, proxy: &Recipient) -> Xds {
    let manifests = Manifests::parse(manifests).unwrap();
    Control::new("istio-system", &manifests, Vec::new())
        .unwrap()
        .xds(proxy, 8080)
}

/// The short names of a chain's filters.
fn names(filters: &[serde_json::Value]) -> Vec<&str> {
    let short =
        |filter: &'_ serde_json::Value| -> String { filter["name"].as_str().unwrap().to_owned() };
    filters
        .iter()
        .map(|filter| {
            let name = filter["name"].as_str().unwrap();
            debug_assert_eq!(name, short(filter));
            name.rsplit('.').next().unwrap()
        })
        .collect()
}

fn orders() -> Recipient {
    Recipient::new(Kind::Sidecar, "shop", [("app", "orders")])
}

fn gateway() -> Recipient {
    Recipient::new(Kind::Gateway, "edge", [(GATEWAY_NAME, "public")])
}

fn waypoint() -> Recipient {
    let before = vec![("shop".to_owned(), "orders".to_owned())];
    Recipient::new(Kind::Waypoint(before), "shop", [(GATEWAY_NAME, "waypoint")])
}

const TAIL: [&str; 4] = ["grpc_stats", "fault", "cors", "router"];

#[test]
fn phases_come_in_istios_order_and_within_one_the_highest_priority_first() {
    let manifests = [
        plugin("none", "istio-system", ""),
        plugin("stats", "istio-system", "phase: STATS"),
        plugin("authz-unset", "istio-system", "phase: AUTHZ"),
        plugin("authz-5", "istio-system", "phase: AUTHZ, priority: 5"),
        plugin("authz-10", "istio-system", "phase: AUTHZ, priority: 10"),
        plugin("authz-below", "istio-system", "phase: AUTHZ, priority: -1"),
        plugin("authn", "istio-system", "phase: AUTHN, priority: -7"),
    ]
    .concat();
    let wasm = [
        "authn",
        "authz-10",
        "authz-5",
        "authz-below",
        "authz-unset",
        "stats",
        "none",
    ];
    let xds = xds(&manifests, &orders());
    assert_eq!(names(&xds.inbound), [&wasm[..], &TAIL[..]].concat());
    assert_eq!(names(&xds.outbound), [&wasm[..], &TAIL[..]].concat());
}

#[test]
fn a_waypoint_has_what_tells_behind_istios_own() {
    let targets = "targetRefs: [{kind: Service, name: orders}]";
    let manifests = [
        plugin("authz", "shop", &format!("phase: AUTHZ, {targets}")),
        plugin("stats", "shop", &format!("phase: STATS, {targets}")),
    ]
    .concat();
    let xds = xds(&manifests, &waypoint());
    let order = ["authz", "grpc_stats", "fault", "cors", "stats", "router"];
    assert_eq!(names(&xds.inbound), order);
    assert!(xds.outbound.is_empty());
}

/// Which of these plugins a proxy has.
fn attached(proxy: &Recipient) -> Vec<String> {
    let gateway_ref = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: ";
    let manifests = [
        plugin("everywhere", "istio-system", ""),
        plugin("of-shop", "shop", ""),
        plugin("of-bank", "bank", ""),
        plugin("by-label", "istio-system", "selector: {matchLabels: {app: orders}}"),
        plugin("by-other-label", "shop", "selector: {matchLabels: {app: frontend}}"),
        plugin("by-gateway", "edge", &format!("{gateway_ref}public}}]")),
        plugin("by-other-gateway", "edge", &format!("{gateway_ref}private}}]")),
        plugin("by-gateway-of-root", "istio-system", &format!("{gateway_ref}public}}]")),
        plugin("by-waypoint", "shop", &format!("{gateway_ref}waypoint}}]")),
        plugin("by-service", "shop", "targetRefs: [{kind: Service, name: orders}]"),
        plugin("by-other-service", "shop", "targetRefs: [{kind: Service, name: carts}]"),
        plugin(
            "by-class",
            "istio-system",
            "targetRefs: [{group: gateway.networking.k8s.io, kind: GatewayClass, name: istio-waypoint}]",
        ),
        plugin("when-serving", "istio-system", "match: [{mode: SERVER}]"),
        plugin("when-calling", "istio-system", "match: [{mode: CLIENT}]"),
        plugin("at-port", "istio-system", "match: [{ports: [{number: 8080}]}]"),
        plugin("at-other-port", "istio-system", "match: [{ports: [{number: 81}]}]"),
    ]
    .concat();
    let xds = xds(&manifests, proxy);
    let mut resources: Vec<_> = xds
        .ecds
        .iter()
        .map(|resource| {
            let name = resource["name"].as_str().unwrap();
            name.rsplit('.').next().unwrap().to_owned()
        })
        .collect();
    resources.sort();
    resources
}

#[test]
fn a_sidecar_ignores_what_has_targets() {
    assert_eq!(
        attached(&orders()),
        [
            "at-port",
            "by-label",
            "everywhere",
            "of-shop",
            "when-calling",
            "when-serving"
        ]
    );
}

#[test]
fn a_gateway_has_what_names_it_in_its_namespace_and_counts_as_a_client() {
    assert_eq!(
        attached(&gateway()),
        ["at-port", "by-gateway", "everywhere", "when-calling"]
    );
}

#[test]
fn a_waypoint_has_only_what_names_it_or_its_service() {
    assert_eq!(
        attached(&waypoint()),
        ["by-class", "by-service", "by-waypoint"]
    );
}

#[test]
fn a_waypoint_never_has_what_matches_clients_or_ports() {
    let with = |more: &str| {
        let target = "targetRefs: [{kind: Service, name: orders}]";
        let xds = xds(
            &plugin("it", "shop", &format!("{target}, {more}")),
            &waypoint(),
        );
        xds.ecds.len()
    };
    assert_eq!(with("match: [{mode: SERVER}]"), 1);
    assert_eq!(with("match: [{mode: CLIENT}]"), 0);
    assert_eq!(with("match: [{ports: [{number: 8080}]}]"), 0);
}

fn patch(name: &str, namespace: &str, context: &str, place: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\n\
         metadata: {{name: {name}, namespace: {namespace}}}\n\
         spec:\n  configPatches:\n  - applyTo: HTTP_FILTER\n    \
         match: {{context: {context}, listener: {{filterChain: {{filter: \
         {{name: envoy.filters.network.http_connection_manager{}}}}}}}}}\n    \
         patch: {{operation: {}, value: {{name: patched.{name}}}}}\n",
        place.split_once(' ').map_or(String::new(), |(_, beside)| {
            format!(", subFilter: {{name: envoy.filters.http.{beside}}}")
        }),
        place.split(' ').next().unwrap(),
    )
}

#[test]
fn patches_go_where_they_say() {
    let manifests = [
        plugin("authz", "istio-system", "phase: AUTHZ"),
        patch("first", "istio-system", "SIDECAR_INBOUND", "INSERT_FIRST"),
        patch(
            "last",
            "istio-system",
            "SIDECAR_INBOUND",
            "INSERT_BEFORE router",
        ),
        patch("after", "istio-system", "ANY", "INSERT_AFTER fault"),
        patch("nowhere", "istio-system", "ANY", "INSERT_BEFORE lua"),
        patch(
            "outbound",
            "istio-system",
            "SIDECAR_OUTBOUND",
            "INSERT_FIRST",
        ),
        patch("of-bank", "bank", "ANY", "INSERT_FIRST"),
    ]
    .concat();
    let found = xds(&manifests, &orders());
    assert_eq!(
        names(&found.inbound),
        [
            "first",
            "authz",
            "grpc_stats",
            "fault",
            "after",
            "cors",
            "last",
            "router"
        ]
    );
    assert_eq!(
        names(&found.outbound),
        [
            "outbound",
            "authz",
            "grpc_stats",
            "fault",
            "after",
            "cors",
            "router"
        ]
    );
    // One without a selector, in the root namespace, is for waypoints only where it has targets.
    let waypoint = xds(&manifests, &waypoint());
    assert_eq!(names(&waypoint.inbound), TAIL);
}
