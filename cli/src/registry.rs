//! How commands reach registries.

use crate::exit::Failure;
use landbridge_oci::Settings;
use std::path::PathBuf;

/// Landbridge's version, and the tag of its modules.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How a registry is reached. Who we are comes from docker's config.json and its helpers.
#[derive(clap::Args)]
pub(crate) struct Registry {
    /// Talk HTTP without TLS; what is not on this machine is else asked with TLS
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    plain_http: Option<bool>,
    /// Trust the CAs in this file (PEM), and not the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Registry {
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            plain_http: self.plain_http,
            ca_file: self.ca_file.clone(),
            ..Settings::default()
        }
    }
}

/// Waits for what talks to a registry.
pub(crate) fn wait<T>(work: impl Future<Output = landbridge_oci::Result<T>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| Failure::new(format!("cannot start a runtime: {why}")))?
        .block_on(work)
        .map_err(Failure::of)
}
