//! The law that plugins are divided by: of each filter, a proxy's listener has one plugin at the
//! most, and that has every policy that applies there.
//!
//! What Istio matches is written down here a second time, as its source has it (1.31), and which
//! policies apply is the engine's word: neither is that of the code under test.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scene;

use landbridge_engine::{Surroundings, Unknown, applies};
use landbridge_istio::{Form, Object, Scope, Settings, Waypoint};
use landbridge_model::{Content, Documents, Name};
use proptest::prelude::*;
use scene::{documents, lock, names, of, rendered};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const MESH: &str = include_str!("../../corpus/mesh.yaml");
const ROOT: &str = "istio-system";
const NAMESPACES: [&str; 2] = ["shop", "pay"];
const WAYPOINT: &str = "waypoint";
const GATEWAY: &str = "public";
const SERVICES: [&str; 2] = ["orders", "customers"];

/// What listener of what proxy.
#[derive(Clone, Debug)]
struct Listener {
    cluster: &'static str,
    namespace: &'static str,
    proxy: Proxy,
    app: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proxy {
    Inbound,
    Outbound,
    Gateway,
    /// The chain of one service behind a waypoint.
    Waypoint(&'static str),
}

impl Listener {
    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::from([("app".to_owned(), self.app.to_owned())]);
        let (name, class) = match self.proxy {
            Proxy::Inbound | Proxy::Outbound => return labels,
            Proxy::Gateway => (GATEWAY, "istio"),
            Proxy::Waypoint(_) => (WAYPOINT, "istio-waypoint"),
        };
        let gateway = "gateway.networking.k8s.io";
        labels.insert(format!("{gateway}/gateway-name"), name.to_owned());
        labels.insert(format!("{gateway}/gateway-class-name"), class.to_owned());
        if class == "istio-waypoint" {
            let managed = "gateway.istio.io/managed".to_owned();
            labels.insert(managed, "istio.io-mesh-controller".to_owned());
        }
        labels
    }

    /// Whether Istio has a plugin at this listener.
    fn has(&self, object: &Object) -> bool {
        let spec = match object.kind() {
            "WasmPlugin" | "TrafficExtension" => &object.value["spec"],
            _ => return false,
        };
        let refs = spec["targetRefs"].as_array().cloned().unwrap_or_default();
        let selects = spec["selector"].is_null();
        assert!(selects, "nothing is selected by labels here");
        let is_gateway = !matches!(self.proxy, Proxy::Inbound | Proxy::Outbound);
        let is_waypoint = matches!(self.proxy, Proxy::Waypoint(_));
        let near = object.namespace() == ROOT || object.namespace() == self.namespace;
        let attached = match (is_gateway, refs.is_empty()) {
            (false, no_refs) => no_refs,
            (true, true) => !is_waypoint,
            (true, false) => refs.iter().any(|one| self.is(one, object.namespace())),
        };
        let class = match self.proxy {
            Proxy::Inbound | Proxy::Waypoint(_) => "SERVER",
            Proxy::Outbound | Proxy::Gateway => "CLIENT",
        };
        let matches = spec["match"].as_array();
        let matches = matches.is_none_or(|list| {
            list.iter()
                .any(|one| one["mode"] == class || one["mode"] == "CLIENT_AND_SERVER")
        });
        near && attached && matches
    }

    fn is(&self, target: &Value, namespace: &str) -> bool {
        let name = target["name"].as_str().unwrap();
        let here = namespace == self.namespace;
        match (target["kind"].as_str().unwrap(), self.proxy) {
            ("Gateway", Proxy::Gateway) => here && name == GATEWAY,
            ("Gateway", Proxy::Waypoint(_)) => here && name == WAYPOINT,
            ("Service", Proxy::Waypoint(service)) => here && name == service,
            ("GatewayClass", Proxy::Waypoint(_)) => namespace == ROOT && name == "istio-waypoint",
            _ => false,
        }
    }
}

struct Workload<'a>(&'a Listener);

impl Surroundings for Workload<'_> {
    fn cluster(&self) -> Option<String> {
        Some(self.0.cluster.to_owned())
    }

    fn namespace(&self) -> Option<String> {
        Some(self.0.namespace.to_owned())
    }

    fn label(&self, key: &str) -> Result<Option<String>, Unknown> {
        Ok(self.0.labels().get(key).cloned())
    }
}

/// What of a policy a plugin has: which fields, or all of it.
fn parts(content: &Content) -> &'static [&'static str] {
    match content {
        Content::Shaping(_) => &["limits", "splits"],
        _ => &[""],
    }
}

/// Whether a part of a policy is for a listener.
fn is_for(content: &Content, part: &str, listener: &Listener) -> bool {
    let arrives =
        matches!(content, Content::Authorization(_) | Content::Istio(_)) || part == "limits";
    match listener.proxy {
        Proxy::Inbound => arrives,
        Proxy::Outbound => !arrives,
        // What is for the requests of services applies to these alone, which the engine finds out
        // with each request.
        Proxy::Gateway => attached(content, listener, &["Gateway"], GATEWAY),
        Proxy::Waypoint(service) => {
            arrives
                && (attached(content, listener, &["Service"], service)
                    || attached(content, listener, &["Gateway", "GatewayClass"], WAYPOINT))
        }
    }
}

fn attached(content: &Content, listener: &Listener, kinds: &[&str], name: &str) -> bool {
    let near = content.metadata().namespace() == listener.namespace;
    let refs = refs(content);
    let is_it = |one: &(String, String)| match one.0.as_str() {
        kind if !kinds.contains(&kind) => false,
        "GatewayClass" => true,
        _ => near && one.1 == name,
    };
    refs.is_empty() || refs.iter().any(is_it)
}

fn refs(content: &Content) -> Vec<(String, String)> {
    let refs: Vec<_> = match content {
        Content::Istio(p) => p.spec.target_refs().cloned().collect(),
        Content::Authorization(p) => p
            .spec
            .target
            .target_refs
            .iter()
            .flat_map(|l| l.iter().cloned())
            .collect(),
        Content::Failover(p) => p
            .spec
            .target
            .target_refs
            .iter()
            .flat_map(|l| l.iter().cloned())
            .collect(),
        Content::Shaping(p) => p
            .spec
            .target
            .target_refs
            .iter()
            .flat_map(|l| l.iter().cloned())
            .collect(),
        _ => Vec::new(),
    };
    let pair = |one: &landbridge_model::TargetRef| {
        (one.kind.as_str().to_owned(), one.name.as_str().to_owned())
    };
    refs.iter().map(pair).collect()
}

/// How often a plugin's configuration has a part of a policy.
fn holds(object: &Object, kind: &str, name: &str, part: &str) -> usize {
    let spec = &object.value["spec"];
    let wasm = match object.kind() {
        "TrafficExtension" => &spec["wasm"],
        _ => spec,
    };
    let policies = wasm["pluginConfig"]["policies"].as_array().unwrap();
    let is_it = |policy: &&Value| {
        let metadata = &policy["metadata"];
        let full = format!(
            "{}/{}",
            metadata["namespace"].as_str().unwrap(),
            metadata["name"].as_str().unwrap()
        );
        policy["kind"] == kind
            && full == name
            && (part.is_empty() || !policy["spec"][part].is_null())
    };
    policies.iter().filter(is_it).count()
}

#[derive(Clone, Debug)]
struct Policy {
    kind: usize,
    namespace: usize,
    clusters: Option<BTreeSet<usize>>,
    in_namespace: Option<usize>,
    app: bool,
    refs: Vec<usize>,
}

fn policy() -> impl Strategy<Value = Policy> {
    let clusters = prop::option::of(prop::collection::btree_set(0..3_usize, 1..3));
    let refs = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(0..5_usize, 1..3)];
    (
        0..5_usize,
        0..3_usize,
        clusters,
        prop::option::of(0..2_usize),
        any::<bool>(),
        refs,
    )
        .prop_map(
            |(kind, namespace, clusters, in_namespace, app, refs)| Policy {
                kind,
                namespace,
                clusters,
                in_namespace,
                app,
                refs,
            },
        )
}

impl Policy {
    fn document(&self, i: usize) -> Value {
        let namespace = [NAMESPACES[0], NAMESPACES[1], ROOT][self.namespace];
        let istio = self.kind == 1;
        let leaves = matches!(self.kind, 2 | 4);
        let refs: Vec<Value> = self
            .refs
            .iter()
            .filter_map(|one| match one {
                0 => Some(json!({"kind": "Gateway", "name": GATEWAY})),
                // A waypoint does not choose where requests go, which is an error of its own.
                _ if leaves => None,
                1 => Some(json!({"kind": "Gateway", "name": WAYPOINT})),
                4 if istio && namespace != ROOT => None,
                4 => Some(json!({"kind": "GatewayClass", "name": "istio-waypoint"})),
                2 => Some(json!({"kind": "Service", "name": SERVICES[0]})),
                _ => Some(json!({"kind": "Service", "name": SERVICES[1]})),
            })
            .map(|mut one| {
                if one["kind"] != "Service" {
                    one["group"] = json!("gateway.networking.k8s.io");
                }
                one
            })
            .collect();
        let mut target = json!({});
        if !refs.is_empty() {
            target["targetRefs"] = json!(refs);
        } else if self.app {
            target["selector"] = json!({"matchLabels": {"app": "orders"}});
        }
        if istio {
            let mut spec = target;
            spec["action"] = json!("DENY");
            spec["rules"] = json!([{"to": [{"operation": {"methods": ["PUT"]}}]}]);
            return envelope(
                "security.istio.io/v1",
                "AuthorizationPolicy",
                namespace,
                i,
                &spec,
            );
        }
        if let Some(clusters) = &self.clusters {
            let all = ["use1-a", "use1-b", "euw1-a"];
            target["clusters"] = clusters.iter().map(|one| json!(all[*one])).collect();
        }
        if let Some(one) = self.in_namespace {
            target["namespace"] = json!(NAMESPACES[one]);
        }
        let limits = json!([{"name": "all", "rate": "10/s"}]);
        let host = format!("orders-{i}.shop.svc.cluster.local");
        let splits = json!([{
            "name": "canary",
            "requests": [{"to": [{"operation": {"hosts": [host]}}]}],
            "backends": [{"name": "stable", "weight": 9}, {"name": "canary", "weight": 1}],
        }]);
        let (kind, mut spec) = match self.kind {
            0 => (
                "CrossClusterAuthorization",
                json!({"rules": [{"from": [{"source": {"clusters": ["use1-a"]}}]}]}),
            ),
            2 => (
                "LocalityFailover",
                json!({"services": [
                    {"name": "orders", "hosts": [host], "port": 80, "clusters": ["use1-a", "euw1-a"]},
                ]}),
            ),
            3 => ("TrafficShaping", json!({"limits": limits})),
            _ => (
                "TrafficShaping",
                json!({"limits": limits, "splits": splits}),
            ),
        };
        spec["target"] = target;
        envelope("landbridge.dev/v1alpha1", kind, namespace, i, &spec)
    }
}

fn envelope(api: &str, kind: &str, namespace: &str, i: usize, spec: &Value) -> Value {
    json!({
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": format!("p{i}"), "namespace": namespace},
        "spec": spec,
    })
}

fn listeners() -> impl Iterator<Item = Listener> {
    let proxies = [
        Proxy::Inbound,
        Proxy::Outbound,
        Proxy::Gateway,
        Proxy::Waypoint(SERVICES[0]),
        Proxy::Waypoint(SERVICES[1]),
    ];
    ["use1-a", "euw1-a"].into_iter().flat_map(move |cluster| {
        NAMESPACES.into_iter().flat_map(move |namespace| {
            proxies.into_iter().flat_map(move |proxy| {
                ["orders", "frontend"].map(|app| Listener {
                    cluster,
                    namespace,
                    proxy,
                    app,
                })
            })
        })
    })
}

fn check(documents: &Documents, settings: &Settings) -> Result<(), TestCaseError> {
    let rendered = rendered(documents, settings);
    let mesh = &documents.meshes().next().unwrap().spec;
    for listener in listeners() {
        let here: Vec<&Object> = of(&rendered, listener.cluster)
            .iter()
            .filter(|o| listener.has(o))
            .collect();
        let mut roles = BTreeSet::new();
        for object in &here {
            let name = object
                .name()
                .trim_end_matches("-gateways")
                .trim_end_matches("-waypoints");
            prop_assert!(roles.insert(name), "two of {name} at {listener:?}");
        }
        for document in &documents.0 {
            let content = &document.content;
            if matches!(content, Content::Mesh(_))
                || !applies(content, mesh, &Workload(&listener)).unwrap()
            {
                continue;
            }
            for part in parts(content) {
                let is_there = document
                    .node
                    .get("spec")
                    .and_then(|spec| spec.get(part))
                    .is_some();
                if !(part.is_empty() || is_there) || !is_for(content, part, &listener) {
                    continue;
                }
                let role = match (content, *part) {
                    (Content::Shaping(_), "limits") => "landbridge-shaping",
                    (Content::Shaping(_), _) => "landbridge-shaping-outbound",
                    (Content::Failover(_), _) => "landbridge-locality",
                    _ => "landbridge-authz",
                };
                // Who is not named need not be judged at a gateway; where anything is, all is.
                let named = !refs(content).is_empty();
                let sidecar = matches!(listener.proxy, Proxy::Inbound | Proxy::Outbound);
                if !(named || sidecar || roles.contains(role)) {
                    continue;
                }
                let metadata = content.metadata();
                let held: usize = here
                    .iter()
                    .map(|o| holds(o, content.kind(), &metadata.full_name(), part))
                    .sum();
                prop_assert_eq!(held, 1, "{} `{}` at {:?}", content.title(), part, listener);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_policy_that_applies_is_in_the_one_plugin_that_is_there(
        policies in prop::collection::vec(policy(), 1..8),
        by_namespace in any::<bool>(),
        new_form in any::<bool>(),
    ) {
        let mut text = MESH.to_owned();
        for (i, policy) in policies.iter().enumerate() {
            text.push_str(&format!("\n---\n{}\n", policy.document(i)));
        }
        let documents = documents(&text);
        let mut settings = Settings::new(lock());
        if new_form {
            settings.form = Form::TrafficExtension;
        }
        if by_namespace {
            settings.scope = Scope::Namespace;
            settings.namespaces = Some(names(NAMESPACES));
        }
        settings.waypoints = NAMESPACES
            .map(|namespace| Waypoint {
                namespace: Name::new(namespace).unwrap(),
                name: Name::new(WAYPOINT).unwrap(),
            })
            .into();
        check(&documents, &settings)?;
    }
}
