//! Istio's agent, as far as modules go: it reads the ECDS resources on their way to Envoy, fetches
//! the modules that they name, and has Envoy read them from a file.
//!
//! It knows nothing of `landbridge-oci`, which pushes modules, so that it is a second opinion on what
//! was pushed: what it refuses, Istio refuses.

mod cache;
mod image;
mod reference;
mod registry;

use std::fmt;
use std::path::Path;

use serde_json::{Value, json};

use super::extension::{PULL_POLICY, PULL_SECRET};
use crate::envoy::{RBAC, TYPE, WASM};
use cache::Cache;
pub use cache::{Fetched, Source};

/// The agent beside one proxy.
#[derive(Debug)]
pub struct Agent {
    cache: Cache,
}

/// Why a module was not to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot fetch `{url}`: {why}")]
pub struct WasmFailure {
    /// What was asked for.
    pub url: String,
    /// What went wrong.
    pub why: String,
}

/// A resource as Envoy is given it.
#[derive(Debug, Clone)]
pub(crate) struct Conversion {
    pub(crate) resource: Value,
    pub(crate) outcome: Result<Option<Fetched>, WasmFailure>,
}

impl Agent {
    /// An agent that keeps modules in this folder.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self {
            cache: Cache::new(folder.as_ref()),
        }
    }

    /// Fetches the module of a URL, whose manifest must have this digest (64 hexadecimal digits).
    /// A kept one is taken where the policy lets it: with a digest always, without one where it
    /// is `IfNotPresent`, or where nothing is said and the tag is not `latest`.
    pub async fn fetch(
        &self,
        url: &str,
        sha256: Option<&str>,
        policy: Option<&str>,
        secret: Option<&str>,
    ) -> Result<Fetched, WasmFailure> {
        let fetched = self.cache.get(url, sha256, policy, secret).await;
        fetched.map_err(|why| WasmFailure {
            url: url.to_owned(),
            why,
        })
    }

    /// A `TypedExtensionConfig` with its module in a file; or, if there is none to be had, with RBAC
    /// in its place, which lets through what `FAIL_OPEN` says is to be let through, and else nothing.
    pub(crate) async fn convert(&self, resource: &Value) -> Conversion {
        let mut resource = resource.clone();
        let wasm = format!("{TYPE}{WASM}");
        let plugin = &mut resource["typed_config"]["config"];
        let Some(remote) = plugin["vm_config"]["code"].get("remote").cloned() else {
            let outcome = Ok(None);
            return Conversion { resource, outcome };
        };
        let told = take_told(&mut plugin["vm_config"]);
        let url = remote["http_uri"]["uri"].as_str().unwrap_or_default();
        let outcome = match &told.secret {
            // istiod found no such secret.
            Some(secret) if secret.is_empty() => Err(WasmFailure {
                url: url.to_owned(),
                why: "missing image pulling secret".to_owned(),
            }),
            secret => {
                let sha256 = remote["sha256"].as_str();
                self.fetch(url, sha256, told.policy.as_deref(), secret.as_deref())
                    .await
            }
        };
        match &outcome {
            Ok(fetched) => {
                plugin["vm_config"]["code"] = json!({"local": {"filename": fetched.file}});
                resource["typed_config"]["@type"] = json!(wasm);
            }
            Err(_) => {
                let open = plugin["failure_policy"] == "FAIL_OPEN";
                resource["typed_config"] = replacement(open);
            }
        }
        let outcome = outcome.map(Some);
        Conversion { resource, outcome }
    }
}

/// What istiod tells the agent by the module's environment.
#[derive(Default)]
struct Told {
    secret: Option<String>,
    policy: Option<String>,
}

/// Takes it out: the module is not to see it.
fn take_told(vm: &mut Value) -> Told {
    let variables = &mut vm["environment_variables"]["key_values"];
    let mut told = Told::default();
    if let Some(map) = variables.as_object_mut() {
        let mut take = |key: &str| Some(map.remove(key)?.as_str()?.to_owned());
        told.secret = take(PULL_SECRET);
        told.policy = take(PULL_POLICY);
        map.retain(|key, _| !key.starts_with("ISTIO_META_"));
    }
    if variables.as_object().is_none_or(serde_json::Map::is_empty)
        && let Some(vm) = vm.as_object_mut()
    {
        vm.remove("environment_variables");
    }
    told
}

/// RBAC without rules lets everything through, with rules but none that allows, nothing.
fn replacement(open: bool) -> Value {
    let name = if open { "allow" } else { "deny" };
    let mut rbac = json!({
        "@type": format!("{TYPE}{RBAC}"),
        "rules_stat_prefix": format!("wasm-default-{name}"),
    });
    if !open {
        rbac["rules"] = json!({});
    }
    rbac
}

impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = match self.source {
            Source::Registry => "the registry",
            Source::Cache => "the cache",
        };
        write!(f, "{} from {from}", self.digest)
    }
}
