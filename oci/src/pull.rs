//! Pulling a module, out of either layout.

use bytes::Bytes;
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use serde::Deserialize;

use crate::client::{Manifest, Wanted};
use crate::module::{self, LARGEST};
use crate::{Client, Digest, Error, Repository, Result, Target, layer, media};

/// A module, and where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The module.
    pub module: Bytes,
    /// The digest of the manifest that it was found by.
    pub digest: Digest,
    /// The layout that it was in.
    pub layout: Layout,
}

/// How a module was wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As Istio's agent takes it.
    Istio,
    /// As the CNCF has it.
    Cncf,
}

impl Layout {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Istio => "istio",
            Self::Cncf => "cncf",
        }
    }
}

/// What an index has and a manifest has not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    #[serde(default)]
    manifests: Option<serde_json::Value>,
}

/// Pulls a module. By its digest if the target has one, whatever the tag says.
pub async fn pull(client: &Client, target: &Target) -> Result<Pulled> {
    let repository = &target.repository;
    client.enter_to_pull(repository).await?;
    let manifest = find(client, target).await?;
    let about = |why: String| Error::new(format!("`{}` {why}", target.reference("")));
    let kind: Kind = serde_json::from_slice(&manifest.bytes)
        .map_err(|why| about(format!("has a manifest that is no JSON: {why}")))?;
    if kind.manifests.is_some() {
        return Err(about("is a list of images and no module".to_owned()).hint(
            "Istio would take one of them, and refuse a pinned digest: name one by its digest",
        ));
    }
    let image: OciImageManifest = serde_json::from_slice(&manifest.bytes)
        .map_err(|why| about(format!("has a manifest that cannot be read: {why}")))?;
    let (layout, layer) = choose(&image).map_err(|why| {
        about(why).hint(format!(
            "a module is the last layer of an image, `{}`, or the only layer, `{}`, of one whose \
             configuration is `{}`",
            media::LAYER,
            media::WASM,
            media::WASM_CONFIG
        ))
    })?;
    let content = client.blob(repository, layer, LARGEST).await?;
    let module = match layout {
        Layout::Cncf => content,
        Layout::Istio => layer::unpack(&content)
            .map_err(|why| about(format!("has a layer that is wrong: {why}")))?
            .into(),
    };
    module::check(&module).map_err(|what| about(format!("holds {what}")))?;
    Ok(Pulled {
        module,
        digest: manifest.digest,
        layout,
    })
}

async fn find(client: &Client, target: &Target) -> Result<Manifest> {
    let wanted = match (&target.digest, &target.tag) {
        (Some(digest), _) => Wanted::Digest(digest.clone()),
        (None, Some(tag)) => Wanted::Tag(tag.clone()),
        (None, None) => {
            return Err(Error::new(format!(
                "`{}` names neither a tag nor a digest",
                target.reference("")
            ))
            .hint("write `HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@sha256:…`"));
        }
    };
    let repository: &Repository = &target.repository;
    client.manifest(repository, &wanted).await?.ok_or_else(|| {
        Error::new(format!("there is no `{}`", target.reference("")))
            .hint("see what there is with `crane ls`; each filter has a repository of its own, such as `…/authz`")
    })
}

/// Which layer has the module, and how; says what there is if none has.
fn choose(image: &OciImageManifest) -> std::result::Result<(Layout, &OciDescriptor), String> {
    let layers = &image.layers;
    match layers.as_slice() {
        [only]
            if image.config.media_type == media::WASM_CONFIG && only.media_type == media::WASM =>
        {
            Ok((Layout::Cncf, only))
        }
        [.., last] if [media::LAYER, media::DOCKER_LAYER].contains(&last.media_type.as_str()) => {
            Ok((Layout::Istio, last))
        }
        [] => Err("has no layers".to_owned()),
        _ => {
            let types: Vec<_> = layers
                .iter()
                .map(|l| format!("`{}`", l.media_type))
                .collect();
            Err(format!("is no module: its layers are {}", types.join(", ")))
        }
    }
}
