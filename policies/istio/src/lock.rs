//! The lock file: which modules were pushed, and by what digests they are pinned.

use landbridge_model::FilterKind;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What `landbridge push` wrote.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Lock {
    /// The version of the filters.
    pub version: String,
    /// The modules, by the filter's name.
    pub modules: BTreeMap<String, Module>,
}

/// One module in a registry.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Module {
    /// `HOST/REPO/NAME:TAG`; not there before it was pushed.
    #[serde(default)]
    pub reference: Option<String>,
    /// The digest of its manifest, `sha256:…`.
    pub digest: String,
}

/// A module that can be named to Istio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pinned<'a> {
    /// Where it is, as it was pushed.
    pub(crate) reference: &'a str,
    /// The digest, 64 hexadecimal digits.
    pub(crate) sha256: &'a str,
}

impl Lock {
    /// Reads a lock file.
    pub fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|e| e.to_string())
    }

    /// A filter's module; or why it cannot be named, with what to do about it.
    pub(crate) fn pinned(&self, filter: FilterKind) -> Result<Pinned<'_>, (String, String)> {
        let name = name(filter);
        let push = || "write it with `landbridge push`".to_owned();
        let module = self.modules.get(name).ok_or_else(|| {
            let message = format!("the lock file has no module `{name}`");
            (message, push())
        })?;
        let reference = module.reference.as_deref().ok_or_else(|| {
            let message = format!("the module `{name}` of the lock file is in no registry yet");
            (message, push())
        })?;
        let sha256 = module.digest.strip_prefix("sha256:").filter(|hex| {
            let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            hex.len() == 64 && hex.bytes().all(is_hex)
        });
        let sha256 = sha256.ok_or_else(|| {
            let digest = &module.digest;
            let message = format!("`{digest}`, the digest of `{name}`, is no SHA-256");
            (message, "`sha256:` and 64 hexadecimal digits".to_owned())
        })?;
        Ok(Pinned { reference, sha256 })
    }
}

impl Pinned<'_> {
    /// What Istio's agent is to fetch. The tag is left out: it can be moved, and the agent keeps
    /// what it has fetched by repository and digest.
    pub(crate) fn url(&self) -> String {
        let repository = match self.reference.rsplit_once(':') {
            // What has a slash behind it is a registry's port.
            Some((repository, tag)) if !tag.contains('/') => repository,
            _ => self.reference,
        };
        format!("oci://{repository}@sha256:{}", self.sha256)
    }
}

/// A filter's name, in lock files and in the names of objects.
pub(crate) fn name(filter: FilterKind) -> &'static str {
    match filter {
        FilterKind::Authz => "authz",
        FilterKind::Locality => "locality",
        FilterKind::Shaping => "shaping",
    }
}

#[cfg(test)]
mod tests {
    use super::Pinned;

    #[test]
    fn a_url_has_the_digest_and_no_tag() {
        for reference in ["127.0.0.1:5000/lb/authz:0.1.0", "127.0.0.1:5000/lb/authz"] {
            let sha256 = "ab";
            let url = Pinned { reference, sha256 }.url();
            assert_eq!(url, "oci://127.0.0.1:5000/lb/authz@sha256:ab");
        }
    }
}
