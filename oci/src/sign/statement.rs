//! What is signed: cosign's statement about an image.

use serde::{Deserialize, Serialize};

use crate::{Digest, Repository};

const TYPE: &str = "cosign container image signature";

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Statement {
    critical: Critical,
    #[serde(default)]
    optional: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    r#type: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

impl Statement {
    pub(super) fn new(repository: &Repository, digest: &Digest) -> Self {
        Self {
            critical: Critical {
                identity: Identity {
                    docker_reference: repository.name(),
                },
                image: Image {
                    docker_manifest_digest: digest.to_string(),
                },
                r#type: TYPE.to_owned(),
            },
            optional: None,
        }
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Whether it is about this manifest, wherever that was when it was signed: images are copied
    /// from registry to registry with their signatures.
    pub(super) fn is_about(&self, digest: &Digest) -> bool {
        let Critical { image, r#type, .. } = &self.critical;
        r#type == TYPE && image.docker_manifest_digest == digest.as_str()
    }
}
