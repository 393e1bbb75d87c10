//! Policies, meshes and what is asked of a load, for all scenarios.

use std::collections::BTreeMap;
use std::time::Duration;

use landbridge_testbed::{Builder, Call, Filter, Mesh, Report, Shot, Workload};
use serde_json::{Value, json};

/// The host of the service.
pub const HOST: &str = "orders.shop.svc.cluster.local:8080";
/// The path of probes.
pub const PROBE: &str = "/healthz";

/// The mesh of the testbed, as a filter has it. Requests with `x-data: eu` must stay in the EU.
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

/// A configuration with this spec, its `services` filled in where it has none.
pub fn config(spec: Value) -> String {
    config_of(spec, json!({"explain": "Always"}))
}

/// The same with these options.
pub fn config_of(mut spec: Value, options: Value) -> String {
    if spec.get("services").is_none() {
        spec["services"] = json!([{
            "name": "orders",
            "hosts": ["orders.shop.svc.cluster.local"],
            "port": 8080,
            "clusters": ["use1-a", "use1-b", "euw1-a"],
        }]);
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

/// Probes each second, and a way back of two seconds and four.
pub fn quick() -> Value {
    json!({
        "health": {"active": {"path": PROBE, "interval": "500ms", "timeout": "400ms"}},
        "failback": {"rise": 3, "holdDown": "2s", "ramp": "4s"},
    })
}

/// A mesh whose client sidecars route by this configuration.
pub fn mesh(name: &str, config: &str) -> Builder {
    Mesh::builder(name)
        .filters([])
        .client_filters([Filter::wasm("locality").unwrap()])
        .client_config(config)
}

/// A call of the workload of a cluster, by its sidecar.
pub fn get(cluster: &str, path: &str) -> Call {
    from(Call::get(path), cluster)
}

/// The same with a body.
pub fn post(cluster: &str, path: &str) -> Call {
    from(Call::post(path, "{\"an\": \"order\"}"), cluster)
}

fn from(call: Call, cluster: &str) -> Call {
    call.from(Workload::new(cluster, "shop", "frontend"))
        .via_sidecar()
        .host(HOST)
        .timeout(Duration::from_secs(10))
}

/// Seconds.
pub fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// How many of the requests that a cluster received had this label, beside probes.
pub fn received(mesh: &Mesh, cluster: &str, label: &str) -> usize {
    let seen = mesh.upstream(cluster).seen();
    let of = seen
        .iter()
        .filter(|seen| seen.label.as_deref() == Some(label));
    of.count()
}

/// The share of a cluster of what was answered between two moments of a load.
pub fn share(report: &Report, cluster: &str, from: f64, to: f64) -> f64 {
    let served: BTreeMap<String, usize> = report.served_between(s(from), s(to));
    let all: usize = served.values().sum();
    served.get(cluster).copied().unwrap_or(0) as f64 / all.max(1) as f64
}

/// What failed, for an assertion's message.
pub fn failures(report: &Report) -> Vec<&Shot> {
    report.failures().collect()
}
