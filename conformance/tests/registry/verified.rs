//! `landbridge pull` as it is typed: what it says, how it ends, and that a file is whole or not there.

use std::fs;

use crate::shop::{Shop, built};

#[tokio::test]
async fn a_verified_pull_says_what_it_verified() {
    let shop = Shop::open("a_verified_pull").await;
    let (key, public) = shop.keys("cosign");
    let lock = shop.ship(&["push", &shop.at("landbridge:1"), "--sign-key", &key]);
    for (filter, module) in &lock.modules {
        for reference in [&module.reference, &module.wasm.reference] {
            let reference = reference.as_deref().unwrap();
            let verify = ["--verify", "--key", &public, "-o", "module.wasm"];
            let said = shop.ok("landbridge", &[&["pull", reference], &verify[..]].concat());
            assert!(said.contains(&module.module.sha256), "{said}");
            assert!(said.contains("signed by the key"), "{said}");
            assert_eq!(fs::read(shop.path("module.wasm")).unwrap(), built(filter));
        }
    }
}

#[tokio::test]
async fn a_pull_that_fails_leaves_the_file_as_it_was() {
    let shop = Shop::open("a_pull_that_fails").await;
    let (key, _) = shop.keys("cosign");
    let (_, stranger) = shop.keys("stranger");
    let lock = shop.ship(&["push", &shop.at("landbridge:1"), "--sign-key", &key]);
    let authz = lock.modules["authz"].reference.as_deref().unwrap();
    fs::write(shop.path("module.wasm"), "as it was").unwrap();
    let verify = [
        "pull",
        authz,
        "--verify",
        "--key",
        &stranger,
        "-o",
        "module.wasm",
    ];
    let said = shop.refused("landbridge", &verify);
    assert!(said.contains("not with this key"), "{said}");

    let layer = format!("sha256:{}", lock.modules["authz"].module.sha256);
    fs::write(shop.registry.blob(&layer), "short").unwrap();
    let wasm = lock.modules["authz"].wasm.reference.as_deref().unwrap();
    let said = shop.refused("landbridge", &["pull", wasm, "-o", "module.wasm"]);
    assert!(said.contains(&layer), "{said}");

    assert_eq!(fs::read(shop.path("module.wasm")).unwrap(), b"as it was");
    let left: Vec<_> = fs::read_dir(shop.registry.scratch())
        .unwrap()
        .flatten()
        .collect();
    let part = |entry: &fs::DirEntry| {
        entry
            .file_name()
            .to_string_lossy()
            .starts_with(".landbridge")
    };
    assert!(!left.iter().any(part), "{left:?}");
}

#[tokio::test]
async fn a_key_wants_its_password() {
    let shop = Shop::open("a_key_wants_its_password").await;
    let (key, _) = shop.keys("cosign");
    for (password, said) in [
        (Some("another"), "cannot be decrypted"),
        (None, "is encrypted"),
    ] {
        let mut push = landbridge_conformance::landbridge();
        let target = shop.at("landbridge:1");
        push.args(["push", &target, "--sign-key", &key]);
        push.current_dir(shop.registry.scratch());
        push.env_remove("COSIGN_PASSWORD");
        if let Some(password) = password {
            push.env("COSIGN_PASSWORD", password);
        }
        let output = push.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.contains(said) && stderr.contains("COSIGN_PASSWORD"),
            "{stderr}"
        );
    }
}
