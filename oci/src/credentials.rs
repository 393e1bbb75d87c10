//! Who we are to a registry: what `docker login` left behind, or a credential helper knows.

use std::fs::File;
use std::path::PathBuf;

use docker_credential::{CredentialRetrievalError as Why, DockerCredential};
use oci_client::secrets::RegistryAuth;

use crate::{Error, Result};

/// What helpers say of a registry that they know nothing of. It has no code of its own.
const UNKNOWN: &str = "credentials not found";

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Credentials {
    /// Docker's `config.json`: in `$DOCKER_CONFIG`, else in `~/.docker`.
    #[default]
    Docker,
    /// None.
    Anonymous,
}

impl Credentials {
    /// What there is for a registry; who has no credentials is anonymous.
    pub(crate) fn for_registry(&self, registry: &str) -> Result<RegistryAuth> {
        let Some(path) = config().filter(|_| *self == Self::Docker) else {
            return Ok(RegistryAuth::Anonymous);
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
                return Ok(RegistryAuth::Anonymous);
            }
            Err(why) => return Err(Error::file("read", &path)(why)),
        };
        let failed = |why: &str| {
            Error::new(format!(
                "no credentials for `{registry}` from `{}`: {why}",
                path.display()
            ))
        };
        match docker_credential::get_credential_from_reader(file, registry) {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                Ok(RegistryAuth::Basic(user, password))
            }
            Ok(DockerCredential::IdentityToken(_)) => Err(failed(
                "it has an identity token, which landbridge cannot exchange",
            )
            .hint("log in with a name and a password or an access token")),
            Err(Why::NoCredentialConfigured) => Ok(RegistryAuth::Anonymous),
            Err(Why::HelperFailure { stdout, stderr, .. })
                if stdout.contains(UNKNOWN) || stderr.contains(UNKNOWN) =>
            {
                Ok(RegistryAuth::Anonymous)
            }
            Err(Why::HelperFailure {
                helper,
                stdout,
                stderr,
            }) => {
                // What it prints when it fails is words; nothing of a credential is shown else.
                let said = if stderr.trim().is_empty() {
                    stdout
                } else {
                    stderr
                };
                Err(failed(&format!(
                    "the helper `{helper}` failed: {}",
                    said.trim()
                )))
            }
            Err(Why::HelperCommunicationError) => Err(failed("its helper cannot be started").hint(
                "put `docker-credential-…` with the name that it gives under `credHelpers` or \
                 `credsStore` on PATH",
            )),
            Err(why) => Err(failed(&why.to_string().to_lowercase())),
        }
    }
}

fn config() -> Option<PathBuf> {
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker"));
    Some(folder.or_else(home)?.join("config.json"))
}
