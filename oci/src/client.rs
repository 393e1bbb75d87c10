//! A registry, as far as it is needed: blobs and manifests in and out, and who refers to what.
//!
//! `oci-client` speaks the protocol and authenticates. What is added here: the size of everything is
//! bounded and checked beside its digest, HTTP without TLS needs a reason, and errors say what was
//! being done, to what, and what may help.

mod explain;

use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::manifest::{ImageIndexEntry, OciDescriptor};
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};

use crate::{Blob, Credentials, Digest, Error, Repository, Result, media};
use explain::Doing;

/// The most that a manifest may have: what registries must take.
const LARGEST_MANIFEST: usize = 4 << 20;
const CONNECT: Duration = Duration::from_secs(10);
/// Nothing comes for so long: it is over.
const SILENCE: Duration = Duration::from_secs(60);

/// How registries are reached.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whether without TLS; if nothing is said, only where the registry is on this machine.
    pub plain_http: Option<bool>,
    /// The certificates (PEM) of the CAs to trust, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Where credentials come from.
    pub credentials: Credentials,
}

/// A registry.
pub struct Client {
    inner: oci_client::Client,
    auth: RegistryAuth,
    registry: String,
    plain: bool,
}

impl Client {
    /// Makes ready to talk to a repository's registry. Nothing is sent yet.
    pub fn new(repository: &Repository, settings: &Settings) -> Result<Self> {
        // The process's, so a second time is no error.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = ClientConfig {
            use_monolithic_push: true,
            // An index has no digest to pin: see `pull`.
            platform_resolver: None,
            read_timeout: Some(SILENCE),
            connect_timeout: Some(CONNECT),
            user_agent: concat!("landbridge/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let own = settings.ca_file.is_some();
        let plain = settings.plain_http.unwrap_or(repository.is_local() && !own);
        if plain {
            config.protocol = ClientProtocol::Http;
        }
        if let Some(path) = &settings.ca_file {
            let pem = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
            config.tls_certs_only = certificates(&pem)
                .map_err(|why| Error::new(format!("`{}` {why}", path.display())))?;
        }
        let inner = oci_client::Client::try_from(config)
            .map_err(|why| Error::new(format!("cannot set up TLS: {why}")))?;
        Ok(Self {
            inner,
            auth: settings.credentials.for_registry(&repository.registry)?,
            registry: repository.registry.clone(),
            plain,
        })
    }

    fn doing(&self, what: impl Into<String>) -> Doing<'_> {
        Doing {
            what: what.into(),
            registry: &self.registry,
            user: match &self.auth {
                RegistryAuth::Basic(user, _) => Some(user),
                _ => None,
            },
            plain: self.plain,
        }
    }

    /// Logs in to read a repository.
    pub async fn enter_to_pull(&self, repository: &Repository) -> Result<()> {
        self.enter(repository, RegistryOperation::Pull).await
    }

    /// Logs in to write to a repository, and to read from it.
    pub async fn enter_to_push(&self, repository: &Repository) -> Result<()> {
        self.enter(repository, RegistryOperation::Push).await?;
        self.enter(repository, RegistryOperation::Pull).await
    }

    /// `oci-client` would go on without a token if it got none.
    async fn enter(&self, repository: &Repository, operation: RegistryOperation) -> Result<()> {
        let any = repository.tagged("any");
        self.inner
            .auth(&any, &self.auth, operation)
            .await
            .map(drop)
            .map_err(self.doing("cannot log in").explain())
    }

    /// Uploads a blob that is not there yet; says whether it had to.
    pub async fn push_blob(&self, repository: &Repository, blob: &Blob) -> Result<bool> {
        let doing = || self.doing(format!("cannot push the blob `{}`", blob.digest));
        let at = repository.at(&blob.digest);
        let digest = blob.digest.as_str();
        let there = self.inner.blob_exists(&at, digest).await;
        if there.map_err(doing().explain())? {
            return Ok(false);
        }
        self.inner
            .push_blob(&at, blob.bytes.clone(), digest)
            .await
            .map_err(doing().explain())?;
        Ok(true)
    }

    /// Uploads a manifest under its digest.
    pub async fn push_manifest(&self, repository: &Repository, manifest: &Blob) -> Result<()> {
        let digest = manifest.digest.as_str();
        // As a tag, which it is to the protocol: `oci-client` panics over a digest at registries
        // that answer without a `Location`, such as ECR.
        self.put_manifest(&repository.tagged(digest), manifest, digest)
            .await
    }

    /// Uploads a manifest under a tag, and makes sure that the tag leads to it. One that does so
    /// already is left alone: registries may have tags that cannot be set again.
    pub async fn tag(&self, repository: &Repository, tag: &str, manifest: &Blob) -> Result<()> {
        let wanted = Wanted::Tag(tag.to_owned());
        let leads = async || {
            let found = self.manifest(repository, &wanted).await?;
            Ok::<_, Error>(found.is_some_and(|found| found.digest == manifest.digest))
        };
        if leads().await? {
            return Ok(());
        }
        self.put_manifest(&repository.tagged(tag), manifest, tag)
            .await?;
        if leads().await? {
            return Ok(());
        }
        Err(Error::new(format!(
            "`{}:{tag}` does not lead to `{}`, which was just pushed there",
            repository.name(),
            manifest.digest
        ))
        .hint("somebody else may have pushed at the same time; look, and push again"))
    }

    async fn put_manifest(&self, to: &Reference, manifest: &Blob, name: &str) -> Result<()> {
        let doing = self.doing(format!("cannot push the manifest `{name}`"));
        let kind = manifest
            .media_type
            .parse()
            .map_err(|_| Error::new(format!("`{}` is no media type", manifest.media_type)))?;
        self.inner
            .push_manifest_raw(to, manifest.bytes.clone(), kind)
            .await
            .map(drop)
            .map_err(doing.explain())
    }

    /// A manifest, if it is there.
    pub async fn manifest(
        &self,
        repository: &Repository,
        wanted: &Wanted,
    ) -> Result<Option<Manifest>> {
        let (reference, name) = match wanted {
            Wanted::Tag(tag) => (repository.tagged(tag), tag.as_str()),
            Wanted::Digest(digest) => (repository.at(digest), digest.as_str()),
        };
        let doing = self.doing(format!(
            "cannot read the manifest `{name}` of `{}`",
            repository.name()
        ));
        let accepted = [media::MANIFEST, media::INDEX, media::DOCKER_MANIFEST];
        let answer = self
            .inner
            .pull_manifest_raw(&reference, &self.auth, &accepted);
        let bytes = match answer.await {
            Ok((bytes, _)) => bytes,
            Err(why) if explain::is_absent(&why) => return Ok(None),
            Err(why) => return Err(doing.explain()(why)),
        };
        if bytes.len() > LARGEST_MANIFEST {
            return Err(doing.wrong(format!("it has {} bytes", bytes.len())));
        }
        let digest = Digest::of(&bytes);
        match wanted {
            Wanted::Digest(wanted) if *wanted != digest => {
                Err(doing.wrong(format!("what came has the digest `{digest}`")))
            }
            _ => Ok(Some(Manifest { bytes, digest })),
        }
    }

    /// A blob, which must be what its descriptor says, and no larger than `most`.
    pub async fn blob(
        &self,
        repository: &Repository,
        descriptor: &OciDescriptor,
        most: u64,
    ) -> Result<Bytes> {
        let doing = || {
            let (name, digest) = (repository.name(), &descriptor.digest);
            self.doing(format!("cannot read the blob `{digest}` of `{name}`"))
        };
        let expected: Digest = descriptor.digest.parse()?;
        let size = u64::try_from(descriptor.size).ok();
        let size = size.filter(|size| *size <= most).ok_or_else(|| {
            let size = descriptor.size;
            doing().wrong(format!(
                "it is said to have {size} bytes, and the most is {most}"
            ))
        })?;
        // Only where the digest leads: the addresses that a manifest may name are others' words.
        let plain = OciDescriptor {
            urls: None,
            ..descriptor.clone()
        };
        let at = repository.at(&expected);
        let coming = self.inner.pull_blob_stream(&at, &plain).await;
        let mut stream = coming.map_err(doing().explain())?.stream;
        let mut content = BytesMut::new();
        while let Some(part) = stream
            .try_next()
            .await
            .map_err(|why| doing().wrong(explain::chain(&why)))?
        {
            content.extend_from_slice(&part);
            if content.len() as u64 > size {
                return Err(doing().wrong(format!("more than its {size} bytes came")));
            }
        }
        let content = content.freeze();
        if content.len() as u64 != size {
            let came = content.len();
            return Err(doing().wrong(format!("{came} of its {size} bytes came")));
        }
        let digest = Digest::of(&content);
        if digest != expected {
            return Err(doing().wrong(format!("what came has the digest `{digest}`")));
        }
        Ok(content)
    }

    /// What refers to a manifest: by the registry's own list, or by the tag that stands in for it.
    pub async fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
        kind: Option<&str>,
    ) -> Result<Vec<ImageIndexEntry>> {
        let doing = self.doing(format!("cannot ask what refers to `{subject}`"));
        let mut index = self
            .inner
            .pull_referrers(&repository.at(subject), kind)
            .await
            .map_err(doing.explain())?;
        // A registry may filter, and need not.
        index
            .manifests
            .retain(|entry| kind.is_none() || entry.artifact_type.as_deref() == kind);
        Ok(index.manifests)
    }
}

/// Which manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What a tag leads to.
    Tag(String),
    /// The one with a digest.
    Digest(Digest),
}

/// A manifest, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its bytes.
    pub bytes: Bytes,
    /// Their digest.
    pub digest: Digest,
}

fn certificates(text: &str) -> std::result::Result<Vec<Certificate>, String> {
    let blocks = pem::parse_many(text).map_err(|why| format!("is no PEM: {why}"))?;
    let all: Vec<_> = blocks
        .into_iter()
        .filter(|block| block.tag() == "CERTIFICATE")
        .map(|block| Certificate {
            encoding: CertificateEncoding::Der,
            data: block.into_contents(),
        })
        .collect();
    if all.is_empty() {
        return Err("holds no certificate".to_owned());
    }
    Ok(all)
}
