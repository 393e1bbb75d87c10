//! What can go wrong while a mesh is built or watched. A call that fails is not
//! one of these: see [`CallError`](crate::CallError).

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Why a mesh could not be started, changed or observed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The Envoy binary is nowhere to be found.
    #[error("no Envoy at `{}`, in `$ENVOY` or on the path; run `cargo xtask envoy`", .0.display())]
    NoEnvoy(PathBuf),
    /// A filter has not been built.
    #[error("no filter at `{}`; run `cargo xtask build`, or set `LANDBRIDGE_FILTERS`", .0.display())]
    NoFilter(PathBuf),
    /// `landbridge-guard` has not been built.
    #[error("no `landbridge-guard` beside `{}`; run `cargo build -p landbridge-testbed --bins`", .0.display())]
    NoGuard(PathBuf),
    /// Every block of loopback addresses that was tried is in use.
    #[error("found no free block of loopback addresses")]
    NoAddresses,
    /// The operating system refused something.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// A key for tokens could not be made.
    #[error("cannot make a key for tokens: {0}")]
    TokenKey(String),
    /// Certificates that were made long ago.
    #[error("the certificates in `{}` end within days; `docker compose down -v` removes them", .0.display())]
    OldCertificates(PathBuf),
    /// An Envoy ended by itself.
    #[error("{who} ended with {status}; its log ends:\n{log}")]
    Exited {
        /// Which Envoy.
        who: String,
        /// Its exit status.
        status: String,
        /// The last lines of its log.
        log: String,
    },
    /// An Envoy does not take requests.
    #[error("{who} is not ready after {waited:?} ({state}); its log ends:\n{log}")]
    NotReady {
        /// Which Envoy.
        who: String,
        /// How long was waited for it.
        waited: Duration,
        /// What it last said of itself.
        state: String,
        /// The last lines of its log.
        log: String,
    },
    /// A filter refused its first configuration.
    #[error("{who} refuses the first configuration of `{resource}`; its log ends:\n{log}")]
    Refused {
        /// Which Envoy.
        who: String,
        /// Which filter.
        resource: String,
        /// The last lines of its log.
        log: String,
    },
    /// Something awaited did not come about.
    #[error("waited {waited:?} in vain for {what}")]
    Waited {
        /// What was awaited.
        what: String,
        /// For how long.
        waited: Duration,
    },
    /// An Envoy's admin interface did not answer, or not with 200.
    #[error("the admin interface of {who} does not answer `{path}`: {why}")]
    Admin {
        /// Which Envoy.
        who: String,
        /// What was asked.
        path: String,
        /// What happened.
        why: String,
    },
    /// Manifests that Istio would refuse, or that are not understood.
    #[error(transparent)]
    Manifests(#[from] crate::istio::Problem),
    /// A mesh that is not configured by manifests.
    #[error("cluster `{0}` is not configured by manifests (`Builder::manifests`)")]
    NoManifests(String),
    /// A name that is none of the mesh's clusters.
    #[error("the mesh has no cluster `{0}`")]
    UnknownCluster(String),
    /// A part of a cluster that was not started.
    #[error("{0} was not started")]
    NotStarted(String),
    /// A filter that is not there or does not come by ECDS.
    #[error("cluster `{cluster}` has no filter `{filter}` that comes by ECDS")]
    UnknownFilter {
        /// The cluster asked.
        cluster: String,
        /// The filter sought.
        filter: String,
    },
}

impl Error {
    /// Wraps an I/O error with what was tried, for `map_err`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// Prints on the standard error stream what failed and all of its causes: the last words of a program.
pub fn failed(what: &str, error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{what}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
    ExitCode::FAILURE
}
