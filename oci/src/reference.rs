//! Which registry, repository and tag or digest a reference means.
//!
//! Docker fills in a registry where none is named. Nothing is filled in here: a module that goes to
//! an unmeant place, or comes from one, is worse than an error.

use std::net::IpAddr;

use oci_client::Reference;

use crate::{Digest, Error, Result};

/// A repository in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The registry: a host, with a port if it has one.
    pub registry: String,
    /// The repository's path.
    pub path: String,
}

impl Repository {
    /// Both.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.path)
    }

    pub(crate) fn tagged(&self, tag: &str) -> Reference {
        Reference::with_tag(self.registry.clone(), self.path.clone(), tag.to_owned())
    }

    pub(crate) fn at(&self, digest: &Digest) -> Reference {
        Reference::with_digest(self.registry.clone(), self.path.clone(), digest.to_string())
    }

    /// Whether the registry is on this machine, where nobody listens in between.
    pub(crate) fn is_local(&self) -> bool {
        let host = match self.registry.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => self.registry.split(':').next().unwrap_or_default(),
        };
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// A repository, and what is meant in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The repository.
    pub repository: Repository,
    /// The tag, if one is named.
    pub tag: Option<String>,
    /// The digest, if one is named.
    pub digest: Option<Digest>,
}

impl Target {
    /// Reads `HOST/PATH[:TAG][@sha256:…]`.
    pub fn parse(text: &str) -> Result<Self> {
        let host = text.split('/').next().unwrap_or_default();
        let named = host == "localhost" || host.contains(['.', ':', '[']);
        if !named || host.len() == text.len() {
            return Err(Error::new(format!("`{text}` names no registry"))
                .hint("write `HOST/REPOSITORY:TAG`; no registry is filled in"));
        }
        let read: Reference = text
            .parse()
            .map_err(|why| Error::new(format!("`{text}` is no reference: {why}")))?;
        let digest = read.digest().map(str::parse).transpose()?;
        // A tag is filled in where none is named, and that is not what was meant.
        let before_digest = text.split('@').next().unwrap_or_default();
        let tagged = before_digest
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains(':'));
        Ok(Self {
            repository: Repository {
                registry: read.registry().to_owned(),
                path: read.repository().to_owned(),
            },
            tag: read.tag().filter(|_| tagged).map(str::to_owned),
            digest,
        })
    }

    /// Where a filter is pushed: a repository of its own beneath.
    pub fn of_filter(&self, filter: &str) -> Self {
        let mut target = self.clone();
        target.repository.path = format!("{}/{filter}", self.repository.path);
        target
    }

    /// As a reference, with something appended to the tag.
    pub fn reference(&self, suffix: &str) -> String {
        let mut text = self.repository.name();
        if let Some(tag) = &self.tag {
            text = format!("{text}:{tag}{suffix}");
        }
        if let Some(digest) = &self.digest {
            text = format!("{text}@{digest}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_and_written() {
        let digest = Digest::of(b"a manifest");
        for text in [
            "registry.example.com/mesh/landbridge:0.1.0".to_owned(),
            "127.0.0.1:5000/landbridge".to_owned(),
            "localhost/landbridge/authz:latest".to_owned(),
            format!("r.example.com/a@{digest}"),
            format!("r.example.com:443/a/b:1@{digest}"),
        ] {
            assert_eq!(Target::parse(&text).unwrap().reference(""), text);
        }
    }

    #[test]
    fn nothing_is_filled_in() {
        for text in [
            "landbridge",
            "mesh/landbridge:1",
            "example.com",
            "",
            "/",
            ":5000",
        ] {
            let error = Target::parse(text).unwrap_err().to_string();
            assert!(error.contains("names no registry"), "{text}: {error}");
        }
        assert!(Target::parse("example.com/Upper").is_err());
        assert!(Target::parse("example.com/a@sha256:123").is_err());
    }

    #[test]
    fn only_this_machine_is_local() {
        let local = |host: &str| {
            let path = "a".to_owned();
            let registry = host.to_owned();
            Repository { registry, path }.is_local()
        };
        for host in [
            "localhost",
            "localhost:5000",
            "127.0.0.1:5000",
            "127.93.4.5",
            "[::1]:5000",
        ] {
            assert!(local(host), "{host}");
        }
        for host in [
            "localhost.example.com",
            "10.0.0.1:5000",
            "127.example.com",
            "[::2]:5000",
        ] {
            assert!(!local(host), "{host}");
        }
    }
}
