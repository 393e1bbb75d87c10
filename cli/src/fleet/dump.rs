//! What an Envoy was given, by its `/config_dump`: the module, which no metric can tell, and the
//! configuration.
//!
//! A Wasm filter is looked for anywhere in it, since it stands in a listener or among what came by
//! extension discovery.

use super::Given;
use crate::plugin_config;
use landbridge_engine::Digest;
use landbridge_model::{FilterKind, Limits, RawConfig, packed};
use serde_json::Value;

const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// The Landbridge filters in a dump.
pub(crate) fn read(text: &str) -> Result<Vec<Given>, String> {
    let dump: Value = serde_json::from_str(text).map_err(|e| format!("no dump: {e}"))?;
    let mut found = Vec::new();
    look(&dump, &mut found);
    Ok(found)
}

fn look(value: &Value, found: &mut Vec<Given>) {
    match value {
        Value::Array(values) => values.iter().for_each(|v| look(v, found)),
        Value::Object(fields) => {
            let kind = fields.get("@type").and_then(Value::as_str);
            if kind.is_some_and(|kind| kind.ends_with(WASM)) {
                found.extend(fields.get("config").and_then(given));
            } else {
                fields.values().for_each(|v| look(v, found));
            }
        }
        _ => {}
    }
}

fn given(config: &Value) -> Option<Given> {
    let name = config.get("name")?.as_str()?;
    // `istio-system.landbridge-authz`.
    let plugin = name.get(name.find("landbridge-")?..)?;
    let filter = name_of(plugin_config::filter(plugin)?);
    let code = config.pointer("/vm_config/code")?;
    let module = match code.pointer("/remote/sha256").and_then(Value::as_str) {
        Some(sha256) => format!("sha256:{sha256}"),
        None => file(code.pointer("/local/filename").and_then(Value::as_str)),
    };
    let json = config
        .pointer("/configuration/value")
        .and_then(Value::as_str);
    let json = json.unwrap_or_default().as_bytes();
    let limits = Limits::default();
    let policies = || {
        let json = packed::unpack(json, &limits).ok()?;
        Some(RawConfig::read(&json, &limits).ok()?.policies())
    };
    Some(Given {
        filter: filter.to_owned(),
        module,
        digest: Digest::of(json, &limits).ok().map(|d| d.to_string()),
        policies: policies(),
    })
}

/// Istio's agent keeps a module in a file that is called by its digest.
fn file(name: Option<&str>) -> String {
    let name = name.unwrap_or("?");
    let stem = name.rsplit('/').next().unwrap_or(name);
    let stem = stem.strip_suffix(".wasm").unwrap_or(stem);
    if stem.len() == 64 && stem.bytes().all(|b| b.is_ascii_hexdigit()) {
        return format!("sha256:{stem}");
    }
    name.to_owned()
}

/// As metrics call a filter.
pub(crate) fn name_of(filter: FilterKind) -> &'static str {
    match filter {
        FilterKind::Authz => "authz",
        FilterKind::Locality => "locality",
        FilterKind::Shaping => "shaping",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::{file, read};
    use serde_json::json;

    #[test]
    fn a_filter_is_found_wherever_it_stands() {
        let wasm = |name: &str| {
            json!({"typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {
                    "name": name,
                    "vm_config": {"code": {"remote": {"sha256": "ab"}}},
                    "configuration": {"value": "{}"},
                },
            }})
        };
        let dump = json!({"configs": [
            {"ecds_filters": [{"ecds_filter": wasm("istio-system.landbridge-shaping-outbound")}]},
            {"listeners": [[wasm("a.landbridge-authz"), wasm("someone-elses")]]},
        ]});
        let found = read(&dump.to_string()).unwrap();
        let filters: Vec<&str> = found.iter().map(|given| given.filter.as_str()).collect();
        assert_eq!(filters, ["shaping", "authz"]);
        assert!(found.iter().all(|given| given.module == "sha256:ab"));
        assert!(read("<html>").is_err());
    }

    #[test]
    fn the_agents_files_are_called_by_their_digest() {
        let hex = "ab".repeat(32);
        let path = format!("/var/lib/istio/data/x/{hex}.wasm");
        assert_eq!(file(Some(&path)), format!("sha256:{hex}"));
        assert_eq!(file(Some("/a/authz.wasm")), "/a/authz.wasm");
    }
}
