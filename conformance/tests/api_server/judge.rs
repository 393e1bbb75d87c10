//! The judge itself: it is the real one, and it does say no.

use landbridge_conformance::kubernetes::ApiServer;
use serde_json::{Value, json};

const KIND: &str = "wasmplugins.extensions.istio.io";

fn plugin(namespace: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut plugin = json!({
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": {"name": "landbridge-authz", "namespace": namespace},
        "spec": {
            "url": "oci://registry.example.com/landbridge/authz:0.1.0",
            "phase": "AUTHZ",
            "priority": 10,
            "failStrategy": "FAIL_CLOSE",
            "match": [{"mode": "SERVER"}],
            "pluginConfig": {"apiVersion": "landbridge.dev/v1alpha1", "policies": [{"kind": "x"}]},
        },
    });
    change(&mut plugin);
    plugin.to_string()
}

#[test]
fn the_server_and_its_client_are_the_pinned_release() {
    let printed = ApiServer::shared().run(&["version", "-ojson"]).unwrap();
    let versions: Value = serde_json::from_str(&printed).unwrap();
    if std::env::var_os("KUBEBUILDER_ASSETS").is_none() {
        assert_eq!(versions["serverVersion"]["gitVersion"], "v1.36.1");
        assert_eq!(versions["clientVersion"]["gitVersion"], "v1.36.1");
    }
}

#[test]
fn every_kind_that_istio_has_is_served() {
    let kinds = ApiServer::shared()
        .run(&["api-resources", "-oname"])
        .unwrap();
    for kind in [
        KIND,
        "trafficextensions.extensions.istio.io",
        "envoyfilters.networking.istio.io",
        "virtualservices.networking.istio.io",
        "destinationrules.networking.istio.io",
        "telemetries.telemetry.istio.io",
    ] {
        assert!(kinds.lines().any(|line| line == kind), "{kind} in {kinds}");
    }
}

#[test]
fn what_is_accepted_is_read_back_as_it_was_applied() {
    let server = ApiServer::shared();
    server.namespace("accepted");
    let applied = plugin("accepted", |_| {});
    server.apply(&applied).unwrap();
    let stored = server.get(KIND, "accepted", "landbridge-authz").unwrap();
    let applied: Value = serde_json::from_str(&applied).unwrap();
    assert_eq!(stored["spec"], applied["spec"]);
}

#[test]
fn a_wrong_field_or_value_is_refused() {
    let server = ApiServer::shared();
    server.namespace("refused");
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 5] = [
        (|it| it["spec"]["phaze"] = json!("AUTHZ"), ".spec.phaze"),
        (
            |it| it["spec"]["match"][0]["port"] = json!(80),
            ".spec.match",
        ),
        (|it| it["spec"]["phase"] = json!("AUTH"), "spec.phase"),
        (
            |it| it["spec"]["sha256"] = json!("sha256:abc"),
            "spec.sha256",
        ),
        (|it| it["spec"]["url"] = json!(7), ".spec.url"),
    ];
    for (change, named) in changes {
        let why = server.apply(&plugin("refused", change)).unwrap_err();
        assert!(why.0.contains(named), "no `{named}` in {why}");
        assert!(!why.0.contains("connection"), "{why}");
    }
    let stored = server.get(KIND, "refused", "landbridge-authz");
    assert!(stored.unwrap_err().0.contains("not found"));
}

/// What packing is for.
#[test]
fn an_object_that_is_too_large_is_refused() {
    let server = ApiServer::shared();
    server.namespace("large");
    let padded = |bytes: usize| {
        plugin("large", |it| {
            it["spec"]["pluginConfig"]["padding"] = "x".repeat(bytes).into();
        })
    };
    server.apply(&padded(1_000_000)).unwrap();
    let why = server.apply(&padded(1_600_000)).unwrap_err();
    assert!(why.0.contains("too large"), "{why}");
}

#[test]
fn a_server_is_gone_when_it_is_dropped() {
    let server = ApiServer::start();
    let config = server.run(&["config", "view", "-ojson"]).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    let url = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
    let address = url.strip_prefix("https://").unwrap();
    std::net::TcpStream::connect(address).unwrap();
    let folder = server.folder().to_owned();
    drop(server);
    std::net::TcpStream::connect(address).unwrap_err();
    assert!(!folder.exists());
}
