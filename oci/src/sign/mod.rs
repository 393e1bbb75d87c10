//! Signatures as cosign makes and finds them, by a key.
//!
//! What is signed is a statement that names a manifest's digest (cosign's "simple signing"). It is a
//! layer of an image under a tag made of that digest; the signature is the layer's annotation. Every
//! cosign, and what is built upon it for admission, finds these; the newer bundles are found by few.
//! There is no transparency log: who has the key has to keep it.

mod key;
mod statement;

pub use key::{PASSWORD, PrivateKey, PublicKey};

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use serde_json::json;

use crate::client::Wanted;
use crate::{Blob, Client, Digest, Error, Repository, Result, canonical, media};
use statement::Statement;

/// Where cosign keeps a signature.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// A statement is short.
const LARGEST_STATEMENT: u64 = 64 << 10;
/// More signatures than this are not looked at.
const MOST: usize = 64;

/// The tag of a manifest's signatures.
pub fn tag(digest: &Digest) -> String {
    format!("sha256-{}.sig", digest.hex())
}

/// Signs a manifest. Signatures of others stay; the same one is not written twice.
pub(crate) async fn attach(
    client: &Client,
    repository: &Repository,
    digest: &Digest,
    key: &PrivateKey,
) -> Result<()> {
    let statement = Statement::new(repository, digest);
    let statement = Blob::new(media::SIMPLE_SIGNING, canonical::json(&statement)?);
    let signature = BASE64_STANDARD.encode(key.sign(&statement.bytes));
    let mut layer = statement.descriptor();
    layer.annotations = Some(BTreeMap::from([(SIGNATURE.to_owned(), signature)]));
    let mut layers = there(client, repository, digest).await?;
    let same = |other: &OciDescriptor| {
        other.digest == layer.digest && other.annotations == layer.annotations
    };
    if layers.iter().any(same) {
        return Ok(());
    }
    layers.push(layer);
    let digests: Vec<_> = layers.iter().map(|layer| &layer.digest).collect();
    let config = json!({
        "architecture": "",
        "os": "",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": digests},
    });
    let config = Blob::new(media::IMAGE_CONFIG, canonical::json(&config)?);
    let manifest = OciImageManifest {
        schema_version: 2,
        media_type: Some(media::MANIFEST.to_owned()),
        config: config.descriptor(),
        layers,
        ..OciImageManifest::default()
    };
    let manifest = Blob::new(media::MANIFEST, canonical::json(&manifest)?);
    for blob in [&statement, &config] {
        client.push_blob(repository, blob).await?;
    }
    client.tag(repository, &tag(digest), &manifest).await
}

/// The signatures that a manifest has.
async fn there(
    client: &Client,
    repository: &Repository,
    digest: &Digest,
) -> Result<Vec<OciDescriptor>> {
    let tag = tag(digest);
    let Some(manifest) = client
        .manifest(repository, &Wanted::Tag(tag.clone()))
        .await?
    else {
        return Ok(Vec::new());
    };
    let image: OciImageManifest = serde_json::from_slice(&manifest.bytes).map_err(|why| {
        let name = repository.name();
        Error::new(format!(
            "`{name}:{tag}` should hold signatures, and does not: {why}"
        ))
    })?;
    Ok(image.layers)
}

/// Makes sure that a manifest was signed with the key that belongs to this one.
pub(crate) async fn check(
    client: &Client,
    repository: &Repository,
    digest: &Digest,
    key: &PublicKey,
) -> Result<()> {
    let refused = |why: &str| Error::new(format!("`{}@{digest}` {why}", repository.name()));
    let layers = there(client, repository, digest).await?;
    let mut by_key = 0_usize;
    let mut seen = 0_usize;
    for layer in layers.iter().take(MOST) {
        let annotations = layer.annotations.as_ref();
        let Some(signature) = annotations.and_then(|all| all.get(SIGNATURE)) else {
            continue;
        };
        seen = seen.saturating_add(1);
        let statement = client.blob(repository, layer, LARGEST_STATEMENT).await?;
        let signed = BASE64_STANDARD
            .decode(signature)
            .is_ok_and(|signature| key.verifies(&statement, &signature));
        if !signed {
            continue;
        }
        by_key = by_key.saturating_add(1);
        if Statement::read(&statement).is_some_and(|it| it.is_about(digest)) {
            return Ok(());
        }
    }
    Err(match (seen, by_key) {
        (0, _) => refused("is not signed")
            .hint("sign while pushing: `landbridge push --sign-key cosign.key`"),
        (_, 0) => refused("is signed, but not with this key"),
        _ => refused("has this key's signature of something else"),
    })
}
