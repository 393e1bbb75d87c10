//! A registry, asked over plain HTTP, as Istio's agent falls back to where TLS is not spoken. The
//! testbed's registries are on the loopback network, so TLS is not tried at all.

use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ring::digest::{SHA256, digest};
use serde_json::Value;
use tokio::net::TcpStream;

use super::reference::Reference;

/// istiod's timeout for a fetch.
const PATIENCE: Duration = Duration::from_secs(30);
/// Istio's limit for a module.
const LARGEST: usize = 256 << 20;
/// What is asked for: images and indexes, as Istio's agent accepts them.
const MANIFESTS: &str = "application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest, and the digest of its bytes.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) json: Value,
    pub(super) digest: String,
}

pub(super) struct Registry<'a> {
    reference: &'a Reference,
    authorization: Option<String>,
}

impl<'a> Registry<'a> {
    pub(super) fn new(reference: &'a Reference, secret: Option<&str>) -> Result<Self, String> {
        let authorization = match secret {
            Some(secret) => authorization(secret, &reference.host)?,
            None => None,
        };
        Ok(Self {
            reference,
            authorization,
        })
    }

    pub(super) async fn manifest(&self) -> Result<Manifest, String> {
        let version = &self.reference.version;
        let bytes = self.get(&format!("manifests/{version}")).await?;
        let found = sha256(&bytes);
        if let Some(named) = self.reference.digest()
            && named != found
        {
            return Err(format!(
                "the manifest named sha256:{named} is sha256:{found}"
            ));
        }
        let json = serde_json::from_slice(&bytes)
            .map_err(|error| format!("the manifest is no JSON: {error}"))?;
        Ok(Manifest {
            json,
            digest: found,
        })
    }

    /// A layer; what is not what its digest says is refused.
    pub(super) async fn blob(&self, named: &str) -> Result<Bytes, String> {
        let bytes = self.get(&format!("blobs/{named}")).await?;
        let found = format!("sha256:{}", sha256(&bytes));
        if found != named {
            return Err(format!("the layer named {named} is {found}"));
        }
        Ok(bytes)
    }

    async fn get(&self, what: &str) -> Result<Bytes, String> {
        let Reference {
            host, repository, ..
        } = self.reference;
        let path = format!("/v2/{repository}/{what}");
        let exchange = async {
            let address = if host.contains(':') {
                host.clone()
            } else {
                format!("{host}:80")
            };
            let stream = TcpStream::connect(&address)
                .await
                .map_err(|error| format!("cannot connect to {host}: {error}"))?;
            let (mut sender, driver) = http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|error| error.to_string())?;
            let driver = tokio::spawn(driver);
            let mut request = Request::get(&path)
                .header(header::HOST, host)
                .header(header::ACCEPT, MANIFESTS);
            if let Some(authorization) = &self.authorization {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            let request = request
                .body(Full::<Bytes>::default())
                .map_err(|error| error.to_string())?;
            let answer = sender
                .send_request(request)
                .await
                .map_err(|error| error.to_string())?;
            let status = answer.status();
            if !status.is_success() {
                return Err(format!("{status} for {path}"));
            }
            let body = Limited::new(answer.into_body(), LARGEST).collect().await;
            driver.abort();
            body.map(http_body_util::Collected::to_bytes)
                .map_err(|error| format!("{path} broke off: {error}"))
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {PATIENCE:?}")),
        }
    }
}

/// The `Authorization` that docker's configuration has for a host.
fn authorization(secret: &str, host: &str) -> Result<Option<String>, String> {
    let config: Value = serde_json::from_str(secret)
        .map_err(|error| format!("the pull secret is no JSON: {error}"))?;
    let Some(entry) = config["auths"].get(host) else {
        return Ok(None);
    };
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let encoded = match (text("auth"), text("username"), text("password")) {
        (Some(auth), _, _) => auth.to_owned(),
        (None, Some(name), Some(password)) => {
            base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"))
        }
        _ => return Ok(None),
    };
    Ok(Some(format!("Basic {encoded}")))
}

/// A SHA-256 in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
