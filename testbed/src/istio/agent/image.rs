//! The module in an image: the layouts that Istio's agent takes, and no other.

use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;
use tar::Archive;

use super::registry::Registry;

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const RAW_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
const MODULE: &str = "plugin.wasm";
/// The first bytes of every module.
const MAGIC: &[u8] = b"\0asm";

/// The module of the image whose manifest this is.
pub(super) async fn module(registry: &Registry<'_>, manifest: &Value) -> Result<Vec<u8>, String> {
    let kind = manifest["mediaType"].as_str().unwrap_or_default();
    if manifest.get("layers").is_none() {
        // Istio resolves an index to linux/amd64; ours hold no such thing.
        return Err(format!("`{kind}` is no image"));
    }
    let layers = manifest["layers"].as_array().map_or(&[][..], Vec::as_slice);
    let module = if kind == DOCKER_MANIFEST {
        archive(registry, layers, DOCKER_LAYER).await?
    } else {
        match archive(registry, layers, OCI_LAYER).await {
            Ok(module) => module,
            Err(compat) => raw(registry, layers).await.map_err(|oci| {
                format!(
                    "the given image is in invalid format as an OCI image: \
                     could not parse as compat variant: {compat}; as oci variant: {oci}"
                )
            })?,
        }
    };
    if !module.starts_with(MAGIC) {
        return Err("what the image holds is no Wasm module".to_owned());
    }
    Ok(module)
}

/// `plugin.wasm` out of the last layer.
async fn archive(
    registry: &Registry<'_>,
    layers: &[Value],
    wanted: &str,
) -> Result<Vec<u8>, String> {
    let Some(last) = layers.last() else {
        return Err("number of layers must be greater than zero".to_owned());
    };
    let kind = last["mediaType"].as_str().unwrap_or_default();
    if kind != wanted {
        return Err(format!("invalid media type {kind} (expect {wanted})"));
    }
    let layer = registry.blob(digest(last)?).await?;
    let mut archive = Archive::new(GzDecoder::new(&layer[..]));
    let broken = |error: std::io::Error| format!("failed to parse layer as tar.gz: {error}");
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let named = entry.path().map_err(broken)?.file_name() == Path::new(MODULE).file_name();
        if named {
            let mut module = Vec::new();
            entry.read_to_end(&mut module).map_err(broken)?;
            return Ok(module);
        }
    }
    Err(format!("{MODULE} not found in the archive"))
}

/// The raw one of exactly two layers.
async fn raw(registry: &Registry<'_>, layers: &[Value]) -> Result<Vec<u8>, String> {
    if layers.len() != 2 {
        return Err(format!(
            "number of layers must be 2 but got {}",
            layers.len()
        ));
    }
    let layer = layers.iter().find(|layer| layer["mediaType"] == RAW_LAYER);
    let layer = layer.ok_or_else(|| format!("could not find the layer of type {RAW_LAYER}"))?;
    Ok(registry.blob(digest(layer)?).await?.to_vec())
}

fn digest(layer: &Value) -> Result<&str, String> {
    let digest = layer["digest"].as_str();
    digest.ok_or_else(|| "a layer has no digest".to_owned())
}
