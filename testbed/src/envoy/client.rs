//! The client sidecar: the outbound listener, a subset per cluster, and the
//! routes that choose one by `x-landbridge-cluster`.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::tls::{self, Material, Trust};
use super::{connection_manager, downstream_protocol, socket_address, thresholds};
use crate::net::{OUTBOUND_PORT, Place, SERVICE_PORT};
use crate::{ClusterSpec, HealthChecks, NativeFailover};

const HOST: &str = "orders.shop.svc.cluster.local";

/// A server sidecar, or a gateway before it, seen from a client.
pub(crate) struct Destination<'a> {
    pub(crate) cluster: &'a ClusterSpec,
    pub(crate) endpoints: Vec<SocketAddr>,
    /// Who it must prove to be.
    pub(crate) uri: String,
    /// Whether a route leads to it by `x-landbridge-cluster`.
    pub(crate) routed: bool,
}

/// What the outbound side is made of.
pub(crate) struct Outbound<'a> {
    pub(crate) home: &'a ClusterSpec,
    pub(crate) place: Place,
    pub(crate) material: &'a Material,
    pub(crate) trust: &'a Trust,
    pub(crate) destinations: &'a [Destination<'a>],
    pub(crate) health_checks: Option<&'a HealthChecks>,
    pub(crate) outlier_detection: Option<&'a Value>,
    pub(crate) native: Option<&'a NativeFailover>,
    pub(crate) filters: Vec<Value>,
    pub(crate) access_log: &'a str,
}

/// The outbound listener and its clusters.
pub(crate) fn outbound(parts: Outbound<'_>) -> (Value, Vec<Value>) {
    let ip = parts.place.listen;
    let clusters = parts.clusters();
    let manager = connection_manager(
        format!("outbound_{ip}_{OUTBOUND_PORT};"),
        routes(parts.destinations, parts.native),
        parts.filters,
        parts.access_log,
    );
    let listener = json!({
        "name": format!("{ip}_{OUTBOUND_PORT}"),
        "address": socket_address(ip, OUTBOUND_PORT),
        "filter_chains": [{
            "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": manager,
            }],
            "transport_socket_connect_timeout": "15s",
        }],
        "listener_filters_timeout": "0s",
        "traffic_direction": "OUTBOUND",
        "continue_on_listener_filters_timeout": true,
        "max_connections_to_accept_per_socket_event": 1,
    });
    (listener, clusters)
}

impl Outbound<'_> {
    fn clusters(&self) -> Vec<Value> {
        let mut clusters = subsets(self.material, self.trust, self.destinations);
        for cluster in &mut clusters {
            if let Some(checks) = self.health_checks {
                cluster["health_checks"] = checks.envoy(HOST);
            }
            if let Some(outliers) = self.outlier_detection {
                cluster["outlier_detection"] = outliers.clone();
            }
        }
        let mut all = subset("", self.material, self.trust, self.destinations);
        if let Some(native) = self.native {
            let known: Vec<_> = self
                .destinations
                .iter()
                .filter(|one| one.is_known())
                .collect();
            let specs: Vec<_> = known.iter().map(|one| one.cluster).collect();
            let priorities = NativeFailover::priorities(self.home, &specs);
            let localities = known.iter().zip(priorities).map(|(one, priority)| {
                let mut locality = locality(one);
                locality["priority"] = json!(priority);
                locality
            });
            all["load_assignment"]["endpoints"] = localities.collect();
            native.shape_cluster(&mut all, HOST);
        }
        clusters.push(all);
        clusters
    }
}

/// A subset of each cluster's own.
pub(super) fn subsets(
    material: &Material,
    trust: &Trust,
    destinations: &[Destination<'_>],
) -> Vec<Value> {
    let one = |one| {
        let Destination { cluster, .. }: &Destination<'_> = one;
        subset(&cluster.name, material, trust, std::slice::from_ref(one))
    };
    destinations.iter().map(one).collect()
}

fn cluster_name(subset: &str) -> String {
    format!("outbound|{SERVICE_PORT}|{subset}|{HOST}")
}

fn subset(
    name: &str,
    material: &Material,
    trust: &Trust,
    destinations: &[Destination<'_>],
) -> Value {
    let full = cluster_name(name);
    let sni = format!("outbound_.{SERVICE_PORT}_.{name}_.{HOST}");
    let uris: Vec<_> = destinations.iter().map(|one| one.uri.clone()).collect();
    let mut istio = json!({
        "config": "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/orders",
        "services": [{"namespace": "shop", "host": HOST, "name": HOST}],
    });
    if !name.is_empty() {
        istio["subset"] = json!(name);
    }
    let known = destinations.iter().filter(|one| one.is_known());
    let endpoints: Vec<_> = known.map(locality).collect();
    json!({
        "name": full,
        "type": "STATIC",
        "connect_timeout": "10s",
        "lb_policy": "LEAST_REQUEST",
        "circuit_breakers": thresholds(),
        "metadata": {"filter_metadata": {"istio": istio}},
        "common_lb_config": {"healthy_panic_threshold": {}},
        "alt_stat_name": format!("{full};"),
        "load_assignment": {"cluster_name": full, "endpoints": endpoints},
        "typed_extension_protocol_options": downstream_protocol(),
        "transport_socket": tls::upstream(material, trust, &uris, &sni),
    })
}

impl Destination<'_> {
    /// Whether it has endpoints.
    fn is_known(&self) -> bool {
        !self.endpoints.is_empty()
    }
}

/// A cluster's endpoints, with their place.
fn locality(destination: &Destination<'_>) -> Value {
    let ClusterSpec {
        name, region, zone, ..
    } = destination.cluster;
    let endpoint = |at: &SocketAddr| {
        json!({
            "endpoint": {"address": socket_address(at.ip(), at.port())},
            "load_balancing_weight": 1,
            "metadata": {"filter_metadata": {
                "envoy.transport_socket_match": {"tlsMode": "istio"},
                "istio": {"workload": format!("orders;shop;orders;latest;{name}")},
            }},
        })
    };
    let endpoints: Vec<_> = destination.endpoints.iter().map(endpoint).collect();
    json!({
        "locality": {"region": region, "zone": zone},
        // Istio's weight of a place is the sum of its endpoints'.
        "load_balancing_weight": endpoints.len(),
        "lb_endpoints": endpoints,
    })
}

fn routes(destinations: &[Destination<'_>], native: Option<&NativeFailover>) -> Value {
    let mut routes = chosen(destinations);
    let mut default = unchosen(route(""));
    if let Some(native) = native {
        native.shape_route(&mut default);
    }
    routes.push(default);
    json!({
        "name": SERVICE_PORT.to_string(),
        "virtual_hosts": [
            {
                "name": format!("{HOST}:{SERVICE_PORT}"),
                "domains": [HOST, format!("{HOST}."), "orders", "orders.shop.svc", "orders.shop"],
                "routes": routes,
                "include_request_attempt_count": true,
            },
            // Istio's REGISTRY_ONLY: there is no world outside.
            {
                "name": "block_all",
                "domains": ["*"],
                "routes": [{
                    "match": {"prefix": "/"},
                    "direct_response": {"status": 502},
                    "name": "block_all",
                }],
                "include_request_attempt_count": true,
            },
        ],
        "validate_clusters": false,
        "max_direct_response_body_size_bytes": 1_048_576,
        "ignore_port_in_host_matching": true,
    })
}

/// A route to each cluster, for who chooses it by `x-landbridge-cluster`.
pub(super) fn chosen(destinations: &[Destination<'_>]) -> Vec<Value> {
    let one = |one: &Destination<'_>| {
        let name = &one.cluster.name;
        let mut route = route(name);
        route["match"]["case_sensitive"] = json!(true);
        route["match"]["headers"] =
            json!([{"name": "x-landbridge-cluster", "string_match": {"exact": name}}]);
        route["name"] = json!(name);
        route
    };
    let routed = destinations.iter().filter(|one| one.routed);
    routed.map(one).collect()
}

/// A route for requests that choose no cluster: one that chooses an unknown one must not go
/// anywhere else.
pub(super) fn unchosen(mut route: Value) -> Value {
    route["match"]["headers"] =
        json!([{"name": "x-landbridge-cluster", "present_match": true, "invert_match": true}]);
    route
}

pub(super) fn route(subset: &str) -> Value {
    json!({
        "match": {"prefix": "/"},
        "route": {
            "cluster": cluster_name(subset),
            "timeout": "0s",
            "retry_policy": {
                "retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
                "num_retries": 2,
                "retry_host_predicate": [{
                    "name": "envoy.retry_host_predicates.previous_hosts",
                    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
                }],
                "host_selection_retry_max_attempts": "5",
            },
            "max_grpc_timeout": "0s",
        },
        "metadata": {"filter_metadata": {"istio": {
            "config": "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/orders",
        }}},
        "decorator": {"operation": format!("{HOST}:{SERVICE_PORT}/*")},
    })
}
