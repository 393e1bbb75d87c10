//! `landbridge package`, and what `push` and `pull` refuse before they ask anybody.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scene;

use scene::Scene;
use std::fs;
use std::path::Path;

fn checkout() -> &'static str {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_str()
        .unwrap()
}

fn scene() -> Scene {
    let scene = Scene::new(&[]);
    for name in ["authz", "locality", "shaping"] {
        scene.write(&format!("modules/{name}.wasm"), b"\0asm\x01\0\0\0 and more");
    }
    scene
}

fn package<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let all = [
        "package",
        "--checkout",
        checkout(),
        "--revision",
        "abc",
        "-o",
        "out",
    ];
    [&all, more].concat()
}

#[test]
fn a_package_is_a_layout_and_a_lock_file() {
    let scene = scene();
    let ran = scene.run(&package(&["--modules", "modules"]));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout.lines().count(), 6, "{}", ran.stdout);
    let lock = fs::read_to_string(scene.path().join("landbridge.lock.json")).unwrap();
    let lock: serde_json::Value = serde_json::from_str(&lock).unwrap();
    for (name, module) in lock["modules"].as_object().unwrap() {
        for (name, digest) in [
            (name.clone(), &module["digest"]),
            (format!("{name}-wasm"), &module["wasm"]["digest"]),
        ] {
            let digest = digest.as_str().unwrap();
            assert!(
                ran.stdout.contains(&format!("oci:out:{name}  {digest}\n")),
                "{}",
                ran.stdout
            );
            let blob = digest.replace(':', "/");
            assert!(scene.path().join("out/blobs").join(blob).is_file());
        }
    }
    let again = scene.run(&package(&["--modules", "modules", "--json"]));
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&again.stdout).unwrap(),
        lock
    );
}

#[test]
fn every_missing_module_is_named_and_nothing_is_written() {
    let scene = scene();
    fs::remove_file(scene.path().join("modules/authz.wasm")).unwrap();
    scene.write("modules/shaping.wasm", b"no module");
    let ran = scene.run(&package(&["--modules", "modules"]));
    assert_eq!(ran.code, 2);
    for said in [
        "modules/authz.wasm",
        "modules/shaping.wasm",
        "cargo xtask build",
    ] {
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
    assert!(!scene.path().join("out").exists());
    assert!(!scene.path().join("landbridge.lock.json").exists());
}

#[test]
fn what_makes_no_sense_is_refused_before_anybody_is_asked() {
    let scene = scene();
    let digest = format!("a.example.com/b@sha256:{}", "0".repeat(64));
    for (args, said) in [
        (&["push", "landbridge:1"][..], "names no registry"),
        (&["push", &digest], "makes its own"),
        (
            &["push", "a.example.com/b:1", "--sign-key", "none.key"],
            "cannot read `none.key`",
        ),
        (&["pull", "a.example.com/B:1", "-o", "f"], "is no reference"),
        (
            &["pull", "a.example.com/b:1", "-o", "f", "--verify"],
            "--key",
        ),
        (
            &["pull", "a.example.com/b:1", "-o", "f", "--key", "k"],
            "--verify",
        ),
    ] {
        let ran = scene.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn a_registry_that_is_not_there_is_an_error_with_a_hint() {
    let scene = scene();
    // Nobody listens on port 1.
    let ran = scene.run(&["pull", "127.0.0.1:1/landbridge/authz:1", "-o", "authz.wasm"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("`127.0.0.1:1` does not answer"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("help: "), "{}", ran.stderr);
    assert!(!scene.path().join("authz.wasm").exists());
}
