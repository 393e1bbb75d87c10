//! `oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]`.

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) host: String,
    pub(super) repository: String,
    /// A tag, or `sha256:` and a digest.
    pub(super) version: String,
}

impl Reference {
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let Some(rest) = url.strip_prefix("oci://") else {
            return Err("only `oci://` URLs are understood here".to_owned());
        };
        let Some((host, path)) = rest.split_once('/') else {
            return Err("there is no repository in it".to_owned());
        };
        let (repository, version) = match path.split_once('@') {
            // With a digest, the tag before it means nothing.
            Some((name, digest)) => (without_tag(name).0, digest),
            None => match without_tag(path) {
                (name, Some(tag)) => (name, tag),
                (name, None) => (name, "latest"),
            },
        };
        if host.is_empty() || repository.is_empty() || version.is_empty() {
            return Err("it is no reference of an image".to_owned());
        }
        Ok(Self {
            host: host.to_owned(),
            repository: repository.to_owned(),
            version: version.to_owned(),
        })
    }

    /// The digest that it names, if it names one.
    pub(super) fn digest(&self) -> Option<&str> {
        self.version.strip_prefix("sha256:")
    }

    /// What modules are kept by: the URL without what says the version.
    pub(super) fn name(&self) -> String {
        format!("oci://{}/{}", self.host, self.repository)
    }
}

fn without_tag(path: &str) -> (&str, Option<&str>) {
    match path.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (path, None),
    }
}

#[cfg(test)]
mod tests {
    use super::Reference;

    fn parts(url: &str) -> (String, String, String) {
        let Reference {
            host,
            repository,
            version,
        } = Reference::parse(url).unwrap();
        (host, repository, version)
    }

    #[test]
    fn a_reference_is_a_host_a_repository_and_a_version() {
        let owned = |host: &str, repository: &str, version: &str| {
            (host.to_owned(), repository.to_owned(), version.to_owned())
        };
        assert_eq!(
            parts("oci://127.0.0.1:5000/landbridge/authz:0.1.0"),
            owned("127.0.0.1:5000", "landbridge/authz", "0.1.0")
        );
        assert_eq!(
            parts("oci://registry.example/authz"),
            owned("registry.example", "authz", "latest")
        );
        assert_eq!(
            parts("oci://registry.example/authz:1@sha256:abcd"),
            owned("registry.example", "authz", "sha256:abcd")
        );
        for wrong in ["http://host/x", "oci://host", "oci:///x", "oci://host/x:"] {
            assert!(Reference::parse(wrong).is_err(), "{wrong}");
        }
    }
}
