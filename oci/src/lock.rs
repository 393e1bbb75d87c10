//! `landbridge.lock.json`: which digests a version has, for whoever pins them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::bundle::Bundle;
use crate::origin::Origin;
use crate::{Digest, Error, Result, Target};

/// What was packed or pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Landbridge's version.
    pub version: String,
    /// The commit that the modules were built from.
    pub revision: String,
    /// The modules, by the names of their filters.
    pub modules: BTreeMap<String, Locked>,
}

/// A module's digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// Where the layout that Istio's agent takes was pushed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The digest of its manifest: what a `sha256` of a WasmPlugin pins.
    pub digest: Digest,
    /// The CNCF's layout.
    pub wasm: Pinned,
    /// The module itself.
    pub module: Plain,
}

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// Where it was pushed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Its digest.
    pub digest: Digest,
}

/// A module, whatever it is wrapped in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plain {
    /// The hexadecimal digits of its digest.
    pub sha256: String,
    /// How many bytes it has.
    pub size: u64,
}

impl Lock {
    /// What was packed and, with a target, pushed there.
    pub fn new(origin: &Origin, bundles: &[Bundle], target: Option<&Target>) -> Self {
        let modules = bundles.iter().map(|bundle| {
            let reference = |suffix: &str| {
                target.map(|target| target.of_filter(&bundle.name).reference(suffix))
            };
            let locked = Locked {
                reference: reference(""),
                digest: bundle.istio.image.manifest.digest.clone(),
                wasm: Pinned {
                    reference: reference(crate::image::WASM_SUFFIX),
                    digest: bundle.cncf.image.manifest.digest.clone(),
                },
                module: Plain {
                    sha256: bundle.module.hex().to_owned(),
                    size: bundle.size as u64,
                },
            };
            (bundle.name.clone(), locked)
        });
        Self {
            version: origin.version.clone(),
            revision: origin.revision.clone(),
            modules: modules.collect(),
        }
    }

    /// As JSON, for people too.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|why| Error::new(format!("cannot write JSON: {why}")))
    }

    /// Writes it, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        crate::layout::write_file(path, self.to_json()?.as_bytes())
    }

    /// Reads one.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read(path).map_err(Error::file("read", path))?;
        serde_json::from_slice(&text).map_err(|why| {
            Error::new(format!("`{}` is no lock file: {why}", path.display()))
                .hint("`landbridge package` and `landbridge push` write one")
        })
    }
}
