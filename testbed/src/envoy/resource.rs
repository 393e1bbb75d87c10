//! A filter's configuration that arrives by ECDS. Istio's agent serves it over a socket; here it
//! is a file that Envoy watches, replaced in one step by a rename.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};

use super::TYPE;
use crate::{Delivery, Error};

/// One filter's file.
#[derive(Debug)]
pub(crate) struct Resource {
    /// Its name, in ECDS and among the listener's filters.
    pub(crate) name: String,
    file: PathBuf,
    delivered: Mutex<Delivered>,
}

#[derive(Debug, Default)]
struct Delivered {
    version: u64,
    config: Value,
    /// The versions that were replaced before the Envoy started that runs now.
    missed: u64,
}

impl Resource {
    /// Makes the folder that Envoy will watch: one per filter, so that a change
    /// wakes nobody else.
    pub(crate) fn new(name: &str, folder: &Path, config: Value) -> Result<Self, Error> {
        fs::create_dir_all(folder)
            .map_err(Error::io(format!("make the folder `{}`", folder.display())))?;
        let resource = Self {
            name: name.to_owned(),
            file: folder.join("config.json"),
            delivered: Mutex::default(),
        };
        resource.deliver(config)?;
        Ok(resource)
    }

    /// Replaces the filter's configuration; returns the version it has. The same
    /// again is no delivery: Envoy would not look at it, and call it accepted
    /// even if it refused it before.
    pub(crate) fn deliver(&self, config: Value) -> Result<u64, Error> {
        let mut delivered = self.delivered();
        if delivered.version > 0 && delivered.config == config {
            return Ok(delivered.version);
        }
        let version = delivered.version + 1;
        let response = json!({
            "version_info": version.to_string(),
            "resources": [{
                "@type": format!("{TYPE}envoy.config.core.v3.TypedExtensionConfig"),
                "name": self.name,
                "typed_config": config,
            }],
        });
        let draft = self.file.with_extension(format!("{version}.draft"));
        let failed = format!("write `{}`", self.file.display());
        fs::write(&draft, response.to_string())
            .and_then(|()| fs::rename(&draft, &self.file))
            .map_err(Error::io(failed))?;
        delivered.version = version;
        delivered.config = config;
        Ok(version)
    }

    fn delivered(&self) -> MutexGuard<'_, Delivered> {
        self.delivered.lock().expect("nobody panics with it")
    }

    /// A new Envoy will read the newest version only.
    pub(crate) fn restarted(&self) {
        let mut delivered = self.delivered();
        delivered.missed = delivered.version.saturating_sub(1);
    }

    /// What Envoy made of a version, if its metrics (`/stats`) tell yet. The
    /// configuration dump would not do: it shows refused ones as if in force.
    pub(crate) fn judged(&self, version: u64, stats: &str) -> Option<Delivery> {
        let prefix = format!("extension_config_discovery.http_filter.{}.", self.name);
        judged(&prefix, version, self.delivered().missed, stats)
    }

    /// What the connection manager says of the filter, which may be of these types.
    pub(crate) fn filter(&self, types: &[&str]) -> Value {
        let types: Vec<_> = types.iter().map(|name| format!("{TYPE}{name}")).collect();
        json!({
            "name": self.name,
            "config_discovery": {
                "config_source": {
                    "path_config_source": {
                        "path": self.file,
                        "watched_directory": {"path": self.file.parent()},
                    },
                    "initial_fetch_timeout": "0s",
                    "resource_api_version": "V3",
                },
                "type_urls": types,
            },
        })
    }
}

/// What Envoy made of a version of what it tells of in metrics of this prefix. `missed` are the versions
/// before it that this Envoy has not seen.
pub(crate) fn judged(prefix: &str, version: u64, missed: u64, stats: &str) -> Option<Delivery> {
    let stat = |name: &str| -> Option<u64> {
        let value = stats.lines().find_map(|line| {
            line.strip_prefix(prefix)?
                .strip_prefix(name)?
                .strip_prefix(": ")
        });
        value?.trim_matches('"').parse().ok()
    };
    if stat("version_text").is_some_and(|in_force| in_force >= version) {
        return Some(Delivery::Accepted);
    }
    let judged = stat("update_success")? + stat("update_rejected")?;
    let seen = judged + missed >= version;
    seen.then_some(Delivery::Rejected)
}
