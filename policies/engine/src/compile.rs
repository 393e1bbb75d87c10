//! From documents to rules: names become numbers, patterns become sets.

use crate::matcher::{Case, Matcher, Test, Text, TextSet};
use crate::mesh_index::{MeshIndex, Where};
use crate::plan::Plan;
use crate::policy_set::{Clause, Label, Policy, Rule};
use landbridge_model::{
    Action, AnyOf, Authorization, Condition, ConditionKey, Named, Operation, Pattern, Port,
    ServiceAccount, Source,
};
use std::iter::Chain;
use std::option;

/// Policies as they are compiled, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Compiler {
    pub(crate) plan: Plan,
    pub(crate) allow: Vec<Policy>,
    pub(crate) deny: Vec<Policy>,
    pub(crate) audit: Vec<Policy>,
    pub(crate) labels: Vec<Label>,
}

impl Compiler {
    /// Compiles a valid policy.
    pub(crate) fn add(&mut self, policy: &Named<Authorization>, mesh: &MeshIndex) {
        let id = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        let namespace = policy.metadata.namespace();
        let written = || policy.spec.rules.iter().flat_map(AnyOf::iter);
        let rules = written().map(|rule| Rule {
            from: rule
                .from
                .iter()
                .flat_map(AnyOf::iter)
                .map(|from| source(&from.source, namespace, mesh))
                .collect(),
            to: rule
                .to
                .iter()
                .flat_map(AnyOf::iter)
                .map(|to| operation(&to.operation, &mut self.plan))
                .collect(),
            when: Clause(
                rule.when
                    .iter()
                    .flat_map(AnyOf::iter)
                    .flat_map(|when| condition(when, &mut self.plan))
                    .collect(),
            ),
        });
        let compiled = Policy {
            id,
            rules: rules.collect(),
        };
        match policy.spec.action {
            Action::Allow => self.allow.push(compiled),
            Action::Deny => self.deny.push(compiled),
            Action::Audit => self.audit.push(compiled),
        }
        let rule_name = |(i, rule): (usize, &landbridge_model::Rule)| match &rule.name {
            Some(name) => name.as_str().into(),
            None => i.to_string().into_boxed_str(),
        };
        self.labels.push(Label {
            policy: policy.metadata.full_name().into(),
            rules: written().enumerate().map(rule_name).collect(),
        });
    }
}

type Pair = Chain<option::IntoIter<Test>, option::IntoIter<Test>>;

/// The test of a list and that of its `not…` twin, where they are there.
fn pair<T>(
    list: &Option<AnyOf<T>>,
    not: &Option<AnyOf<T>>,
    mut matcher: impl FnMut(&AnyOf<T>) -> Matcher,
) -> Pair {
    let positive = list.as_ref().map(|l| Test {
        matcher: matcher(l),
        negated: false,
    });
    let negative = not.as_ref().map(|l| Test {
        matcher: matcher(l),
        negated: true,
    });
    positive.into_iter().chain(negative)
}

/// What a source asks for.
pub(crate) fn source(source: &Source, namespace: &str, mesh: &MeshIndex) -> Clause {
    let place =
        |by: Where| move |list: &AnyOf<Pattern>| Matcher::Clusters(mesh.select(by, list.iter()));
    let text =
        |text: Text| move |list: &AnyOf<Pattern>| Matcher::Text(text, texts(list, Case::Sensitive));
    let accounts = |list: &AnyOf<ServiceAccount>| {
        let mut set = TextSet::default();
        for account in list.iter() {
            let namespace = account.namespace.as_ref().map_or(namespace, |n| n.as_str());
            set.add_exact(format!("{namespace}/sa/{}", account.name));
        }
        Matcher::Text(Text::Account, set)
    };
    let s = source;
    Clause(
        pair(&s.clusters, &s.not_clusters, place(Where::Cluster))
            .chain(pair(&s.regions, &s.not_regions, place(Where::Region)))
            .chain(pair(
                &s.jurisdictions,
                &s.not_jurisdictions,
                place(Where::Jurisdiction),
            ))
            .chain(pair(&s.networks, &s.not_networks, place(Where::Network)))
            .chain(pair(
                &s.namespaces,
                &s.not_namespaces,
                text(Text::Namespace),
            ))
            .chain(pair(&s.service_accounts, &s.not_service_accounts, accounts))
            .chain(pair(
                &s.principals,
                &s.not_principals,
                text(Text::Principal),
            ))
            .collect(),
    )
}

fn operation(operation: &Operation, plan: &mut Plan) -> Clause {
    let text = |text: Text, case: Case| {
        move |list: &AnyOf<Pattern>| Matcher::Text(text, texts(list, case))
    };
    let o = operation;
    plan.port |= o.ports.is_some() || o.not_ports.is_some();
    let ports = |list: &AnyOf<Port>| Matcher::Ports(list.iter().map(|p| p.0).collect());
    Clause(
        pair(&o.ports, &o.not_ports, ports)
            .chain(pair(
                &o.methods,
                &o.not_methods,
                text(Text::Method, Case::Sensitive),
            ))
            .chain(pair(&o.hosts, &o.not_hosts, text(Text::Host, Case::Folded)))
            .chain(pair(
                &o.paths,
                &o.not_paths,
                text(Text::Path, Case::Sensitive),
            ))
            .collect(),
    )
}

fn condition(condition: &Condition, plan: &mut Plan) -> Pair {
    let ConditionKey::Header(name) = &condition.key;
    let slot = plan.header(name);
    pair(&condition.values, &condition.not_values, move |list| {
        Matcher::Text(Text::Header(slot), texts(list, Case::Sensitive))
    })
}

fn texts(list: &AnyOf<Pattern>, case: Case) -> TextSet {
    let mut set = TextSet::default();
    for pattern in list.iter() {
        set.add(pattern, case);
    }
    set
}
