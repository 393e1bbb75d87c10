//! `landbridge render istio`: what clusters are given.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scene;

use insta::assert_snapshot;
use scene::{MESH, POLICY, Ran, Scene};
use std::collections::BTreeMap;
use std::fs;

const HEADER: &str =
    "# Rendered by landbridge: change the documents that it was made of, not this.";

const FAILOVER: &str = "\
apiVersion: landbridge.dev/v1alpha1
kind: LocalityFailover
metadata: {name: orders, namespace: shop}
spec:
  services: [{name: orders, hosts: [orders.shop.svc.cluster.local], port: 80, clusters: [use1-a, euw1-a]}]
";

fn lock() -> String {
    let module = |name: &str, digit: char| {
        format!(
            r#""{name}":{{"reference":"registry.example/lb/{name}:0.1.0","digest":"sha256:{}","wasm":{{}}}}"#,
            String::from(digit).repeat(64)
        )
    };
    let modules = [
        module("authz", 'a'),
        module("locality", 'b'),
        module("shaping", 'c'),
    ];
    format!(
        r#"{{"version":"0.1.0","revision":"r","modules":{{{}}}}}"#,
        modules.join(",")
    )
}

fn scene() -> Scene {
    let lock = lock();
    Scene::new(&[
        ("documents/mesh.yaml", MESH),
        ("documents/orders.yaml", POLICY),
        ("documents/failover.yaml", FAILOVER),
        ("lock.json", &lock),
    ])
}

fn render(scene: &Scene, args: &[&str]) -> Ran {
    scene.run(
        &[
            &["render", "istio", "--lock", "lock.json", "documents"],
            args,
        ]
        .concat(),
    )
}

/// Every file below the folder, with its text.
fn files(scene: &Scene) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let root = scene.path().join("out");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                files.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}

#[test]
fn one_cluster_is_printed_as_one_stream() {
    let ran = render(&scene(), &["--cluster", "euw1-a"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let kinds: Vec<&str> = ran
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("kind: "))
        .collect();
    let expected = [
        "WasmPlugin",
        "WasmPlugin",
        "DestinationRule",
        "VirtualService",
        "EnvoyFilter",
        "Telemetry",
    ];
    assert_eq!(kinds, expected);
    assert!(
        ran.stdout.contains("      cluster: euw1-a\n"),
        "{}",
        ran.stdout
    );
    let only = render(
        &scene(),
        &["--cluster", "euw1-a", "--only", "routing,telemetry"],
    );
    let kinds: Vec<&str> = only
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("kind: "))
        .collect();
    assert_eq!(kinds, ["DestinationRule", "VirtualService", "Telemetry"]);
}

#[test]
fn which_cluster_a_stream_is_for_must_be_said() {
    let ran = render(&scene(), &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(
        ran.stderr.contains("the mesh has several clusters"),
        "{}",
        ran.stderr
    );
}

#[test]
fn each_cluster_has_its_folder() {
    let scene = scene();
    let ran = render(&scene, &["-o", "out"]);
    assert_eq!(
        (ran.code, ran.told()),
        (0, "exit code 0\n--- stdout\n--- stderr\n".to_owned())
    );
    let first = files(&scene);
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_snapshot!(names.join("\n"));
    assert!(first.values().all(|text| text.starts_with(HEADER)));
    assert_snapshot!("kustomization", first["use1-a/kustomization.yaml"]);
    // Nothing changes where nothing changed.
    assert_eq!(render(&scene, &["-o", "out"]).code, 0);
    assert_eq!(files(&scene), first);
}

#[test]
fn what_an_earlier_render_wrote_goes_and_what_people_wrote_stays() {
    let scene = scene();
    assert_eq!(render(&scene, &["-o", "out"]).code, 0);
    scene.write("out/use1-b/own.yaml", b"mine: true\n");
    scene.write("out/notes/locality.yaml", b"mine: true\n");
    fs::remove_file(scene.path().join("documents/failover.yaml")).unwrap();
    scene.write(
        "documents/mesh.yaml",
        MESH.split_once("  - name: euw1-a").unwrap().0.as_bytes(),
    );
    // Of one cluster alone.
    assert_eq!(
        render(&scene, &["-o", "out", "--cluster", "use1-a"]).code,
        0
    );
    let now = files(&scene);
    assert!(!now.contains_key("use1-a/locality.yaml"));
    assert!(now.contains_key("use1-b/locality.yaml") && now.contains_key("euw1-a/authz.yaml"));
    // Of one part alone.
    assert_eq!(render(&scene, &["-o", "out", "--only", "locality"]).code, 0);
    let now = files(&scene);
    assert!(!now.contains_key("use1-b/locality.yaml") && now.contains_key("use1-b/routing.yaml"));
    let kustomization = &now["use1-b/kustomization.yaml"];
    assert!(kustomization.contains("routing.yaml") && !kustomization.contains("locality.yaml"));
    assert_eq!(render(&scene, &["-o", "out"]).code, 0);
    let now: Vec<String> = files(&scene).into_keys().collect();
    assert_snapshot!(now.join("\n"));
    // Nor is one overwritten, and then nothing is.
    scene.write("out/use1-b/authz.yaml", b"mine: true\n");
    let before = files(&scene);
    scene.write(
        "documents/orders.yaml",
        POLICY.replace("GET", "PUT").as_bytes(),
    );
    let ran = render(&scene, &["-o", "out"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("not written by landbridge"),
        "{}",
        ran.stderr
    );
    assert_eq!(files(&scene), before);
}

#[test]
fn settings_may_be_in_a_file_and_flags_have_the_last_word() {
    let scene = scene();
    scene.write(
        "settings.yaml",
        b"form: traffic-extension
istio: \"1.30\"
imagePullSecret: pull
scope: namespace
gateways:
- {namespace: edge, name: ingress, selector: {istio: ingressgateway}}
",
    );
    let args = [
        "--settings",
        "settings.yaml",
        "--cluster",
        "use1-a",
        "--only",
        "authz",
    ];
    let ran = render(&scene, &args);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_snapshot!(ran.stdout);
    let flags = [
        &args[..],
        &[
            "--form",
            "wasm-plugin",
            "--scope",
            "mesh",
            "--image-pull-secret",
            "other",
        ],
    ];
    let ran = render(&scene, &flags.concat());
    assert!(
        ran.stdout.contains("imagePullSecret: other"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("kind: WasmPlugin") && ran.stdout.contains("namespace: istio-system")
    );
}

#[test]
fn what_is_wrong_is_shown_with_its_place() {
    let scene = scene();
    scene.write(
        "settings.yaml",
        b"istio: 1.30\nforms: wasm-plugin\nfailStrategy: CLOSE\ngateways: [{namespace: edge, name: a, selector: {a: 1}}]\n",
    );
    let ran = render(&scene, &["--settings", "settings.yaml", "-o", "out"]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.told());
    scene.write(
        "documents/orders.yaml",
        POLICY
            .replace(
                "  rules:",
                "  target: {targetRefs: [{kind: GatewayClass, name: istio}]}\n  rules:",
            )
            .as_bytes(),
    );
    let ran = render(&scene, &["-o", "out"]);
    assert_eq!(ran.code, 1);
    assert_snapshot!("what_istio_would_ignore", ran.told());
    assert!(!scene.path().join("out").exists());
}

#[test]
fn flags_that_make_no_sense_end_with_2() {
    let scene = scene();
    scene.write("bad.json", b"{}");
    for (args, message) in [
        (
            &["--form", "plugin"][..],
            "there is `wasm-plugin`, `traffic-extension`",
        ),
        (&["--only", "authz,all"], "there is `authz`, `locality`"),
        (&["--istio", "1.9"], "from 1.24 on"),
        (&["--istio", "new"], "from 1.24 on"),
        (&["--rate-limit-service", "host"], "expected HOST:PORT"),
        (&["--cluster", "use1-x"], "the mesh has no cluster `use1-x`"),
        (&["--settings", "none.yaml"], "none.yaml: No such file"),
    ] {
        let ran = render(&scene, args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}");
        assert!(ran.stderr.contains(message), "{args:?}: {}", ran.stderr);
    }
    let ran = scene.run(&["render", "istio", "--lock", "bad.json", "documents"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("bad.json: no lock file"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_module_that_was_never_pushed_cannot_be_named() {
    let scene = scene();
    let unpushed = lock().replace(r#""reference":"registry.example/lb/authz:0.1.0","#, "");
    scene.write("lock.json", unpushed.as_bytes());
    let ran = render(&scene, &["-o", "out"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("LB0610"), "{}", ran.stderr);
    assert!(ran.stderr.contains("in no registry yet"), "{}", ran.stderr);
}

/// The same objects, as the chart in `deploy/helm` takes them.
#[test]
fn values_have_the_same_objects_by_part() {
    let scene = scene();
    let values = ["--as", "helm-values"];
    let ran = render(&scene, &[&values[..], &["-o", "out"]].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let written = files(&scene);
    let names: Vec<&str> = written.keys().map(String::as_str).collect();
    let expected = [
        "euw1-a/values.yaml",
        "use1-a/values.yaml",
        "use1-b/values.yaml",
    ];
    assert_eq!(names, expected);
    let printed = render(&scene, &[&values[..], &["--cluster", "euw1-a"]].concat());
    assert_eq!(printed.stdout, written["euw1-a/values.yaml"]);

    let tree = |text: &str| {
        landbridge_model::yaml::trees(text)
            .unwrap()
            .remove(0)
            .to_json()
    };
    let values: serde_json::Value = serde_json::from_str(&tree(&printed.stdout)).unwrap();
    let manifests = render(&scene, &["--cluster", "euw1-a"]).stdout;
    let manifests = landbridge_model::yaml::trees(&manifests).unwrap();
    let parts = ["authz", "locality", "routing", "envoyfilters", "telemetry"];
    let objects = parts.map(|part| values["rendered"][part].as_array().unwrap().clone());
    let manifests: Vec<serde_json::Value> = (manifests.iter())
        .map(|tree| serde_json::from_str(&tree.to_json()).unwrap())
        .collect();
    assert_eq!(objects.concat(), manifests);
}

#[test]
fn values_of_some_parts_are_refused_and_those_of_clusters_that_are_gone_go() {
    let scene = scene();
    let values = ["--as", "helm-values", "-o", "out"];
    let some = render(&scene, &[&values[..], &["--only", "authz"]].concat());
    assert_eq!(some.code, 2);
    assert!(
        some.stderr.contains("the chart's value `parts`"),
        "{}",
        some.stderr
    );

    assert_eq!(render(&scene, &values).code, 0);
    scene.write("out/notes/values.yaml", b"mine: true\n");
    fs::remove_file(scene.path().join("documents/failover.yaml")).unwrap();
    let fewer = MESH.split_once("  - name: euw1-a").unwrap().0;
    scene.write("documents/mesh.yaml", fewer.as_bytes());
    assert_eq!(render(&scene, &values).code, 0);
    let names: Vec<String> = files(&scene).into_keys().collect();
    let expected = [
        "notes/values.yaml",
        "use1-a/values.yaml",
        "use1-b/values.yaml",
    ];
    assert_eq!(names, expected);

    scene.write("out/use1-a/values.yaml", b"mine: true\n");
    let ran = render(&scene, &values);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("not written by landbridge"),
        "{}",
        ran.stderr
    );
}
