//! A gateway: it ends its callers' mTLS, takes plaintext too, and calls the service as itself. Who called it goes into
//! `x-forwarded-client-cert`, or does not, as its mode says.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::client::{self, Destination};
use super::tls::{self, Material, Trust};
use super::{connection_manager, socket_address, tls_inspector};
use crate::GatewayMode;
use crate::net::GATEWAY_PORT;

/// What a gateway is made of.
pub(crate) struct Entry<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) ip: IpAddr,
    pub(crate) material: &'a Material,
    pub(crate) trust: &'a Trust,
    pub(crate) mode: GatewayMode,
    /// The roots (PEM) of its clients, where their names do not matter.
    pub(crate) roots: Option<&'a str>,
    pub(crate) destinations: &'a [Destination<'a>],
    pub(crate) filters: Vec<Value>,
    pub(crate) access_log: &'a str,
}

/// Its listener and its clusters. Requests go to the service of its own cluster, unless
/// `x-landbridge-cluster`, which a filter of its own may set, says another; that header goes no further.
pub(crate) fn gateway(parts: Entry<'_>) -> (Value, Vec<Value>) {
    let Entry { ip, mode, .. } = parts;
    let mut routes = client::chosen(parts.destinations);
    routes.push(client::unchosen(client::route(parts.cluster)));
    let name = format!("http.{GATEWAY_PORT}");
    let routes = json!({
        "name": name,
        "virtual_hosts": [{
            "name": format!("*:{GATEWAY_PORT}"),
            "domains": ["*"],
            "routes": routes,
            "include_request_attempt_count": true,
        }],
        "request_headers_to_remove": ["x-landbridge-cluster"],
        "validate_clusters": false,
    });
    let mut manager = connection_manager(
        format!("outbound_{ip}_{GATEWAY_PORT};"),
        routes,
        parts.filters,
        parts.access_log,
    );
    manager["use_remote_address"] = json!(true);
    manager["server_name"] = json!("istio-envoy");
    manager["forward_client_cert_details"] = json!(mode.envoy());
    manager["set_current_client_cert_details"] = json!({"subject": true, "uri": true});
    let chain = |protocol: &str| {
        json!({
            "name": protocol,
            "filter_chain_match": {"transport_protocol": protocol},
            "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": manager,
            }],
        })
    };
    let mut secure = chain("tls");
    secure["transport_socket"] = match parts.roots {
        None => tls::downstream(parts.material, parts.trust),
        Some(roots) => tls::downstream_of_any_name(parts.material, roots),
    };
    let listener = json!({
        "name": format!("{ip}_{GATEWAY_PORT}"),
        "address": socket_address(ip, GATEWAY_PORT),
        "filter_chains": [secure, chain("raw_buffer")],
        "listener_filters": [tls_inspector()],
        "traffic_direction": "OUTBOUND",
    });
    let clusters = client::subsets(parts.material, parts.trust, parts.destinations);
    (listener, clusters)
}
