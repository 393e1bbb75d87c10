//! What Istio would ignore, or not take, is refused, where it stands.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scene;

use landbridge_istio::{FailStrategy, Gateway, IstioVersion, Settings, Waypoint, render};
use landbridge_model::{Code, Diagnostic, Name};
use scene::{documents, lock, of, rendered};
use std::collections::BTreeMap;

const MESH: &str = include_str!("../../corpus/mesh.yaml");

fn found(text: &str, settings: &Settings) -> Vec<Diagnostic> {
    match render(&documents(&format!("{MESH}---\n{text}")), settings) {
        Ok(rendered) => rendered.warnings,
        Err(found) => found,
    }
}

fn codes(found: &[Diagnostic]) -> Vec<(Code, &str)> {
    found.iter().map(|d| (d.code, d.path.as_str())).collect()
}

fn waypoint(settings: &mut Settings) {
    settings.waypoints = vec![Waypoint {
        namespace: Name::new("shop").unwrap(),
        name: Name::new("waypoint").unwrap(),
    }];
}

fn attached(i: usize, refs: &str) -> String {
    format!(
        "apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {{name: p{i}, namespace: shop}}
spec:
  target: {{targetRefs: [{refs}]}}
  rules: [{{from: [{{source: {{clusters: [use1-a]}}}}]}}]
---
"
    )
}

fn services(n: usize) -> String {
    let one = |i| format!("{{kind: Service, name: s{i}}}");
    (0..n).map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_policy_has_sixteen_targets_at_the_most() {
    let settings = Settings::new(lock());
    assert!(found(&attached(0, &services(16)), &settings).is_empty());
    let too_many = found(&attached(0, &services(17)), &settings);
    let policy = (Code::TooManyTargets, "spec.target.targetRefs");
    assert!(codes(&too_many).contains(&policy), "{too_many:#?}");
}

#[test]
fn policies_together_name_sixteen_services_unless_their_waypoint_is_known() {
    let one = |i| attached(i, &format!("{{kind: Service, name: s{i}}}"));
    let text: String = (0..17).map(one).collect();
    let mut settings = Settings::new(lock());
    // Of the plugin alone, and once, though each cluster has it.
    let too_many = found(&text, &settings);
    assert_eq!(codes(&too_many), [(Code::TooManyTargets, "")]);
    waypoint(&mut settings);
    assert!(found(&text, &settings).is_empty());
    let documents = documents(&format!("{MESH}---\n{text}"));
    let rendered = rendered(&documents, &settings);
    let plugin = &of(&rendered, "use1-a")[0];
    assert_eq!(plugin.name(), "landbridge-authz-waypoints");
    let spec = &plugin.value["spec"];
    assert_eq!(spec["targetRefs"][0]["name"], "waypoint");
    let config = &spec["pluginConfig"];
    assert_eq!(config["policies"].as_array().unwrap().len(), 17);
    // A waypoint's callers are known by what its outer listener keeps.
    assert_eq!(config["options"]["peerIdentity"], "FilterState");
}

#[test]
fn a_waypoint_is_known_by_the_settings_too() {
    let by_name = "apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: a, namespace: shop}
spec:
  target: {selector: {matchLabels: {gateway.networking.k8s.io/gateway-name: waypoint}}}
  rules: [{from: [{source: {clusters: [use1-a]}}]}]
";
    let split = "apiVersion: landbridge.dev/v1alpha1
kind: TrafficShaping
metadata: {name: a, namespace: shop}
spec:
  target: {targetRefs: [{kind: Gateway, name: waypoint}]}
  splits:
  - name: canary
    requests: [{to: [{operation: {hosts: [orders.shop.svc.cluster.local]}}]}]
    backends: [{name: stable, weight: 9}, {name: canary, weight: 1}]
";
    let mut settings = Settings::new(lock());
    assert!(found(by_name, &settings).is_empty());
    assert!(found(split, &settings).is_empty());
    waypoint(&mut settings);
    let selector = (Code::WaypointBySelector, "spec.target.selector");
    assert_eq!(codes(&found(by_name, &settings)), [selector]);
    let never = (Code::NeverAtWaypoint, "spec.target.targetRefs[0]");
    assert_eq!(codes(&found(split, &settings)), [never]);
    // What arrives there is judged there.
    let limits = split.split("  splits:").next().unwrap();
    let limits = format!("{limits}  limits: [{{name: all, rate: 10/s}}]\n");
    assert!(found(&limits, &settings).is_empty());
}

#[test]
fn istios_own_documents_are_looked_at_where_they_say_it() {
    let document = |namespace: &str, spec: &str| {
        format!(
            "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: a, namespace: {namespace}}}
spec: {{action: DENY, rules: [{{to: [{{operation: {{methods: [PUT]}}}}]}}], {spec}}}
"
        )
    };
    let settings = Settings::new(lock());
    let managed = "selector: {matchLabels: {gateway.istio.io/managed: istio.io-mesh-controller}}";
    let selector = (Code::WaypointBySelector, "spec.selector");
    let by_labels = found(&document("shop", managed), &settings);
    assert_eq!(codes(&by_labels), [selector]);
    let class = "targetRefs: [{group: gateway.networking.k8s.io, kind: GatewayClass, name: istio-waypoint}]";
    let never = (Code::NeverAttached, "spec.targetRefs[0]");
    assert_eq!(codes(&found(&document("shop", class), &settings)), [never]);
    assert!(found(&document("istio-system", class), &settings).is_empty());
}

#[test]
fn what_an_older_istio_does_not_have_is_refused() {
    let mut settings = Settings::new(lock());
    settings.istio = IstioVersion::parse("1.26.3").unwrap();
    let text = attached(0, "{kind: Gateway, name: public}");
    assert_eq!(settings.fails(), FailStrategy::Close);
    assert!(found(&text, &settings).is_empty());
    settings.fail_strategy = Some(FailStrategy::Reload);
    let reload = (Code::NotInThisIstio, "failStrategy");
    assert_eq!(codes(&found(&text, &settings)), [reload]);
}

#[test]
fn an_unknown_direction_is_refused() {
    let text = "apiVersion: landbridge.dev/v1alpha1
kind: TrafficShaping
metadata: {name: a, namespace: shop, annotations: {landbridge.dev/direction: outbound}}
spec: {retryBudgets: [{name: few}]}
";
    let found = found(text, &Settings::new(lock()));
    assert_eq!(
        codes(&found),
        [(Code::UnknownValue, "metadata.annotations")]
    );
}

#[test]
fn objects_of_one_name_are_refused() {
    let mut settings = Settings::new(lock());
    let gateway = |value: &str| Gateway {
        namespace: Name::new("edge").unwrap(),
        name: Name::new("public").unwrap(),
        selector: Some(BTreeMap::from([("istio".to_owned(), value.to_owned())])),
    };
    settings.gateways = vec![gateway("a"), gateway("b")];
    let text = attached(0, "").replace("  target: {targetRefs: []}\n", "");
    let found = found(&text, &settings);
    assert_eq!(codes(&found), [(Code::DuplicateName, "")]);
}
