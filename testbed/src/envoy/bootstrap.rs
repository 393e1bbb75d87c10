//! The bootstrap of one Envoy: who it is, where it is administered, how its
//! metrics get their labels.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Service, fixed, socket_address};
use crate::ClusterSpec;
use crate::net::Place;

/// Whose Envoy it is.
pub(crate) struct Node<'a> {
    pub(crate) cluster: &'a ClusterSpec,
    pub(crate) place: Place,
    /// What Istio calls such a proxy: `sidecar`, `router`, `waypoint`.
    pub(crate) kind: &'a str,
    pub(crate) namespace: &'a str,
    /// The workload's `app` label and service account.
    pub(crate) app: &'a str,
    pub(crate) admin_port: u16,
    /// What it can call besides.
    pub(crate) services: &'a [Service],
}

pub(crate) fn bootstrap(node: &Node<'_>, listeners: &[Value], clusters: &[Value]) -> Value {
    let Node {
        cluster,
        place,
        kind,
        namespace,
        app,
        admin_port,
        services,
    } = node;
    // As Istio makes them of `extraStatTags`.
    let mut tags: Vec<_> = landbridge_istio::STAT_TAGS
        .iter()
        .map(|tag| json!({"tag_name": tag, "regex": format!(r"({tag}=\.=(.*?);\.;)")}))
        .collect();
    // Names that hold dots end in `;`, as Istio's do: Envoy's own tags would
    // cut them at the first dot and leave the rest in the metric's name.
    for (tag, kind) in [
        ("cluster_name", "cluster"),
        ("http_conn_manager_prefix", "http"),
    ] {
        tags.push(json!({"tag_name": tag, "regex": format!(r"^{kind}\.((.+?);\.)")}));
    }
    let mut clusters = clusters.to_vec();
    clusters.extend(services.iter().map(Service::cluster));
    // The Envoy's own admin interface, which every proxy of Istio's has for its metrics.
    let admin = SocketAddr::new(place.beside, *admin_port);
    clusters.push(fixed("prometheus_stats", admin));
    let ip = place.ip;
    let mut bootstrap = json!({
        "node": {
            "id": format!("{kind}~{ip}~{app}-{}.{namespace}~{namespace}.svc.cluster.local", cluster.name),
            "cluster": format!("{app}.{namespace}"),
            "locality": {"region": cluster.region, "zone": cluster.zone},
            "metadata": {
                "CLUSTER_ID": cluster.name,
                "NAMESPACE": namespace,
                "MESH_ID": "mesh.example",
                "NETWORK": cluster.network,
                "SERVICE_ACCOUNT": app,
                "WORKLOAD_NAME": app,
                "NAME": format!("{app}-{}", cluster.name),
                "INSTANCE_IPS": ip.to_string(),
                "LABELS": {
                    "app": app,
                    "topology.istio.io/cluster": cluster.name,
                    "topology.istio.io/network": cluster.network,
                },
            },
        },
        "admin": {"address": socket_address(place.listen, *admin_port)},
        "stats_config": {"use_all_default_tags": true, "stats_tags": tags},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    });
    if let Some(source) = place.source {
        bootstrap["cluster_manager"] = json!({"upstream_bind_config": {
            "source_address": {"address": source.to_string(), "port_value": 0},
        }});
    }
    bootstrap
}
