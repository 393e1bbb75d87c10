//! What Istio would take and silently do nothing with, or too much: it is refused here.

use crate::direction;
use crate::object::Object;
use crate::reach::{Proxies, WAYPOINT_CLASS};
use crate::settings::{FailStrategy, Form, IstioVersion, Part, Scope, Settings};
use crate::unit::{Attached, Role, Unit, is_waypoint, labels, refs};
use landbridge_model::validate::Findings;
use landbridge_model::{Code, Content, Diagnostic, Document, Documents, Mesh, Path, TargetKind};
use std::collections::BTreeMap;

/// To how many things Istio attaches one object.
const MOST_TARGETS: usize = 16;
/// How many bytes of an object Kubernetes keeps: its store takes 1.5 MiB, of a whole request.
const LARGEST: usize = 1_500_000;
/// The labels by which a gateway's workload is known.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
const GATEWAY_CLASS: &str = "gateway.networking.k8s.io/gateway-class-name";
const MANAGED: &str = "gateway.istio.io/managed";
const MESH_CONTROLLER: &str = "istio.io-mesh-controller";

/// What is wrong with the settings, whatever the documents are.
pub(crate) fn settings(settings: &Settings, root: &str, found: &mut Vec<Diagnostic>) {
    let istio = settings.istio;
    if settings.form == Form::TrafficExtension && istio < IstioVersion::TRAFFIC_EXTENSION {
        let message = format!("Istio {istio} has no `TrafficExtension`");
        let hint = "there is one from 1.30 on; before, the form is `wasm-plugin`";
        found.push(Diagnostic::new(Code::NotInThisIstio, "form", message).hint(hint));
    }
    if settings.fail_strategy == Some(FailStrategy::Reload) && istio < IstioVersion::RELOADS {
        let message = format!("Istio {istio} has no `FAIL_RELOAD`");
        let hint = "there is one from 1.27 on; before, write `FAIL_CLOSE`";
        found.push(Diagnostic::new(Code::NotInThisIstio, "failStrategy", message).hint(hint));
    }
    let namespaces = settings.namespaces.as_ref();
    if settings.scope == Scope::Namespace && namespaces.is_some_and(|list| list.contains(root)) {
        let message = format!("a plugin in `{root}` would apply to the whole mesh");
        let hint = "leave it out, or render with the scope `mesh`";
        found.push(Diagnostic::new(Code::RootNamespace, "namespaces", message).hint(hint));
    }
    for (i, gateway) in settings.gateways.iter().enumerate() {
        if gateway
            .selector
            .as_ref()
            .is_some_and(|own| selects_waypoint(own, settings))
        {
            let path = format!("gateways[{i}].selector");
            found.push(
                Diagnostic::new(Code::WaypointBySelector, path, SELECTOR).hint(SELECTOR_HINT),
            );
        }
    }
}

const SELECTOR: &str = "Istio does not look at labels where a waypoint is";
const SELECTOR_HINT: &str =
    "attach it by `targetRefs` to the waypoint's `Gateway`, or to a `Service`";

/// What is wrong with each policy.
pub(crate) fn documents(
    documents: &Documents,
    settings: &Settings,
    root: &str,
    found: &mut Vec<Diagnostic>,
) {
    for document in &documents.0 {
        let origin = Path::Origin;
        let spec = origin.push_key("spec");
        let target = spec.push_key("target");
        let at = match &document.content {
            Content::Istio(_) => spec,
            _ => target,
        };
        let mut findings = Findings::default();
        attached(document, settings, root, at, &mut findings);
        found.extend(findings.of(document, origin));
        found.extend(direction::check(document));
    }
}

fn attached(
    document: &Document,
    settings: &Settings,
    root: &str,
    at: Path<'_>,
    findings: &mut Findings,
) {
    let content = &document.content;
    if labels(content).is_some_and(|labels| selects_waypoint(labels, settings)) {
        let hint = Some(SELECTOR_HINT.to_owned());
        findings.add_hinted(
            at.push_key("selector"),
            Code::WaypointBySelector,
            SELECTOR,
            hint,
        );
    }
    let refs = refs(content);
    let list = at.push_key("targetRefs");
    if refs.len() > MOST_TARGETS {
        let message = format!("{} targets, Istio takes {MOST_TARGETS}", refs.len());
        let hint = Some("attach it to the waypoint instead of each service behind it".to_owned());
        findings.add_hinted(list, Code::TooManyTargets, message, hint);
    }
    let leaves = match content {
        Content::Failover(_) => true,
        Content::Shaping(_) => Role::ShapingOutbound.part(document).is_some(),
        _ => false,
    };
    let namespace = content.metadata().namespace();
    for (i, one) in refs.iter().enumerate() {
        let name = one.name.as_str();
        let place = list.push_index(i);
        if one.kind == TargetKind::GatewayClass && name != WAYPOINT_CLASS {
            findings.add_hinted(
                place.push_key("name"),
                Code::NeverAttached,
                format!("Istio attaches nothing to the class `{name}`"),
                Some(format!(
                    "there is `{WAYPOINT_CLASS}`; or name each `Gateway`"
                )),
            );
        } else if one.kind == TargetKind::GatewayClass
            && matches!(content, Content::Istio(_))
            && namespace != root
        {
            findings.add_hinted(
                place,
                Code::NeverAttached,
                "Istio attaches what is for a class of gateways only from its root namespace",
                Some(format!("put the policy into `{root}`")),
            );
        }
        let waypoint = match one.kind {
            TargetKind::Service => true,
            TargetKind::GatewayClass => name == WAYPOINT_CLASS,
            TargetKind::Gateway => is_waypoint(settings, namespace, name),
        };
        if waypoint && leaves {
            findings.add_hinted(
                place,
                Code::NeverAtWaypoint,
                "a waypoint does not choose where requests go: Istio runs nothing there that is for leaving ones",
                Some("give the policy to the callers' sidecars, or to gateways".to_owned()),
            );
        }
    }
}

fn selects_waypoint(labels: &BTreeMap<String, String>, settings: &Settings) -> bool {
    let is = |key: &str, value: &str| labels.get(key).is_some_and(|own| own == value);
    let mut waypoints = settings.waypoints.iter();
    is(MANAGED, MESH_CONTROLLER)
        || is(GATEWAY_CLASS, WAYPOINT_CLASS)
        || waypoints.any(|one| is(GATEWAY_NAME, one.name.as_str()))
}

/// What is wrong with a plugin that was written.
pub(crate) fn unit(unit: &Unit<'_>, size: usize, found: &mut Vec<Diagnostic>) {
    let title = format!("{}/{}", unit.namespace, unit.name);
    if let Attached::Targets(targets) = &unit.attached
        && targets.len() > MOST_TARGETS
    {
        let message = format!(
            "the plugin `{title}` would be attached to {}, Istio takes {MOST_TARGETS}",
            targets.len()
        );
        let hint = "name the waypoint in `waypoints`: it stands for all services behind it";
        found.push(Diagnostic::new(Code::TooManyTargets, "", message).hint(hint));
    }
    if size > LARGEST {
        let message = format!("the plugin `{title}` has {size} bytes, Kubernetes keeps {LARGEST}");
        let hint = "render with the scope `namespace`, or give policies a target";
        found.push(Diagnostic::new(Code::ObjectTooLarge, "", message).hint(hint));
    }
}

/// Objects of which one would take the other's place, in their order.
pub(crate) fn same_names(objects: &[Object], found: &mut Vec<Diagnostic>) {
    for pair in objects.windows(2) {
        if let [one, other] = pair
            && one.order(other).is_eq()
        {
            let (kind, namespace, name) = (one.kind(), one.namespace(), one.name());
            let message = format!("there would be two of `{kind} {namespace}/{name}`");
            let hint = "give gateways in the settings, and hosts, names that differ";
            found.push(Diagnostic::new(Code::DuplicateName, "", message).hint(hint));
        }
    }
}

/// What a waypoint cannot know: who issued its callers' certificates, by which clusters are told
/// apart that share a trust domain.
pub(crate) fn waypoint(unit: &Unit<'_>, mesh: &Mesh, found: &mut Vec<Diagnostic>) {
    let waypoint = matches!(
        unit.place.proxies,
        Proxies::Waypoints { .. } | Proxies::AllWaypoints
    );
    if waypoint && mesh.clusters.iter().any(|c| c.identity.issuers.is_some()) {
        let message = format!(
            "the waypoints of `{}/{}` know their callers' SPIFFE IDs and not who issued the certificates",
            unit.namespace, unit.name
        );
        let hint = "clusters that are told apart by `issuers` are unknown there: judge their requests at sidecars";
        found.push(Diagnostic::new(Code::IssuerAtWaypoint, "", message).hint(hint));
    }
}

/// Which filters are passed over where they break.
pub(crate) fn fails(
    parts: impl Iterator<Item = Part>,
    settings: &Settings,
    found: &mut Vec<Diagnostic>,
) {
    if settings.fails() != FailStrategy::Open {
        return;
    }
    for part in parts {
        let what = match part {
            Part::Authz => {
                "where the authorization filter breaks or cannot be fetched, everybody is let in"
            }
            Part::Locality => {
                "where the locality filter breaks or cannot be fetched, residency is not kept"
            }
            _ => continue,
        };
        let hint = "with `FAIL_RELOAD` requests are refused until it is back";
        found.push(Diagnostic::new(Code::FailsOpen, "failStrategy", what).hint(hint));
    }
}
