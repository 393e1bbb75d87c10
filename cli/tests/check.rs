//! `landbridge check`: exit codes, and findings as people and programs see them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scene;

use insta::assert_snapshot;
use scene::{MESH, POLICY, Scene};

/// Two files with several faults each, and one with none.
fn faulty() -> Scene {
    let orders = POLICY
        .replace("clusters:", "cluster:")
        .replace("[GET]", "[get, 1]");
    let more = "\
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: pay, namespace: shop}
spec:
  action: DENY
---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: größe, namespace: shop}
spec:
  rules: []
---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: cart, namespace: shop}
spec:
  rules:
  - from: [{source: {clusters: [use1-c], jurisdictions: [UK]}}]
";
    Scene::new(&[
        ("mesh.yaml", MESH),
        ("orders.yaml", &orders),
        ("more.yaml", more),
    ])
}

#[test]
fn good_documents_are_fine() {
    let scene = Scene::new(&[("mesh.yaml", MESH), ("policies/orders.yaml", POLICY)]);
    let ran = scene.run(&["check", "mesh.yaml", "policies"]);
    assert_eq!(
        ran.told(),
        "exit code 0\n--- stdout\n--- stderr\nok: 2 documents in 2 files\n"
    );
}

#[test]
fn warnings_are_shown_and_allowed() {
    let policy = POLICY.split("  rules:").next().unwrap().to_owned() + "  action: AUDIT\n";
    let scene = Scene::new(&[("mesh.yaml", MESH), ("audit.yaml", &policy)]);
    assert_snapshot!(scene.run(&["check", "."]).told());
}

#[test]
fn every_fault_of_every_file_is_shown() {
    let ran = faulty().run(&["check", "mesh.yaml", "orders.yaml", "more.yaml"]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.told());
}

#[test]
fn what_a_shaping_policy_cannot_do_is_shown() {
    let policy = "\
apiVersion: landbridge.dev/v1alpha1
kind: TrafficShaping
metadata: {name: orders, namespace: shop}
spec:
  limits:
  - name: per-user
    key: [\"request.headers[x-user]\"]
    rate: 10/s
    cost:
      paths: [{paths: [/orders/export], cost: 20}]
  - name: everywhere
    rate: 1000/s
    requests: [{from: [{source: {clusters: [use1-c]}}]}]
    scope: Global
";
    let scene = Scene::new(&[("mesh.yaml", MESH), ("orders.yaml", policy)]);
    let ran = scene.run(&["check", "."]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.told());
}

#[test]
fn json_has_the_same_findings() {
    let scene = faulty();
    let files = ["mesh.yaml", "orders.yaml", "more.yaml"];
    let ran = scene.run(&[&["check", "--json"], &files[..]].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let shown = scene.run(&[&["check"], &files[..]].concat()).stderr;
    for finding in value["diagnostics"].as_array().unwrap() {
        let severity = finding["severity"].as_str().unwrap();
        let (code, message) = (&finding["code"], &finding["message"]);
        let (code, message) = (code.as_str().unwrap(), message.as_str().unwrap());
        let title = format!("{severity}[{code}]: {message}");
        assert!(shown.contains(&title), "{title}");
    }
    assert_snapshot!(ran.stdout);
}

#[test]
fn json_of_good_documents_has_no_findings() {
    let scene = Scene::new(&[("mesh.yaml", MESH)]);
    let ran = scene.run(&["check", "--json", "mesh.yaml"]);
    assert_eq!(ran.code, 0);
    assert_snapshot!(ran.told());
}

#[test]
fn a_directory_is_read_recursively_and_in_order() {
    let bad = "kind: Nothing\n";
    let scene = Scene::new(&[
        ("d/b.yaml", bad),
        ("d/a/z.yml", bad),
        ("d/a.json", "{\"kind\": \"Nothing\"}"),
        ("d/.hidden/x.yaml", bad),
        ("d/.x.yaml", bad),
        ("d/readme.md", bad),
    ]);
    let ran = scene.run(&["check", "--json", "d"]);
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let mut files: Vec<&str> = value["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["file"].as_str().unwrap())
        .collect();
    files.dedup();
    assert_eq!(files, ["d/a/z.yml", "d/a.json", "d/b.yaml"]);
}

#[test]
fn a_file_given_twice_is_read_once() {
    let scene = Scene::new(&[("mesh.yaml", MESH)]);
    let ran = scene.run(&["check", "mesh.yaml", ".", "./mesh.yaml"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (0, "ok: 1 document in 1 file\n")
    );
}

#[test]
fn stdin_is_a_file() {
    let scene = Scene::new(&[("mesh.yaml", MESH)]);
    let ran = scene.run_with(&["check", "mesh.yaml", "-"], "a: [1\nb: 2\n", &[]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.told());
}

#[test]
fn one_fault_does_not_bring_forth_others() {
    // The mesh is there, with a fault; that it is missing is not said of every policy.
    let mesh = MESH.replace("regions:", "region:");
    let test = "\
apiVersion: landbridge.dev/v1alpha1
kind: PolicyTest
metadata: {name: orders, namespace: shop}
spec:
  local: {cluster: use1-a}
  cases: [{name: a, expect: {verdict: Deny, policy: shop/orders}}]
";
    let scene = Scene::new(&[
        ("mesh.yaml", &mesh),
        ("orders.yaml", POLICY),
        ("test.yaml", test),
    ]);
    let ran = scene.run(&["check", "."]);
    assert!(!ran.stderr.contains("LB0207"), "{}", ran.stderr);

    scene.write("mesh.yaml", MESH.as_bytes());
    scene.write("orders.yaml", POLICY.replace("rules:", "rulez:").as_bytes());
    let ran = scene.run(&["check", "."]);
    assert!(!ran.stderr.contains("LB0209"), "{}", ran.stderr);

    // What nobody wrote is missing all the same.
    scene.write(
        "orders.yaml",
        POLICY.replace("name: orders", "name: cart").as_bytes(),
    );
    let ran = scene.run(&["check", "."]);
    assert!(ran.stderr.contains("LB0209"), "{}", ran.stderr);
    let ran = scene.run(&["check", "orders.yaml"]);
    assert!(ran.stderr.contains("LB0207"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_read_ends_with_2() {
    let scene = Scene::new(&[("mesh.yaml", MESH), ("empty/readme.md", "")]);
    scene.write("latin.yaml", b"kind: gr\xf6\xdfe\n");
    let ran = scene.run(&["check", "mesh.yaml", "none.yaml", "latin.yaml", "empty"]);
    assert_eq!(ran.code, 2);
    assert_snapshot!(ran.told());
    // Nor is there half an answer for programs.
    let ran = scene.run(&["check", "--json", "none.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
}

#[test]
fn wrong_usage_ends_with_2() {
    let scene = Scene::new(&[]);
    for args in [&["check"][..], &["chek"], &["check", "--jsn", "."], &[]] {
        let ran = scene.run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}");
        assert!(ran.stderr.contains("Usage: landbridge"), "{}", ran.stderr);
    }
}

#[test]
fn colours_are_for_terminals() {
    let scene = faulty();
    let coloured = |env: &[(&str, &str)]| {
        let ran = scene.run_with(&["check", "orders.yaml"], "", env);
        ran.stderr.contains('\u{1b}')
    };
    assert!(!coloured(&[]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("NO_COLOR", "1")]));
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let scene = Scene::new(&[]);
    let ran = scene.run_with(&["check", "-"], "kind: \"\\e[2Jx\\n\\u202E\"\n", &[]);
    assert_eq!(ran.code, 1);
    assert!(
        !ran.stderr.contains(['\u{1b}', '\u{202e}']),
        "{}",
        ran.stderr
    );
}

#[test]
fn long_lines_and_other_line_ends_are_shown_or_left_out() {
    let long = format!(
        "{{\"kind\": \"Nothing\", \"a\": \"{}\"}}",
        "x".repeat(100_000)
    );
    let scene = Scene::new(&[
        ("long.json", &long),
        ("crlf.yaml", "\u{feff}a: ä\r\nkind: größe\r\n"),
        ("cr.yaml", "a: b\rkind: c\r"),
    ]);
    let ran = scene.run(&["check", "long.json", "crlf.yaml", "cr.yaml"]);
    assert_snapshot!(ran.told());
}

#[test]
fn versions_and_completions_are_printed() {
    let scene = Scene::new(&[]);
    let ran = scene.run(&["--version"]);
    assert_eq!(
        ran.stdout,
        concat!("landbridge ", env!("CARGO_PKG_VERSION"), "\n")
    );
    for shell in ["bash", "zsh", "fish"] {
        let ran = scene.run(&["completions", shell]);
        assert_eq!(ran.code, 0);
        for word in ["filter-config", "shaping"] {
            assert!(ran.stdout.contains(word), "{shell}: {word}");
        }
    }
}
