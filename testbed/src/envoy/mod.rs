//! Envoy's configuration, in the shapes that istiod gives it.

mod bootstrap;
mod client;
mod ecds;
mod gateway;
mod resource;
mod server;
mod service;
mod telemetry;
mod tls;
mod waypoint;

pub(crate) use bootstrap::{Node, bootstrap};
pub(crate) use client::{Destination, Outbound, outbound};
pub(crate) use ecds::{Ecds, http_filters};
pub(crate) use gateway::{Entry, gateway};
pub(crate) use resource::{Resource, judged};
pub(crate) use server::{Inbound, inbound};
pub use service::Service;
pub(crate) use service::fixed;
pub use telemetry::Telemetry;
pub(crate) use tls::{Material, Trust, upstream as upstream_tls};
pub(crate) use waypoint::{extensions as waypoint_extensions, waypoint};

use serde_json::{Value, json};

pub(crate) const TYPE: &str = "type.googleapis.com/";
/// The network filter that HTTP filters are in.
pub(crate) const MANAGER: &str = "envoy.filters.network.http_connection_manager";
pub(crate) const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
pub(crate) const RBAC: &str = "envoy.extensions.filters.http.rbac.v3.RBAC";

pub(crate) fn socket_address(ip: std::net::IpAddr, port: u16) -> Value {
    json!({"socket_address": {"address": ip.to_string(), "port_value": port}})
}

fn thresholds() -> Value {
    let most = u32::MAX;
    json!({"thresholds": [{
        "max_connections": most, "max_pending_requests": most,
        "max_requests": most, "max_retries": most,
    }]})
}

/// Tells TLS from plaintext on one port.
fn tls_inspector() -> Value {
    json!({
        "name": "envoy.filters.listener.tls_inspector",
        "typed_config": {
            "@type": format!("{TYPE}envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"),
            "initial_read_buffer_size": 512,
        },
    })
}

/// An upstream is spoken to as the caller speaks, so that gRPC stays HTTP/2.
pub(crate) fn downstream_protocol() -> Value {
    json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": format!("{TYPE}envoy.extensions.upstreams.http.v3.HttpProtocolOptions"),
        "common_http_protocol_options": {"idle_timeout": "300s"},
        "use_downstream_protocol_config": {
            "http_protocol_options": {},
            "http2_protocol_options": {},
        },
    }})
}

/// What inbound and outbound HTTP have in common.
pub(crate) fn connection_manager(
    stat_prefix: String,
    routes: Value,
    mut filters: Vec<Value>,
    access_log: &str,
) -> Value {
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": format!("{TYPE}envoy.extensions.filters.http.router.v3.Router")},
    }));
    json!({
        "@type": format!("{TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": stat_prefix,
        "route_config": routes,
        "http_filters": filters,
        "access_log": [{
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": format!("{TYPE}envoy.extensions.access_loggers.file.v3.FileAccessLog"),
                "path": access_log,
                "log_format": {"json_format": access_log_fields()},
            },
        }],
        "use_remote_address": false,
        "proxy_100_continue": true,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "stream_idle_timeout": "0s",
        "normalize_path": true,
        "request_id_extension": {"typed_config": {
            "@type": format!("{TYPE}envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig"),
            "use_request_id_for_trace_sampling": true,
        }},
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
    })
}

fn access_log_fields() -> Value {
    json!({
        "start_time": "%START_TIME%",
        "method": "%REQ(:METHOD)%",
        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "authority": "%REQ(:AUTHORITY)%",
        "protocol": "%PROTOCOL%",
        "response_code": "%RESPONSE_CODE%",
        "response_flags": "%RESPONSE_FLAGS%",
        "response_code_details": "%RESPONSE_CODE_DETAILS%",
        "duration": "%DURATION%",
        "downstream_peer_uri_san": "%DOWNSTREAM_PEER_URI_SAN%",
        "downstream_peer_issuer": "%DOWNSTREAM_PEER_ISSUER%",
        "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
        "peer_principal": "%FILTER_STATE(io.istio.peer_principal:PLAIN)%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "landbridge_decision": "%FILTER_STATE(wasm.landbridge_decision:PLAIN)%",
        "landbridge_locality": "%FILTER_STATE(wasm.landbridge_locality:PLAIN)%",
        "landbridge_shaping": "%FILTER_STATE(wasm.landbridge_shaping:PLAIN)%",
        "upstream_host": "%UPSTREAM_HOST%",
        "upstream_cluster": "%UPSTREAM_CLUSTER%",
        "upstream_request_attempt_count": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "route_name": "%ROUTE_NAME%",
    })
}
