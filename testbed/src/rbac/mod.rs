//! What Istio makes of `AuthorizationPolicy` documents: Envoy's own RBAC filters, in the shape that
//! istiod 1.31 generates for a sidecar.
//!
//! Landbridge imports these documents and says that they mean here what they mean there. This is
//! the other half of the proof: the same documents translated independently of the engine, for a
//! real Envoy to judge. So nothing here evaluates anything, and nothing here is shared with the
//! engine; whatever Envoy's matchers do, two-valued logic included, is Envoy's doing.
//!
//! What istiod's admission would refuse (an empty value, a port that is no number) is not looked
//! for, except where istiod's translation looks again.

mod attribute;
mod matcher;
mod rule;
mod trust_domain;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use rule::{Place, list, text};
use trust_domain::Bundle;

/// The type of the filters' configuration.
pub const TYPE: &str = crate::envoy::RBAC;

/// A value that nothing can be compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unusable(String);

/// A document that is not an `AuthorizationPolicy`, or one that calls another service (`CUSTOM`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a policy that can be translated: {0}")]
pub struct Malformed(String);

/// What the mesh's configuration says that policies depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeshConfig {
    /// The namespace whose policies are for all.
    pub root_namespace: String,
    /// The trust domain that `cluster.local` stands for.
    pub trust_domain: String,
    /// Trust domains that are one with it.
    pub trust_domain_aliases: Vec<String>,
}

/// The workload whose sidecar it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protected {
    /// Its namespace.
    pub namespace: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// The configurations of four RBAC filters, in the order in which they stand. One that nothing was
/// said for has no rules, and lets everything pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Filters {
    /// What is marked.
    pub audit: Value,
    /// What the root namespace denies.
    pub root_deny: Value,
    /// What the workload's namespace denies.
    pub deny: Value,
    /// What is allowed.
    pub allow: Value,
}

impl Filters {
    /// All of them, with their names.
    pub fn each(&self) -> [(&'static str, &Value); 4] {
        [
            ("audit", &self.audit),
            ("root-deny", &self.root_deny),
            ("deny", &self.deny),
            ("allow", &self.allow),
        ]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Allow,
    Deny,
    Audit,
}

impl Action {
    fn of(spec: &Value) -> Result<Self, Malformed> {
        match spec.get("action").and_then(Value::as_str) {
            None | Some("ALLOW") => Ok(Self::Allow),
            Some("DENY") => Ok(Self::Deny),
            Some("AUDIT") => Ok(Self::Audit),
            Some(other) => Err(Malformed(format!("the action `{other}`"))),
        }
    }

    fn rbac(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Deny => "DENY",
            Self::Audit => "LOG",
        }
    }

    /// What the results of a dry run are called.
    fn shadow_prefix(self) -> &'static str {
        match self {
            Self::Allow => "istio_dry_run_allow_",
            Self::Deny => "istio_dry_run_deny_",
            Self::Audit => "",
        }
    }
}

/// One filter in the making.
struct Draft {
    action: Action,
    enforced: Option<Map<String, Value>>,
    shadow: Option<Map<String, Value>>,
}

impl Draft {
    fn new(action: Action) -> Self {
        Self {
            action,
            enforced: None,
            shadow: None,
        }
    }

    fn add(&mut self, policy: &Value, bundle: &Bundle) -> Result<(), Malformed> {
        let metadata = &policy["metadata"];
        let (namespace, name) = (text(metadata, "namespace")?, text(metadata, "name")?);
        let place = Place {
            namespace,
            action: self.action,
            bundle,
        };
        let set = if is_dry_run(metadata) {
            &mut self.shadow
        } else {
            &mut self.enforced
        };
        let set = set.get_or_insert_default();
        let title = |index| format!("ns[{namespace}]-policy[{name}]-rule[{index}]");
        let rules = list(&policy["spec"], "rules")?;
        for (index, rule) in rules.iter().enumerate() {
            if let Some(rule) = rule::rule(rule, place)? {
                set.insert(title(index), rule);
            }
        }
        if rules.is_empty() {
            let never = json!({
                "permissions": [{"not_rule": {"any": true}}],
                "principals": [{"not_id": {"any": true}}],
            });
            set.insert(title(0), never);
        }
        Ok(())
    }

    fn finish(self) -> Value {
        let rules = |policies| json!({"action": self.action.rbac(), "policies": policies});
        let mut filter = json!({"@type": format!("type.googleapis.com/{TYPE}")});
        if let Some(policies) = self.enforced {
            filter["rules"] = rules(policies);
        }
        if let Some(policies) = self.shadow {
            filter["shadow_rules"] = rules(policies);
            filter["shadow_rules_stat_prefix"] = json!(self.action.shadow_prefix());
        }
        filter
    }
}

fn is_dry_run(metadata: &Value) -> bool {
    let said = metadata["annotations"]["istio.io/dry-run"].as_str();
    matches!(said, Some("1" | "t" | "T" | "true" | "TRUE" | "True"))
}

/// Whether a policy is for this workload. One that names its targets is for gateways, waypoints
/// and services, and not for a sidecar.
fn applies(policy: &Value, mesh: &MeshConfig, workload: &Protected) -> bool {
    let namespace = policy["metadata"]["namespace"].as_str();
    let near = namespace == Some(&workload.namespace) || namespace == Some(&mesh.root_namespace);
    let spec = &policy["spec"];
    let targets = ["targetRef", "targetRefs"]
        .iter()
        .any(|key| !spec[*key].is_null());
    let labels = spec["selector"]["matchLabels"].as_object();
    let selected = labels
        .into_iter()
        .flatten()
        .all(|(key, value)| workload.labels.get(key).map(String::as_str) == value.as_str());
    near && selected && !targets
}

/// The RBAC filters of a workload's sidecar under these policies.
pub fn translate(
    policies: &[Value],
    mesh: &MeshConfig,
    workload: &Protected,
) -> Result<Filters, Malformed> {
    let bundle = Bundle::new(&mesh.trust_domain, &mesh.trust_domain_aliases);
    let mut audit = Draft::new(Action::Audit);
    let mut root_deny = Draft::new(Action::Deny);
    let mut deny = Draft::new(Action::Deny);
    let mut allow = Draft::new(Action::Allow);
    for policy in policies.iter().filter(|p| applies(p, mesh, workload)) {
        let root = policy["metadata"]["namespace"].as_str() == Some(&mesh.root_namespace);
        let draft = match Action::of(&policy["spec"])? {
            Action::Audit => &mut audit,
            Action::Deny if root => &mut root_deny,
            Action::Deny => &mut deny,
            Action::Allow => &mut allow,
        };
        draft.add(policy, &bundle)?;
    }
    Ok(Filters {
        audit: audit.finish(),
        root_deny: root_deny.finish(),
        deny: deny.finish(),
        allow: allow.finish(),
    })
}

#[cfg(test)]
mod tests;
