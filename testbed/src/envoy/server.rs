//! The server sidecar: the inbound listener and the service behind it.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::tls::{self, Material, Trust};
use super::{TYPE, connection_manager, downstream_protocol, socket_address, thresholds};
use crate::PeerAuthentication;
use crate::net::{SERVICE_PORT, UPSTREAM_PORT};

/// What the inbound side is made of.
pub(crate) struct Inbound<'a> {
    pub(crate) ip: IpAddr,
    pub(crate) material: &'a Material,
    pub(crate) trust: &'a Trust,
    pub(crate) peer_authentication: PeerAuthentication,
    pub(crate) normalize_path: bool,
    pub(crate) filters: Vec<Value>,
    pub(crate) access_log: &'a str,
}

/// The inbound listener and cluster.
pub(crate) fn inbound(parts: Inbound<'_>) -> (Value, Value) {
    let Inbound {
        ip,
        material,
        trust,
        peer_authentication,
        normalize_path,
        filters,
        access_log,
    } = parts;
    let cluster = format!("inbound|{SERVICE_PORT}||");
    let routes = json!({
        "name": cluster,
        "virtual_hosts": [{
            "name": format!("inbound|http|{SERVICE_PORT}"),
            "domains": ["*"],
            "routes": [{
                "match": {"prefix": "/"},
                "route": {
                    "cluster": cluster,
                    "timeout": "0s",
                    "retry_policy": {"retry_on": "reset-before-request", "num_retries": 2},
                    "max_stream_duration": {
                        "max_stream_duration": "0s",
                        "grpc_timeout_header_max": "0s",
                    },
                },
                "decorator": {"operation": format!("orders.shop.svc.cluster.local:{SERVICE_PORT}/*")},
                "name": "default",
            }],
        }],
        "validate_clusters": false,
    });
    let mut manager = connection_manager(
        format!("inbound_{ip}_{SERVICE_PORT};"),
        routes,
        filters,
        access_log,
    );
    manager["normalize_path"] = json!(normalize_path);
    manager["server_name"] = json!("istio-envoy");
    manager["forward_client_cert_details"] = json!("APPEND_FORWARD");
    manager["set_current_client_cert_details"] = json!({"subject": true, "dns": true, "uri": true});
    let chain = |protocol: &str| {
        json!({
            "name": format!("{ip}_{SERVICE_PORT}_{protocol}"),
            "filter_chain_match": {
                "destination_port": SERVICE_PORT,
                "transport_protocol": protocol,
            },
            "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": manager,
            }],
        })
    };
    let mut secure = chain("tls");
    secure["transport_socket"] = tls::downstream(material, trust);
    let mut chains = vec![secure];
    if peer_authentication == PeerAuthentication::Permissive {
        chains.push(chain("raw_buffer"));
    }
    let listener = json!({
        "name": format!("{ip}_{SERVICE_PORT}"),
        "address": socket_address(ip, SERVICE_PORT),
        "filter_chains": chains,
        "listener_filters": [{
            "name": "envoy.filters.listener.tls_inspector",
            "typed_config": {
                "@type": format!("{TYPE}envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"),
                "initial_read_buffer_size": 512,
            },
        }],
        "listener_filters_timeout": "0s",
        "traffic_direction": "INBOUND",
        "continue_on_listener_filters_timeout": true,
        "max_connections_to_accept_per_socket_event": 1,
    });
    let service = json!({
        "name": cluster,
        "type": "STATIC",
        "connect_timeout": "10s",
        "circuit_breakers": thresholds(),
        "common_lb_config": {},
        "alt_stat_name": format!("{cluster};"),
        "load_assignment": {
            "cluster_name": cluster,
            "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": socket_address(ip, UPSTREAM_PORT)}},
            ]}],
        },
        "typed_extension_protocol_options": downstream_protocol(),
    });
    (listener, service)
}
