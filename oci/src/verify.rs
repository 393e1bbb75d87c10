//! What `pull --verify` makes sure of: who signed the module, and that its bill of materials is there,
//! is about this very module, and is signed too.

use oci_client::manifest::{ImageIndexEntry, OciImageManifest};

use crate::client::Wanted;
use crate::pull::Pulled;
use crate::sign::{self, PublicKey};
use crate::{Client, Digest, Error, Repository, Result, media, sbom};

/// The most that a bill of materials may have.
const LARGEST: u64 = 16 << 20;

/// Verifies what was pulled; returns the digest of the bill of materials' manifest.
pub async fn verify(
    client: &Client,
    repository: &Repository,
    pulled: &Pulled,
    key: &PublicKey,
) -> Result<Digest> {
    sign::check(client, repository, &pulled.digest, key).await?;
    let listed = client
        .referrers(repository, &pulled.digest, Some(media::CYCLONEDX))
        .await?;
    let mut first = None;
    for entry in &listed {
        match bill(client, repository, pulled, entry, key).await {
            Ok(digest) => return Ok(digest),
            Err(why) => first = first.or(Some(why)),
        }
    }
    Err(first.unwrap_or_else(|| {
        let (name, digest) = (repository.name(), &pulled.digest);
        Error::new(format!("`{name}@{digest}` has no bill of materials"))
            .hint("`landbridge push` attaches one; `skopeo copy` and `crane copy` leave it behind")
    }))
}

/// Checks one document; what is not signed may be anybody's.
async fn bill(
    client: &Client,
    repository: &Repository,
    pulled: &Pulled,
    entry: &ImageIndexEntry,
    key: &PublicKey,
) -> Result<Digest> {
    let digest: Digest = entry.digest.parse()?;
    let about = |why: String| {
        let name = repository.name();
        Error::new(format!("the bill of materials `{name}@{digest}` {why}"))
    };
    sign::check(client, repository, &digest, key).await?;
    let manifest = client
        .manifest(repository, &Wanted::Digest(digest.clone()))
        .await?
        .ok_or_else(|| about("is not there".to_owned()))?;
    let image: OciImageManifest = serde_json::from_slice(&manifest.bytes)
        .map_err(|why| about(format!("has a manifest that cannot be read: {why}")))?;
    let subject = image.subject.as_ref().map(|subject| &subject.digest);
    if subject.is_none_or(|subject| subject != pulled.digest.as_str()) {
        return Err(about(format!("is not about `{}`", pulled.digest)));
    }
    let [layer] = image.layers.as_slice() else {
        return Err(about("is not one document".to_owned()));
    };
    let document = client.blob(repository, layer, LARGEST).await?;
    let named = sbom::module_of(&document)?;
    let module = Digest::of(&pulled.module);
    if named != module.hex() {
        return Err(about(format!(
            "is about the module `{named}`, and this is `{}`",
            module.hex()
        )));
    }
    Ok(digest)
}
