//! Signatures: cosign verifies ours, with keys that cosign made; and we verify cosign's.

use crate::shop::Shop;

/// Verifies by key alone: there is no transparency log here to ask.
fn verify<'a>(key: &'a str, image: &'a str) -> Vec<&'a str> {
    let by_key = ["verify", "--key", key, "--insecure-ignore-tlog=true"];
    [&by_key[..], &HTTP, &[image]].concat()
}

const HTTP: [&str; 2] = ["--allow-insecure-registry", "--allow-http-registry"];

#[tokio::test]
async fn cosign_verifies_modules_and_bills_of_materials() {
    let shop = Shop::open("cosign_verifies_modules").await;
    let (key, public) = shop.keys("cosign");
    let (_, stranger) = shop.keys("stranger");
    let lock = shop.ship(&["push", &shop.at("landbridge:1"), "--sign-key", &key]);
    for (filter, module) in &lock.modules {
        let repository = shop.at(&format!("landbridge/{filter}"));
        let istio = format!("{repository}@{}", module.digest);
        let pull = [
            "pull", &istio, "--verify", "--key", &public, "--json", "-o", "m.wasm",
        ];
        let pulled: serde_json::Value =
            serde_json::from_str(&shop.ok("landbridge", &pull)).unwrap();
        let sbom = format!("{repository}@{}", pulled["sbom"].as_str().unwrap());
        let by_tag = module.reference.as_deref().unwrap();
        let wasm = format!("{repository}@{}", module.wasm.digest);
        for image in [&istio, &wasm, &sbom, by_tag] {
            let said = shop.ok("cosign", &verify(&public, image));
            let digest = image
                .split_once('@')
                .map_or(module.digest.as_str(), |(_, d)| d);
            assert!(said.contains(digest), "{said}");
            shop.refused("cosign", &verify(&stranger, image));
        }
    }
}

#[tokio::test]
async fn cosign_finds_no_signature_where_none_was_made() {
    let shop = Shop::open("cosign_finds_no_signature").await;
    let (_, public) = shop.keys("cosign");
    let lock = shop.ship(&["push", &shop.at("landbridge:1")]);
    let authz = lock.modules["authz"].reference.as_deref().unwrap();
    let said = shop.refused("cosign", &verify(&public, authz));
    assert!(said.contains("no signatures found"), "{said}");
    let pull = ["pull", authz, "--verify", "--key", &public, "-o", "m.wasm"];
    let said = shop.refused("landbridge", &pull);
    assert!(said.contains("is not signed"), "{said}");
    assert!(!shop.path("m.wasm").exists());
}

/// Somebody else signs with cosign, beside what was signed while pushing; all of it stays.
#[tokio::test]
async fn what_cosign_signed_is_verified_here() {
    let shop = Shop::open("what_cosign_signed").await;
    let (key, public) = shop.keys("cosign");
    let (ours, our_public) = shop.keys("ours");
    let lock = shop.ship(&["push", &shop.at("landbridge:1"), "--sign-key", &ours]);
    let authz = format!(
        "{}@{}",
        shop.at("landbridge/authz"),
        lock.modules["authz"].digest
    );
    let pull = |key: &str| {
        let pull = [
            "pull", &authz, "--verify", "--key", key, "--json", "-o", "m.wasm",
        ];
        shop.run(
            "landbridge",
            &pull.map(str::to_owned).each_ref().map(String::as_str),
        )
    };
    let pulled: serde_json::Value = serde_json::from_slice(&pull(&our_public).stdout).unwrap();
    let sbom = format!(
        "{}@{}",
        shop.at("landbridge/authz"),
        pulled["sbom"].as_str().unwrap()
    );
    for image in [&authz, &sbom] {
        let offline = ["--tlog-upload=false", "--use-signing-config=false", "--yes"];
        let format = ["sign", "--key", &key, "--new-bundle-format=false"];
        shop.ok("cosign", &[&format[..], &offline, &HTTP, &[image]].concat());
    }
    for key in [&public, &our_public] {
        let output = pull(key);
        assert!(output.status.success(), "{output:?}");
        shop.ok("cosign", &verify(key, &authz));
    }
}
