//! What the scenes have in common.

use std::collections::BTreeMap;
use std::time::Duration;

use landbridge_testbed::{Builder, Call, Mesh, Side, Workload};

pub const SOON: Duration = Duration::from_secs(10);
pub const SECOND: Duration = Duration::from_secs(1);

pub fn mesh(name: &str) -> Builder {
    Mesh::builder(name).filters([])
}

pub fn from(cluster: &str) -> Call {
    let frontend = Workload::new(cluster, "shop", "frontend");
    Call::get("/orders").from(frontend)
}

/// A call that says to which cluster it wants to go.
pub fn to(cluster: &str) -> Call {
    from("use1-a").via_sidecar().to(cluster)
}

pub async fn status(mesh: &Mesh, call: Call) -> u16 {
    mesh.call(call).await.unwrap().status
}

pub async fn served(mesh: &Mesh, call: Call) -> String {
    let reply = mesh.call(call).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["cluster"].as_str().unwrap().to_owned()
}

pub fn counts(of: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let of = of.iter();
    of.map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

/// Changes an Envoy's configuration, and starts it with that.
pub async fn edit(
    mesh: &Mesh,
    cluster: &str,
    side: Side,
    change: impl FnOnce(&mut serde_json::Value),
) {
    let path = mesh.folder().join(format!("{cluster}-{side}.json"));
    let mut config = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    std::fs::write(&path, config.to_string()).unwrap();
    mesh.restart(cluster, side).await.unwrap();
}

pub fn manager(config: &mut serde_json::Value) -> &mut serde_json::Value {
    let listener = &mut config["static_resources"]["listeners"][0];
    &mut listener["filter_chains"][0]["filters"][0]["typed_config"]
}

/// Waits until so many endpoints are ejected.
pub async fn ejected(mesh: &Mesh, count: f64) {
    let name = "envoy_cluster_outlier_detection_ejections_active";
    mesh.wait_stats("use1-a", Side::Client, SOON, |stats| {
        stats.sum(name, &[]) == count
    })
    .await
    .unwrap();
}
