//! The modules' way to the Envoys, through a registry: what runs is what was pulled by its digest.
//!
//! Each is pushed in the layout of the CNCF (a configuration and one layer, the module itself), under
//! the tag that Landbridge gives it, `VERSION-wasm`. Istio's agent would want another; no agent is here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::send;
use crate::{Call, CallError, Reply, eventually};

/// The filters that the Envoys run.
const FILTERS: [&str; 3] = ["authz", "locality", "shaping"];
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";
/// How long the registry may take to start.
const START: Duration = Duration::from_secs(60);

/// Why a module did not get through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// A file cannot be read or written.
    #[error("cannot {verb} `{}`", .path.display())]
    File {
        /// What was tried.
        verb: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The registry does not answer.
    #[error("the registry does not answer `{0}`")]
    Silent(String, #[source] CallError),
    /// The registry did not start.
    #[error(transparent)]
    NotStarted(#[from] crate::Error),
    /// The registry refuses.
    #[error("the registry answers `{asked}` with {status}: {text}")]
    Refused {
        /// What was asked.
        asked: String,
        /// The answer's status.
        status: u16,
        /// The answer's text.
        text: String,
    },
    /// What came is not what was pushed.
    #[error("the registry's `{0}` has another digest")]
    Changed(String),
}

/// A registry without TLS, at `HOST:PORT`.
struct Registry<'a>(&'a str);

/// Pushes the modules in `from` to the registry at `HOST:PORT`, and pulls them into `to`; gives what
/// each is pinned by.
pub async fn through(registry: &str, from: &Path, to: &Path) -> Result<Vec<String>, ModuleError> {
    let registry = Registry(registry);
    registry.wait().await?;
    let mut pinned = Vec::new();
    for filter in FILTERS {
        let file = format!("{filter}.wasm");
        let path = from.join(&file);
        let module = std::fs::read(&path).map_err(ModuleError::file("read", &path))?;
        let repository = format!("landbridge/{filter}");
        let digest = registry.push(&repository, module.into()).await?;
        let module = registry.pull(&repository, &digest).await?;
        // Under its name, a module is whole.
        let (part, path) = (to.join(format!("{file}.part")), to.join(&file));
        std::fs::write(&part, module).map_err(ModuleError::file("write", &part))?;
        std::fs::rename(&part, &path).map_err(ModuleError::file("write", &path))?;
        pinned.push(format!("{repository}@{digest}"));
    }
    Ok(pinned)
}

impl Registry<'_> {
    async fn wait(&self) -> Result<(), ModuleError> {
        let answers = async || self.ask(Call::get("/v2/")).await.ok();
        eventually(START, "the registry", answers).await?;
        Ok(())
    }

    async fn push(&self, repository: &str, module: Bytes) -> Result<String, ModuleError> {
        let (layer, size) = (digest(&module), module.len());
        let config = json!({"architecture": "wasm", "os": "wasip1", "layerDigests": [layer]});
        let config = Bytes::from(config.to_string());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(&config), "size": config.len()},
            "layers": [{"mediaType": LAYER, "digest": layer, "size": size}],
        });
        for blob in [module, config] {
            self.push_blob(repository, blob).await?;
        }
        let manifest = Bytes::from(manifest.to_string());
        let digest = digest(&manifest);
        let tag = concat!(env!("CARGO_PKG_VERSION"), "-wasm");
        let put = Call::new("PUT", format!("/v2/{repository}/manifests/{tag}"));
        self.ask(put.header("content-type", MANIFEST).body(manifest))
            .await?;
        Ok(digest)
    }

    async fn push_blob(&self, repository: &str, blob: Bytes) -> Result<(), ModuleError> {
        let begin = Call::new("POST", format!("/v2/{repository}/blobs/uploads/"));
        let begun = self.ask(begin).await?;
        let place = begun.header("location").unwrap_or_default();
        // It is asked by the name that it is known by here, and says that name again.
        let own = format!("http://{}", self.0);
        let place = place.strip_prefix(&own).unwrap_or(place);
        let sign = if place.contains('?') { '&' } else { '?' };
        let path = format!("{place}{sign}digest={}", digest(&blob));
        let put = Call::new("PUT", path).header("content-type", "application/octet-stream");
        self.ask(put.body(blob)).await.map(drop)
    }

    async fn pull(&self, repository: &str, pin: &str) -> Result<Bytes, ModuleError> {
        let get = Call::get(format!("/v2/{repository}/manifests/{pin}"));
        let manifest = self.ask(get.header("accept", MANIFEST)).await?.body;
        let name = format!("{repository}@{pin}");
        if digest(&manifest) != pin {
            return Err(ModuleError::Changed(name));
        }
        let manifest: Value = serde_json::from_slice(&manifest).unwrap_or_default();
        let layer = manifest["layers"][0]["digest"].as_str().unwrap_or_default();
        let get = Call::get(format!("/v2/{repository}/blobs/{layer}"));
        let module = self.ask(get).await?.body;
        if digest(&module) == layer {
            Ok(module)
        } else {
            Err(ModuleError::Changed(name))
        }
    }

    async fn ask(&self, call: Call) -> Result<Reply, ModuleError> {
        let asked = call.line();
        let call = call.host(self.0).timeout(Duration::from_secs(60));
        let reply = match send(self.0, call).await {
            Ok(reply) => reply,
            Err(why) => return Err(ModuleError::Silent(asked, why)),
        };
        let (status, text) = (reply.status, reply.text());
        if StatusCode::from_u16(status).is_ok_and(|status| status.is_success()) {
            return Ok(reply);
        }
        Err(ModuleError::Refused {
            asked,
            status,
            text,
        })
    }
}

impl ModuleError {
    fn file(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { verb, path, source }
    }
}

fn digest(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", hex.collect::<String>())
}
