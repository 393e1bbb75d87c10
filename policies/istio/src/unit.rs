//! Which plugins a cluster gets, and which policies each of them.
//!
//! No two plugins of one filter may apply to the same requests of the same proxy: limits would
//! count twice, and one would not know what the other allows. Istio puts the plugins that match a
//! listener next to each other and never takes one for another's replacement. So plugins are
//! divided by what Istio matches them with, which is exclusive:
//!
//! | plugins | Istio matches | by |
//! | --- | --- | --- |
//! | where requests arrive | inbound listeners of sidecars | no target, `mode: SERVER` |
//! | where they leave | outbound listeners of sidecars, and all of gateways | no target, `mode: CLIENT` |
//! | `-gateways` | listeners of gateways that are named | `targetRefs`, which sidecars ignore |
//! | `-waypoints` | waypoints | `targetRefs`, without which a waypoint takes nothing |
//!
//! A gateway has the second and the third kind, and no filter has both: the authorization filter
//! and what shapes arriving requests stand at a gateway only by name, since a gateway lets in whom
//! it likes; the locality filter and splits stand wherever requests leave, at gateways too.

use crate::direction::{self, Direction};
use crate::reach::{Place, Proxies, WAYPOINT_CLASS};
use crate::settings::{Scope, Settings};
use landbridge_model::{
    AnyOf, Content, Document, Documents, FilterKind, Target, TargetKind, TargetRef,
};
use std::collections::{BTreeMap, BTreeSet};

/// A filter, and which end of a request it is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Authz,
    Locality,
    /// Limits and the like.
    Shaping,
    /// Splits and the like.
    ShapingOutbound,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [
        Self::Authz,
        Self::Locality,
        Self::Shaping,
        Self::ShapingOutbound,
    ];

    pub(crate) fn filter(self) -> FilterKind {
        match self {
            Self::Authz => FilterKind::Authz,
            Self::Locality => FilterKind::Locality,
            Self::Shaping | Self::ShapingOutbound => FilterKind::Shaping,
        }
    }

    fn arrives(self) -> bool {
        matches!(self, Self::Authz | Self::Shaping)
    }

    /// What of a document the filter reads in this role.
    pub(crate) fn part(self, document: &Document) -> Option<Document> {
        match (self, &document.content) {
            (Self::Authz, Content::Authorization(_) | Content::Istio(_))
            | (Self::Locality, Content::Failover(_)) => Some(document.clone()),
            (Self::Shaping, Content::Shaping(_)) => direction::part(document, Direction::Arriving),
            (Self::ShapingOutbound, Content::Shaping(_)) => {
                direction::part(document, Direction::Leaving)
            }
            _ => None,
        }
    }
}

/// One plugin before it is written.
#[derive(Clone, Debug)]
pub(crate) struct Unit<'a> {
    pub(crate) role: Role,
    /// Where the object is.
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) place: Place<'a>,
    pub(crate) attached: Attached,
    /// The policies that can apply there, in the order of the documents.
    pub(crate) policies: Vec<Document>,
}

/// How Istio is told which proxies it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attached {
    /// All in its namespace, or in the mesh where that is the root namespace.
    Everywhere,
    /// Workloads with these labels.
    Labels(BTreeMap<String, String>),
    /// What is named: kind and name.
    Targets(BTreeSet<(TargetKind, String)>),
}

/// The plugins of one cluster, those without policies left out.
pub(crate) fn units<'a>(
    documents: &Documents,
    settings: &'a Settings,
    root: &'a str,
    cluster: &'a str,
) -> Vec<Unit<'a>> {
    let mut units = Vec::new();
    for role in Role::ALL {
        let parts: Vec<Document> = documents.0.iter().filter_map(|d| role.part(d)).collect();
        for (namespace, name, proxies, attached) in places(role, &parts, settings, root, cluster) {
            let everywhere = attached == Attached::Everywhere && settings.scope == Scope::Mesh;
            let own = (!everywhere && proxies != Proxies::AllWaypoints).then(|| namespace.clone());
            let place = Place {
                cluster,
                namespace: own,
                proxies,
                root,
            };
            let reached = parts.iter().filter(|d| place.reaches(&d.content));
            let unit = Unit {
                role,
                name: format!("landbridge-{name}"),
                namespace,
                policies: reached.cloned().collect(),
                place,
                attached,
            };
            if !unit.policies.is_empty() {
                units.push(unit);
            }
        }
    }
    units
}

type Spot = (String, String, Proxies, Attached);

/// Where plugins of a role may be.
fn places(
    role: Role,
    parts: &[Document],
    settings: &Settings,
    root: &str,
    cluster: &str,
) -> Vec<Spot> {
    let name = match role {
        Role::Authz => "authz",
        Role::Locality => "locality",
        Role::Shaping => "shaping",
        Role::ShapingOutbound => "shaping-outbound",
    };
    let proxies = match role.arrives() {
        true => Proxies::Sidecars,
        false => Proxies::Clients,
    };
    let namespaces = match settings.scope {
        Scope::Mesh => BTreeSet::from([root.to_owned()]),
        Scope::Namespace => match &settings.namespaces {
            Some(given) => given.clone(),
            None => named(parts, root, cluster),
        },
    };
    let one = |namespace: &String| {
        (
            namespace.clone(),
            name.to_owned(),
            proxies.clone(),
            Attached::Everywhere,
        )
    };
    let mut spots: Vec<Spot> = namespaces.iter().map(one).collect();
    if role.arrives() {
        attachments(name, parts, settings, root, cluster, &mut spots);
    }
    spots
}

/// The namespaces that policies name, beside the root namespace.
fn named(parts: &[Document], root: &str, cluster: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for document in parts {
        let target = target(&document.content);
        let here = target.and_then(|t| t.clusters.as_ref());
        if here.is_some_and(|list| !list.iter().any(|one| one.as_str() == cluster)) {
            continue;
        }
        let namespace = target.and_then(|t| t.namespace.as_ref());
        let own = document.content.metadata().namespace();
        names.insert(namespace.map_or(own, |n| n.as_str()).to_owned());
    }
    names.remove(root);
    names
}

/// What gateways and waypoints are named, by policies or in the settings.
fn attachments(
    name: &str,
    parts: &[Document],
    settings: &Settings,
    root: &str,
    cluster: &str,
    spots: &mut Vec<Spot>,
) {
    let mut gateways: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut waypoints: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    let mut all_waypoints = false;
    for gateway in &settings.gateways {
        let namespace = gateway.namespace.as_str().to_owned();
        if let Some(labels) = &gateway.selector {
            spots.push((
                namespace,
                format!("{name}-{}", gateway.name),
                Proxies::Labelled(labels.clone()),
                Attached::Labels(labels.clone()),
            ));
        } else {
            gateways
                .entry(namespace)
                .or_default()
                .insert(gateway.name.as_str().to_owned());
        }
    }
    for waypoint in &settings.waypoints {
        let (names, _) = waypoints
            .entry(waypoint.namespace.as_str().to_owned())
            .or_default();
        names.insert(waypoint.name.as_str().to_owned());
    }
    for document in parts {
        let clusters = target(&document.content).and_then(|t| t.clusters.as_ref());
        if clusters.is_some_and(|list| !list.iter().any(|one| one.as_str() == cluster)) {
            continue;
        }
        let namespace = document.content.metadata().namespace();
        for one in refs(&document.content) {
            let target = one.name.as_str().to_owned();
            match one.kind {
                TargetKind::Gateway if !is_waypoint(settings, namespace, &target) => {
                    gateways
                        .entry(namespace.to_owned())
                        .or_default()
                        .insert(target);
                }
                TargetKind::Gateway => {}
                TargetKind::Service => {
                    let (_, services) = waypoints.entry(namespace.to_owned()).or_default();
                    services.insert(target);
                }
                TargetKind::GatewayClass => all_waypoints |= target == WAYPOINT_CLASS,
            }
        }
    }
    let wanted = |namespace: &str| match (settings.scope, &settings.namespaces) {
        (Scope::Namespace, Some(given)) => given.contains(namespace),
        _ => true,
    };
    for (namespace, names) in gateways {
        if wanted(&namespace) {
            let targets = names
                .iter()
                .map(|n| (TargetKind::Gateway, n.clone()))
                .collect();
            let proxies = Proxies::Gateways(names);
            spots.push((
                namespace,
                format!("{name}-gateways"),
                proxies,
                Attached::Targets(targets),
            ));
        }
    }
    if all_waypoints {
        // It is at every waypoint: another for one of them would be there twice.
        let targets = BTreeSet::from([(TargetKind::GatewayClass, WAYPOINT_CLASS.to_owned())]);
        spots.push((
            root.to_owned(),
            format!("{name}-waypoints"),
            Proxies::AllWaypoints,
            Attached::Targets(targets),
        ));
        return;
    }
    for (namespace, (names, services)) in waypoints {
        if !wanted(&namespace) {
            continue;
        }
        // What is attached to the waypoint is there for every service behind it.
        let targets = match names.is_empty() {
            true => services
                .iter()
                .map(|s| (TargetKind::Service, s.clone()))
                .collect(),
            false => names
                .iter()
                .map(|n| (TargetKind::Gateway, n.clone()))
                .collect(),
        };
        let proxies = Proxies::Waypoints { names, services };
        spots.push((
            namespace,
            format!("{name}-waypoints"),
            proxies,
            Attached::Targets(targets),
        ));
    }
}

/// Whether the settings say that a `Gateway` is a waypoint.
pub(crate) fn is_waypoint(settings: &Settings, namespace: &str, name: &str) -> bool {
    let mut waypoints = settings.waypoints.iter();
    waypoints.any(|one| one.namespace.as_str() == namespace && one.name.as_str() == name)
}

/// The target of a policy in our own words.
pub(crate) fn target(content: &Content) -> Option<&Target> {
    match content {
        Content::Authorization(policy) => Some(&policy.spec.target),
        Content::Failover(policy) => Some(&policy.spec.target),
        Content::Shaping(policy) => Some(&policy.spec.target),
        Content::Istio(_) | Content::Mesh(_) | Content::PolicyTest(_) => None,
    }
}

/// What a policy is attached to.
pub(crate) fn refs(content: &Content) -> Vec<&TargetRef> {
    match content {
        Content::Istio(policy) => policy.spec.target_refs().collect(),
        content => {
            let refs = target(content).and_then(|t| t.target_refs.as_ref());
            refs.into_iter().flat_map(AnyOf::iter).collect()
        }
    }
}

/// The labels that a policy selects workloads by.
pub(crate) fn labels(content: &Content) -> Option<&BTreeMap<String, String>> {
    match content {
        Content::Istio(policy) => policy.spec.selector.as_ref()?.match_labels.as_ref(),
        content => Some(&target(content)?.selector.as_ref()?.match_labels),
    }
}
