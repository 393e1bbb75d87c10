//! Letting a registry know what refers to a manifest.
//!
//! Registries of OCI 1.1 see it by themselves, by a manifest's `subject`. For older ones, the
//! specification has the client keep the list, an index under a tag made of the subject's digest.

use oci_client::manifest::{ImageIndexEntry, OciImageIndex};

use crate::client::Wanted;
use crate::image::Image;
use crate::{Blob, Client, Digest, Error, Repository, Result, canonical, media};

/// The tag that stands in for the list of what refers to a digest.
pub(crate) fn tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}

/// Lists a manifest, which is there already, among those that refer to its subject.
pub(crate) async fn attach(
    client: &Client,
    repository: &Repository,
    subject: &Digest,
    image: &Image,
) -> Result<()> {
    let listed = client.referrers(repository, subject, None).await?;
    let digest = image.manifest.digest.as_str();
    if listed.iter().any(|entry| entry.digest == digest) {
        return Ok(());
    }
    let mut index = match client
        .manifest(repository, &Wanted::Tag(tag(subject)))
        .await?
    {
        Some(there) => serde_json::from_slice(&there.bytes).map_err(|why| {
            let name = format!("{}:{}", repository.name(), tag(subject));
            Error::new(format!(
                "`{name}` should list what refers to `{subject}`, and does not: {why}"
            ))
            .hint("delete the tag, and push again")
        })?,
        None => OciImageIndex {
            schema_version: 2,
            media_type: Some(media::INDEX.to_owned()),
            manifests: Vec::new(),
            artifact_type: None,
            annotations: None,
        },
    };
    index.manifests.push(ImageIndexEntry {
        media_type: image.manifest.media_type.to_owned(),
        digest: digest.to_owned(),
        size: image.manifest.size(),
        platform: None,
        annotations: Some(image.annotations.clone()),
        artifact_type: image.artifact_type.map(str::to_owned),
    });
    let index = Blob::new(media::INDEX, canonical::json(&index)?);
    client.tag(repository, &tag(subject), &index).await
}
