//! Wasm filters that arrive by ECDS, as Istio delivers them.

use std::path::Path;

use serde_json::Value;

use super::resource::Resource;
use super::{RBAC, WASM};
use crate::filter::{Filter, Wasm};
use crate::{Delivery, Error};

/// One filter and the file it arrives in.
#[derive(Debug)]
pub(crate) struct Ecds {
    pub(crate) wasm: Wasm,
    resource: Resource,
}

impl Ecds {
    fn new(wasm: Wasm, folder: &Path) -> Result<Self, Error> {
        let resource = Resource::new(&wasm.resource, folder, wasm.typed_config(&wasm.config))?;
        Ok(Self { wasm, resource })
    }

    /// Replaces its `pluginConfig`; returns the version it has.
    pub(crate) fn deliver(&self, config: &str) -> Result<u64, Error> {
        self.resource.deliver(self.wasm.typed_config(config))
    }

    /// Replaces the module as well.
    pub(crate) fn deliver_module(&self, module: &Path, config: &str) -> Result<u64, Error> {
        let wasm = Wasm {
            module: module.to_owned(),
            ..self.wasm.clone()
        };
        self.resource.deliver(wasm.typed_config(config))
    }

    /// A new Envoy will read the newest version only.
    pub(crate) fn restarted(&self) {
        self.resource.restarted();
    }

    /// What Envoy made of a version, if its metrics (`/stats`) tell yet.
    pub(crate) fn judged(&self, version: u64, stats: &str) -> Option<Delivery> {
        self.resource.judged(version, stats)
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
                // Istio's agent puts RBAC in the place of a module that it cannot fetch.
                inline.push(ecds.resource.filter(&[WASM, RBAC]));
                discovered.push(ecds);
            }
        }
    }
    Ok((inline, discovered))
}
