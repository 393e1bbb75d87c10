//! One image in a registry, by the three requests that its API asks for: so a test needs nothing
//! that pushes, and what pushes is held to the same API by tests of its own.

use std::io::Write;
use std::net::SocketAddr;

use bytes::Bytes;
use flate2::{Compression, GzBuilder};
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ring::digest::{SHA256, digest};
use serde_json::json;
use tokio::net::TcpStream;

use crate::Error;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Stores a module as an image with one layer, over plain HTTP; returns its digest (`sha256:…`).
pub async fn store(
    registry: SocketAddr,
    repository: &str,
    tag: &str,
    module: &[u8],
) -> Result<String, Error> {
    let layer = archive(module).map_err(Error::io("pack a module"))?;
    let config = json!({
        "architecture": "wasm",
        "os": "wasi",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    let config = Bytes::from(config.to_string());
    for blob in [&layer, &config] {
        upload(registry, repository, blob).await?;
    }
    let described = |kind: &str, content: &Bytes| json!({"mediaType": kind, "digest": sha256(content), "size": content.len()});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(CONFIG, &config),
        "layers": [described(LAYER, &layer)],
    });
    let manifest = Bytes::from(manifest.to_string());
    let digest = sha256(&manifest);
    let path = format!("/v2/{repository}/manifests/{tag}");
    ask(registry, Method::PUT, &path, MANIFEST, manifest).await?;
    Ok(digest)
}

async fn upload(registry: SocketAddr, repository: &str, blob: &Bytes) -> Result<(), Error> {
    let path = format!("/v2/{repository}/blobs/uploads/");
    let kind = "application/octet-stream";
    let begun = ask(registry, Method::POST, &path, kind, Bytes::new()).await?;
    // A whole URL, or a path.
    let place = begun.find("/v2/").and_then(|at| begun.get(at..));
    let place = place.ok_or_else(|| failed("it says no place to upload to".to_owned()))?;
    let with = if place.contains('?') { '&' } else { '?' };
    let path = format!("{place}{with}digest={}", sha256(blob));
    ask(registry, Method::PUT, &path, kind, blob.clone()).await?;
    Ok(())
}

/// The `Location` of the answer, which must be a success.
async fn ask(
    registry: SocketAddr,
    method: Method,
    path: &str,
    kind: &str,
    body: Bytes,
) -> Result<String, Error> {
    let what = || format!("{method} {path} at the registry {registry}");
    let stream = TcpStream::connect(registry)
        .await
        .map_err(Error::io(what()))?;
    let other = |error: hyper::Error| failed(format!("{}: {error}", what()));
    let (mut sender, driver) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(other)?;
    let driver = tokio::spawn(driver);
    let request = Request::builder()
        .method(&method)
        .uri(path)
        .header(header::HOST, registry.to_string())
        .header(header::CONTENT_TYPE, kind)
        .body(Full::new(body))
        .map_err(|error| failed(error.to_string()))?;
    let answer = sender.send_request(request).await.map_err(other)?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.map_err(other)?.to_bytes();
    driver.abort();
    if !head.status.is_success() {
        let text = String::from_utf8_lossy(&body);
        return Err(failed(format!("{}: {} {text}", what(), head.status)));
    }
    let location = head.headers.get(header::LOCATION);
    let location = location.and_then(|value| value.to_str().ok());
    Ok(location.unwrap_or_default().to_owned())
}

fn failed(why: String) -> Error {
    Error::io("store an image")(std::io::Error::other(why))
}

/// `plugin.wasm`, the same bytes each time.
fn archive(module: &[u8]) -> std::io::Result<Bytes> {
    let mut header = tar::Header::new_ustar();
    header.set_size(module.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, "plugin.wasm", module)?;
    let mut gzip = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::fast());
    gzip.write_all(&archive.into_inner()?)?;
    Ok(gzip.finish()?.into())
}

fn sha256(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}
