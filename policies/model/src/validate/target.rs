//! What may be wrong with where a policy applies.

use super::{Findings, Names};
use crate::Code;
use crate::pattern::AnyOf;
use crate::target::{Target, TargetKind, TargetRef};
use deserr::ValuePointerRef;

/// Checks the target, at `at`, of a policy of the namespace `own`.
pub(super) fn target(
    target: &Target,
    own: &str,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let clusters = at.push_key("clusters");
    for (i, cluster) in target.clusters.iter().flat_map(AnyOf::iter).enumerate() {
        names.known_cluster(cluster.as_str(), clusters.push_index(i), findings);
    }
    let refs = at.push_key("targetRefs");
    for (i, target) in target.target_refs.iter().flat_map(AnyOf::iter).enumerate() {
        target_ref(target, own, refs.push_index(i), findings);
    }
    if target.target_refs.is_some() && target.selector.is_some() {
        findings.add_hinted(
            refs,
            Code::InvalidValue,
            "there is a `selector` as well",
            Some(
                "a policy is for workloads by their labels, or for gateways and services"
                    .to_owned(),
            ),
        );
    }
}

/// Checks one reference of a policy of the namespace `own`.
pub(super) fn target_ref(
    target: &TargetRef,
    own: &str,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    const GATEWAYS: &str = "gateway.networking.k8s.io";
    let group = target.group.as_deref();
    let (fits, hint) = match target.kind {
        TargetKind::Gateway | TargetKind::GatewayClass => (
            matches!(group, None | Some(GATEWAYS)),
            format!("there is `{GATEWAYS}`"),
        ),
        TargetKind::Service => (
            matches!(group, None | Some("" | "core")),
            "leave it out, or write `core`".to_owned(),
        ),
    };
    if !fits {
        let message = format!("a `{}` is not in this group", target.kind.as_str());
        findings.add_hinted(
            at.push_key("group"),
            Code::InvalidValue,
            message,
            Some(hint),
        );
    }
    if let Some(namespace) = &target.namespace
        && namespace.as_str() != own
    {
        findings.add(
            at.push_key("namespace"),
            Code::InvalidValue,
            format!("a policy of `{own}` cannot be attached to what is in `{namespace}`"),
        );
    }
}
