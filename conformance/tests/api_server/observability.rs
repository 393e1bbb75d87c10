//! What `deploy/observability/istio` has a cluster given.

use std::fs;

use landbridge_testbed::workspace;

use crate::cluster::Cluster;

#[test]
fn what_turns_opentelemetry_on_is_accepted() {
    let cluster = Cluster::take();
    for name in ["telemetry.yaml", "stats-sink.yaml"] {
        let file = workspace().join("deploy/observability/istio").join(name);
        let manifests = fs::read_to_string(file).unwrap();
        cluster.apply(&manifests);
        let difference = cluster.server().diff(&manifests).unwrap();
        assert_eq!(difference, "", "{name}");
        let wrong = manifests.replace("\nmetadata:", "\nnoSuchField: {}\nmetadata:");
        assert!(cluster.server().apply(&wrong).is_err(), "{name}");
    }
}
