//! What `deploy/eks` has a cluster given.

use std::fs;

use landbridge_testbed::workspace;

use crate::cluster::{Cluster, assert_holds};

#[test]
fn the_pull_secret_s_keeper_is_accepted() {
    let cluster = Cluster::take();
    let file = workspace().join("deploy/eks/pull-secret.yaml");
    let manifests = fs::read_to_string(file).unwrap();
    cluster.apply(&manifests);
    let difference = cluster.server().diff(&manifests).unwrap();
    assert_eq!(difference, "");
}

#[test]
fn the_guide_s_documents_are_rendered_and_accepted() {
    let cluster = Cluster::take();
    let rendering = cluster.render("eks", "deploy/eks/policies", &[]);
    assert_eq!(rendering.clusters(), ["euw1-a", "use1-a"]);
    for member in rendering.clusters() {
        let manifests = rendering.manifests(&member);
        cluster.apply(&manifests);
        assert_holds(&cluster.objects(), &cluster.read(&manifests));
        cluster.clear();
    }
}
