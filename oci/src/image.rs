//! A module as manifests: the layout that Istio's agent takes, and the CNCF's.
//!
//! They are apart since no manifest is both. Istio's agent wants a gzipped tar as the last layer and
//! does not look at the configuration; hosts that follow the CNCF's layout look at the configuration
//! first, and want the module as it is. Both hold the same module, and their annotations are the same.

use std::collections::BTreeMap;

use oci_client::manifest::{OciDescriptor, OciImageManifest};
use serde::Serialize;

use crate::origin::Origin;
use crate::{Blob, Digest, Module, Result, canonical, layer, media};

/// What is appended to a tag for the CNCF's layout.
pub const WASM_SUFFIX: &str = "-wasm";

/// When it was made: never, so that it is the same whenever it is made.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// A manifest, and the blobs that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The manifest, whose digest is the image's.
    pub manifest: Blob,
    /// Its configuration and its layers.
    pub blobs: Vec<Blob>,
    /// What kind of artifact it says that it is.
    pub artifact_type: Option<&'static str>,
    /// The manifest's annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What a manifest is made of.
pub(crate) struct Parts {
    pub(crate) config: Blob,
    pub(crate) layer: Blob,
    pub(crate) artifact_type: Option<&'static str>,
    pub(crate) subject: Option<OciDescriptor>,
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Parts {
    pub(crate) fn assemble(self) -> Result<Image> {
        let manifest = OciImageManifest {
            schema_version: 2,
            media_type: Some(media::MANIFEST.to_owned()),
            config: self.config.descriptor(),
            layers: vec![self.layer.descriptor()],
            subject: self.subject,
            artifact_type: self.artifact_type.map(str::to_owned),
            annotations: Some(self.annotations.clone()),
        };
        Ok(Image {
            manifest: Blob::new(media::MANIFEST, canonical::json(&manifest)?),
            blobs: vec![self.config, self.layer],
            artifact_type: self.artifact_type,
            annotations: self.annotations,
        })
    }
}

/// The configuration of an image with one layer.
#[derive(Serialize)]
struct ImageConfig {
    architecture: &'static str,
    os: &'static str,
    created: &'static str,
    config: BTreeMap<String, String>,
    rootfs: RootFs,
}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [Digest; 1],
}

/// The configuration that the CNCF's layout asks for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WasmConfig {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [Digest; 1],
}

/// The layout that Istio's agent takes.
pub fn for_istio(module: &Module, origin: &Origin) -> Result<Image> {
    let layer = layer::pack(&module.bytes)?;
    let config = ImageConfig {
        architecture: "wasm",
        os: "wasip1",
        created: CREATED,
        config: BTreeMap::new(),
        rootfs: RootFs {
            r#type: "layers",
            diff_ids: [Digest::of(&layer.tar)],
        },
    };
    Parts {
        config: Blob::new(media::IMAGE_CONFIG, canonical::json(&config)?),
        layer: Blob::new(media::LAYER, layer.packed),
        artifact_type: None,
        subject: None,
        annotations: origin.annotations(&module.name),
    }
    .assemble()
}

/// The CNCF's layout.
pub fn for_cncf(module: &Module, origin: &Origin) -> Result<Image> {
    let layer = Blob::new(media::WASM, module.bytes.clone());
    let config = WasmConfig {
        created: CREATED,
        architecture: "wasm",
        os: "wasip1",
        layer_digests: [layer.digest.clone()],
    };
    Parts {
        config: Blob::new(media::WASM_CONFIG, canonical::json(&config)?),
        layer,
        artifact_type: None,
        subject: None,
        annotations: origin.annotations(&module.name),
    }
    .assemble()
}
