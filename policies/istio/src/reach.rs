//! Which policies can apply where a plugin is.
//!
//! A proxy decides by itself which of its policies are for it (`applies` in the engine); what is
//! decided here is which of them it is given at all. Of a proxy only some things are known, so a
//! policy is left out only where no proxy of the place could be in its target: to leave out one that
//! denies would let a caller in.

use landbridge_model::{AnyOf, Content, Named, Target, TargetKind, TargetRef};
use std::collections::{BTreeMap, BTreeSet};

/// The class of Istio's waypoints, the only one that it attaches plugins to.
pub(crate) const WAYPOINT_CLASS: &str = "istio-waypoint";

/// The proxies that one plugin is for.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) cluster: &'a str,
    /// The namespace of the workloads; any, where it is not there.
    pub(crate) namespace: Option<String>,
    pub(crate) proxies: Proxies,
    /// Istio's root namespace.
    pub(crate) root: &'a str,
}

/// Which proxies, and at which end of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proxies {
    /// Sidecars, where requests arrive.
    Sidecars,
    /// Sidecars, where requests leave, and all gateways.
    Clients,
    /// Gateways of these names.
    Gateways(BTreeSet<String>),
    /// One of Istio's own gateways, known by its labels.
    Labelled(BTreeMap<String, String>),
    /// Waypoints of these names, and those in front of these services.
    Waypoints {
        names: BTreeSet<String>,
        services: BTreeSet<String>,
    },
    /// All waypoints of the mesh.
    AllWaypoints,
}

impl Place<'_> {
    /// Whether a policy can apply here.
    pub(crate) fn reaches(&self, content: &Content) -> bool {
        match content {
            Content::Authorization(policy) => self.own(policy, &policy.spec.target),
            Content::Failover(policy) => self.own(policy, &policy.spec.target),
            Content::Shaping(policy) => self.own(policy, &policy.spec.target),
            Content::Istio(policy) => {
                let own = policy.metadata.namespace();
                let refs: Vec<&TargetRef> = policy.spec.target_refs().collect();
                let labels = policy.spec.selector.as_ref();
                let labels = labels.and_then(|s| s.match_labels.as_ref());
                let is_waypoint = matches!(
                    self.proxies,
                    Proxies::Waypoints { .. } | Proxies::AllWaypoints
                );
                let attached = match refs.is_empty() {
                    // A waypoint takes what is attached to it, and nothing else of Istio's.
                    true => !is_waypoint && (own == self.root || self.may_be_in(own)),
                    false => self.attached(&refs, own, Some(self.root)),
                };
                attached && self.may_have(labels)
            }
            Content::Mesh(_) | Content::PolicyTest(_) => false,
        }
    }

    fn own<T>(&self, policy: &Named<T>, target: &Target) -> bool {
        let clusters = target.clusters.as_ref();
        let refs: Vec<&TargetRef> = target.target_refs.iter().flat_map(AnyOf::iter).collect();
        let namespace = policy.metadata.namespace();
        clusters.is_none_or(|list| list.iter().any(|one| one.as_str() == self.cluster))
            && target
                .namespace
                .as_ref()
                .is_none_or(|one| self.may_be_in(one.as_str()))
            && self.may_have(target.selector.as_ref().map(|s| &s.match_labels))
            && (refs.is_empty() || self.attached(&refs, namespace, None))
    }

    fn may_be_in(&self, namespace: &str) -> bool {
        self.namespace.as_deref().is_none_or(|own| own == namespace)
    }

    fn may_have(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        match &self.proxies {
            Proxies::Labelled(own) => {
                let mut labels = labels.into_iter().flatten();
                labels.all(|(key, value)| own.get(key).is_none_or(|other| other == value))
            }
            _ => true,
        }
    }

    /// Whether one of these may be, or be behind, a proxy of this place. `root` is the namespace
    /// that what is attached to a class must be in, where it must.
    fn attached(&self, refs: &[&TargetRef], namespace: &str, root: Option<&str>) -> bool {
        refs.iter().any(|one| {
            let name = one.name.as_str();
            let of_class = root.is_none_or(|root| root == namespace);
            match (&self.proxies, one.kind) {
                (Proxies::Sidecars | Proxies::Labelled(_), _) => false,
                (Proxies::Clients, TargetKind::Gateway) => self.may_be_in(namespace),
                (Proxies::Clients | Proxies::Gateways(_), TargetKind::GatewayClass) => {
                    of_class && name != WAYPOINT_CLASS
                }
                (
                    Proxies::Gateways(names) | Proxies::Waypoints { names, .. },
                    TargetKind::Gateway,
                ) => self.may_be_in(namespace) && names.contains(name),
                (Proxies::Clients | Proxies::Gateways(_), TargetKind::Service) => false,
                (Proxies::Waypoints { services, names }, TargetKind::Service) => {
                    // One that is attached to its waypoint is there for all services behind it.
                    self.may_be_in(namespace) && (services.contains(name) || !names.is_empty())
                }
                (Proxies::Waypoints { .. } | Proxies::AllWaypoints, TargetKind::GatewayClass) => {
                    of_class && name == WAYPOINT_CLASS
                }
                (Proxies::AllWaypoints, TargetKind::Gateway | TargetKind::Service) => true,
            }
        })
    }
}
