//! All that is rendered of the demo's documents, in both forms that a mesh can have.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod scene;

use insta::assert_snapshot;
use landbridge_istio::{Form, Scope, Settings, mesh_config, yaml};
use scene::{demo, documents, lock, names, rendered};

fn of(shared: bool, settings: &Settings, cluster: &str) -> String {
    let documents = documents(&demo(shared));
    let rendered = rendered(&documents, settings);
    let one = rendered.clusters.iter().find(|one| one.cluster == cluster);
    one.unwrap().to_yaml(|_| true).unwrap()
}

#[test]
fn with_a_trust_domain_for_each_cluster() {
    assert_snapshot!(of(false, &Settings::new(lock()), "use1-a"));
}

#[test]
fn with_one_trust_domain_and_an_issuer_for_each_cluster() {
    let mut settings = Settings::new(lock());
    settings.form = Form::TrafficExtension;
    settings.image_pull_secret = Some("registry".to_owned());
    assert_snapshot!(of(true, &settings, "euw1-a"));
}

#[test]
fn one_namespace_after_the_other() {
    let mut settings = Settings::new(lock());
    settings.scope = Scope::Namespace;
    settings.namespaces = Some(names(["shop", "pay"]));
    let documents = documents(&demo(false));
    let rendered = rendered(&documents, &settings);
    let one = &rendered.clusters[0];
    let list: Vec<String> = one
        .objects
        .iter()
        .map(|o| format!("{} {}/{}", o.kind(), o.namespace(), o.name()))
        .collect();
    assert_snapshot!(list.join("\n"));
}

#[test]
fn what_istio_itself_is_installed_with() {
    assert_snapshot!(yaml(&mesh_config(&Settings::new(lock()).access_log)).unwrap());
}

#[test]
fn the_same_comes_out_each_time() {
    let settings = Settings::new(lock());
    let first = of(false, &settings, "use1-b");
    for _ in 0..5 {
        assert_eq!(of(false, &settings, "use1-b"), first);
    }
}
