//! Content with its type and digest, and how a manifest refers to it.

use bytes::Bytes;
use oci_client::manifest::OciDescriptor;

use crate::Digest;

/// A layer, a configuration or a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// What it is.
    pub media_type: &'static str,
    /// Its content.
    pub bytes: Bytes,
    /// The content's digest.
    pub digest: Digest,
}

impl Blob {
    pub(crate) fn new(media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            media_type,
            digest: Digest::of(&bytes),
            bytes,
        }
    }

    /// `{}`, for a manifest that needs no configuration and must have one.
    pub(crate) fn empty() -> Self {
        Self::new(crate::media::EMPTY, &b"{}"[..])
    }

    pub(crate) fn size(&self) -> i64 {
        // Memory holds less than half of what the type can say.
        i64::try_from(self.bytes.len()).unwrap_or(i64::MAX)
    }

    pub(crate) fn descriptor(&self) -> OciDescriptor {
        OciDescriptor {
            media_type: self.media_type.to_owned(),
            digest: self.digest.to_string(),
            size: self.size(),
            ..OciDescriptor::default()
        }
    }
}
