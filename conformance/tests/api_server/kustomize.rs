//! `deploy/istio`: what kustomize makes of the base, the overlays and a render, applied.

use std::fs;
use std::path::Path;
use std::process::Command;

use landbridge_conformance::rendering::{EXAMPLE, Rendering, SETTINGS};
use landbridge_conformance::tool;
use landbridge_testbed::workspace;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Objects, assert_holds};

/// A checkout's `deploy/istio` with a render in it, as the guide says.
fn checkout(cluster: &Cluster, name: &str, args: &[&str]) -> Rendering {
    let folder = cluster.folder(name);
    copy(&workspace().join("deploy/istio"), &folder);
    let args = [&["--settings", SETTINGS], args].concat();
    Rendering::new(folder.join("rendered"), EXAMPLE, &args)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        // What a person at work here rendered is not what is tested.
        if entry.file_name() == "rendered" {
            continue;
        }
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_overlay_is_what_was_rendered_and_what_it_says_itself() {
    let cluster = Cluster::take();
    for form in ["wasm-plugin", "traffic-extension"] {
        let rendering = checkout(&cluster, &format!("overlays-{form}"), &["--form", form]);
        for member in ["use1-a", "use1-b", "euw1-a"] {
            let overlay = rendering.folder().join("../overlays").join(member);
            let built = printed(tool("kustomize").arg("build").arg(&overlay));
            // kubectl has a kustomize of its own.
            let other = printed(cluster.server().kubectl().arg("kustomize").arg(&overlay));
            assert_eq!(cluster.read(&built), cluster.read(&other));

            let rendered = cluster.read(&rendering.manifests(member));
            assert_eq!(cluster.read(&built), expected(rendered, member));
            cluster.apply(&built);
            assert_holds(&cluster.objects(), &cluster.read(&built));
            cluster.clear();
        }
    }
}

/// What a cluster's overlay makes of what was rendered.
fn expected(mut rendered: Objects, member: &str) -> Objects {
    let strict = json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": "istio-system"},
        "spec": {"mtls": {"mode": "STRICT"}},
    });
    rendered.insert("PeerAuthentication istio-system/default".into(), strict);
    for object in rendered.values_mut() {
        object["metadata"]["labels"]["app.kubernetes.io/part-of"] = json!("landbridge");
        if member == "euw1-a" {
            for url in ["/spec/url", "/spec/wasm/url"] {
                if let Some(Value::String(url)) = object.pointer_mut(url) {
                    let from = "registry.example.com";
                    let mirror = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
                    assert!(url.contains(from), "{url}");
                    *url = url.replace(from, mirror);
                }
            }
        }
    }
    rendered
}

/// An overlay without its render does not build: nobody applies half of it.
#[test]
fn an_overlay_of_a_cluster_that_was_not_rendered_is_refused() {
    let cluster = Cluster::take();
    let rendering = checkout(&cluster, "half", &["--cluster", "use1-a"]);
    let overlay = rendering.folder().join("../overlays/use1-b");
    let output = tool("kustomize")
        .arg("build")
        .arg(overlay)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(why.contains("rendered/use1-b"), "{why}");
}
