//! An OCI image layout: a folder that holds images as a registry would, for other tools to copy.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::bundle::Bundle;
use crate::image::Image;
use crate::{Digest, Error, Result, canonical, media};

/// The file that says that a folder is a layout.
const MARK: &str = "oci-layout";
/// The annotation by which other tools name an image in a layout.
const NAME: &str = "org.opencontainers.image.ref.name";

/// Writes a layout: each filter is there under its name, and with `-wasm` behind it in the CNCF's
/// layout. What was there stays if it is a layout too, but `index.json` names it no more.
pub fn write(folder: &Path, bundles: &[Bundle]) -> Result<()> {
    if fs::read_dir(folder).is_ok_and(|mut all| all.next().is_some())
        && !folder.join(MARK).is_file()
    {
        return Err(
            Error::new(format!("`{}` holds something else", folder.display()))
                .hint("name a folder that is new, empty or an OCI image layout"),
        );
    }
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).map_err(Error::file("make the folder", &blobs))?;
    let mut entries = Vec::new();
    for bundle in bundles {
        for (suffix, packed) in bundle.layouts() {
            for image in packed.images() {
                for blob in image.blobs.iter().chain([&image.manifest]) {
                    write_file(&blobs.join(blob.digest.hex()), &blob.bytes)?;
                }
            }
            let name = format!("{}{suffix}", bundle.name);
            entries.push(entry(&packed.image, Some(name)));
            entries.push(entry(&packed.sbom, None));
        }
    }
    let version = canonical::json(&json!({"imageLayoutVersion": "1.0.0"}))?;
    write_file(&folder.join(MARK), &version)?;
    // Last: whoever reads it finds whatever it names.
    let index = json!({"schemaVersion": 2, "mediaType": media::INDEX, "manifests": entries});
    write_file(&folder.join("index.json"), &canonical::json(&index)?)
}

/// How `index.json` names an image; what refers to another is found by that, and has no name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    media_type: &'static str,
    digest: &'a Digest,
    size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<&'static str, String>>,
}

fn entry(image: &Image, name: Option<String>) -> Entry<'_> {
    Entry {
        media_type: image.manifest.media_type,
        digest: &image.manifest.digest,
        size: image.manifest.size(),
        artifact_type: image.artifact_type,
        annotations: name.map(|name| BTreeMap::from([(NAME, name)])),
    }
}

/// Writes a file whole or not at all, and for others to read.
pub fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    let failed = |why| Error::file("write", path)(why);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".landbridge-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut part: NamedTempFile = builder.tempfile_in(folder).map_err(failed)?;
    part.write_all(content).map_err(failed)?;
    part.persist(path).map_err(|why| failed(why.error))?;
    Ok(())
}
