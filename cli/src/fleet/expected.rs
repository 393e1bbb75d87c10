//! What proxies should run: the configurations that were rendered, and the lock file of the modules.

use super::dump::name_of;
use crate::exit::Failure;
use crate::input::{self, Input};
use crate::{plugin_config, proxy};
use landbridge_engine::Digest;
use landbridge_model::{FilterKind, Limits};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A configuration that should be in force.
pub(crate) struct Expected {
    /// The filter; any, where it is not known.
    pub(crate) filter: Option<&'static str>,
    pub(crate) digest: String,
    /// Where it was read.
    pub(crate) place: String,
}

/// What is expected; the input, where something is wrong with it.
pub(crate) type Expectation = Result<Vec<Expected>, Box<Input>>;

/// Reads what was rendered, or renders documents for each filter.
pub(crate) fn read(paths: &[PathBuf], proxy: &proxy::Proxy) -> Result<Expectation, Failure> {
    let mut expected = Vec::new();
    for source in input::sources(paths)? {
        let found = plugin_config::find(&source).map_err(|d| Failure::new(d.to_string()))?;
        for found in found {
            let read = found.read().map_err(|diagnostics| {
                Failure(diagnostics.iter().map(ToString::to_string).collect())
            })?;
            expected.push(Expected {
                filter: found.filter.map(name_of),
                digest: read.digest.to_string(),
                place: found.place,
            });
        }
    }
    if !expected.is_empty() {
        return Ok(Ok(expected));
    }
    let mut input = input::read(paths)?;
    let place = paths.iter().map(|p| p.display().to_string());
    let place = place.collect::<Vec<_>>().join(" ");
    for filter in [FilterKind::Authz, FilterKind::Locality, FilterKind::Shaping] {
        let Some(json) = proxy::config(filter, proxy, &mut input)? else {
            return Ok(Err(Box::new(input)));
        };
        let digest = Digest::of(json.as_bytes(), &Limits::default());
        let digest = digest.map_err(|diagnostics| {
            Failure(diagnostics.iter().map(ToString::to_string).collect())
        })?;
        expected.push(Expected {
            filter: Some(name_of(filter)),
            digest: digest.to_string(),
            place: place.clone(),
        });
    }
    Ok(Ok(expected))
}

/// The part of `landbridge.lock.json` that tells modules apart.
#[derive(Deserialize)]
pub(crate) struct Lock {
    pub(crate) version: String,
    modules: BTreeMap<String, Locked>,
}

#[derive(Deserialize)]
struct Locked {
    digest: Option<String>,
    module: Option<Module>,
}

#[derive(Deserialize)]
struct Module {
    sha256: String,
}

impl Lock {
    /// Reads a lock file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let source = input::source(path).map_err(Failure::new)?;
        serde_json::from_str(&source.text)
            .map_err(|e| Failure::new(format!("{}: no lock file: {e}", source.name)))
    }

    /// Whether a module is the locked one, by its image's digest or its own; `None`, where what an
    /// Envoy says of it does not tell.
    pub(crate) fn has(&self, filter: &str, module: &str) -> Option<bool> {
        let hex = module.strip_prefix("sha256:")?;
        let locked = self.modules.get(filter)?;
        let digest = locked
            .digest
            .as_deref()
            .and_then(|d| d.strip_prefix("sha256:"));
        let own = locked.module.as_ref().map(|m| m.sha256.as_str());
        let own = own.map(|own| own.strip_prefix("sha256:").unwrap_or(own));
        Some([digest, own].contains(&Some(hex)))
    }
}
