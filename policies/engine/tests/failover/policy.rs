//! Configurations: which service a request is for, and what is refused.

use crate::world::{MESH, Nowhere, config, load};
use landbridge_engine::failover::load_failover;
use landbridge_model::Limits;

#[test]
fn a_service_is_known_by_its_authority() {
    let set = load(&config(""));
    for authority in [
        "orders.shop.svc.cluster.local",
        "orders.shop.svc.cluster.local:8080",
        "ORDERS.shop.svc.cluster.local.",
        "orders.shop.svc.cluster.local.:8080",
    ] {
        assert!(
            set.service_of(authority.as_bytes()).is_some(),
            "{authority}"
        );
    }
    for authority in [
        "",
        ":",
        "orders",
        "orders.shop.svc.cluster.local:x",
        "a:8080",
        "\u{ff}",
    ] {
        assert!(
            set.service_of(authority.as_bytes()).is_none(),
            "{authority}"
        );
    }
    assert!(set.service_of(b"\xff").is_none());
}

#[test]
fn envoys_names_are_istios() {
    let set = load(&config(""));
    let (_, service) = set.services().next().unwrap();
    let first = &service.candidates[0];
    assert_eq!(
        &*first.upstream,
        "outbound|8080|use1-a|orders.shop.svc.cluster.local"
    );
    assert_eq!(
        service.poll_path(),
        "/stats?filter=%5Ecluster%5C%2Eoutbound%5C%7C8080%5C%7C%2E%2A%5C%7Corders%5C%2Eshop%5C%2Esvc%5C%2Ecluster%5C%2Elocal%3B%3F%5C%2Emembership%5F%28healthy%7Ctotal%29%24"
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let wrong = |config: &str| -> Vec<String> {
        let found = load_failover(config.as_bytes(), &Limits::default(), &Nowhere).err();
        let found = found.expect("it is refused");
        found
            .iter()
            .map(|d| format!("{} {}", d.code, d.path))
            .collect()
    };
    let two = config("").replace("\"policies\": [", "\"policies\": [{\"kind\": \"Mesh\"},");
    assert_eq!(wrong(&two), ["LB0108 policies[0].kind"]);
    let authz = format!(
        r#"{{"apiVersion": "landbridge.dev/v1alpha1", "mesh": {MESH}, "policies": [
            {{"kind": "CrossClusterAuthorization", "metadata": {{"name": "a"}}, "spec": {{}}}}]}}"#
    );
    assert_eq!(wrong(&authz), ["LB0108 policies[0].kind"]);
    let elsewhere = config("").replace("\"mesh\"", "\"local\": {\"cluster\": \"moon\"}, \"mesh\"");
    assert_eq!(wrong(&elsewhere), ["LB0303 local.cluster"]);
    assert_eq!(wrong("{"), ["LB0001 "]);
}
