//! A server in the form of Istio's waypoint: one listener ends mTLS and keeps who called as filter
//! state, and another, inside the same Envoy, has the HTTP filters. Those see a connection without
//! TLS.
//!
//! In Istio, what is inside the first listener's mTLS is HBONE (`CONNECT`); here it is the request
//! itself. What the second listener is told is the same, by the same means: filter state that is
//! shared with the upstream once, over an internal address.

use serde_json::{Value, json};

use super::TYPE;
use super::server::{self, Inbound};
use crate::net::{Place, SERVICE_PORT};

const INTERNAL: &str = "main_internal";

/// Both listeners, and both clusters: the internal one, and that of the service.
pub(crate) fn waypoint(parts: Inbound<'_>) -> (Vec<Value>, Vec<Value>) {
    let Place { listen, beside, .. } = parts.place;
    let cluster = format!("inbound-vip|{SERVICE_PORT}|http|orders.shop.svc.cluster.local");
    let outer = parts.listener("connect_terminate", listen, &json!([tell(), forward()]));
    let inner = json!({
        "name": INTERNAL,
        "internal_listener": {},
        "listener_filters": [{
            // Where the request was sent to, and from where: an internal address is neither.
            "name": "envoy.filters.listener.original_dst",
            "typed_config": {"@type": format!("{TYPE}envoy.extensions.filters.listener.original_dst.v3.OriginalDst")},
        }],
        "filter_chains": [{
            "name": cluster,
            "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": parts.manager(&cluster),
            }],
        }],
        "traffic_direction": "INBOUND",
    });
    let internal = json!({
        "name": INTERNAL,
        "type": "STATIC",
        "connect_timeout": "10s",
        "load_assignment": {
            "cluster_name": INTERNAL,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {
                "envoy_internal_address": {"server_listener_name": INTERNAL},
            }}}]}],
        },
        "transport_socket": {
            "name": "envoy.transport_sockets.internal_upstream",
            "typed_config": {
                "@type": format!("{TYPE}envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport"),
                "transport_socket": {
                    "name": "envoy.transport_sockets.raw_buffer",
                    "typed_config": {"@type": format!("{TYPE}envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer")},
                },
            },
        },
    });
    (
        vec![outer, inner],
        vec![internal, server::service(&cluster, beside)],
    )
}

/// What the bootstrap needs for an internal listener.
pub(crate) fn extensions() -> Vec<Value> {
    vec![json!({
        "name": "envoy.bootstrap.internal_listener",
        "typed_config": {"@type": format!("{TYPE}envoy.extensions.bootstrap.internal_listener.v3.InternalListener")},
    })]
}

/// Keeps who called. Before the handshake there is nobody, so both filters wait for its end.
fn tell() -> Value {
    let keep = |key: &str, factory: Option<&str>, format: &str| {
        let mut value = json!({
            "object_key": key,
            "format_string": {"text_format_source": {"inline_string": format}},
            "shared_with_upstream": "ONCE",
        });
        if let Some(factory) = factory {
            value["factory_key"] = json!(factory);
        }
        value
    };
    let text = Some("envoy.string");
    let original = "envoy.filters.listener.original_dst";
    json!({
        "name": "connect_authority",
        "typed_config": {
            "@type": format!("{TYPE}envoy.extensions.filters.network.set_filter_state.v3.Config"),
            "on_downstream_tls_handshake": [
                keep("io.istio.peer_principal", text, "%DOWNSTREAM_PEER_URI_SAN%"),
                keep("io.istio.local_principal", text, "%DOWNSTREAM_LOCAL_URI_SAN%"),
                keep(&format!("{original}.local_ip"), None, "%DOWNSTREAM_LOCAL_ADDRESS%"),
                keep(&format!("{original}.remote_ip"), None, "%DOWNSTREAM_REMOTE_ADDRESS%"),
                // Landbridge's own, for clusters that are told apart by their issuer.
                keep("landbridge.peer_issuer", text, "%DOWNSTREAM_PEER_ISSUER%"),
            ],
        },
    })
}

fn forward() -> Value {
    json!({
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": format!("{TYPE}envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"),
            "stat_prefix": INTERNAL,
            "cluster": INTERNAL,
            "idle_timeout": "0s",
            "upstream_connect_mode": "ON_DOWNSTREAM_TLS_HANDSHAKE",
            "max_early_data_bytes": 0,
        },
    })
}
