//! `landbridge inspect`: what a mesh was given comes out as documents again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scene;

use landbridge_model::packed;
use scene::{MESH, POLICY, Scene};
use serde_json::{Value, json};

const ISTIO: &str = "\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: tried
  namespace: shop
  annotations: {istio.io/dry-run: 'true'}
spec:
  action: DENY
  rules: [{to: [{operation: {paths: ['/a', 'yes']}}]}]
";

/// A configuration as `landbridge render` makes it.
fn rendered(scene: &Scene, paths: &[&str]) -> String {
    let args = ["render", "filter-config", "--filter", "authz"];
    let ran = scene.run(&[&args, paths].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stdout.trim_end().to_owned()
}

fn scene() -> Scene {
    Scene::new(&[
        ("mesh.yaml", MESH),
        ("orders.yaml", POLICY),
        ("istio.yaml", ISTIO),
    ])
}

fn all(scene: &Scene) -> String {
    rendered(scene, &["mesh.yaml", "orders.yaml", "istio.yaml"])
}

/// The object that a configuration stands in.
fn plugin(kind: &str, name: &str, config: &str) -> Value {
    let config: Value = serde_json::from_str(config).unwrap();
    let spec = match kind {
        "WasmPlugin" => json!({"url": "oci://a/b", "pluginConfig": config}),
        _ => json!({"wasm": {"url": "oci://a/b", "pluginConfig": config}}),
    };
    json!({
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "istio-system", "generation": 3},
        "spec": spec,
    })
}

#[test]
fn documents_come_out_as_they_went_in_whatever_they_stand_in() {
    let scene = scene();
    let json = all(&scene);
    let packed = packed::pack(&json);
    let list = json!({
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "orders"}},
            plugin("WasmPlugin", "landbridge-authz", &packed),
            plugin("WasmPlugin", "someone-elses", r#"{"a":1}"#),
        ],
    });
    let wasm_plugin = plugin("WasmPlugin", "landbridge-authz", &packed).to_string();
    let extension = plugin("TrafficExtension", "landbridge-authz", &json).to_string();
    let written: Value = serde_json::from_str(&json).unwrap();
    for given in [&json, &packed, &wasm_plugin, &extension, &list.to_string()] {
        let ran = scene.run_with(&["inspect"], given, &[]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{given}");
        scene.write("again/all.yaml", ran.stdout.as_bytes());
        let checked = scene.run(&["check", "again"]);
        assert_eq!(checked.code, 0, "{}\n{}", checked.stderr, ran.stdout);
        // A cluster puts the keys in an order of its own.
        let again: Value = serde_json::from_str(&rendered(&scene, &["again"])).unwrap();
        assert_eq!(again, written, "{}", ran.stdout);
    }
}

#[test]
fn a_heading_says_where_it_was_and_what_filters_call_it() {
    let scene = scene();
    let json = all(&scene);
    let packed = packed::pack(&json);
    let given = plugin("WasmPlugin", "landbridge-authz", &packed).to_string();
    let ran = scene.run_with(&["inspect"], &given, &[]);
    let told = scene.run_with(&["inspect", "--json", "-"], &given, &[]);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let told = &told[0];
    assert_eq!(told["bytes"], packed.len());
    assert_eq!(told["unpackedBytes"], json.len());
    assert_eq!(told["policies"], 2);
    let digest = told["digest"].as_str().unwrap();
    assert_eq!(digest.len(), 16);
    assert_eq!(
        ran.stdout.lines().next().unwrap(),
        format!(
            "# WasmPlugin istio-system/landbridge-authz: digest {digest}, 2 policies, {} bytes packed, {} unpacked",
            packed.len(),
            json.len()
        )
    );
    assert_eq!(told["documents"].as_array().unwrap().len(), 3);
}

#[test]
fn what_several_filters_were_given_comes_out_once() {
    let scene = scene();
    let authz = all(&scene);
    let shaping = rendered(&scene, &["mesh.yaml"]);
    let both = format!(
        "{}\n---\n{}\n",
        plugin("WasmPlugin", "landbridge-authz", &authz),
        plugin("WasmPlugin", "landbridge-shaping", &shaping)
    );
    scene.write("both.yaml", both.as_bytes());
    let ran = scene.run(&["inspect", "both.yaml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout.matches("kind: Mesh").count(), 1);
    let other = both.replacen("use1-a", "use1-z", 1);
    let ran = scene.run_with(&["inspect"], &other, &[]);
    assert!(ran.stderr.contains("2 different meshes"), "{}", ran.stderr);
}

#[test]
fn options_are_told_though_they_are_no_document() {
    let scene = scene();
    scene.write("options.yaml", b"explain: Never\n");
    let json = rendered(
        &scene,
        &[
            "mesh.yaml",
            "--options",
            "options.yaml",
            "--cluster",
            "use1-a",
        ],
    );
    let ran = scene.run_with(&["inspect"], &json, &[]);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[1], r##"# local: {"cluster":"use1-a"}"##);
    assert_eq!(lines[2], r##"# options: {"explain":"Never"}"##);
}

#[test]
fn damage_is_told_with_its_place() {
    let scene = scene();
    let packed = packed::pack(&all(&scene)).replace("\"size\":", "\"size\":1");
    let given = plugin("WasmPlugin", "landbridge-authz", &packed).to_string();
    let ran = scene.run_with(&["inspect"], &given, &[]);
    assert_eq!(ran.code, 1);
    let start = "<stdin>: error[LB0004] WasmPlugin istio-system/landbridge-authz at packed.size: ";
    assert!(ran.stderr.starts_with(start), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

#[test]
fn what_has_no_configuration_is_a_failure() {
    let scene = scene();
    for (given, code) in [(MESH, 2), ("{}", 2), ("[", 1)] {
        let ran = scene.run_with(&["inspect"], given, &[]);
        assert_eq!(ran.code, code, "{given}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty());
    }
    assert_eq!(scene.run(&["inspect", "none.yaml"]).code, 2);
}
