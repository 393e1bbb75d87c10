//! `landbridge render filter-config`: what a proxy is given.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod scene;

use insta::assert_snapshot;
use landbridge_model::{Limits, RawConfig};
use scene::{MESH, POLICY, Ran, Scene};

fn render(scene: &Scene, args: &[&str]) -> Ran {
    scene.run(&[&["render", "filter-config", "--filter", "authz"], args].concat())
}

fn scene() -> Scene {
    Scene::new(&[("mesh.yaml", MESH), ("orders.yaml", POLICY)])
}

#[test]
fn a_configuration_is_one_line_of_json() {
    let ran = render(&scene(), &["mesh.yaml", "orders.yaml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout.lines().count(), 1);
    assert_snapshot!(ran.stdout);
    let config = RawConfig::read(ran.stdout.as_bytes(), &Limits::default());
    assert_eq!(config.unwrap_or_else(|e| panic!("{e:?}")).policies(), 1);
}

#[test]
fn each_filter_gets_its_own_policies() {
    let scene = scene();
    scene.write(
        "failover.yaml",
        b"apiVersion: landbridge.dev/v1alpha1
kind: LocalityFailover
metadata: {name: orders-failover, namespace: shop}
spec:
  services: [{name: orders, hosts: [orders.shop], port: 80, clusters: [use1-a]}]
",
    );
    scene.write(
        "shaping.yaml",
        b"apiVersion: landbridge.dev/v1alpha1
kind: TrafficShaping
metadata: {name: orders-limits, namespace: shop}
spec:
  limits: [{name: all, rate: 100/s}]
",
    );
    let kinds = |filter: &str| {
        let args = [
            "render",
            "filter-config",
            "--filter",
            filter,
            "mesh.yaml",
            "orders.yaml",
            "failover.yaml",
            "shaping.yaml",
        ];
        let ran = scene.run(&args);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{filter}");
        let config: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let policies = config["policies"].as_array().unwrap().clone();
        policies
            .iter()
            .map(|p| p["kind"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds("authz"), ["CrossClusterAuthorization"]);
    assert_eq!(kinds("locality"), ["LocalityFailover"]);
    assert_eq!(kinds("shaping"), ["TrafficShaping"]);
}

#[test]
fn flags_say_what_the_proxy_is() {
    let scene = scene();
    scene.write(
        "options.yaml",
        b"# How it behaves.\nexplain: Always\ntrustedCallers: [{clusters: [euw1-a]}]\n",
    );
    let args = [
        "mesh.yaml",
        "orders.yaml",
        "--cluster",
        "use1-a",
        "--namespace",
        "shop",
        "--label",
        "version=2",
        "--label",
        "app=orders",
        "--options",
        "options.yaml",
        "--pretty",
    ];
    let ran = render(&scene, &args);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_snapshot!(ran.stdout);
    // The same with and without blanks, and in a file.
    let pretty: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let args: Vec<&str> = args.iter().copied().filter(|a| *a != "--pretty").collect();
    let plain: serde_json::Value = serde_json::from_str(&render(&scene, &args).stdout).unwrap();
    assert_eq!(pretty, plain);
    let written = render(&scene, &[&args[..], &["-o", "out.json"]].concat());
    assert_eq!((written.code, written.stdout.as_str()), (0, ""));
    let text = std::fs::read_to_string(scene.path().join("out.json")).unwrap();
    assert_eq!(text, render(&scene, &args).stdout);
}

#[test]
fn documents_with_errors_are_not_rendered() {
    let scene = scene();
    scene.write(
        "orders.yaml",
        POLICY.replace("clusters:", "cluster:").as_bytes(),
    );
    let ran = render(&scene, &["mesh.yaml", "orders.yaml", "-o", "out.json"]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.told());
    assert!(!scene.path().join("out.json").exists());
}

#[test]
fn options_with_errors_are_shown_with_their_places() {
    let scene = scene();
    scene.write("orders.yaml", POLICY.replace("use1-a", "use1-x").as_bytes());
    scene.write("options.yaml", b"explan: Always\ndefaultAction: Maybe\n");
    let args = ["mesh.yaml", "orders.yaml", "--options", "options.yaml"];
    let ran = render(&scene, &args);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.told());
    // Names are known to the mesh alone.
    scene.write("orders.yaml", POLICY.as_bytes());
    scene.write(
        "options.yaml",
        b"trustedCallers:\n- clusters: [use1-a, use1-y]\n- {}\n",
    );
    assert_snapshot!("options_naming_clusters", render(&scene, &args).told());
    scene.write("options.yaml", b"explain: Always\n---\nexplain: Never\n");
    assert_eq!(render(&scene, &args).code, 1);
    scene.write("options.yaml", b"# none\n");
    assert_eq!(render(&scene, &args).code, 0);
}

#[test]
fn a_mesh_is_needed() {
    let scene = Scene::new(&[
        ("orders.yaml", POLICY),
        (
            "test.yaml",
            "\
apiVersion: landbridge.dev/v1alpha1
kind: PolicyTest
metadata: {name: a}
spec: {local: {}, cases: [{name: a, expect: {verdict: Deny}}]}
",
        ),
    ]);
    for file in ["orders.yaml", "test.yaml"] {
        let ran = render(&scene, &[file]);
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.contains("LB0207"), "{}", ran.stderr);
    }
}

#[test]
fn flags_that_make_no_sense_end_with_2() {
    let scene = scene();
    for (args, message) in [
        (
            &["--cluster", "use1-x"][..],
            "there is `use1-a`, `use1-b`, `euw1-a`",
        ),
        (&["--cluster", "a b"], "'--cluster <NAME>'"),
        (&["--namespace", "a/b"], "not a name"),
        (&["--label", "app"], "expected KEY=VALUE"),
        (
            &["--label", "a=1", "--label", "a=2"],
            "label `a` is given twice",
        ),
        (&["--options", "none.yaml"], "none.yaml: No such file"),
        (&["-o", "none/out.json"], "cannot write to none/out.json"),
    ] {
        let ran = render(&scene, &[&["mesh.yaml", "orders.yaml"], args].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}");
        assert!(ran.stderr.contains(message), "{args:?}: {}", ran.stderr);
    }
    let ran = scene.run(&["render", "filter-config", "mesh.yaml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--filter"), "{}", ran.stderr);
}

#[test]
fn warnings_do_not_mix_with_what_is_rendered() {
    let scene = scene();
    scene.write(
        "audit.yaml",
        b"\
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: nothing}
spec: {action: AUDIT}
",
    );
    let ran = render(&scene, &["."]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("warning[LB0301]"), "{}", ran.stderr);
    serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap();
}
