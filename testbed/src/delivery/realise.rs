//! From istiod's words to what runs here: endpoints in the place of a stream of them, and mTLS.

use serde_json::{Value, json};

use crate::envoy::{self, Material, Trust, downstream_protocol, socket_address, upstream_tls};
use crate::istio::{Endpoint, ServiceEntry, Xds};
use crate::net::SERVICE_PORT;

/// A cluster of the mesh, seen from one of its proxies.
pub(crate) struct DestinationIn<'a> {
    pub(crate) cluster: &'a str,
    /// Who its servers prove to be.
    pub(crate) uri: String,
}

pub(crate) struct Realise<'a> {
    pub(crate) destinations: &'a [DestinationIn<'a>],
    pub(crate) material: &'a Material,
    pub(crate) trust: &'a Trust,
}

/// The label by which an endpoint's cluster is known.
pub(crate) const CLUSTER_LABEL: &str = "topology.istio.io/cluster";

impl Realise<'_> {
    /// The clusters of the services, and those that patches add.
    pub(crate) fn clusters(&self, xds: &Xds) -> Vec<Value> {
        let service = |cluster: &crate::istio::Cluster| {
            let mut json = cluster.json.clone();
            let name = json["name"].as_str().unwrap_or_default().to_owned();
            if let Some(map) = json.as_object_mut() {
                map.remove("eds_cluster_config");
            }
            json["type"] = json!("STATIC");
            json["load_assignment"] = json!({
                "cluster_name": name,
                "endpoints": localities(&cluster.endpoints),
            });
            json["typed_extension_protocol_options"] = downstream_protocol();
            let host = name.rsplit('|').next().unwrap_or_default();
            let sni = format!("outbound_.{SERVICE_PORT}_.{}_.{host}", cluster.subset);
            let uris = self.uris(cluster);
            json["transport_socket"] = upstream_tls(self.material, self.trust, &uris, &sni);
            json
        };
        let services = xds.services.iter().map(service);
        services.chain(xds.added.iter().cloned()).collect()
    }

    fn uris(&self, cluster: &crate::istio::Cluster) -> Vec<String> {
        let serves = |one: &&DestinationIn<'_>| {
            let mut endpoints = cluster.endpoints.iter();
            endpoints.any(|endpoint| {
                endpoint.labels.get(CLUSTER_LABEL).map(String::as_str) == Some(one.cluster)
            })
        };
        let found = self.destinations.iter().filter(serves);
        found.map(|one| one.uri.clone()).collect()
    }
}

/// Endpoints by place, with Istio's weight of a place.
fn localities(endpoints: &[Endpoint]) -> Vec<Value> {
    let mut places: Vec<(&str, &str, Vec<Value>)> = Vec::new();
    for endpoint in endpoints {
        let at = endpoint.address;
        let json = json!({
            "endpoint": {"address": socket_address(at.ip(), at.port())},
            "load_balancing_weight": 1,
            "metadata": {"filter_metadata": {"envoy.transport_socket_match": {"tlsMode": "istio"}}},
        });
        let (region, zone) = (endpoint.region.as_str(), endpoint.zone.as_str());
        match places
            .iter_mut()
            .find(|place| (place.0, place.1) == (region, zone))
        {
            Some(place) => place.2.push(json),
            None => places.push((region, zone, vec![json])),
        }
    }
    let place = |(region, zone, endpoints): (&str, &str, Vec<Value>)| {
        json!({
            "locality": {"region": region, "zone": zone},
            "load_balancing_weight": endpoints.len(),
            "lb_endpoints": endpoints,
        })
    };
    places.into_iter().map(place).collect()
}

/// The routes of a port: the services', and nowhere for the rest (`REGISTRY_ONLY`).
pub(crate) fn routes(xds: &Xds) -> Value {
    let nowhere = json!({
        "name": "block_all",
        "domains": ["*"],
        "routes": [{
            "match": {"prefix": "/"},
            "direct_response": {"status": 502},
            "name": "block_all",
        }],
        "include_request_attempt_count": true,
    });
    xds.route_configuration(SERVICE_PORT, nowhere)
}

/// Has every HTTP connection manager of a listener changed.
pub(crate) fn managers(listener: &mut Value, change: impl Fn(&mut Value)) {
    let chains = listener["filter_chains"].as_array_mut();
    for chain in chains.into_iter().flatten() {
        let filters = chain["filters"].as_array_mut();
        for filter in filters.into_iter().flatten() {
            if filter["name"] == envoy::MANAGER {
                change(&mut filter["typed_config"]);
            }
        }
    }
}

/// A service that runs in no cluster but those given, as istiod knows it.
pub(crate) fn service(endpoints: Vec<Endpoint>) -> ServiceEntry {
    ServiceEntry {
        host: "orders.shop.svc.cluster.local".to_owned(),
        namespace: "shop".to_owned(),
        port: SERVICE_PORT,
        addresses: Vec::new(),
        endpoints,
    }
}

/// A gateway's routes where no `VirtualService` is bound to it: to all endpoints.
pub(crate) fn straight(xds: &Xds) -> Vec<Value> {
    let name = xds.services.iter().find(|it| it.subset.is_empty());
    let name = name.map_or(&Value::Null, |it| &it.json["name"]);
    vec![json!({"match": {"prefix": "/"}, "route": {"cluster": name}})]
}
