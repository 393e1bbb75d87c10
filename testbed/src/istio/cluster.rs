//! `DestinationRule`: a service's clusters, one for all endpoints and one for each subset.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::field::Field;
use super::manifest::strings;
use super::service::{Endpoint, ServiceEntry, full_host};
use super::{Object, Problem};
use crate::envoy::TYPE;

/// What a `DestinationRule` says.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub(crate) host: String,
    path: String,
    policy: Policy,
    subsets: Vec<Subset>,
}

#[derive(Debug, Clone)]
struct Subset {
    name: String,
    labels: BTreeMap<String, String>,
    policy: Policy,
}

/// A traffic policy, as Envoy's fields.
#[derive(Debug, Clone, Default)]
struct Policy(Vec<(&'static str, Value)>);

/// A cluster as istiod makes it, and who is in it.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) json: Value,
    pub(crate) subset: String,
    pub(crate) endpoints: Vec<Endpoint>,
}

impl Destination {
    pub(crate) fn read(object: &Object) -> Result<Self, Problem> {
        let spec = Field::spec(object);
        spec.only(&["host", "subsets", "trafficPolicy", "exportTo"])?;
        let subset = |subset: Field<'_>| {
            subset.only(&["name", "labels", "trafficPolicy"])?;
            Ok(Subset {
                name: subset.require("name")?.text()?.to_owned(),
                labels: subset
                    .get("labels")
                    .map(|labels| strings(labels.value))
                    .unwrap_or_default(),
                policy: Policy::read(&subset)?,
            })
        };
        Ok(Self {
            host: full_host(spec.require("host")?.text()?, &object.namespace),
            path: object.path("destination-rule"),
            policy: Policy::read(&spec)?,
            subsets: spec
                .list("subsets")?
                .into_iter()
                .map(subset)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Policy {
    fn read(field: &Field<'_>) -> Result<Self, Problem> {
        let Some(policy) = field.get("trafficPolicy") else {
            return Ok(Self::default());
        };
        policy.only(&["tls", "outlierDetection", "loadBalancer", "connectionPool"])?;
        let mut found = Vec::new();
        if let Some(pool) = policy.get("connectionPool") {
            pool.only(&["tcp"])?;
            let tcp = pool.require("tcp")?;
            tcp.only(&["connectTimeout"])?;
            found.push((
                "connect_timeout",
                json!(tcp.require("connectTimeout")?.text()?),
            ));
        }
        if let Some(tls) = policy.get("tls") {
            tls.only(&["mode"])?;
            let mode = tls.require("mode")?;
            // What the testbed has between its sidecars anyway.
            if mode.text()? != "ISTIO_MUTUAL" {
                return Err(mode.problem("only ISTIO_MUTUAL is understood here"));
            }
        }
        if let Some(balancer) = policy.get("loadBalancer") {
            balancer.only(&["simple", "localityLbSetting"])?;
            if let Some(setting) = balancer.get("localityLbSetting") {
                setting.only(&["enabled"])?;
                if setting.require("enabled")?.value != &json!(false) {
                    return Err(setting.problem("only `enabled: false` is understood here"));
                }
            }
            if let Some(simple) = balancer.get("simple") {
                let policy = match simple.text()? {
                    "LEAST_REQUEST" | "LEAST_CONN" => "LEAST_REQUEST",
                    "ROUND_ROBIN" => "ROUND_ROBIN",
                    "RANDOM" => "RANDOM",
                    other => {
                        return Err(simple.problem(format!("`{other}` is not understood here")));
                    }
                };
                found.push(("lb_policy", json!(policy)));
            }
        }
        if let Some(outliers) = policy.get("outlierDetection") {
            found.push(("outlier_detection", outlier_detection(&outliers)?));
        }
        Ok(Self(found))
    }
}

/// Istio's words for outlier detection, as Envoy's.
fn outlier_detection(outliers: &Field<'_>) -> Result<Value, Problem> {
    let mut envoy = json!({"enforcing_success_rate": 0});
    for (key, value) in outliers.value.as_object().into_iter().flatten() {
        match key.as_str() {
            "consecutive5xxErrors" => {
                envoy["consecutive_5xx"] = value.clone();
                let enforced = if value == &json!(0) { 0 } else { 100 };
                envoy["enforcing_consecutive_5xx"] = json!(enforced);
            }
            "consecutiveGatewayErrors" => {
                envoy["consecutive_gateway_failure"] = value.clone();
                let enforced = if value == &json!(0) { 0 } else { 100 };
                envoy["enforcing_consecutive_gateway_failure"] = json!(enforced);
            }
            "interval" => envoy["interval"] = value.clone(),
            "baseEjectionTime" => envoy["base_ejection_time"] = value.clone(),
            "maxEjectionPercent" => envoy["max_ejection_percent"] = value.clone(),
            other => return Err(outliers.problem(format!("`{other}` is not understood here"))),
        }
    }
    Ok(envoy)
}

/// The clusters of a service, under the rule for its host if there is one.
pub(crate) fn clusters(service: &ServiceEntry, rule: Option<&Destination>) -> Vec<Cluster> {
    let default = Policy::default();
    let policy = rule.map_or(&default, |rule| &rule.policy);
    let path = rule.map(|rule| rule.path.as_str());
    let mut all = vec![cluster(service, path, None, &[policy])];
    for subset in rule.iter().flat_map(|rule| &rule.subsets) {
        all.push(cluster(
            service,
            path,
            Some(subset),
            &[policy, &subset.policy],
        ));
    }
    all
}

fn cluster(
    service: &ServiceEntry,
    rule: Option<&str>,
    subset: Option<&Subset>,
    policies: &[&Policy],
) -> Cluster {
    let ServiceEntry {
        host, namespace, ..
    } = service;
    let name = subset.map_or("", |subset| subset.name.as_str());
    let full = service.cluster(name);
    let mut istio = json!({"services": [{"namespace": namespace, "host": host, "name": host}]});
    if let Some(rule) = rule {
        istio["config"] = json!(rule);
    }
    if let Some(subset) = subset {
        istio["subset"] = json!(subset.name);
    }
    let most = u32::MAX;
    let mut json = json!({
        "@type": format!("{TYPE}envoy.config.cluster.v3.Cluster"),
        "name": full,
        "type": "EDS",
        "eds_cluster_config": {
            "eds_config": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
            "service_name": full,
        },
        "connect_timeout": "10s",
        "lb_policy": "LEAST_REQUEST",
        "circuit_breakers": {"thresholds": [{
            "max_connections": most, "max_pending_requests": most,
            "max_requests": most, "max_retries": most,
        }]},
        "metadata": {"filter_metadata": {"istio": istio}},
        "common_lb_config": {"healthy_panic_threshold": {}},
        "alt_stat_name": format!("{full};"),
    });
    for (field, value) in policies.iter().flat_map(|policy| &policy.0) {
        json[*field] = value.clone();
    }
    let chosen = |endpoint: &&Endpoint| {
        let labels = subset.into_iter().flat_map(|subset| &subset.labels);
        labels
            .into_iter()
            .all(|(key, value)| endpoint.labels.get(key) == Some(value))
    };
    Cluster {
        json,
        subset: name.to_owned(),
        endpoints: service.endpoints.iter().filter(chosen).cloned().collect(),
    }
}
