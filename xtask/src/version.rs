//! Envoy's versions.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// The versions that the filters are built for: their ABI and the attributes they read.
    pub(crate) fn is_supported(self) -> bool {
        self.major == 1 && (36..=40).contains(&self.minor)
    }

    /// Reads what `envoy --version` prints:
    /// `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
    fn parse(printed: &str) -> Option<Self> {
        let build = printed.split("version:").nth(1)?;
        // Istio and distributions append to the number (`1.36.2-dev`).
        let number = build.trim().split('/').nth(1)?.split(['-', '+']).next()?;
        let mut parts = number.split('.').map(|part| part.parse().ok());
        let version = Self {
            major: parts.next()??,
            minor: parts.next()??,
            patch: parts.next()??,
        };
        parts.next().is_none().then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Asks an Envoy for its version.
pub(crate) fn of(envoy: &Path) -> Result<Version> {
    let output = Command::new(envoy)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Error::at("run", envoy, &e))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    Version::parse(&printed).ok_or_else(|| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        Error::new(format!(
            "`{} --version` ({}) does not say a version: {}",
            envoy.display(),
            output.status,
            format!("{printed}{stderr}").trim()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(major: u32, minor: u32, patch: u32) -> Version {
        Version {
            major,
            minor,
            patch,
        }
    }

    #[test]
    fn reads_what_envoy_prints() {
        let release = "\nenvoy  version: 0b2a3c/1.40.0/Clean/RELEASE/BoringSSL\n\n";
        assert_eq!(Version::parse(release), Some(version(1, 40, 0)));
        let istio = "envoy  version: 9f1c/1.36.2-dev/Clean/RELEASE/BoringSSL";
        assert_eq!(Version::parse(istio), Some(version(1, 36, 2)));
    }

    #[test]
    fn refuses_what_is_not_a_version() {
        for printed in [
            "",
            "envoy",
            "version:",
            "version: abc",
            "version: a/1.40/x",
            "version: a/b",
        ] {
            assert_eq!(Version::parse(printed), None, "{printed:?}");
        }
        assert_eq!(Version::parse("version: a/1.2.3.4/Clean"), None);
    }

    #[test]
    fn supports_a_closed_range() {
        for (version, supported) in [
            (version(1, 35, 9), false),
            (version(1, 36, 0), true),
            (version(1, 38, 7), true),
            (version(1, 40, 3), true),
            (version(1, 41, 0), false),
            (version(2, 38, 0), false),
        ] {
            assert_eq!(version.is_supported(), supported, "{version}");
        }
    }
}
