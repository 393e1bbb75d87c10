//! What has no field in Istio's own API: `EnvoyFilter`.

use crate::object::Object;
use crate::settings::{HostPort, Part};
use serde_json::{Value, json};

const API: (&str, &str) = ("networking.istio.io/v1alpha3", "EnvoyFilter");
const TYPE: &str = "type.googleapis.com/";
/// The filters of an HTTP connection, in Envoy's words.
const HTTP: &str = "envoy.filters.network.http_connection_manager";
/// How long a connection to the rate-limit service may take to come about.
const CONNECT_TIMEOUT: &str = "1s";

/// What keeps, for the filters, what Envoy tells no Wasm filter: who issued the caller's
/// certificate, and the address that its connection comes from. It stands first, before them all.
/// Only where requests arrive: where they leave a sidecar, the caller is its own workload.
pub(crate) fn issuer(namespace: &str) -> Object {
    let kept = |key: &str, what: &str| {
        json!({
            "object_key": key,
            "factory_key": "envoy.string",
            "format_string": {"text_format_source": {"inline_string": what}},
        })
    };
    let filter = json!({
        "name": "landbridge.issuer",
        "typed_config": {
            "@type": format!("{TYPE}envoy.extensions.filters.http.set_filter_state.v3.Config"),
            "on_request_headers": [
                kept("landbridge.peer_issuer", "%DOWNSTREAM_PEER_ISSUER%"),
                kept("landbridge.source_ip", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"),
            ],
        },
    });
    let patch = |context: &str| {
        json!({
            "applyTo": "HTTP_FILTER",
            "match": {
                "context": context,
                "listener": {"filterChain": {"filter": {"name": HTTP}}},
            },
            "patch": {"operation": "INSERT_FIRST", "value": filter},
        })
    };
    let patches: Vec<Value> = ["SIDECAR_INBOUND", "GATEWAY"].map(patch).into();
    let spec = json!({"configPatches": patches});
    Object::new(
        Part::EnvoyFilters,
        API,
        (namespace, "landbridge-issuer"),
        spec,
    )
}

/// The Envoy clusters, by these names, that lead to a rate-limit service of which Istio knows
/// nothing. Without TLS: for a service in the mesh, policies write the name that Istio gives it.
pub(crate) fn rate_limit<'a>(
    namespace: &str,
    names: impl Iterator<Item = &'a str>,
    service: &HostPort,
) -> Object {
    let one = |name: &str| {
        json!({
            "name": name,
            "type": "STRICT_DNS",
            "connect_timeout": CONNECT_TIMEOUT,
            "lb_policy": "ROUND_ROBIN",
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": format!("{TYPE}envoy.extensions.upstreams.http.v3.HttpProtocolOptions"),
                    "explicit_http_config": {"http2_protocol_options": {}},
                },
            },
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {
                    "socket_address": {"address": service.host, "port_value": service.port},
                }}}]}],
            },
        })
    };
    // Envoy has one set of clusters for all listeners: those of outbound listeners serve inbound
    // ones as well, and to add them for both would be once too often.
    let patch = |context: &str, name: &str| {
        json!({
            "applyTo": "CLUSTER",
            "match": {"context": context},
            "patch": {"operation": "ADD", "value": one(name)},
        })
    };
    let contexts = ["SIDECAR_OUTBOUND", "GATEWAY"];
    let patches: Vec<Value> = names
        .flat_map(|name| contexts.map(|context| patch(context, name)))
        .collect();
    let spec = json!({"configPatches": patches});
    Object::new(
        Part::EnvoyFilters,
        API,
        (namespace, "landbridge-rate-limit"),
        spec,
    )
}
