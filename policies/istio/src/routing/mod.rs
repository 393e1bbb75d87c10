//! How requests find the clusters and backends that the filters choose: a subset for each in a
//! `DestinationRule`, and a route to each in a `VirtualService`.
//!
//! Both are in the namespace of the service, where every client finds them. The names of subsets
//! are what the locality filter expects: Istio calls the Envoy cluster of one
//! `outbound|PORT|SUBSET|HOST`, and a service's `upstream` is such a name with the cluster's in it.

mod destination_rule;
mod hosts;
mod virtual_service;

use crate::object::Object;
use crate::reach::{Place, Proxies};
use crate::settings::{Scope, Settings};
use landbridge_model::{Content, Diagnostic, Document, Documents};

/// The routes of one cluster; what is wrong with them is added to `found`.
pub(crate) fn objects(
    documents: &Documents,
    settings: &Settings,
    root: &str,
    cluster: &str,
    found: &mut Vec<Diagnostic>,
) -> Vec<Object> {
    let namespaces: Vec<Option<String>> = match (&settings.namespaces, settings.scope) {
        (Some(given), Scope::Namespace) => given.iter().cloned().map(Some).collect(),
        _ => vec![None],
    };
    let places: Vec<Place<'_>> = namespaces
        .into_iter()
        .map(|namespace| Place {
            cluster,
            namespace,
            proxies: Proxies::Clients,
            root,
        })
        .collect();
    let here = |d: &&Document| {
        let routes = matches!(d.content, Content::Failover(_) | Content::Shaping(_));
        routes && places.iter().any(|place| place.reaches(&d.content))
    };
    let policies: Vec<&Document> = documents.0.iter().filter(here).collect();
    let hosts = hosts::hosts(&policies, settings, found);
    let mut objects = Vec::new();
    for host in hosts.values() {
        objects.extend(destination_rule::object(host, settings));
        objects.extend(virtual_service::object(host, settings));
    }
    objects
}

/// What the objects of a host are called: by the service's name, where the host has the form of
/// Kubernetes' own.
fn name(host: &hosts::Host) -> String {
    let service = host.name.strip_suffix(".svc.cluster.local");
    let service = service
        .and_then(|rest| rest.split_once('.'))
        .map(|(name, _)| name);
    let name = service.unwrap_or(&host.name);
    format!("landbridge-{}", name.replace('.', "-").to_ascii_lowercase())
}
