//! The hosts that are routed, with the clusters and backends of each.

use crate::settings::{BackendPlace, Settings};
use landbridge_model::validate::Findings;
use landbridge_model::{
    AnyOf, Code, Content, Diagnostic, Document, Failover, Path, Pattern, Service, Shaping, Split,
};
use std::collections::{BTreeMap, BTreeSet};

/// The label by which workloads of a cluster are known.
const CLUSTER_LABEL: &str = "topology.istio.io/cluster";
/// The label whose value is a backend's name, where it is not said.
const BACKEND_LABEL: &str = "version";
/// The longest name of a subset.
const LONGEST: usize = 63;

/// One host, as Istio names its Envoy clusters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// Other hosts by which it is asked for.
    pub(crate) others: BTreeSet<String>,
    /// The name of the subset of each cluster.
    pub(crate) clusters: BTreeMap<String, String>,
    /// What each backend is.
    pub(crate) backends: BTreeMap<String, Backend>,
    /// Whether the locality filter tries failed requests again.
    pub(crate) retried: bool,
    /// Whether there are routes to it: not where it only stands in for a backend.
    pub(crate) routed: bool,
}

/// What a backend is.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    /// Another host.
    pub(crate) host: Option<String>,
    /// The labels of its workloads.
    pub(crate) labels: BTreeMap<String, String>,
}

impl Host {
    /// The labels of a subset.
    pub(crate) fn labels(
        cluster: Option<&str>,
        backend: Option<&Backend>,
    ) -> BTreeMap<String, String> {
        let mut labels = backend.map(|b| b.labels.clone()).unwrap_or_default();
        if let Some(cluster) = cluster {
            labels.insert(CLUSTER_LABEL.to_owned(), cluster.to_owned());
        }
        labels
    }
}

/// The name of the subset of a backend within a cluster's.
pub(crate) fn both(cluster_subset: &str, backend: &str) -> String {
    format!("{cluster_subset}-{backend}")
}

pub(crate) fn hosts(
    policies: &[&Document],
    settings: &Settings,
    found: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Host> {
    let mut hosts = BTreeMap::new();
    for document in policies {
        let mut findings = Findings::default();
        let root = Path::Origin;
        let spec = root.push_key("spec");
        let own = document.content.metadata().namespace();
        match &document.content {
            Content::Failover(policy) => {
                services(&policy.spec, own, spec, &mut hosts, &mut findings);
            }
            Content::Shaping(policy) => {
                splits(&policy.spec, own, settings, spec, &mut hosts, &mut findings);
            }
            _ => {}
        }
        found.extend(findings.of(document, root));
    }
    names(&hosts, found);
    stand_ins(&mut hosts);
    hosts
}

fn services(
    policy: &Failover,
    own: &str,
    at: Path<'_>,
    hosts: &mut BTreeMap<String, Host>,
    findings: &mut Findings,
) {
    let list = at.push_key("services");
    for (i, service) in policy.services.iter().enumerate() {
        let place = list.push_index(i);
        let Some((name, subset)) = upstream(service) else {
            findings.add_hinted(
                place.push_key("upstream"),
                Code::NoRoute,
                "no route is written for what Istio does not name",
                Some(
                    "Istio's names are `outbound|PORT|{cluster}|HOST`; write the routes".to_owned(),
                ),
            );
            continue;
        };
        let host = host(hosts, &name, own);
        host.routed = true;
        host.retried |= policy.retries.attempts != Some(0);
        let others = service
            .hosts
            .iter()
            .map(|h| h.as_str().trim_end_matches('.'));
        let others = others.filter(|other| !is_alias(other, &name));
        host.others.extend(others.map(str::to_owned));
        let clusters_at = place.push_key("clusters");
        for (j, cluster) in service.clusters.iter().enumerate() {
            let subset = subset.replace("{cluster}", cluster.as_str());
            if !is_subset(&subset) {
                no_subset(&subset, clusters_at.push_index(j), findings);
            }
            host.clusters.insert(cluster.as_str().to_owned(), subset);
        }
    }
}

/// The host and the subset, `{cluster}` in it, in the name of a service's Envoy clusters.
fn upstream(service: &Service) -> Option<(String, String)> {
    let Some(template) = &service.upstream else {
        let first = service.hosts.iter().next()?;
        return Some((first.as_str().to_owned(), "{cluster}".to_owned()));
    };
    let mut parts = template.split('|');
    let (outbound, port) = (parts.next()?, parts.next()?);
    let (subset, host) = (parts.next()?, parts.next()?);
    let fits = outbound == "outbound"
        && port.parse::<u16>().is_ok()
        && subset.contains("{cluster}")
        && !host.is_empty()
        && parts.next().is_none();
    fits.then(|| (host.to_owned(), subset.to_owned()))
}

fn splits(
    policy: &Shaping,
    own: &str,
    settings: &Settings,
    at: Path<'_>,
    hosts: &mut BTreeMap<String, Host>,
    findings: &mut Findings,
) {
    let list = at.push_key("splits");
    let splits = policy.splits.iter().flat_map(AnyOf::iter);
    for (i, split) in splits.enumerate() {
        let place = list.push_index(i);
        let names = split_hosts(split);
        if names.is_empty() {
            findings.add_hinted(
                place,
                Code::NoRoute,
                format!(
                    "no route is written for the backends of `{}`: it names no host",
                    split.name
                ),
                Some(
                    "name hosts in `requests[].to[].operation.hosts`, or write the routes"
                        .to_owned(),
                ),
            );
        }
        let backends_at = place.push_key("backends");
        for name in names {
            let host = host(hosts, &name, own);
            host.routed = true;
            for (j, backend) in split.backends.iter().enumerate() {
                let backend = backend.name.as_str();
                if !is_subset(backend) {
                    let at = backends_at.push_index(j);
                    no_subset(backend, at.push_key("name"), findings);
                }
                let what = what_is(&name, backend, settings);
                host.backends.insert(backend.to_owned(), what);
            }
        }
    }
}

/// The hosts that a split names one by one.
fn split_hosts(split: &Split) -> BTreeSet<String> {
    let rules = split.requests.iter().flat_map(AnyOf::iter);
    let to = rules.flat_map(|rule| rule.to.iter().flat_map(AnyOf::iter));
    let hosts = to.flat_map(|to| to.operation.hosts.iter().flat_map(AnyOf::iter));
    let exact = hosts.filter_map(|host| match host {
        Pattern::Exact(host) => Some(host.clone()),
        _ => None,
    });
    exact.collect()
}

fn what_is(host: &str, name: &str, settings: &Settings) -> Backend {
    let routing = &settings.routing;
    let said = routing
        .backends
        .iter()
        .find(|one: &&BackendPlace| one.host == host && one.name.as_str() == name);
    let label = routing.backend_label.as_deref().unwrap_or(BACKEND_LABEL);
    let by_label = || BTreeMap::from([(label.to_owned(), name.to_owned())]);
    let elsewhere = said.and_then(|one| one.destination.clone());
    let labels = said.and_then(|one| one.labels.clone());
    Backend {
        labels: labels.unwrap_or_else(|| match elsewhere {
            Some(_) => BTreeMap::new(),
            None => by_label(),
        }),
        host: elsewhere,
    }
}

/// The host, which may be there by another of its names.
fn host<'h>(hosts: &'h mut BTreeMap<String, Host>, name: &str, own: &str) -> &'h mut Host {
    let known = hosts
        .keys()
        .find(|known| known.as_str() == name || is_alias(name, known));
    let name = known.cloned().unwrap_or_else(|| name.to_owned());
    hosts.entry(name.clone()).or_insert_with(|| Host {
        namespace: namespace(&name).unwrap_or(own).to_owned(),
        name,
        ..Host::default()
    })
}

/// The namespace of a Kubernetes service, in its host: `NAME.NAMESPACE.svc…`.
fn namespace(host: &str) -> Option<&str> {
    let mut parts = host.split('.');
    let (_, namespace) = (parts.next()?, parts.next()?);
    (parts.next() == Some("svc")).then_some(namespace)
}

/// Whether Istio takes this for the same host by itself: `NAME.NAMESPACE` and the like.
fn is_alias(alias: &str, host: &str) -> bool {
    alias == host
        || namespace(host).is_some() && {
            let rest = host.strip_prefix(alias);
            rest.is_some_and(|rest| rest.starts_with('.'))
        }
}

/// Backends that are other hosts: where these run in clusters, too, they have subsets of them.
fn stand_ins(hosts: &mut BTreeMap<String, Host>) {
    let mut more: Vec<Host> = Vec::new();
    for host in hosts.values() {
        for backend in host.backends.values() {
            let Some(name) = &backend.host else { continue };
            let own = backend.labels.is_empty() && host.clusters.is_empty();
            if own || hosts.contains_key(name) {
                continue;
            }
            more.push(Host {
                name: name.clone(),
                namespace: namespace(name).unwrap_or(&host.namespace).to_owned(),
                clusters: host.clusters.clone(),
                ..Host::default()
            });
        }
    }
    for host in more {
        hosts.entry(host.name.clone()).or_insert(host);
    }
}

fn is_subset(name: &str) -> bool {
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    !name.is_empty()
        && name.len() <= LONGEST
        && bytes.iter().all(|b| plain(b) || *b == b'-')
        && bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain)
}

fn no_subset(name: &str, at: Path<'_>, findings: &mut Findings) {
    findings.add_hinted(
        at,
        Code::NoSubsetName,
        format!("`{name}` cannot be the name of one of Istio's subsets"),
        Some(format!(
            "lower-case letters, digits and `-`, {LONGEST} at the most"
        )),
    );
}

/// The names that clusters and backends make together.
fn names(hosts: &BTreeMap<String, Host>, found: &mut Vec<Diagnostic>) {
    for host in hosts.values() {
        for subset in host.clusters.values() {
            for backend in host.backends.keys() {
                let name = both(subset, backend);
                if is_subset(subset) && is_subset(backend) && !is_subset(&name) {
                    let mut findings = Findings::default();
                    no_subset(&name, Path::Origin, &mut findings);
                    found.extend(findings.bare());
                }
            }
        }
    }
}
