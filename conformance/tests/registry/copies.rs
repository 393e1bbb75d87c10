//! Other clients see the same digests, and take out of both layouts what was put in.

use std::fs;

use landbridge_oci::Digest;
use serde_json::Value;

use crate::shop::{Shop, built};

const INSECURE: &str = "--insecure";
const NO_TLS: &str = "--tls-verify=false";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn crane_and_skopeo_see_the_digests_of_the_lock_file() {
    let shop = Shop::open("crane_and_skopeo_see_the_digests").await;
    let lock = shop.ship(&["push", &shop.at("landbridge:1")]);
    assert_eq!(lock.modules.len(), 3);
    for module in lock.modules.values() {
        let istio = module.reference.as_deref().unwrap();
        let cncf = module.wasm.reference.as_deref().unwrap();
        for (reference, digest) in [(istio, &module.digest), (cncf, &module.wasm.digest)] {
            let seen = shop.ok("crane", &["digest", INSECURE, reference]);
            assert_eq!(seen.trim(), digest.as_str(), "{reference}");
            let docker = format!("docker://{reference}");
            let raw = shop.ok("skopeo", &["inspect", NO_TLS, "--raw", &docker]);
            assert_eq!(Digest::of(raw.as_bytes()), *digest, "{reference}");
            let annotations = &json(&raw)["annotations"];
            for (name, value) in [
                ("version", "0.1.0"),
                ("revision", "0123456789012345678901234567890123456789"),
                ("licenses", "Apache-2.0"),
                ("source", "https://example.com/landbridge"),
            ] {
                let name = format!("org.opencontainers.image.{name}");
                assert_eq!(annotations[&name], value, "{reference}");
            }
        }
        // Every layer and the configuration, against each other.
        shop.ok("crane", &["validate", INSECURE, "--remote", istio]);
        let seen = json(&shop.ok("skopeo", &["inspect", NO_TLS, &format!("docker://{istio}")]));
        assert_eq!(seen["Digest"], module.digest.as_str());
    }
}

#[tokio::test]
async fn crane_takes_the_modules_out_again() {
    let shop = Shop::open("crane_takes_the_modules_out").await;
    let lock = shop.ship(&["push", &shop.at("landbridge:1")]);
    for (filter, module) in &lock.modules {
        let tar = shop.path("image.tar");
        let reference = module.reference.as_deref().unwrap();
        shop.ok(
            "crane",
            &["export", INSECURE, reference, tar.to_str().unwrap()],
        );
        let unpacked = shop.path(filter);
        fs::create_dir_all(&unpacked).unwrap();
        let mut untar = std::process::Command::new("tar");
        let status = untar.arg("-xf").arg(&tar).arg("-C").arg(&unpacked).status();
        assert!(status.unwrap().success());
        let names: Vec<_> = fs::read_dir(&unpacked).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        assert_eq!(
            fs::read(unpacked.join("plugin.wasm")).unwrap(),
            built(filter)
        );

        let wasm = module.wasm.reference.as_deref().unwrap();
        let manifest = json(&shop.ok("crane", &["manifest", INSECURE, wasm]));
        assert_eq!(
            manifest["config"]["mediaType"],
            "application/vnd.wasm.config.v0+json"
        );
        assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
        assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
        // The CNCF's layer is the module itself, so its digest is the module's.
        let layer = format!("sha256:{}", module.module.sha256);
        assert_eq!(manifest["layers"][0]["digest"], layer);
        let blob = format!("{}@{layer}", shop.at(&format!("landbridge/{filter}")));
        let output = shop.run("crane", &["blob", INSECURE, &blob]);
        assert_eq!(output.stdout, built(filter));
    }
}

#[tokio::test]
async fn skopeo_copies_from_a_layout_and_digests_stay() {
    let shop = Shop::open("skopeo_copies_from_a_layout").await;
    let lock = shop.ship(&["package", "--output", "layout"]);
    assert!(lock.modules["authz"].reference.is_none());
    for (filter, module) in &lock.modules {
        for (name, digest) in [
            (filter.clone(), &module.digest),
            (format!("{filter}-wasm"), &module.wasm.digest),
        ] {
            let from = format!("oci:layout:{name}");
            let raw = shop.ok("skopeo", &["inspect", "--raw", &from]);
            assert_eq!(Digest::of(raw.as_bytes()), *digest);
            let to = shop.at(&format!("copied/{name}:1"));
            let docker = format!("docker://{to}");
            let options = ["--insecure-policy", "copy", "--dest-tls-verify=false"];
            let copy = [&options[..], &["--preserve-digests", &from, &docker]].concat();
            shop.ok("skopeo", &copy);
            let pulled = shop.ok("landbridge", &["pull", &to, "--json", "-o", "module.wasm"]);
            assert_eq!(json(&pulled)["digest"], digest.as_str());
            assert_eq!(fs::read(shop.path("module.wasm")).unwrap(), built(filter));
        }
    }
}

#[tokio::test]
async fn crane_copies_between_repositories_and_the_copy_is_pulled_by_digest() {
    let shop = Shop::open("crane_copies_between_repositories").await;
    let lock = shop.ship(&["push", &shop.at("landbridge:1")]);
    let authz = &lock.modules["authz"];
    let (from, to) = (authz.reference.as_deref().unwrap(), shop.at("mirror/authz"));
    shop.ok("crane", &["copy", INSECURE, from, &format!("{to}:1")]);
    let pinned = format!("{to}@{}", authz.digest);
    shop.ok("landbridge", &["pull", &pinned, "-o", "module.wasm"]);
    assert_eq!(fs::read(shop.path("module.wasm")).unwrap(), built("authz"));
}
