//! A module's bill of materials: CycloneDX, made of what Cargo built the filter from.
//!
//! CycloneDX rather than SPDX, since it can do without the time at which it was made and a random
//! name: the same module has the same document. It names the module by its digest, which is what ties
//! the document to the module rather than to a tag.

mod tree;

pub use tree::Components;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::image::{Image, Parts};
use crate::origin::Origin;
use crate::{Blob, Error, Module, Result, canonical, media};
use tree::Package;

/// The version of CycloneDX.
const SPECIFICATION: &str = "1.5";

/// A component, as CycloneDX has it.
#[derive(Serialize)]
struct Component {
    r#type: &'static str,
    #[serde(rename = "bom-ref")]
    reference: String,
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licenses: Option<[Licence; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashes: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Value>,
}

#[derive(Serialize)]
struct Licence {
    expression: String,
}

impl Component {
    fn library(package: &Package) -> Self {
        // Cargo once wrote `/` for `OR`.
        let licence = package.licence.as_ref();
        let expression = licence.map(|licence| licence.replace('/', " OR "));
        Self {
            r#type: "library",
            reference: package.reference(),
            name: package.name.clone(),
            version: package.version.clone(),
            // Ours is in no registry of crates.
            purl: (!package.ours).then(|| package.reference()),
            licenses: expression.map(|expression| [Licence { expression }]),
            hashes: None,
            properties: None,
        }
    }
}

/// The document of a module.
pub(crate) fn document(
    module: &Module,
    origin: &Origin,
    components: &Components,
) -> Result<Vec<u8>> {
    let (root, reached) = components.of_filter(&module.name)?;
    let main = Component {
        r#type: "application",
        version: origin.version.clone(),
        hashes: Some(json!([{"alg": "SHA-256", "content": module.digest().hex()}])),
        properties: Some(json!([{"name": "landbridge:revision", "value": origin.revision}])),
        ..Component::library(root)
    };
    let mut listed: BTreeMap<String, Component> = BTreeMap::new();
    let mut dependencies = Vec::new();
    for (package, uses) in reached {
        let uses: Vec<_> = uses.iter().map(Package::reference).collect();
        dependencies.push(json!({"ref": package.reference(), "dependsOn": uses}));
        if package != root {
            listed.insert(package.reference(), Component::library(package));
        }
    }
    canonical::json(&json!({
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": {"component": main},
        "components": listed.into_values().collect::<Vec<_>>(),
        "dependencies": dependencies,
    }))
}

/// A document as a manifest that refers to an image.
pub(crate) fn attached(document: &[u8], image: &Image) -> Result<Image> {
    Parts {
        config: Blob::empty(),
        layer: Blob::new(media::CYCLONEDX, document.to_vec()),
        artifact_type: Some(media::CYCLONEDX),
        subject: Some(image.manifest.descriptor()),
        annotations: image.annotations.clone(),
    }
    .assemble()
}

/// The digest of the module that a document is about, in hexadecimal digits.
pub(crate) fn module_of(document: &[u8]) -> Result<String> {
    let no_bill = |why: &str| Error::new(format!("the bill of materials {why}"));
    let document: Value =
        serde_json::from_slice(document).map_err(|why| no_bill(&format!("is no JSON: {why}")))?;
    let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    if text(&document, "bomFormat").is_none_or(|format| format != "CycloneDX") {
        return Err(no_bill("is not CycloneDX"));
    }
    let hashes = document.pointer("/metadata/component/hashes");
    let hashes = hashes.and_then(Value::as_array).into_iter().flatten();
    hashes
        .filter(|hash| text(hash, "alg").is_some_and(|algorithm| algorithm == "SHA-256"))
        .find_map(|hash| text(hash, "content"))
        .ok_or_else(|| no_bill("names no module by its SHA-256 digest"))
}
