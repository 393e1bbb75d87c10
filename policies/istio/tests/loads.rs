//! What plugins are configured with is what filters take, and what Kubernetes keeps.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scene;

use landbridge_engine::{Surroundings, Unknown, failover, load, shaping};
use landbridge_istio::{Object, Settings};
use landbridge_model::{Code, Diagnostic, Limits, packed};
use scene::{demo, documents, lock, of, rendered};
use std::fmt::Write as _;

const MESH: &str = include_str!("../../corpus/mesh.yaml");
/// What Kubernetes keeps of an object.
const LARGEST: usize = 1_500_000;

struct Frontend;

impl Surroundings for Frontend {
    fn cluster(&self) -> Option<String> {
        None
    }

    fn namespace(&self) -> Option<String> {
        Some("shop".to_owned())
    }

    fn label(&self, key: &str) -> Result<Option<String>, Unknown> {
        Ok((key == "app").then(|| "frontend".to_owned()))
    }
}

/// The JSON that a filter is given: what Istio makes of the field.
fn config(object: &Object) -> String {
    object.value["spec"]["pluginConfig"].to_string()
}

/// How many policies a filter takes in.
fn taken(object: &Object) -> Result<usize, Vec<Diagnostic>> {
    let config = config(object);
    let limits = Limits::default();
    match object.name() {
        "landbridge-authz" => load(config.as_bytes(), &limits, &Frontend).map(|l| l.policies),
        "landbridge-locality" => {
            failover::load_failover(config.as_bytes(), &limits, &Frontend).map(|l| l.policies)
        }
        _ => shaping::load_shaping(config.as_bytes(), &limits, &Frontend).map(|l| l.policies),
    }
}

#[test]
fn filters_take_what_plugins_are_configured_with() {
    for shared in [false, true] {
        let documents = documents(&demo(shared));
        let rendered = rendered(&documents, &Settings::new(lock()));
        let mut seen = 0;
        for cluster in ["use1-a", "use1-b", "euw1-a"] {
            let plugins = of(&rendered, cluster).iter();
            for plugin in plugins.filter(|object| object.kind() == "WasmPlugin") {
                let policies = taken(plugin).unwrap_or_else(|found| panic!("{found:#?}"));
                let written = plugin.value["spec"]["pluginConfig"]["policies"]
                    .as_array()
                    .unwrap();
                assert_eq!(policies, written.len());
                seen += 1;
            }
        }
        assert_eq!(seen, 3 * 4);
    }
}

/// As many policies as a large company may have, none of them like another.
fn many(policies: usize) -> String {
    let mut text = MESH.to_owned();
    for i in 0..policies {
        let (team, app) = (i / 20, i % 20);
        let hash = i.wrapping_mul(2_654_435_761) % 65_536;
        write!(
            text,
            "---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {{name: app-{app}-callers, namespace: team-{team}}}
spec:
  target: {{namespace: team-{team}, selector: {{matchLabels: {{app: app-{app}}}}}}}
  rules:
  - name: from-{hash:x}
    from: [{{source: {{clusters: [use1-a, use1-b], principals: [\"*/ns/team-{}/sa/app-{}\"]}}}}]
    to: [{{operation: {{methods: [GET, POST], paths: [\"/v{}/{hash:x}/*\", \"/{}/{hash}\"]}}}}]
",
            hash % 500,
            hash % 20,
            hash % 3,
            hash % 97,
        )
        .unwrap();
    }
    text
}

#[test]
fn ten_thousand_policies_fit_one_object() {
    let documents = documents(&many(10_000));
    let mut settings = Settings::new(lock());
    settings.clusters.insert("use1-a".to_owned());
    let rendered = rendered(&documents, &settings);
    let plugin = of(&rendered, "use1-a")
        .iter()
        .find(|o| o.name() == "landbridge-authz")
        .unwrap();
    let config = config(plugin);
    assert!(packed::is_packed(config.as_bytes()));
    let size = plugin.value.to_string().len();
    let unpacked = packed::unpack(config.as_bytes(), &Limits::default())
        .unwrap()
        .len();
    println!("{unpacked} bytes of configuration, {size} bytes of object");
    assert!(
        unpacked > 2 * LARGEST && size < LARGEST,
        "{unpacked} {size}"
    );
    assert_eq!(
        taken(plugin).unwrap_or_else(|found| panic!("{found:#?}")),
        10_000
    );
}

#[test]
fn what_does_not_fit_though_it_is_packed_is_refused() {
    // Nothing that repeats itself: deflate makes base64 of it no smaller.
    let mut text = MESH.to_owned();
    let mut state = 88_172_645_463_325_252_u64;
    for i in 0..2_600 {
        let mut path = String::new();
        for _ in 0..64 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            write!(path, "{state:016x}").unwrap();
        }
        write!(
            text,
            "---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {{name: p{i}, namespace: shop}}
spec: {{rules: [{{to: [{{operation: {{paths: [\"/{path}\"]}}}}]}}]}}
"
        )
        .unwrap();
    }
    let documents = documents(&text);
    let found = landbridge_istio::render(&documents, &Settings::new(lock())).unwrap_err();
    assert!(
        found.iter().all(|d| d.code == Code::ObjectTooLarge),
        "{found:#?}"
    );
    // One finding, and not one for each cluster, would be a lie: their sizes may differ.
    assert!(!found.is_empty());
}

#[test]
fn what_is_small_stays_readable() {
    let documents = documents(&many(500));
    let rendered = rendered(&documents, &Settings::new(lock()));
    let plugin = &of(&rendered, "euw1-a")[0];
    assert!(!packed::is_packed(config(plugin).as_bytes()));
}
