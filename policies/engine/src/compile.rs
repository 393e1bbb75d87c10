//! From documents to rules: names become numbers, patterns become sets.

use crate::index::RuleIndex;
use crate::matcher::{Case, Matcher, Test, Text, TextSet};
use crate::mesh_index::{MeshIndex, Where};
use crate::plan::Plan;
use crate::policy_set::{Clause, Label, Policy, Rule, RuleSet};
use landbridge_model::{
    Action, AnyOf, Authorization, Condition, ConditionKey, Mode, Named, NamespacedName, Operation,
    Pattern, Port, Source,
};
use std::collections::BTreeSet;
use std::iter::Chain;
use std::option;
use std::sync::Arc;

/// Policies as they are compiled, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Compiler {
    pub(crate) plan: Plan,
    policies: Vec<Compiled>,
    pub(crate) labels: Vec<Label>,
    replaced: BTreeSet<String>,
}

/// One policy, and in which sets it is.
#[derive(Debug)]
struct Compiled {
    name: String,
    action: Action,
    mode: Mode,
    rules: Policy,
}

impl Compiler {
    /// Compiles a valid policy.
    pub(crate) fn add(&mut self, policy: &Named<Authorization>, mesh: &MeshIndex) {
        let id = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        let namespace = policy.metadata.namespace();
        let written = || policy.spec.rules.iter().flat_map(AnyOf::iter);
        let mut rules = Vec::new();
        for rule in written() {
            let from = rule.from.iter().flat_map(AnyOf::iter);
            let to = rule.to.iter().flat_map(AnyOf::iter);
            let when = rule.when.iter().flat_map(AnyOf::iter);
            rules.push(Arc::new(Rule {
                from: from
                    .map(|from| source(&from.source, namespace, mesh))
                    .collect(),
                to: to
                    .map(|to| operation(&to.operation, &mut self.plan))
                    .collect(),
                when: Clause(
                    when.flat_map(|when| condition(when, &mut self.plan))
                        .collect(),
                ),
            }));
        }
        self.policies.push(Compiled {
            name: policy.metadata.full_name(),
            action: policy.spec.action,
            mode: policy.spec.mode,
            rules: Policy { id, rules },
        });
        let replaced = policy.spec.replaces.iter().flat_map(AnyOf::iter);
        self.replaced
            .extend(replaced.map(|name| name.full_name(namespace)));
        let rule_name = |(i, rule): (usize, &landbridge_model::Rule)| match &rule.name {
            Some(name) => name.as_str().into(),
            None => i.to_string().into_boxed_str(),
        };
        self.labels.push(Label {
            policy: policy.metadata.full_name().into(),
            rules: written().enumerate().map(rule_name).collect(),
        });
    }

    /// The policies in force; those that would be, where shadow changes would make a difference;
    /// and those that mark.
    pub(crate) fn sets(&self) -> (RuleSet, Option<RuleSet>, RuleIndex) {
        let enforced = |p: &&Compiled| p.mode != Mode::Shadow;
        let candidate = |p: &&Compiled| match p.mode {
            Mode::Enforce => !self.replaced.contains(&p.name),
            Mode::Shadow => true,
            Mode::Retire => false,
        };
        let changed = self.policies.iter().any(|p| enforced(&p) != candidate(&p));
        let audit = self.policies.iter().filter(|p| p.action == Action::Audit);
        (
            self.set(enforced),
            changed.then(|| self.set(candidate)),
            RuleIndex::new(audit.map(|p| &p.rules)),
        )
    }

    fn set(&self, member: impl Fn(&&Compiled) -> bool) -> RuleSet {
        let of = |action: Action| {
            let policies = self.policies.iter().filter(&member);
            policies
                .filter(move |p| p.action == action)
                .map(|p| &p.rules)
        };
        RuleSet {
            allows: of(Action::Allow).next().is_some(),
            allow: RuleIndex::new(of(Action::Allow)),
            deny: RuleIndex::new(of(Action::Deny)),
        }
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
    let place = |by: Where| {
        move |list: &AnyOf<Pattern>| Matcher::Clusters(by, mesh.select(by, list.iter()))
    };
    let text =
        |text: Text| move |list: &AnyOf<Pattern>| Matcher::Text(text, texts(list, Case::Sensitive));
    let accounts = |list: &AnyOf<NamespacedName>| {
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
