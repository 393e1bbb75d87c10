//! Where a policy applies.

use crate::labels::Labels;
use crate::name::{ClusterName, Name};
use crate::pattern::AnyOf;
use crate::record::document;
use crate::word::words;
use std::collections::BTreeMap;

document! {
    /// Which proxies a policy applies to; what is left out restricts nothing.
    #[derive(Default)]
    pub struct Target {
        /// The clusters whose proxies it applies to.
        pub clusters: Option<AnyOf<ClusterName>> = default,
        /// The namespace of the workload.
        pub namespace: Option<Name> = default,
        /// The labels of the workload.
        pub selector: Option<Selector> = default,
        /// Gateways, or services behind a waypoint; any of them.
        pub target_refs: Option<AnyOf<TargetRef>> = default,
    }

    /// Istio's workload selector.
    pub struct Selector {
        /// Labels that the workload must all have.
        #[deserr(from(Labels) = Labels::into_map)]
        pub match_labels: BTreeMap<String, String>,
    }

    /// What a policy is attached to, as in the Gateway API.
    pub struct TargetRef {
        /// The API group: `gateway.networking.k8s.io`, or none for a `Service`.
        pub group: Option<String> = default,
        /// What it is.
        pub kind: TargetKind,
        /// Its name; it is in the policy's own namespace, a `GatewayClass` in none.
        pub name: Name,
        /// The policy's own namespace, where it is written at all.
        pub namespace: Option<Name> = default,
    }
}

words! {
    /// What a policy can be attached to.
    pub enum TargetKind {
        /// A gateway or waypoint of this name.
        Gateway = "Gateway",
        /// Every gateway of this class.
        GatewayClass = "GatewayClass",
        /// A service, at the waypoint in front of it.
        Service = "Service",
    }
}
