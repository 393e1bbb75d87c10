//! Where modules come from: what the annotations say of version, revision, licence and source.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Error, Result};

/// The licence of all of it.
const LICENCE: &str = "Apache-2.0";

/// What is known of the source that modules were built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Landbridge's version.
    pub version: String,
    /// The commit, with `-dirty` behind it if files differ from it.
    pub revision: String,
    /// The source's address, if it has one.
    pub source: Option<String>,
}

impl Origin {
    /// What git says of a checkout, where nothing else is said.
    pub fn of_checkout(
        checkout: &Path,
        version: &str,
        revision: Option<&str>,
        source: Option<&str>,
    ) -> Result<Self> {
        let revision = match revision {
            Some(revision) => revision.to_owned(),
            None => git(
                checkout,
                &[
                    "describe",
                    "--always",
                    "--dirty",
                    "--abbrev=40",
                    "--exclude=*",
                ],
            )
            .ok_or_else(|| {
                let checkout = checkout.display();
                Error::new(format!("git knows no revision of `{checkout}`")).hint(
                    "say which it is with `--revision`, or where the checkout is with `--checkout`",
                )
            })?,
        };
        let source = match source {
            Some(source) => Some(source.to_owned()),
            None => git(checkout, &["remote", "get-url", "origin"]).and_then(|url| public(&url)),
        };
        Ok(Self {
            version: version.to_owned(),
            revision,
            source,
        })
    }

    /// The annotations of a filter's manifests.
    pub(crate) fn annotations(&self, filter: &str) -> BTreeMap<String, String> {
        let mut annotations: BTreeMap<String, String> = [
            ("title", format!("landbridge-{filter}")),
            ("description", format!("The {filter} filter of Landbridge")),
            ("version", self.version.clone()),
            ("revision", self.revision.clone()),
            ("licenses", LICENCE.to_owned()),
        ]
        .map(|(key, value)| (format!("org.opencontainers.image.{key}"), value))
        .into();
        if let Some(source) = &self.source {
            annotations.insert("org.opencontainers.image.source".to_owned(), source.clone());
        }
        annotations
    }
}

fn git(checkout: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(checkout)
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let said = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !said.is_empty()).then_some(said)
}

/// An address that others can read, and that says nothing of who cloned it: no names, no tokens,
/// no folders.
fn public(url: &str) -> Option<String> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("ssh://"));
    let (host, path) = match rest {
        Some(rest) => rest.split_once('/')?,
        // git's short form, `git@host:path`
        None => url.split_once('@')?.1.split_once(':')?,
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!host.is_empty() && !path.is_empty()).then(|| format!("https://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_no_secret_and_no_folder() {
        for (url, shown) in [
            (
                "https://example.com/a/b.git",
                Some("https://example.com/a/b"),
            ),
            (
                "https://me:token@example.com/a/b",
                Some("https://example.com/a/b"),
            ),
            ("git@example.com:a/b.git", Some("https://example.com/a/b")),
            (
                "ssh://git@example.com/a/b.git",
                Some("https://example.com/a/b"),
            ),
            ("/home/me/b", None),
            ("../b.git", None),
            ("", None),
        ] {
            assert_eq!(public(url).as_deref(), shown, "{url}");
        }
    }
}
