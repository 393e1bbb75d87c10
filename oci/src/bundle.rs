//! Everything that is shipped of one filter: both images, and for each its bill of materials.

use crate::image::{self, Image};
use crate::origin::Origin;
use crate::sbom::{self, Components};
use crate::{Digest, Module, Result};

/// The filters that are shipped.
pub const FILTERS: [&str; 3] = ["authz", "locality", "shaping"];

/// A filter, packed.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The filter's short name, and the last part of its repository's.
    pub name: String,
    /// The digest of the module itself.
    pub module: Digest,
    /// How many bytes the module has.
    pub size: usize,
    /// The layout that Istio's agent takes.
    pub istio: Packed,
    /// The CNCF's layout.
    pub cncf: Packed,
}

/// An image and what refers to it.
#[derive(Debug, Clone)]
pub struct Packed {
    /// The image.
    pub image: Image,
    /// Its bill of materials, a manifest of its own whose subject it is.
    pub sbom: Image,
}

impl Packed {
    /// Both manifests with their blobs.
    pub(crate) fn images(&self) -> [&Image; 2] {
        [&self.image, &self.sbom]
    }
}

impl Bundle {
    /// Packs a module that is made of these components.
    pub fn new(module: &Module, origin: &Origin, components: &Components) -> Result<Self> {
        let document = sbom::document(module, origin, components)?;
        let packed = |image: Image| {
            let sbom = sbom::attached(&document, &image)?;
            Ok(Packed { image, sbom })
        };
        Ok(Self {
            name: module.name.clone(),
            module: module.digest(),
            size: module.bytes.len(),
            istio: packed(image::for_istio(module, origin)?)?,
            cncf: packed(image::for_cncf(module, origin)?)?,
        })
    }

    /// Both layouts, each with what is appended to a tag for it.
    pub fn layouts(&self) -> [(&'static str, &Packed); 2] {
        [("", &self.istio), (image::WASM_SUFFIX, &self.cncf)]
    }
}
