//! Policies, meshes and waiting, for all tests of this binary.

use std::time::Duration;

use landbridge_model::{render, validate, yaml};
use landbridge_testbed::{
    ClusterSpec, Delivery, Identity, Mesh, Side, Version, Workload, eventually,
};
use serde_json::Value;

/// How long anything may take that is not timed by itself.
pub const SOON: Duration = Duration::from_secs(15);

/// Policies that let `shop` of the US in, and nobody else.
pub const ALLOW_US: &str = "
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: allow-us, namespace: shop}
spec:
  action: ALLOW
  rules:
  - name: shop-of-the-us
    from: [{source: {jurisdictions: [US], namespaces: [shop]}}]
";

/// Every caller with a certificate.
pub const ALLOW_ALL: &str = "
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: allow-all, namespace: shop}
spec:
  action: ALLOW
  rules:
  - name: anyone
    from: [{source: {principals: ['*']}}]
";

/// The mesh of the testbed, as a document.
pub fn mesh_document() -> String {
    let path = landbridge_testbed::workspace().join("policies/corpus/mesh.yaml");
    std::fs::read_to_string(path).unwrap()
}

/// A filter's configuration of policies (YAML) and options (JSON).
pub fn config(policies: &str, options: &str) -> String {
    let text = format!("{}---\n{policies}", mesh_document());
    let documents = yaml::read(&text, None).unwrap_or_else(|(_, found)| panic!("{found:#?}"));
    let errors: Vec<_> = validate::documents(&documents)
        .into_iter()
        .filter(|d| d.is_error())
        .collect();
    assert_eq!(errors, []);
    render(&documents, None, Some(options))
}

/// The workload `shop/frontend` of a cluster.
pub fn frontend(cluster: &str) -> Workload {
    Workload::new(cluster, "shop", "frontend")
}

/// A caller with a certificate of a trust domain that the mesh's document does not know.
pub fn stray() -> Identity {
    let signer = landbridge_testbed::Signer::TrustDomain("stray.example".to_owned());
    Identity::spiffe(
        "euw1-a",
        "spiffe://stray.example/ns/shop/sa/frontend",
        signer,
    )
}

/// One cluster's name and place.
pub fn only(names: &[&str]) -> Vec<ClusterSpec> {
    let mut clusters = ClusterSpec::default_mesh();
    clusters.retain(|cluster| names.contains(&cluster.name.as_str()));
    clusters
}

/// Delivers a configuration to one cluster and waits until it is in force.
pub async fn apply(mesh: &Mesh, cluster: &str, config: &str) {
    let version = mesh.apply(cluster, config).unwrap();
    assert_eq!(
        mesh.wait_config(&version, SOON).await.unwrap(),
        Delivery::Accepted
    );
}

/// Delivers a configuration that must be refused.
pub async fn apply_refused(mesh: &Mesh, cluster: &str, config: &str) -> Version {
    let version = mesh.apply(cluster, config).unwrap();
    assert_eq!(
        mesh.wait_config(&version, SOON).await.unwrap(),
        Delivery::Rejected
    );
    version
}

/// Waits for the access log's line of the request with this path.
pub async fn logged(mesh: &Mesh, cluster: &str, path: &str) -> Value {
    let what = format!("a line of {path} in the access log");
    let found = eventually(SOON, &what, async || {
        let lines = mesh.access_log(cluster, Side::Server).unwrap();
        lines.into_iter().find(|line| line["path"] == path)
    });
    found.await.unwrap()
}

/// What the access log says was decided of the request with this path.
pub async fn decision(mesh: &Mesh, cluster: &str, path: &str) -> Value {
    let line = logged(mesh, cluster, path).await;
    let text = line["landbridge_decision"]
        .as_str()
        .unwrap_or_else(|| panic!("{line}"));
    serde_json::from_str(text).unwrap()
}
