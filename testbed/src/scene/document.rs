//! What filters are told of the testbed's mesh.

use serde_json::{Value, json};

use super::PROBE;

/// A policy that probes twice a second and lets a cluster come back within seconds.
pub fn quick() -> Value {
    json!({
        "health": {"active": {"path": PROBE, "interval": "500ms", "timeout": "400ms"}},
        "failback": {"rise": 3, "holdDown": "2s", "ramp": "6s"},
    })
}

/// The mesh of the testbed as filters have it. Requests with `x-data: eu` must stay in the EU.
pub fn mesh_document() -> Value {
    let cluster = |name: &str, region: &str, zone: &str| {
        json!({"name": name, "region": region, "zone": zone,
               "identity": {"trustDomains": [format!("{name}.mesh.example")]}})
    };
    json!({
        "clusters": [
            cluster("use1-a", "us-east-1", "us-east-1a"),
            cluster("use1-b", "us-east-1", "us-east-1b"),
            cluster("euw1-a", "eu-west-1", "eu-west-1a"),
        ],
        "regions": [
            {"name": "us-east-1", "jurisdiction": "US"},
            {"name": "eu-west-1", "jurisdiction": "EU"},
        ],
        "links": [{"from": "us-east-1", "to": "eu-west-1", "rtt": "80ms", "pricePerGib": 0.02}],
        "dataClasses": [{
            "name": "eu-personal",
            "requests": [{"when": [{"key": "request.headers[x-data]", "values": ["eu"]}]}],
            "jurisdictions": ["EU"],
        }],
    })
}

/// `orders`, in those clusters of the mesh that are wished.
pub(super) fn services(wished: impl Fn(&str) -> bool) -> Value {
    let mut clusters = vec!["use1-a", "use1-b", "euw1-a"];
    clusters.retain(|cluster| wished(cluster));
    json!([{
        "name": "orders",
        "hosts": ["orders.shop.svc.cluster.local"],
        "port": 8080,
        "clusters": clusters,
    }])
}

/// The locality filter's configuration of a policy with this spec; `orders` in all clusters,
/// where it has no services.
pub fn config(mut spec: Value, options: Value) -> String {
    if spec.get("services").is_none() {
        spec["services"] = services(|_| true);
    }
    json!({
        "apiVersion": "landbridge.dev/v1alpha1",
        "mesh": mesh_document(),
        "options": options,
        "policies": [{
            "kind": "LocalityFailover",
            "metadata": {"name": "orders", "namespace": "shop"},
            "spec": spec,
        }],
    })
    .to_string()
}
