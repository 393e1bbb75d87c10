//! `VirtualService`: a service's routes, in the order they are written in.

use serde_json::{Value, json};

use super::field::Field;
use super::matching;
use super::service::{ServiceEntry, cluster_name, full_host};
use super::{Object, Problem};
use crate::envoy::TYPE;

/// What a `VirtualService` says.
#[derive(Debug, Clone)]
pub(crate) struct Virtual {
    pub(crate) hosts: Vec<String>,
    /// `mesh`, or gateways by namespace and name.
    pub(crate) gateways: Vec<String>,
    path: String,
    rules: Vec<Rule>,
    pub(crate) what: String,
}

#[derive(Debug, Clone)]
struct Rule {
    name: Option<String>,
    matches: Vec<Value>,
    action: Value,
    destinations: Vec<Way>,
    changes: Vec<(&'static str, Value)>,
}

#[derive(Debug, Clone)]
struct Way {
    host: String,
    subset: String,
    port: Option<u16>,
    weight: Option<i64>,
}

impl Virtual {
    pub(crate) fn read(object: &Object) -> Result<Self, Problem> {
        let spec = Field::spec(object);
        spec.only(&["hosts", "gateways", "http", "exportTo"])?;
        let host = |host: Field<'_>| Ok(full_host(host.text()?, &object.namespace));
        let hosts = spec.list("hosts")?.into_iter().map(host);
        let gateway = |gateway: Field<'_>| {
            Ok(match gateway.text()? {
                name if name == "mesh" || name.contains('/') => name.to_owned(),
                name => format!("{}/{name}", object.namespace),
            })
        };
        let mut gateways = spec
            .list("gateways")?
            .into_iter()
            .map(gateway)
            .collect::<Result<Vec<_>, Problem>>()?;
        if gateways.is_empty() {
            gateways.push("mesh".to_owned());
        }
        let rules = spec.list("http")?.into_iter();
        Ok(Self {
            hosts: hosts.collect::<Result<_, Problem>>()?,
            gateways,
            path: object.path("virtual-service"),
            rules: rules
                .map(|rule| Rule::read(object, &rule))
                .collect::<Result<_, _>>()?,
            what: object.to_string(),
        })
    }
}

impl Rule {
    fn read(object: &Object, rule: &Field<'_>) -> Result<Self, Problem> {
        rule.only(&[
            "name", "match", "route", "timeout", "retries", "headers", "rewrite",
        ])?;
        let mut action =
            json!({"timeout": "0s", "retry_policy": default_retries(), "max_grpc_timeout": "0s"});
        if let Some(timeout) = rule.maybe("timeout")? {
            action["timeout"] = json!(timeout);
            action["max_grpc_timeout"] = json!(timeout);
        }
        if let Some(retries) = rule.get("retries") {
            match read_retries(&retries)? {
                Some(policy) => action["retry_policy"] = policy,
                None => drop(
                    action
                        .as_object_mut()
                        .map(|action| action.remove("retry_policy")),
                ),
            }
        }
        if let Some(rewrite) = rule.get("rewrite") {
            rewrite.only(&["authority"])?;
            action["host_rewrite_literal"] = json!(rewrite.require("authority")?.text()?);
        }
        let destinations = rule.list("route")?.into_iter();
        let destinations: Vec<_> = destinations
            .map(|route| Way::read(object, &route))
            .collect::<Result<_, _>>()?;
        if destinations.is_empty() {
            return Err(rule.problem("it leads nowhere"));
        }
        let matches = rule.list("match")?.into_iter();
        Ok(Self {
            name: rule.maybe("name")?.map(str::to_owned),
            matches: matches
                .map(|one| matching::of_request(&one))
                .collect::<Result<_, _>>()?,
            action,
            destinations,
            changes: header_changes(rule)?,
        })
    }

    /// Envoy's routes, one for each match; whether any request gets past them.
    fn routes(&self, service: &ServiceEntry, path: &str) -> (Vec<Value>, bool) {
        let mut action = self.action.clone();
        match &self.destinations[..] {
            [only] => action["cluster"] = json!(only.cluster(service)),
            many => {
                let clusters = many.iter().map(
                    |way| json!({"name": way.cluster(service), "weight": way.weight.unwrap_or(0)}),
                );
                action["weighted_clusters"] = json!({"clusters": clusters.collect::<Vec<_>>()});
            }
        }
        let open = json!({"prefix": "/"});
        let matches = if self.matches.is_empty() {
            std::slice::from_ref(&open)
        } else {
            &self.matches[..]
        };
        let route = |matched: &Value| {
            let mut route = json!({
                "match": matched,
                "route": action,
                "metadata": {"filter_metadata": {"istio": {"config": path}}},
                "decorator": {"operation": format!("{}:{}/*", service.host, service.port)},
            });
            if let Some(name) = &self.name {
                route["name"] = json!(name);
            }
            for (field, value) in &self.changes {
                route[*field] = value.clone();
            }
            route
        };
        (matches.iter().map(route).collect(), self.matches.is_empty())
    }
}

impl Way {
    fn read(object: &Object, route: &Field<'_>) -> Result<Self, Problem> {
        route.only(&["destination", "weight"])?;
        let to = route.require("destination")?;
        to.only(&["host", "subset", "port"])?;
        let port = to.get("port").map(|port| {
            port.only(&["number"])?;
            let number = port.require("number")?;
            u16::try_from(number.number()?).map_err(|_| number.problem("it is no port"))
        });
        Ok(Self {
            host: full_host(to.require("host")?.text()?, &object.namespace),
            subset: to.maybe("subset")?.unwrap_or_default().to_owned(),
            port: port.transpose()?,
            weight: route
                .get("weight")
                .map(|weight| weight.number())
                .transpose()?,
        })
    }

    fn cluster(&self, service: &ServiceEntry) -> String {
        cluster_name(self.port.unwrap_or(service.port), &self.subset, &self.host)
    }
}

/// What Istio retries where nothing is said.
fn default_retries() -> Value {
    retry_policy(
        "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
        2,
    )
}

fn retry_policy(on: &str, attempts: i64) -> Value {
    json!({
        "retry_on": on,
        "num_retries": attempts,
        "retry_host_predicate": [{
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {"@type": format!("{TYPE}envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate")},
        }],
        "host_selection_retry_max_attempts": "5",
    })
}

/// No policy at all for `attempts: 0`.
fn read_retries(retries: &Field<'_>) -> Result<Option<Value>, Problem> {
    retries.only(&["attempts", "perTryTimeout", "retryOn"])?;
    let attempts = match retries.get("attempts") {
        Some(attempts) => attempts.number()?,
        None => 2,
    };
    if attempts == 0 {
        return Ok(None);
    }
    let mut policy = default_retries();
    policy["num_retries"] = json!(attempts);
    if let Some(on) = retries.maybe("retryOn")? {
        policy["retry_on"] = json!(on);
    }
    if let Some(timeout) = retries.maybe("perTryTimeout")? {
        policy["per_try_timeout"] = json!(timeout);
    }
    Ok(Some(policy))
}

fn header_changes(rule: &Field<'_>) -> Result<Vec<(&'static str, Value)>, Problem> {
    let mut changes = Vec::new();
    let Some(headers) = rule.get("headers") else {
        return Ok(changes);
    };
    headers.only(&["request", "response"])?;
    let fields = [
        (
            "request",
            "request_headers_to_add",
            "request_headers_to_remove",
        ),
        (
            "response",
            "response_headers_to_add",
            "response_headers_to_remove",
        ),
    ];
    for (which, add_field, remove_field) in fields {
        let Some(headers) = headers.get(which) else {
            continue;
        };
        headers.only(&["set", "add", "remove"])?;
        let mut add = Vec::new();
        for (how, action) in [
            ("set", "OVERWRITE_IF_EXISTS_OR_ADD"),
            ("add", "APPEND_IF_EXISTS_OR_ADD"),
        ] {
            for (key, value) in headers.entries(how)? {
                add.push(json!({"header": {"key": key, "value": value.text()?}, "append_action": action}));
            }
        }
        if !add.is_empty() {
            changes.push((add_field, json!(add)));
        }
        if let Some(remove) = headers.get("remove") {
            changes.push((remove_field, remove.value.clone()));
        }
    }
    Ok(changes)
}

/// The virtual host of a service, for clients in a namespace: by its `VirtualService`, or else
/// straight to all of its endpoints.
pub(crate) fn virtual_host(service: &ServiceEntry, by: Option<&Virtual>, namespace: &str) -> Value {
    let routes = match by {
        None => vec![json!({
            "match": {"prefix": "/"},
            "route": {
                "cluster": service.cluster(""),
                "timeout": "0s",
                "retry_policy": default_retries(),
                "max_grpc_timeout": "0s",
            },
            "decorator": {"operation": format!("{}:{}/*", service.host, service.port)},
            "name": "default",
        })],
        Some(by) => by.routes(service),
    };
    json!({
        "name": format!("{}:{}", service.host, service.port),
        "domains": service.domains(namespace),
        "routes": routes,
        "include_request_attempt_count": true,
    })
}

impl Virtual {
    /// Its routes to a service. What comes after a rule for every request is never reached, and
    /// Istio leaves it out.
    pub(crate) fn routes(&self, service: &ServiceEntry) -> Vec<Value> {
        let mut all = Vec::new();
        for rule in &self.rules {
            let (routes, last) = rule.routes(service, &self.path);
            all.extend(routes);
            if last {
                break;
            }
        }
        all
    }
}
