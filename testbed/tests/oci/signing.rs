//! What `pull --verify` makes sure of, and that it refuses whatever is not so.

use landbridge_oci::sign;
use landbridge_oci::{Target, pull, push, verify};
use landbridge_testbed::Registry;

use crate::setup::{anonymous, bundle, bundles, client, keys, module, target};

/// Pulls and verifies; says what is wrong if something is.
async fn verified(target: &Target, key: &sign::PublicKey) -> Result<(), String> {
    let client = client(target);
    let pulled = pull::pull(&client, target)
        .await
        .map_err(|why| why.to_string())?;
    verify::verify(&client, &target.repository, &pulled, key)
        .await
        .map(drop)
        .map_err(|why| why.to_string())
}

#[tokio::test]
async fn a_signature_is_verified_by_its_own_key_and_no_other() {
    let name = "a_signature_is_verified_by_its_own_key";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let (key, public) = keys(&registry, "cosign");
    let (_, stranger) = keys(&registry, "stranger");
    let target = target(&registry, "1");
    push::push(&client(&target), &target, &bundles(), Some(&key))
        .await
        .unwrap();
    let own = target.of_filter("authz");
    let mut wasm = own.clone();
    wasm.tag = Some("1-wasm".to_owned());
    for target in [&own, &wasm] {
        verified(target, &public).await.unwrap();
        let why = verified(target, &stranger).await.unwrap_err();
        assert!(why.contains("is signed, but not with this key"), "{why}");
    }
}

#[tokio::test]
async fn signatures_of_several_keys_stand_side_by_side() {
    let name = "signatures_of_several_keys";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let (first, first_public) = keys(&registry, "first");
    let (second, second_public) = keys(&registry, "second");
    let target = target(&registry, "1");
    let bundles = [bundle(&module("authz"))];
    let mut tags = Vec::new();
    for key in [&first, &second, &first] {
        push::push(&client(&target), &target, &bundles, Some(key))
            .await
            .unwrap();
        tags.push(registry.tags("landbridge/authz"));
    }
    let own = target.of_filter("authz");
    verified(&own, &first_public).await.unwrap();
    verified(&own, &second_public).await.unwrap();
    assert_eq!(tags[1], tags[2]);
}

#[tokio::test]
async fn what_is_not_signed_is_not_verified() {
    let name = "what_is_not_signed";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let (_, public) = keys(&registry, "cosign");
    let target = target(&registry, "1");
    let bundles = [bundle(&module("authz"))];
    push::push(&client(&target), &target, &bundles, None)
        .await
        .unwrap();
    let why = verified(&target.of_filter("authz"), &public)
        .await
        .unwrap_err();
    assert!(why.contains("is not signed"), "{why}");
}

/// The signature of one module under the tag of another's.
#[tokio::test]
async fn a_signature_of_something_else_is_worth_nothing() {
    let name = "a_signature_of_something_else";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let (key, public) = keys(&registry, "cosign");
    let good = [bundle(&module("authz"))];
    let target = target(&registry, "1");
    push::push(&client(&target), &target, &good, Some(&key))
        .await
        .unwrap();
    let mut other = module("authz");
    other.bytes = [&other.bytes[..], b"evil"].concat().into();
    let other = [bundle(&other)];
    let mut second = target.clone();
    second.tag = Some("2".to_owned());
    push::push(&client(&second), &second, &other, None)
        .await
        .unwrap();

    let repository = target.of_filter("authz").repository;
    let client = landbridge_oci::Client::new(&repository, &anonymous()).unwrap();
    let (good, bad) = (
        &good[0].istio.image.manifest.digest,
        &other[0].istio.image.manifest.digest,
    );
    let wanted = landbridge_oci::client::Wanted::Tag(sign::tag(good));
    let there = client
        .manifest(&repository, &wanted)
        .await
        .unwrap()
        .unwrap();
    let stolen = landbridge_oci::Blob {
        media_type: landbridge_oci::media::MANIFEST,
        bytes: there.bytes,
        digest: there.digest,
    };
    client
        .tag(&repository, &sign::tag(bad), &stolen)
        .await
        .unwrap();
    let why = verified(&second.of_filter("authz"), &public)
        .await
        .unwrap_err();
    assert!(why.contains("signature of something else"), "{why}");
}

/// Signed module, and a bill of materials that is another module's.
#[tokio::test]
async fn a_bill_of_materials_is_that_of_the_module_or_none() {
    let name = "a_bill_of_materials_is_that_of_the_module";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let (key, public) = keys(&registry, "cosign");
    let target = target(&registry, "1");
    let mut mixed = bundle(&module("authz"));
    mixed.istio.sbom = bundle(&module("shaping")).istio.sbom;
    push::push(&client(&target), &target, &[mixed], Some(&key))
        .await
        .unwrap();
    let why = verified(&target.of_filter("authz"), &public)
        .await
        .unwrap_err();
    assert!(why.contains("is not about"), "{why}");
}

#[tokio::test]
async fn without_a_bill_of_materials_nothing_is_verified() {
    let name = "without_a_bill_of_materials";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let (key, public) = keys(&registry, "cosign");
    let target = target(&registry, "1");
    let bundle = bundle(&module("authz"));
    push::push(
        &client(&target),
        &target,
        std::slice::from_ref(&bundle),
        Some(&key),
    )
    .await
    .unwrap();
    let own = target.of_filter("authz");
    verified(&own, &public).await.unwrap();
    let list = format!("sha256-{}", bundle.istio.image.manifest.digest.hex());
    let tags = registry
        .storage()
        .join("docker/registry/v2/repositories/landbridge/authz/_manifests/tags");
    std::fs::remove_dir_all(tags.join(list)).unwrap();
    let why = verified(&own, &public).await.unwrap_err();
    assert!(why.contains("has no bill of materials"), "{why}");
}
