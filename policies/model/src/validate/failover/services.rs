//! Services: what they are called, where they run.

use super::super::{Findings, Names};
use crate::Code;
use crate::document::Named;
use crate::failover::{Failover, Service};
use crate::pattern::AnyOf;
use crate::target::Target;
use deserr::ValuePointerRef;
use std::collections::BTreeSet;

/// The most services of one policy.
const MOST_SERVICES: usize = 1_000;
/// The most clusters that a service runs in.
const MOST_CLUSTERS: usize = 64;

pub(super) fn services(
    policy: &Failover,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if policy.services.iter().count() > MOST_SERVICES {
        findings.add(
            at,
            Code::TooMany,
            format!("more services than {MOST_SERVICES}"),
        );
        return;
    }
    let (mut called, mut hosts) = (BTreeSet::new(), BTreeSet::new());
    for (i, service) in policy.services.iter().enumerate() {
        let place = at.push_index(i);
        if !called.insert(service.name.as_str()) {
            let message = format!("there is another service `{}`", service.name);
            findings.add(place.push_key("name"), Code::DuplicateName, message);
        }
        let hosts_at = place.push_key("hosts");
        for (j, host) in service.hosts.iter().enumerate() {
            if !hosts.insert(host.as_str()) {
                let message = format!("the host `{host}` is there already");
                findings.add(hosts_at.push_index(j), Code::DuplicateName, message);
            }
        }
        clusters(service, names, place.push_key("clusters"), findings);
        upstream(service, place, findings);
    }
}

fn clusters(service: &Service, names: &Names, at: ValuePointerRef<'_>, findings: &mut Findings) {
    if service.clusters.iter().count() > MOST_CLUSTERS {
        findings.add(
            at,
            Code::TooMany,
            format!("more clusters than {MOST_CLUSTERS}"),
        );
        return;
    }
    let mut seen = BTreeSet::new();
    for (i, cluster) in service.clusters.iter().enumerate() {
        let place = at.push_index(i);
        if !seen.insert(cluster.as_str()) {
            let message = format!("the cluster `{cluster}` is there already");
            findings.add(place, Code::DuplicateName, message);
        }
        names.known_cluster(cluster.as_str(), place, findings);
    }
}

fn upstream(service: &Service, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let Some(template) = &service.upstream else {
        if service.port.is_none() {
            let hint = Some("write the service's port, or `upstream`".to_owned());
            let message = "`port` is missing: Istio names its clusters by it";
            findings.add_hinted(at, Code::MissingField, message, hint);
        }
        return;
    };
    let rest = template.replacen("{cluster}", "", 1);
    let printable = template.bytes().all(|b| b.is_ascii_graphic());
    if rest == *template || rest.contains(['{', '}']) || !printable {
        findings.add_hinted(
            at.push_key("upstream"),
            Code::InvalidValue,
            format!("`{template}` does not name one Envoy cluster for each cluster"),
            Some(
                "write `{cluster}` once where its name stands, e.g. `outbound|80|{cluster}|HOST`"
                    .to_owned(),
            ),
        );
    }
}

/// The hosts that another policy routes as well, where one proxy could have both: told of the
/// later one.
pub(in super::super) fn contested(
    policy: &Named<Failover>,
    before: &[&Named<Failover>],
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let services_at = at.push_key("services");
    let others = before.iter().filter(|other| {
        std::ptr::from_ref(**other) != std::ptr::from_ref(policy)
            && may_meet(&policy.spec.target, &other.spec.target)
    });
    for other in others {
        for (i, service) in policy.spec.services.iter().enumerate() {
            let place = services_at.push_index(i);
            let hosts_at = place.push_key("hosts");
            for (j, host) in service.hosts.iter().enumerate() {
                let mut all = other.spec.services.iter().flat_map(|s| s.hosts.iter());
                if all.any(|theirs| theirs == host) {
                    let title = other.metadata.full_name();
                    findings.add_hinted(
                        hosts_at.push_index(j),
                        Code::DuplicateName,
                        format!("`{title}` routes the host `{host}` as well"),
                        Some("give them targets that no proxy is in together".to_owned()),
                    );
                }
            }
        }
    }
}

/// Whether one proxy could have both targets, as far as clusters and namespaces tell.
fn may_meet(a: &Target, b: &Target) -> bool {
    let apart = |a: &Option<AnyOf<_>>, b: &Option<AnyOf<_>>| match (a, b) {
        (Some(a), Some(b)) => !a.iter().any(|x| b.iter().any(|y| x == y)),
        _ => false,
    };
    let namespaces = matches!((&a.namespace, &b.namespace), (Some(x), Some(y)) if x != y);
    let labels = match (&a.selector, &b.selector) {
        (Some(a), Some(b)) => a
            .match_labels
            .iter()
            .any(|(key, value)| b.match_labels.get(key).is_some_and(|other| other != value)),
        _ => false,
    };
    !(apart(&a.clusters, &b.clusters) || namespaces || labels)
}
