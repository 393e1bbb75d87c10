//! What all scenarios ask.

use std::time::Duration;

use landbridge_testbed::scene::mesh_document;
use landbridge_testbed::{Builder, Call, Delivery, Filter, Mesh, Report, Workload};
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

/// A caller that `options.trustedCallers` names.
pub fn trusted(cluster: &str, path: &str) -> Call {
    from(Workload::new(cluster, "gateways", "gateway"), path)
}

/// Delivers a configuration to the server sidecar of `use1-a`, which takes it.
pub async fn apply(mesh: &Mesh, config: &str) {
    let version = mesh.apply("use1-a", config).unwrap();
    let delivery = mesh.wait_config(&version, s(10.0)).await.unwrap();
    assert_eq!(delivery, Delivery::Accepted);
    // The workers follow within milliseconds.
    tokio::time::sleep(s(0.3)).await;
}

/// The statuses of so many calls, one after another.
pub async fn statuses(mesh: &Mesh, call: &Call, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(mesh.call(call.clone()).await.unwrap().status);
    }
    statuses
}

/// How many of so many calls, one after another, pass.
pub async fn passes(mesh: &Mesh, call: &Call, count: usize) -> usize {
    let statuses = statuses(mesh, call, count).await;
    let known = |status: &u16| matches!(status, 200 | 429);
    assert!(statuses.iter().all(known), "{statuses:?}");
    statuses.iter().filter(|status| **status == 200).count()
}
