//! A registry that holds what it should not: found out, named, and nothing believed.

use std::fs;

use landbridge_oci::bundle::Bundle;
use landbridge_oci::{Digest, Target, pull, push};
use landbridge_testbed::Registry;

use crate::setup::{bundle, client, module, target};

/// A registry with one filter in it.
async fn filled(name: &str) -> Option<(Registry, Target, Bundle)> {
    let registry = Registry::start(name).await.unwrap()?;
    let target = target(&registry, "1");
    let bundle = bundle(&module("authz"));
    push::push(
        &client(&target),
        &target,
        std::slice::from_ref(&bundle),
        None,
    )
    .await
    .unwrap();
    Some((registry, target.of_filter("authz"), bundle))
}

async fn refused(target: &Target) -> String {
    pull::pull(&client(target), target)
        .await
        .unwrap_err()
        .to_string()
}

#[tokio::test]
async fn a_truncated_blob_is_found_out() {
    let Some((registry, target, bundle)) = filled("a_truncated_blob").await else {
        return;
    };
    let layer = &bundle.istio.image.blobs[1];
    let path = registry.blob(layer.digest.as_str());
    fs::write(&path, &layer.bytes[..layer.bytes.len() / 2]).unwrap();
    let why = refused(&target).await;
    assert!(why.contains(layer.digest.as_str()), "{why}");
    assert!(why.contains("cannot read the blob"), "{why}");
    assert!(why.contains("damaged or was changed"), "{why}");
}

#[tokio::test]
async fn a_blob_of_the_same_size_and_other_bytes_is_found_out() {
    let Some((registry, target, bundle)) = filled("a_blob_of_other_bytes").await else {
        return;
    };
    let layer = &bundle.istio.image.blobs[1];
    let mut bytes = layer.bytes.to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(registry.blob(layer.digest.as_str()), bytes).unwrap();
    let why = refused(&target).await;
    assert!(why.contains("digest"), "{why}");
}

#[tokio::test]
async fn a_manifest_that_was_changed_is_found_out() {
    let Some((registry, mut target, bundle)) = filled("a_manifest_that_was_changed").await else {
        return;
    };
    let manifest = &bundle.istio.image.manifest;
    let text = String::from_utf8(manifest.bytes.to_vec()).unwrap();
    let changed = text.replace("0.1.0", "0.2.0");
    assert_ne!(text, changed);
    fs::write(registry.blob(manifest.digest.as_str()), changed).unwrap();
    target.tag = None;
    target.digest = Some(manifest.digest.clone());
    let why = refused(&target).await;
    assert!(why.contains("cannot read the manifest"), "{why}");
}

#[tokio::test]
async fn a_digest_that_is_not_there_is_an_error() {
    let Some((_registry, mut target, _)) = filled("a_digest_that_is_not_there").await else {
        return;
    };
    target.tag = None;
    target.digest = Some(Digest::of(b"something else"));
    let why = refused(&target).await;
    assert!(why.starts_with("there is no `"), "{why}");
    target.digest = None;
    target.tag = Some("2".to_owned());
    let why = refused(&target).await;
    assert!(why.contains("authz:2"), "{why}");
    target.repository.path = "landbridge/nothing".to_owned();
    let why = refused(&target).await;
    assert!(why.contains("there is no `"), "{why}");
}
