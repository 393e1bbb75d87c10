//! `VirtualService`: a route to each subset, by the headers that filters write.
//!
//! The last route is for requests of which no filter has chosen anything. It must not take those
//! that have a choice for which there is no route: they would go anywhere, against residency too.

use super::hosts::{Backend, Host, both};
use crate::object::Object;
use crate::settings::{Part, Settings};
use serde_json::{Map, Value, json};

const CLUSTER: &str = "x-landbridge-cluster";
const BACKEND: &str = "x-landbridge-backend";

pub(super) fn object(host: &Host, settings: &Settings) -> Option<Object> {
    if !host.routed {
        return None;
    }
    let clusters: Vec<_> = host.clusters.iter().map(Some).collect();
    let backends: Vec<_> = host.backends.iter().map(Some).collect();
    let mut routes = Vec::new();
    // Those with both choices first, and last the one with none.
    for cluster in clusters.iter().copied().chain([None]) {
        for backend in backends.iter().copied().chain([None]) {
            routes.push(route(host, cluster, backend));
        }
    }
    let mut names = vec![host.name.clone()];
    names.extend(host.others.iter().cloned());
    let mut spec = Map::new();
    spec.insert("hosts".to_owned(), json!(names));
    if !settings.routing.gateways.is_empty() {
        spec.insert("gateways".to_owned(), json!(settings.routing.gateways));
    }
    spec.insert("http".to_owned(), Value::Array(routes));
    Some(Object::new(
        Part::Routing,
        ("networking.istio.io/v1", "VirtualService"),
        (&host.namespace, &super::name(host)),
        Value::Object(spec),
    ))
}

fn route(
    host: &Host,
    cluster: Option<(&String, &String)>,
    backend: Option<(&String, &Backend)>,
) -> Value {
    let mut with = Map::new();
    let mut without = Map::new();
    let chosen = [
        (
            CLUSTER,
            cluster.map(|(name, _)| name),
            host.clusters.is_empty(),
        ),
        (
            BACKEND,
            backend.map(|(name, _)| name),
            host.backends.is_empty(),
        ),
    ];
    for (header, name, is_never_chosen) in chosen {
        match name {
            Some(name) => {
                with.insert(header.to_owned(), json!({"exact": name}));
            }
            None if is_never_chosen => {}
            None => {
                without.insert(header.to_owned(), json!({}));
            }
        }
    }
    let mut matches = Map::new();
    for (key, headers) in [("headers", with), ("withoutHeaders", without)] {
        if !headers.is_empty() {
            matches.insert(key.to_owned(), Value::Object(headers));
        }
    }
    let elsewhere = backend.and_then(|(_, backend)| backend.host.as_ref());
    let subset = match (cluster, backend) {
        (Some((_, subset)), Some((name, backend))) if backend.host.is_none() => {
            Some(both(subset, name))
        }
        (Some((_, subset)), _) => Some(subset.clone()),
        (None, Some((name, backend))) if backend.host.is_none() => Some(name.clone()),
        (None, _) => None,
    };
    let mut destination = Map::new();
    destination.insert("host".to_owned(), json!(elsewhere.unwrap_or(&host.name)));
    if let Some(subset) = &subset {
        destination.insert("subset".to_owned(), json!(subset));
    }
    let name = match (cluster, backend) {
        (None, None) => "landbridge-unchosen".to_owned(),
        (cluster, backend) => {
            let parts = [cluster.map(|(name, _)| name), backend.map(|(name, _)| name)];
            let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
            format!("landbridge-{}", parts.join("-"))
        }
    };
    let mut route = Map::new();
    route.insert("name".to_owned(), json!(name));
    if !matches.is_empty() {
        route.insert("match".to_owned(), json!([matches]));
    }
    route.insert("route".to_owned(), json!([{"destination": destination}]));
    if cluster.is_some() && host.retried {
        // The filter tries what fails on another cluster. Istio's retries would stay within this
        // one, each as long as the first, before the filter learnt that it failed.
        route.insert("retries".to_owned(), json!({"attempts": 0}));
    }
    Value::Object(route)
}
