//! A module's bill of materials: CycloneDX, made of what Cargo built the filter from.
//!
//! CycloneDX rather than SPDX, since it can do without the time at which it was made and a random
//! name: the same module has the same document. It names the module by its digest, which is what ties
//! the document to the module rather than to a tag.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Node, Package, PackageId};
use serde::Serialize;
use serde_json::{Value, json};

use crate::image::{Image, Parts};
use crate::origin::Origin;
use crate::{Blob, Error, Module, Result, canonical, media};

/// What the modules are built for: crates for other systems are not in them.
const TARGET: &str = "wasm32-wasip1";
/// The version of CycloneDX.
const SPECIFICATION: &str = "1.5";

/// What modules are made of, as Cargo says.
#[derive(Debug)]
pub struct Components(Metadata);

impl Components {
    /// Asks Cargo about the workspace in a checkout, as its lock file has it.
    pub fn of_checkout(checkout: &Path) -> Result<Self> {
        let manifest = checkout.join("Cargo.toml");
        let options = ["--locked", "--filter-platform", TARGET];
        MetadataCommand::new()
            .manifest_path(&manifest)
            .other_options(options.map(str::to_owned))
            .exec()
            .map(Self)
            .map_err(|why| {
                let why = why.to_string();
                let why = why.trim();
                Error::new(format!(
                    "cargo does not say what `{}` is built from: {why}",
                    manifest.display()
                ))
                .hint("a bill of materials is made from a checkout: say where it is with `--checkout`")
            })
    }

    /// The packages of a filter's module: its own, and all that it reaches.
    fn of_filter(
        &self,
        filter: &str,
    ) -> Result<(&Package, BTreeMap<&PackageId, BTreeSet<&PackageId>>)> {
        let name = format!("landbridge-{filter}");
        let members = &self.0.workspace_members;
        let own =
            |package: &&Package| package.name.as_str() == name && members.contains(&package.id);
        let root = self.0.packages.iter().find(own).ok_or_else(|| {
            Error::new(format!("the checkout has no package `{name}`"))
                .hint("say with `--checkout` where Landbridge's own checkout is")
        })?;
        let nodes = self.0.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let nodes: BTreeMap<&PackageId, &Node> = nodes.map(|node| (&node.id, node)).collect();
        let mut reached: BTreeMap<&PackageId, BTreeSet<&PackageId>> = BTreeMap::new();
        let mut next = vec![&root.id];
        while let Some(id) = next.pop() {
            if reached.contains_key(id) {
                continue;
            }
            // What only tests, build scripts and macros use is not in a module; macros themselves
            // are a normal dependency to Cargo, and stay.
            let needs = nodes
                .get(id)
                .map(|node| node.deps.iter())
                .into_iter()
                .flatten();
            let needs = needs.filter(|dep| {
                let mut kinds = dep.dep_kinds.iter();
                kinds.any(|kind| kind.kind == DependencyKind::Normal)
            });
            let needs: BTreeSet<_> = needs.map(|dep| &dep.pkg).collect();
            next.extend(&needs);
            reached.insert(id, needs);
        }
        Ok((root, reached))
    }

    fn package(&self, id: &PackageId) -> Option<&Package> {
        self.0.packages.iter().find(|package| package.id == *id)
    }
}

/// The name of a package in the document. Cargo's own ids hold the path of the checkout.
fn name(package: &Package) -> String {
    let kind = if package.source.is_some() {
        "cargo"
    } else {
        "landbridge"
    };
    format!("pkg:{kind}/{}@{}", package.name, package.version)
}

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
        let licence = package.license.as_ref();
        let expression = licence.map(|licence| licence.replace('/', " OR "));
        Self {
            r#type: "library",
            reference: name(package),
            name: package.name.to_string(),
            version: package.version.to_string(),
            // Ours is in no registry of crates.
            purl: package.source.is_some().then(|| name(package)),
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
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, uses) in &reached {
        let Some(package) = components.package(id) else {
            continue;
        };
        let uses = uses.iter().filter_map(|id| components.package(id));
        needs.insert(name(package), uses.map(name).collect());
        if package.id != root.id {
            listed.insert(name(package), Component::library(package));
        }
    }
    let dependencies: Vec<_> = needs
        .into_iter()
        .map(|(name, uses)| json!({"ref": name, "dependsOn": uses}))
        .collect();
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
