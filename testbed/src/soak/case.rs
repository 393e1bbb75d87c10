//! What is in force in both Envoys: a mesh's settings and some policies.

use std::fmt;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::policies::{self, OWN, OWN_ADDRESS, ROOT};
use crate::random::Random;
use crate::rbac::{self, Filters, Malformed, MeshConfig, Protected};

/// Settings and policies.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub(super) mesh: MeshConfig,
    pub(super) policies: Vec<Value>,
}

impl Case {
    pub(super) fn random(random: &mut Random) -> Self {
        let mesh = MeshConfig {
            root_namespace: if random.percent(10) { OWN } else { ROOT }.to_owned(),
            trust_domain: random
                .word(&["cluster.local", "td.one", "old-td"])
                .to_owned(),
            trust_domain_aliases: match random.below(4) {
                0 => vec!["old-td".to_owned()],
                1 => vec!["td.one".to_owned(), "stranger".to_owned()],
                2 => vec!["old-td".to_owned(), "td.one".to_owned()],
                _ => Vec::new(),
            },
        };
        Self {
            mesh,
            policies: policies::random(random),
        }
    }

    /// Every value that a policy may have, by itself.
    pub(super) fn singles() -> Vec<Self> {
        let mesh = MeshConfig {
            root_namespace: ROOT.to_owned(),
            trust_domain: "td.one".to_owned(),
            trust_domain_aliases: vec!["old-td".to_owned()],
        };
        let case = |policy| Self {
            mesh: mesh.clone(),
            policies: vec![policy],
        };
        policies::singles().into_iter().map(case).collect()
    }

    /// How an Envoy of this address is to have the policies.
    fn policies_at(&self, ip: IpAddr) -> Vec<Value> {
        let text = json!(self.policies).to_string();
        let own = text.replace(OWN_ADDRESS, &ip.to_string());
        serde_json::from_str(&own).expect("an address needs no quotes")
    }

    /// The RBAC filters of an Envoy of this address.
    pub(super) fn rbac(&self, ip: IpAddr) -> Result<Filters, Malformed> {
        let workload = Protected {
            namespace: OWN.to_owned(),
            labels: [("app".to_owned(), "orders".to_owned())].into(),
        };
        rbac::translate(&self.policies_at(ip), &self.mesh, &workload)
    }

    /// Landbridge's configuration in an Envoy of this address.
    pub(super) fn landbridge(&self, ip: IpAddr) -> Value {
        // Where callers come from is none of Istio's concern; so not every trust domain is known.
        let cluster = |name: &str, domain: &str, region: &str| json!({"name": name, "identity": {"trustDomains": [domain]}, "region": region});
        let MeshConfig {
            root_namespace,
            trust_domain,
            trust_domain_aliases,
        } = &self.mesh;
        let mut istio = json!({"rootNamespace": root_namespace, "trustDomain": trust_domain});
        if !trust_domain_aliases.is_empty() {
            istio["trustDomainAliases"] = json!(trust_domain_aliases);
        }
        let mut options = json!({
            "pathNormalization": "MERGE_SLASHES",
            "denialLogsPerSecond": 0,
        });
        if self.policies.is_empty() {
            // There is none by which Landbridge could tell that it stands in for Istio.
            options["defaultAction"] = json!("Allow");
        }
        json!({
            "apiVersion": "landbridge.dev/v1alpha1",
            "mesh": {
                "regions": [
                    {"name": "us-east-1", "jurisdiction": "US"},
                    {"name": "eu-west-1", "jurisdiction": "EU"},
                ],
                "clusters": [
                    cluster("use1-a", "td.one", "us-east-1"),
                    cluster("euw1-a", "old-td", "eu-west-1"),
                ],
                "istio": istio,
            },
            "local": {"cluster": "use1-a", "namespace": OWN, "labels": {"app": "orders"}},
            "options": options,
            "policies": self.policies_at(ip),
        })
    }

    /// The same case with one thing less each: from whole policies down to single values.
    pub(super) fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for policies in smaller_list(&self.policies, smaller_policy) {
            all.push(Self {
                policies,
                ..self.clone()
            });
        }
        for alias in 0..self.mesh.trust_domain_aliases.len() {
            let mut less = self.clone();
            less.mesh.trust_domain_aliases.remove(alias);
            all.push(less);
        }
        all
    }
}

/// A list with one item less, or with one item made smaller. The big steps come first.
fn smaller_list(list: &[Value], smaller: impl Fn(&Value) -> Vec<Value>) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    for index in 0..list.len() {
        let mut less = list.to_vec();
        less.remove(index);
        all.push(less);
    }
    for (index, item) in list.iter().enumerate() {
        for item in smaller(item) {
            let mut less = list.to_vec();
            less[index] = item;
            all.push(less);
        }
    }
    all
}

/// A policy with a smaller spec, or no annotations. Its kind and name say what it is.
fn smaller_policy(policy: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    let mut plain = policy.clone();
    let metadata = plain["metadata"].as_object_mut();
    if metadata.is_some_and(|metadata| metadata.remove("annotations").is_some()) {
        all.push(plain);
    }
    for spec in smaller_value(&policy["spec"]) {
        let mut less = policy.clone();
        less["spec"] = spec;
        all.push(less);
    }
    all
}

fn smaller_value(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(list) => {
            let smaller = smaller_list(list, smaller_value);
            smaller.into_iter().map(Value::Array).collect()
        }
        Value::Object(fields) => {
            let mut all = Vec::new();
            for (key, field) in fields {
                let mut less = fields.clone();
                less.remove(key);
                all.push(Value::Object(less));
                for smaller in smaller_value(field) {
                    let mut less = fields.clone();
                    less.insert(key.clone(), smaller);
                    all.push(Value::Object(less));
                }
            }
            all
        }
        _ => Vec::new(),
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MeshConfig {
            trust_domain,
            trust_domain_aliases,
            ..
        } = &self.mesh;
        writeln!(
            f,
            "trust domain {trust_domain}, aliases {trust_domain_aliases:?}"
        )?;
        for policy in &self.policies {
            writeln!(f, "- {policy:#}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_random_case_can_be_translated() {
        for number in 0..2000 {
            let case = Case::random(&mut Random::nth(1, number));
            let ip = IpAddr::from([127, 16, 0, 11]);
            case.rbac(ip).unwrap();
            assert!(!case.landbridge(ip).to_string().contains(OWN_ADDRESS));
        }
    }

    #[test]
    fn a_case_shrinks_to_nothing() {
        let mut case = Case::random(&mut Random::nth(1, 7));
        let mut steps = 0;
        while let Some(smaller) = case.smaller().into_iter().next() {
            assert_ne!(smaller, case);
            case = smaller;
            steps += 1;
        }
        assert!(case.policies.is_empty() && case.mesh.trust_domain_aliases.is_empty());
        assert!(steps > 0);
    }
}
