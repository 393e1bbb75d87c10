//! What all scenarios ask.

use std::collections::BTreeMap;
use std::time::Duration;

pub use landbridge_testbed::scene::{PROBE, config as config_of, mesh_document, quick};
use landbridge_testbed::{Builder, Call, Filter, Mesh, Report, Shot, Workload};
use serde_json::{Value, json};

/// The host of the service.
pub const HOST: &str = "orders.shop.svc.cluster.local:8080";

/// A configuration with this spec, which tells everybody why.
pub fn config(spec: Value) -> String {
    config_of(spec, json!({"explain": "Always"}))
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
}

/// Seconds.
pub fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// How many of the requests that a cluster received had this label.
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
