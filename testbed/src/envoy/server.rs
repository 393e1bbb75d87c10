//! The server sidecar: the inbound listener and the service behind it.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use super::tls::{self, Material, Trust};
use super::{connection_manager, downstream_protocol, socket_address, thresholds, tls_inspector};
use crate::PeerAuthentication;
use crate::net::{Place, SERVICE_PORT, UPSTREAM_PORT};
use crate::upstream::ENDPOINT;

/// What the inbound side is made of.
pub(crate) struct Inbound<'a> {
    pub(crate) place: Place,
    pub(crate) material: &'a Material,
    pub(crate) trust: &'a Trust,
    pub(crate) peer_authentication: PeerAuthentication,
    pub(crate) normalize_path: bool,
    pub(crate) filters: Vec<Value>,
    pub(crate) access_log: &'a str,
    /// Where it takes requests, if it tells the service where it took each.
    pub(crate) endpoints: Option<&'a [SocketAddr]>,
}

/// The inbound listener, or one for each endpoint, and the cluster.
pub(crate) fn inbound(parts: Inbound<'_>) -> (Vec<Value>, Vec<Value>) {
    let Place { listen, beside, .. } = parts.place;
    let cluster = format!("inbound|{SERVICE_PORT}||");
    let listener = |ip: IpAddr, endpoint: Option<usize>| {
        let mut manager = parts.manager(&cluster);
        if let Some(endpoint) = endpoint {
            manager["route_config"]["request_headers_to_add"] = json!([{
                "header": {"key": ENDPOINT, "value": endpoint.to_string()},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }]);
        }
        let chain = json!([{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }]);
        parts.listener(&format!("{ip}_{SERVICE_PORT}"), ip, &chain)
    };
    let listeners = match parts.endpoints {
        None => vec![listener(listen, None)],
        Some(endpoints) => {
            let all = endpoints.iter().enumerate();
            all.map(|(number, at)| listener(at.ip(), Some(number)))
                .collect()
        }
    };
    (listeners, vec![service(&cluster, beside)])
}

impl Inbound<'_> {
    /// The connection manager: the filters, and the route to the service.
    pub(super) fn manager(&self, cluster: &str) -> Value {
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
            format!("inbound_{}_{SERVICE_PORT};", self.place.listen),
            routes,
            self.filters.clone(),
            self.access_log,
        );
        manager["normalize_path"] = json!(self.normalize_path);
        manager["server_name"] = json!("istio-envoy");
        manager["forward_client_cert_details"] = json!("APPEND_FORWARD");
        manager["set_current_client_cert_details"] =
            json!({"subject": true, "dns": true, "uri": true});
        manager
    }

    /// The listener that ends mTLS, and plaintext where that is let in.
    pub(super) fn listener(&self, name: &str, ip: IpAddr, filters: &Value) -> Value {
        let chain = |protocol: &str| {
            json!({
                "name": format!("{name}_{protocol}"),
                "filter_chain_match": {
                    "destination_port": SERVICE_PORT,
                    "transport_protocol": protocol,
                },
                "filters": filters,
            })
        };
        let mut secure = chain("tls");
        secure["transport_socket"] = tls::downstream(self.material, self.trust);
        let mut chains = vec![secure];
        if self.peer_authentication == PeerAuthentication::Permissive {
            chains.push(chain("raw_buffer"));
        }
        json!({
            "name": name,
            "address": socket_address(ip, SERVICE_PORT),
            "filter_chains": chains,
            "listener_filters": [tls_inspector()],
            "listener_filters_timeout": "0s",
            "traffic_direction": "INBOUND",
            "continue_on_listener_filters_timeout": true,
            "max_connections_to_accept_per_socket_event": 1,
        })
    }
}

/// The cluster of the service itself.
pub(super) fn service(cluster: &str, ip: IpAddr) -> Value {
    json!({
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
    })
}
