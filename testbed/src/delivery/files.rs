//! A set of resources in a file that Envoy watches.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::envoy::{TYPE, judged};
use crate::{Delivery, Error};

#[derive(Debug)]
pub(crate) struct XdsFile {
    file: PathBuf,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    version: u64,
    resources: Vec<Value>,
    /// The versions that were replaced before the Envoy started that runs now.
    missed: u64,
}

impl XdsFile {
    pub(crate) fn new(folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder)
            .map_err(Error::io(format!("make the folder `{}`", folder.display())))?;
        Ok(Self {
            file: folder.join("config.json"),
            written: Mutex::default(),
        })
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().expect("nobody panics with it")
    }

    /// Replaces all of it in one step; returns the version. The same again is no change.
    pub(crate) fn write(&self, kind: &str, mut resources: Vec<Value>) -> Result<u64, Error> {
        for resource in &mut resources {
            resource["@type"] = json!(format!("{TYPE}{kind}"));
        }
        let mut written = self.written();
        if written.version > 0 && written.resources == resources {
            return Ok(written.version);
        }
        let version = written.version + 1;
        let response = json!({"version_info": version.to_string(), "resources": resources});
        let draft = self.file.with_extension(format!("{version}.draft"));
        let failed = format!("write `{}`", self.file.display());
        fs::write(&draft, response.to_string())
            .and_then(|()| fs::rename(&draft, &self.file))
            .map_err(Error::io(failed))?;
        written.version = version;
        written.resources = resources;
        Ok(version)
    }

    /// The `ConfigSource` that leads to it.
    pub(crate) fn source(&self) -> Value {
        json!({
            "path_config_source": {
                "path": self.file,
                "watched_directory": {"path": self.file.parent()},
            },
            "initial_fetch_timeout": "0s",
            "resource_api_version": "V3",
        })
    }

    pub(crate) fn restarted(&self) {
        let mut written = self.written();
        written.missed = written.version.saturating_sub(1);
    }

    pub(crate) fn judged(&self, prefix: &str, version: u64, stats: &str) -> Option<Delivery> {
        judged(prefix, version, self.written().missed, stats)
    }
}
