//! The services that istiod knows, as a `Service` or a `ServiceEntry` tells it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A service with its endpoints, in every cluster of the mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceEntry {
    /// Its host, `NAME.NAMESPACE.svc.cluster.local`.
    pub host: String,
    /// Its namespace.
    pub namespace: String,
    /// The port that clients call.
    pub port: u16,
    /// Its virtual addresses, by which a client may call it too.
    pub addresses: Vec<String>,
    /// Who serves.
    pub endpoints: Vec<Endpoint>,
}

/// One that serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    /// The labels of its pod, and those that Istio adds: `topology.istio.io/cluster` and so on.
    pub labels: BTreeMap<String, String>,
    /// Its region.
    pub region: String,
    /// Its zone.
    pub zone: String,
}

impl ServiceEntry {
    /// The names by which clients in a namespace may call it.
    pub(crate) fn domains(&self, namespace: &str) -> Vec<String> {
        let host = &self.host;
        let mut domains = vec![host.clone(), format!("{host}.")];
        let short: Vec<_> = host.split('.').collect();
        if let [name, own, "svc", "cluster", "local"] = short[..] {
            if own == namespace {
                domains.push(name.to_owned());
            }
            domains.push(format!("{name}.{own}.svc"));
            domains.push(format!("{name}.{own}"));
        }
        domains.extend(self.addresses.iter().cloned());
        domains
    }

    /// The name of the Envoy cluster of a subset, or with `""` of all endpoints.
    pub(crate) fn cluster(&self, subset: &str) -> String {
        cluster_name(self.port, subset, &self.host)
    }
}

pub(crate) fn cluster_name(port: u16, subset: &str, host: &str) -> String {
    format!("outbound|{port}|{subset}|{host}")
}

/// The host that a name in an object of a namespace means: short ones are completed.
pub(crate) fn full_host(name: &str, namespace: &str) -> String {
    match name.split('.').collect::<Vec<_>>()[..] {
        [short] => format!("{short}.{namespace}.svc.cluster.local"),
        _ => name.to_owned(),
    }
}
