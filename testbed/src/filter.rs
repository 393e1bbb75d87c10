//! The HTTP filters of a sidecar, before its router.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::envoy::{TYPE, WASM};
use crate::jwt::KeySet;
use crate::{Error, tools};

/// One HTTP filter.
#[derive(Debug, Clone)]
pub enum Filter {
    /// A Wasm filter that arrives and changes by ECDS, as Istio delivers them.
    Ecds(Wasm),
    /// Any filter, as it stands in Envoy's `http_filters`.
    Static(Value),
}

/// A Wasm module and what Istio would say about it.
#[derive(Debug, Clone)]
pub struct Wasm {
    /// The ECDS resource.
    pub resource: String,
    /// `root_id` and the plugin's name.
    pub plugin: String,
    /// Where the module is.
    pub module: PathBuf,
    /// `pluginConfig`, as JSON; each cluster may have its own.
    pub config: String,
    /// What Envoy does when the filter breaks, e.g. `FAIL_CLOSED`.
    pub failure_policy: String,
}

impl Filter {
    /// The filter that `cargo xtask build` makes of `filters/NAME`, under the
    /// names that a `WasmPlugin` called `istio-system/landbridge-NAME` has.
    pub fn wasm(name: &str) -> Result<Self, Error> {
        Ok(Self::Ecds(Wasm::new(name, tools::filter(name)?)))
    }

    /// What Landbridge's `EnvoyFilter` puts before the Wasm filters: it keeps
    /// the issuer of the caller's certificate as `landbridge.peer_issuer`, and
    /// the address that the connection comes from as `landbridge.source_ip`,
    /// neither of which Envoy tells a Wasm filter.
    pub fn peer_issuer() -> Self {
        let kept = |key: &str, what: &str| {
            json!({
                "object_key": key,
                "factory_key": "envoy.string",
                "format_string": {"text_format_source": {"inline_string": what}},
            })
        };
        Self::Static(json!({
            "name": "landbridge.issuer",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
                "on_request_headers": [
                    kept("landbridge.peer_issuer", "%DOWNSTREAM_PEER_ISSUER%"),
                    kept(
                        "landbridge.source_ip",
                        "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
                    ),
                ],
            },
        }))
    }

    /// Envoy's JWT filter, which believes tokens that these keys signed; see [`jwt`](crate::jwt).
    pub fn jwt(keys: &KeySet) -> Self {
        Self::Static(keys.filter())
    }
}

impl Wasm {
    /// A module at any place, named like [`Filter::wasm`] names it.
    pub fn new(name: &str, module: impl Into<PathBuf>) -> Self {
        let plugin = format!("istio-system.landbridge-{name}");
        Self {
            resource: format!("extensions.istio.io/wasmplugin/{plugin}"),
            plugin,
            module: module.into(),
            config: String::new(),
            failure_policy: "FAIL_CLOSED".to_owned(),
        }
    }

    /// The filter under one `pluginConfig`, as Envoy's configuration says it.
    pub fn typed_config(&self, config: &str) -> Value {
        let Self {
            plugin,
            module,
            failure_policy,
            ..
        } = self;
        json!({
            "@type": format!("{TYPE}{WASM}"),
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
        })
    }
}
