//! The access log: `Telemetry`, and what it needs in Istio's `MeshConfig`.
//!
//! Two things that are seen of the filters cannot be had by any object of Istio's: the labels of
//! metrics, which Envoy takes out of their names by its bootstrap, and the format of a log. Both are
//! in `MeshConfig`. (An `EnvoyFilter` once could change the bootstrap; Istio has removed that.) So
//! they are given as values for Istio's own installation.

use crate::object::Object;
use crate::settings::{AccessLog, Part};
use serde_json::{Value, json};

/// The provider's name, where none is given.
const PROVIDER: &str = "landbridge";
/// Requests that are logged, where it is not said: those that were refused or failed.
const FILTER: &str = "response.code >= 400";
/// The labels that filters put into the names of metrics. Istio looks for one anywhere in a name, so none is the
/// end of another.
pub const STAT_TAGS: [&str; 17] = [
    "backend",
    "policy",
    "rule",
    "decision",
    "reason",
    "source_cluster",
    "filter",
    "code",
    "digest",
    "version",
    "outcome",
    "service",
    "serving_cluster",
    "upstream_cluster",
    "link",
    "direction",
    "to",
];

/// The `Telemetry` of a namespace.
pub(crate) fn telemetry(namespace: &str, log: &AccessLog) -> Object {
    let provider = log.provider.as_deref().unwrap_or(PROVIDER);
    let filter = log.filter.as_deref().unwrap_or(FILTER);
    let spec = json!({
        "accessLogging": [{
            "providers": [{"name": provider}],
            "filter": {"expression": filter},
        }],
    });
    let api = ("telemetry.istio.io/v1", "Telemetry");
    Object::new(Part::Telemetry, api, (namespace, "landbridge"), spec)
}

/// Values for Istio's installation: `meshConfig`, as its charts and `istioctl install` take it.
pub fn mesh_config(log: &AccessLog) -> Value {
    let state = |name: &str| format!("%FILTER_STATE(wasm.landbridge_{name}:PLAIN)%");
    json!({
        "meshConfig": {
            "defaultConfig": {"extraStatTags": STAT_TAGS},
            "extensionProviders": [{
                "name": log.provider.as_deref().unwrap_or(PROVIDER),
                "envoyFileAccessLog": {
                    "path": "/dev/stdout",
                    "logFormat": {"labels": {
                        "time": "%START_TIME%",
                        "request_id": "%REQ(X-REQUEST-ID)%",
                        "method": "%REQ(:METHOD)%",
                        "authority": "%REQ(:AUTHORITY)%",
                        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
                        "status": "%RESPONSE_CODE%",
                        "details": "%RESPONSE_CODE_DETAILS%",
                        "flags": "%RESPONSE_FLAGS%",
                        "duration": "%DURATION%",
                        "peer": "%DOWNSTREAM_PEER_URI_SAN%",
                        "issuer": "%DOWNSTREAM_PEER_ISSUER%",
                        "upstream_cluster": "%UPSTREAM_CLUSTER%",
                        "upstream_host": "%UPSTREAM_HOST%",
                        "authz": state("decision"),
                        "locality": state("locality"),
                        "shaping": state("shaping"),
                    }},
                },
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_is_found_in_another() {
        for tag in STAT_TAGS {
            let mut others = STAT_TAGS.iter().filter(|other| **other != tag);
            assert!(!others.any(|other| other.ends_with(tag)), "{tag}");
        }
    }
}
