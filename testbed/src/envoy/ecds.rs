//! Filters that arrive by ECDS. Istio's agent serves them over a socket; here
//! each is a file that Envoy watches, replaced in one step by a rename.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};

use super::TYPE;
use crate::filter::{Filter, Wasm};
use crate::{Delivery, Error};

/// One filter's file.
#[derive(Debug)]
pub(crate) struct Ecds {
    pub(crate) wasm: Wasm,
    file: PathBuf,
    delivered: Mutex<Delivered>,
}

#[derive(Debug, Default)]
struct Delivered {
    version: u64,
    config: String,
    /// The versions that were replaced before the Envoy started that runs now.
    missed: u64,
}

impl Ecds {
    /// Makes the folder that Envoy will watch: one per filter, so that a change
    /// wakes nobody else.
    fn new(wasm: Wasm, folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder)
            .map_err(Error::io(format!("make the folder `{}`", folder.display())))?;
        let ecds = Self {
            wasm,
            file: folder.join("config.json"),
            delivered: Mutex::default(),
        };
        ecds.deliver(&ecds.wasm.config)?;
        Ok(ecds)
    }

    /// Replaces the filter's configuration; returns the version it has. The same
    /// again is no delivery: Envoy would not look at it, and call it accepted
    /// even if it refused it before.
    pub(crate) fn deliver(&self, config: &str) -> Result<u64, Error> {
        let mut delivered = self.delivered();
        if delivered.version > 0 && delivered.config == config {
            return Ok(delivered.version);
        }
        let version = delivered.version + 1;
        let Wasm {
            resource,
            plugin,
            module,
            failure_policy,
            ..
        } = &self.wasm;
        let response = json!({
            "version_info": version.to_string(),
            "resources": [{
                "@type": format!("{TYPE}envoy.config.core.v3.TypedExtensionConfig"),
                "name": resource,
                "typed_config": {
                    "@type": format!("{TYPE}envoy.extensions.filters.http.wasm.v3.Wasm"),
                    "config": {
                        "name": plugin,
                        "root_id": plugin,
                        "vm_config": {
                            "runtime": "envoy.wasm.runtime.v8",
                            "code": {"local": {"filename": module}},
                        },
                        "configuration": {
                            "@type": format!("{TYPE}google.protobuf.StringValue"),
                            "value": config,
                        },
                        "failure_policy": failure_policy,
                    },
                },
            }],
        });
        let draft = self.file.with_extension(format!("{version}.draft"));
        let failed = format!("write `{}`", self.file.display());
        fs::write(&draft, response.to_string())
            .and_then(|()| fs::rename(&draft, &self.file))
            .map_err(Error::io(failed))?;
        delivered.version = version;
        config.clone_into(&mut delivered.config);
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
        let prefix = format!(
            "extension_config_discovery.http_filter.{}.",
            self.wasm.resource
        );
        let stat = |name: &str| -> Option<u64> {
            let value = stats.lines().find_map(|line| {
                line.strip_prefix(&prefix)?
                    .strip_prefix(name)?
                    .strip_prefix(": ")
            });
            value?.trim_matches('"').parse().ok()
        };
        if stat("version_text").is_some_and(|in_force| in_force >= version) {
            return Some(Delivery::Accepted);
        }
        let judged = stat("update_success")? + stat("update_rejected")?;
        let seen = judged + self.delivered().missed >= version;
        seen.then_some(Delivery::Rejected)
    }

    fn filter(&self) -> Value {
        json!({
            "name": self.wasm.resource,
            "config_discovery": {
                "config_source": {
                    "path_config_source": {
                        "path": self.file,
                        "watched_directory": {"path": self.file.parent()},
                    },
                    "initial_fetch_timeout": "0s",
                    "resource_api_version": "V3",
                },
                "type_urls": [
                    format!("{TYPE}envoy.extensions.filters.http.wasm.v3.Wasm"),
                    format!("{TYPE}envoy.extensions.filters.http.rbac.v3.RBAC"),
                ],
            },
        })
    }
}

/// Writes the files of all filters that arrive by ECDS under `folder`; returns
/// them and what the connection manager says of all filters.
pub(crate) fn http_filters(
    filters: &[Filter],
    folder: &Path,
    config: Option<&str>,
) -> Result<(Vec<Value>, Vec<Ecds>), Error> {
    let mut inline = Vec::new();
    let mut discovered = Vec::new();
    for (index, filter) in filters.iter().enumerate() {
        match filter {
            Filter::Static(filter) => inline.push(filter.clone()),
            Filter::Ecds(wasm) => {
                let mut wasm = wasm.clone();
                if let Some(config) = config {
                    wasm.config = config.to_owned();
                }
                let ecds = Ecds::new(wasm, &folder.join(index.to_string()))?;
                inline.push(ecds.filter());
                discovered.push(ecds);
            }
        }
    }
    Ok((inline, discovered))
}
