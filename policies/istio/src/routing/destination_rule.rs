//! `DestinationRule`: a subset for each cluster and each backend of a host.

use super::hosts::{Host, both};
use crate::object::Object;
use crate::settings::{Part, Settings};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Envoy's ten seconds would go by before a request that may not be repeated learns that nobody is
/// there.
const CONNECT_TIMEOUT: &str = "1s";

pub(super) fn object(host: &Host, settings: &Settings) -> Option<Object> {
    let mut subsets: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (cluster, subset) in &host.clusters {
        subsets.insert(subset.clone(), Host::labels(Some(cluster), None));
    }
    let own = host.backends.iter().filter(|(_, b)| b.host.is_none());
    for (name, backend) in own {
        subsets.insert(name.clone(), Host::labels(None, Some(backend)));
        for (cluster, subset) in &host.clusters {
            let labels = Host::labels(Some(cluster), Some(backend));
            subsets.insert(both(subset, name), labels);
        }
    }
    if subsets.is_empty() {
        return None;
    }
    let one = |(name, labels)| json!({"name": name, "labels": labels});
    let subsets: Vec<Value> = subsets.into_iter().map(one).collect();
    let mut spec = Map::new();
    spec.insert("host".to_owned(), json!(host.name));
    spec.insert("subsets".to_owned(), json!(subsets));
    if !host.clusters.is_empty() {
        let timeout = settings.routing.connect_timeout.as_deref();
        let policy = json!({
            "connectionPool": {"tcp": {"connectTimeout": timeout.unwrap_or(CONNECT_TIMEOUT)}},
            // Never all endpoints of a cluster: its probes would find none, and it would be out for
            // as long as Envoy says.
            "outlierDetection": {
                "consecutive5xxErrors": 0,
                "consecutiveGatewayErrors": 5,
                "interval": "5s",
                "baseEjectionTime": "15s",
                "maxEjectionPercent": 50,
            },
        });
        spec.insert("trafficPolicy".to_owned(), policy);
    }
    Some(Object::new(
        Part::Routing,
        ("networking.istio.io/v1", "DestinationRule"),
        (&host.namespace, &super::name(host)),
        Value::Object(spec),
    ))
}
