//! A registry of a test's own words: it serves what it is told to, true or not.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
pub const RAW_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

#[derive(Default)]
struct State {
    served: HashMap<String, Bytes>,
    asked: Vec<String>,
    /// What a caller must say, if anything.
    authorization: Option<String>,
}

pub struct FakeRegistry {
    host: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for FakeRegistry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A module of a few bytes.
pub fn module(content: &str) -> Vec<u8> {
    [b"\0asm\x01\0\0\0", content.as_bytes()].concat()
}

/// An archive with this file.
pub fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, name, content).unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&archive.into_inner().unwrap()).unwrap();
    gzip.finish().unwrap()
}

impl FakeRegistry {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                tokio::spawn(async move {
                    let answer = service_fn(|request| {
                        let answer = answer(&shared, &request);
                        async { Ok::<_, Infallible>(answer) }
                    });
                    let server = auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Self { host, state, task }
    }

    pub fn url(&self, name: &str) -> String {
        format!("oci://{}/{name}", self.host)
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn demand(&self, authorization: &str) {
        self.state.lock().unwrap().authorization = Some(authorization.to_owned());
    }

    /// What it was asked for since it was last asked what it was asked for.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }

    fn serve(&self, path: String, content: impl Into<Bytes>) {
        let mut state = self.state.lock().unwrap();
        state.served.insert(path, content.into());
    }

    /// Stores an image with these layers (media type and content) under `REPOSITORY:TAG`; returns the
    /// digest of its manifest.
    pub fn push(&self, name: &str, kind: &str, layers: &[(&str, &[u8])]) -> String {
        let (repository, _) = name.split_once(':').unwrap();
        let layer = |(kind, content): &(&str, &[u8])| {
            let digest = format!("sha256:{}", sha256(content));
            self.serve(format!("/v2/{repository}/blobs/{digest}"), content.to_vec());
            json!({"mediaType": kind, "digest": digest, "size": content.len()})
        };
        let layers: Vec<_> = layers.iter().map(layer).collect();
        self.push_manifest(
            name,
            &json!({"schemaVersion": 2, "mediaType": kind, "layers": layers}),
        )
    }

    pub fn push_manifest(&self, name: &str, manifest: &Value) -> String {
        let (repository, tag) = name.split_once(':').unwrap();
        let manifest = manifest.to_string();
        let digest = sha256(manifest.as_bytes());
        self.serve(
            format!("/v2/{repository}/manifests/{tag}"),
            manifest.clone(),
        );
        self.serve(
            format!("/v2/{repository}/manifests/sha256:{digest}"),
            manifest,
        );
        digest
    }

    /// Has a blob be something else than its digest says.
    pub fn damage(&self, repository: &str, content: &[u8]) {
        let digest = sha256(content);
        let mut other = content.to_vec();
        other.push(0);
        self.serve(format!("/v2/{repository}/blobs/sha256:{digest}"), other);
    }
}

fn answer(state: &Mutex<State>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let mut state = state.lock().unwrap();
    let path = request.uri().path().to_owned();
    let said = request.headers().get("authorization");
    let said = said.map(|value| value.to_str().unwrap().to_owned());
    let mut response = Response::new(Full::default());
    if state.authorization.is_some() && state.authorization != said {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    } else if let Some(content) = state.served.get(&path) {
        *response.body_mut() = Full::new(content.clone());
    } else {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    state.asked.push(path);
    response
}
