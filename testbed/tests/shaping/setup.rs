//! What all scenarios ask.

use std::time::Duration;

use landbridge_testbed::scene::mesh_document;
use landbridge_testbed::{Builder, Call, Filter, Mesh, Report, Workload};
use serde_json::{Value, json};

/// Seconds.
pub fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// A configuration with policies of these names and specs, which tells everybody why.
pub fn config_of<'a>(policies: impl IntoIterator<Item = (&'a str, Value)>) -> String {
    let policy = |(name, spec): (&str, Value)| json!({"kind": "TrafficShaping", "metadata": {"name": name, "namespace": "shop"}, "spec": spec});
    let policies: Vec<Value> = policies.into_iter().map(policy).collect();
    json!({
        "apiVersion": "landbridge.dev/v1alpha1",
        "mesh": mesh_document(),
        "options": {"explain": "Always", "trustedCallers": [{"namespaces": ["gateways"]}]},
        "policies": policies,
    })
    .to_string()
}

/// The same with one policy.
pub fn config(spec: Value) -> String {
    config_of([("orders", spec)])
}

/// A mesh whose server sidecars shape by this configuration.
pub fn mesh(name: &str, config: &str) -> Builder {
    Mesh::builder(name)
        .filters([Filter::wasm("shaping").unwrap()])
        .config(config)
}

/// A call of a workload of a cluster, straight at the server sidecar of `use1-a`.
pub fn get(cluster: &str, path: &str) -> Call {
    from(Workload::new(cluster, "shop", "frontend"), path)
}

/// The same of any workload.
pub fn from(workload: Workload, path: &str) -> Call {
    Call::get(path).from(workload).to("use1-a")
}

/// How many requests were answered with this status.
pub fn answered(report: &Report, status: u16) -> usize {
    report
        .shots
        .iter()
        .filter(|shot| shot.outcome == Ok(status))
        .count()
}
