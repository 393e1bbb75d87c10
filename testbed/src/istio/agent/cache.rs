//! The modules that an agent has, by the image's name without its tag and the digest of the
//! manifest: so a tag that moved is a new module, and one digest under two tags is fetched once.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use super::image;
use super::reference::Reference;
use super::registry::{Registry, sha256};

/// A module that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub file: PathBuf,
    /// The digest of its manifest: 64 hexadecimal digits.
    pub digest: String,
    /// Where it came from.
    pub source: Source,
}

/// Where a module came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It was fetched.
    Registry,
    /// It was here.
    Cache,
}

#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// By name and digest.
    modules: HashMap<(String, String), PathBuf>,
    /// What a URL last led to.
    digests: HashMap<String, String>,
}

impl Cache {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nobody panics with it")
    }

    pub(super) async fn get(
        &self,
        url: &str,
        pinned: Option<&str>,
        policy: Option<&str>,
        secret: Option<&str>,
    ) -> Result<Fetched, String> {
        let reference = Reference::parse(url)?;
        let pinned = pinned
            .or(reference.digest())
            .filter(|digest| !digest.is_empty());
        // Kubernetes' rule for images: what is called `latest` is asked for again.
        let always = match policy {
            Some("Always") => true,
            Some("IfNotPresent") => false,
            _ => reference.version == "latest",
        };
        let wanted = match pinned {
            Some(digest) => Some(digest.to_owned()),
            None if always => None,
            None => self.known().digests.get(url).cloned(),
        };
        if let Some(kept) = wanted.and_then(|digest| self.kept(&reference, digest)) {
            return Ok(kept);
        }
        let registry = Registry::new(&reference, secret)?;
        let manifest = registry.manifest().await?;
        if let Some(pinned) = pinned
            && pinned != manifest.digest
        {
            return Err(format!(
                "module downloaded from {url} has checksum {}, which does not match: {pinned}",
                manifest.digest
            ));
        }
        // The tag may lead to what is here already.
        let kept = self.kept(&reference, manifest.digest.clone());
        let fetched = match kept {
            Some(kept) => kept,
            None => {
                let module = image::module(&registry, &manifest.json).await?;
                self.keep(&reference, manifest.digest, &module)?
            }
        };
        let digest = fetched.digest.clone();
        self.known().digests.insert(url.to_owned(), digest);
        Ok(fetched)
    }

    fn kept(&self, reference: &Reference, digest: String) -> Option<Fetched> {
        let key = (reference.name(), digest);
        let file = self.known().modules.get(&key)?.clone();
        file.is_file().then_some(Fetched {
            file,
            digest: key.1,
            source: Source::Cache,
        })
    }

    fn keep(
        &self,
        reference: &Reference,
        digest: String,
        module: &[u8],
    ) -> Result<Fetched, String> {
        let name = reference.name();
        // Istio's own places: a folder by name, a file by digest.
        let folder = self.folder.join(folder(&name));
        let file = folder.join(format!("{digest}.wasm"));
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&file, module))
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        let key = (name, digest.clone());
        self.known().modules.insert(key, file.clone());
        Ok(Fetched {
            file,
            digest,
            source: Source::Registry,
        })
    }
}

fn folder(name: &str) -> String {
    sha256(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::reference::Reference;

    #[test]
    fn a_module_is_kept_where_a_real_agent_kept_it() {
        let reference = Reference::parse("oci://127.0.0.1:5000/landbridge/authz:v1").unwrap();
        assert_eq!(
            super::folder(&reference.name()),
            "2a211f37be883dba9afd4906543ead1f2306f3e7bb9da2e5276def9f262e1e07"
        );
    }
}
