//! Clusters that lead to one address, and are there from the start.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{TYPE, socket_address, thresholds};

/// A service beside the mesh's own, e.g. one that filters call out to, under the name that they have
/// for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The cluster's name.
    pub name: String,
    /// Where it listens: HTTP/2 without TLS.
    pub address: SocketAddr,
}

impl Service {
    /// A service at an address.
    pub fn new(name: &str, address: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            address,
        }
    }

    pub(crate) fn cluster(&self) -> Value {
        let mut cluster = fixed(&self.name, self.address);
        cluster["circuit_breakers"] = thresholds();
        cluster["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": format!("{TYPE}envoy.extensions.upstreams.http.v3.HttpProtocolOptions"),
                "explicit_http_config": {"http2_protocol_options": {}},
            },
        });
        cluster
    }
}

/// A cluster of one endpoint, spoken to in HTTP/1.1.
pub(crate) fn fixed(name: &str, address: SocketAddr) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "0.250s",
        "lb_policy": "ROUND_ROBIN",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": socket_address(address.ip(), address.port())}},
            ]}],
        },
    })
}
