//! Documents and settings for the tests.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "shared by tests, each of which uses a part, and fails by panicking"
)]

use landbridge_istio::{Lock, Module, Object, Rendered, Settings, render};
use landbridge_model::{Diagnostic, Documents, validate, yaml};
use std::collections::BTreeSet;

/// Valid documents, out of YAML.
pub(crate) fn documents(text: &str) -> Documents {
    let documents = yaml::read(text, None).unwrap_or_else(|(_, found)| panic!("{found:#?}"));
    let found = validate::documents(&documents);
    let errors: Vec<&Diagnostic> = found.iter().filter(|d| d.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    documents
}

/// A lock file with all three modules.
pub(crate) fn lock() -> Lock {
    let modules = ["authz", "locality", "shaping"].into_iter().enumerate();
    let modules = modules.map(|(i, name)| {
        let module = Module {
            reference: Some(format!("registry.example:5000/landbridge/{name}:0.1.0")),
            digest: format!("sha256:{}", i.to_string().repeat(64)),
        };
        (name.to_owned(), module)
    });
    Lock {
        version: "0.1.0".to_owned(),
        modules: modules.collect(),
    }
}

pub(crate) fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

/// Renders documents that nothing is wrong with.
pub(crate) fn rendered(documents: &Documents, settings: &Settings) -> Rendered {
    render(documents, settings).unwrap_or_else(|found| panic!("{found:#?}"))
}

/// The objects of a cluster.
pub(crate) fn of<'r>(rendered: &'r Rendered, cluster: &str) -> &'r [Object] {
    let one = rendered.clusters.iter().find(|one| one.cluster == cluster);
    &one.unwrap_or_else(|| panic!("no cluster {cluster}"))
        .objects
}

const FAILOVER: &str = include_str!("../../../../testbed/demo/failover.yaml");
const POLICIES: &str = include_str!("../../../../testbed/demo/policies.yaml");
const SHAPING: &str = include_str!("../../../../testbed/demo/shaping.yaml");
const SPLIT: &str = "
apiVersion: landbridge.dev/v1alpha1
kind: TrafficShaping
metadata: {name: to-orders, namespace: shop}
spec:
  target: {namespace: shop, selector: {matchLabels: {app: frontend}}}
  splits:
  - name: canary
    requests: [{to: [{operation: {hosts: [orders.shop.svc.cluster.local]}}]}]
    backends: [{name: stable, weight: 9}, {name: canary, weight: 1}]
  retryBudgets:
  - {name: retries, share: 20}
";

/// The demo's documents, and a split. With `shared`, clusters have one trust domain and are known by
/// who issued the caller's certificate.
pub(crate) fn demo(shared: bool) -> String {
    // Each of the demo's files has the mesh, so that it stands for itself.
    let (_, shaping) = SHAPING.split_once("\n---\n").unwrap();
    let text = [FAILOVER, POLICIES, shaping, SPLIT].join("\n---\n");
    if !shared {
        return text;
    }
    let mut text = text;
    for cluster in ["use1-a", "use1-b", "euw1-a"] {
        let own = format!("{{trustDomains: [{cluster}.mesh.example]}}");
        assert!(text.contains(&own));
        let issuer =
            format!("{{trustDomains: [mesh.example], issuers: [\"CN={cluster},O=mesh\"]}}");
        text = text.replace(&own, &issuer);
    }
    text
}
