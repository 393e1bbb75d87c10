//! The client sidecar: the outbound listener, a subset per cluster, and the
//! routes that choose one by `x-landbridge-cluster`.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::tls::{self, Material, Trust};
use super::{connection_manager, downstream_protocol, socket_address, thresholds};
use crate::ClusterSpec;
use crate::net::{OUTBOUND_PORT, SERVICE_PORT};

const HOST: &str = "orders.shop.svc.cluster.local";

/// A server sidecar, seen from a client.
pub(crate) struct Destination<'a> {
    pub(crate) cluster: &'a ClusterSpec,
    pub(crate) ip: IpAddr,
    /// Who it must prove to be.
    pub(crate) uri: String,
}

/// The outbound listener and its clusters.
pub(crate) fn outbound(
    ip: IpAddr,
    material: &Material,
    trust: &Trust,
    destinations: &[Destination<'_>],
    filters: Vec<Value>,
    access_log: &str,
) -> (Value, Vec<Value>) {
    let manager = connection_manager(
        format!("outbound_{ip}_{OUTBOUND_PORT};"),
        routes(destinations),
        filters,
        access_log,
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
    let mut clusters = subsets(material, trust, destinations);
    clusters.push(subset("", material, trust, destinations));
    (listener, clusters)
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
    let endpoints: Vec<_> = destinations.iter().map(endpoint).collect();
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

fn endpoint(destination: &Destination<'_>) -> Value {
    let ClusterSpec {
        name, region, zone, ..
    } = destination.cluster;
    json!({
        "locality": {"region": region, "zone": zone},
        "load_balancing_weight": 1,
        "lb_endpoints": [{
            "endpoint": {"address": socket_address(destination.ip, SERVICE_PORT)},
            "load_balancing_weight": 1,
            "metadata": {"filter_metadata": {
                "envoy.transport_socket_match": {"tlsMode": "istio"},
                "istio": {"workload": format!("orders;shop;orders;latest;{name}")},
            }},
        }],
    })
}

fn routes(destinations: &[Destination<'_>]) -> Value {
    let mut routes = chosen(destinations);
    routes.push(route(""));
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
    destinations.iter().map(one).collect()
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
