//! Whether a policy-like object applies to a proxy: Istio's rules for `selector` and `targetRefs`.
//!
//! What surprises: a sidecar ignores whatever has `targetRefs`, a waypoint whatever has none.

use std::collections::BTreeMap;

use super::field::Field;
use super::manifest::strings;
use super::recipient::{Kind, Recipient};
use super::{Object, Problem};

/// What an object says about where it belongs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attachment {
    namespace: String,
    selector: BTreeMap<String, String>,
    targets: Vec<Target>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    group: String,
    kind: String,
    name: String,
}

/// So many targets may be named.
const MOST_TARGETS: usize = 16;

impl Attachment {
    /// Reads `targetRefs` and the selector of this name, whose labels are under `labels`.
    pub(crate) fn read(object: &Object, selector: &str, labels: &str) -> Result<Self, Problem> {
        let spec = Field::spec(object);
        let mut found = BTreeMap::new();
        if let Some(selector) = spec.get(selector) {
            selector.only(&[labels])?;
            found = strings(selector.require(labels)?.value);
        }
        let mut targets = Vec::new();
        let refs = spec.list("targetRefs")?;
        if refs.len() > MOST_TARGETS {
            let why = format!("there are {}, and 16 are allowed", refs.len());
            return Err(Problem::new(object, "spec.targetRefs", why));
        }
        for target in refs {
            target.only(&["group", "kind", "name", "namespace"])?;
            if let Some(namespace) = target.maybe("namespace")?
                && namespace != object.namespace
            {
                return Err(target.problem("a target in another namespace never matches"));
            }
            targets.push(Target {
                group: target.maybe("group")?.unwrap_or_default().to_owned(),
                kind: target.require("kind")?.text()?.to_owned(),
                name: target.require("name")?.text()?.to_owned(),
            });
        }
        if !found.is_empty() && !targets.is_empty() {
            return Err(Problem::new(
                object,
                "spec",
                "only one of a selector and targetRefs may be set",
            ));
        }
        Ok(Self {
            namespace: object.namespace.clone(),
            selector: found,
            targets,
        })
    }

    /// Whether the object applies to a proxy, if it is in the proxy's namespace, the root's, or that
    /// of a service before which the proxy stands.
    pub(crate) fn applies(&self, root: &str, proxy: &Recipient) -> bool {
        let services: &[_] = match &proxy.kind {
            Kind::Waypoint(services) => services,
            _ => &[],
        };
        let near = self.namespace == root
            || self.namespace == proxy.namespace
            || services.iter().any(|(of, _)| *of == self.namespace);
        if !near {
            return false;
        }
        let waypoint = matches!(proxy.kind, Kind::Waypoint(_));
        let Some(gateway) = proxy.gateway() else {
            return self.targets.is_empty() && proxy.has(&self.selector);
        };
        if self.targets.is_empty() {
            return !waypoint && proxy.has(&self.selector);
        }
        self.targets.iter().any(|target| {
            let Target { group, kind, name } = target;
            match (group.as_str(), kind.as_str()) {
                ("" | "core", "Service") => services
                    .iter()
                    .any(|(of, service)| *of == self.namespace && service == name),
                ("gateway.networking.k8s.io", "GatewayClass") => {
                    waypoint && self.namespace == root && name == "istio-waypoint"
                }
                ("gateway.networking.k8s.io", "Gateway") => {
                    self.namespace == proxy.namespace && name == gateway
                }
                _ => false,
            }
        })
    }
}
