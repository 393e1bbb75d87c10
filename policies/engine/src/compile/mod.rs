//! From documents to rules: names become numbers, patterns become sets.

mod istio;
mod native;
mod trust_domains;

pub(crate) use native::{JWT, PAYLOAD, source};

use crate::index::RuleIndex;
use crate::matcher::{Known, Matcher, Test, Text};
use crate::mesh_index::MeshIndex;
use crate::plan::Plan;
use crate::policy_set::{Allows, Clause, Label, Policy, Rule, RuleSet};
use crate::text_set::{TextPattern, TextSet};
use crate::truth::Truth;

use landbridge_model::{
    Action, AnyOf, Authorization, IstioAction, IstioAuthorization, Mesh, Mode, Named,
};
use native::{DataClasses, data_classes};
use std::collections::BTreeSet;
use std::sync::Arc;
use trust_domains::TrustDomains;

/// Policies as they are compiled, one after the other.
#[derive(Debug)]
pub(crate) struct Compiler {
    pub(crate) plan: Plan,
    policies: Vec<Compiled>,
    pub(crate) labels: Vec<Label>,
    replaced: BTreeSet<String>,
    data_classes: DataClasses,
    trust_domains: TrustDomains,
}

/// For which requests a policy is there at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    /// For all.
    #[default]
    Always,
    /// For those to one of these services, at a waypoint.
    Services(TextSet),
}

/// One policy, and in which sets it is.
#[derive(Debug)]
struct Compiled {
    name: String,
    action: Action,
    mode: Mode,
    scope: Scope,
    rules: Policy,
}

impl Scope {
    /// Whether a request is one of those; one that may be is.
    pub(crate) fn has(&self, facts: &crate::Facts<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Services(services) => match facts.text(Text::Service) {
                Known::Text(service) => services.matches(service),
                _ => true,
            },
        }
    }

    /// Of services, by the names and the namespace that they have in Kubernetes.
    pub(crate) fn services<'n>(names: impl Iterator<Item = &'n str>, namespace: &str) -> Self {
        let pattern = |name: &str| TextPattern::Prefix(format!("{name}.{namespace}.svc.").into());
        Self::Services(names.map(pattern).collect())
    }

    fn test(&self) -> Option<Test> {
        match self {
            Self::Always => None,
            Self::Services(services) => Some(Test {
                matcher: Matcher::Text(Text::Service, services.clone()),
                negated: false,
                unknown: Truth::Unknown,
            }),
        }
    }
}

impl Compiler {
    pub(crate) fn new(mesh: &Mesh) -> Self {
        let mut plan = Plan::default();
        Self {
            data_classes: data_classes(mesh, &mut plan),
            trust_domains: TrustDomains::new(mesh),
            plan,
            policies: Vec::new(),
            labels: Vec::new(),
            replaced: BTreeSet::new(),
        }
    }

    /// Compiles a valid policy.
    pub(crate) fn add(&mut self, policy: &Named<Authorization>, mesh: &MeshIndex, scope: Scope) {
        let namespace = policy.metadata.namespace();
        let replaced = policy.spec.replaces.iter().flat_map(AnyOf::iter);
        self.replaced
            .extend(replaced.map(|name| name.full_name(namespace)));
        let mut rules = Vec::new();
        let mut names = Vec::new();
        for (i, written) in policy.spec.rules.iter().flat_map(AnyOf::iter).enumerate() {
            rules.push(native::rule(
                written,
                namespace,
                mesh,
                &self.data_classes,
                &mut self.plan,
            ));
            names.push(match &written.name {
                Some(name) => name.as_str().into(),
                None => i.to_string().into_boxed_str(),
            });
        }
        let name = policy.metadata.full_name();
        self.push(
            name,
            policy.spec.action,
            policy.spec.mode,
            scope,
            rules,
            names,
        );
    }

    /// Compiles a valid policy of Istio's.
    pub(crate) fn add_istio(&mut self, policy: &Named<IstioAuthorization>, scope: Scope) {
        let namespace = policy.metadata.namespace();
        let action = match policy.spec.action {
            IstioAction::Allow => Action::Allow,
            IstioAction::Deny => Action::Deny,
            IstioAction::Audit => Action::Audit,
            // Refused before.
            IstioAction::Custom => return,
        };
        let mode = match policy.is_dry_run() {
            true => Mode::Shadow,
            false => Mode::Enforce,
        };
        let mut rules = Vec::new();
        for written in policy.spec.rules() {
            rules.push(istio::rule(
                written,
                namespace,
                &self.trust_domains,
                &mut self.plan,
            ));
        }
        let names = (0..rules.len()).map(|i| i.to_string().into_boxed_str());
        let names = names.collect();
        self.push(
            policy.metadata.full_name(),
            action,
            mode,
            scope,
            rules,
            names,
        );
    }

    fn push(
        &mut self,
        name: String,
        action: Action,
        mode: Mode,
        scope: Scope,
        mut rules: Vec<Rule>,
        names: Vec<Box<str>>,
    ) {
        let id = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        self.plan.service |= scope != Scope::Always;
        for rule in &mut rules {
            rule.when.0.extend(scope.test());
        }
        self.labels.push(Label {
            policy: name.as_str().into(),
            without_rules: (rules.is_empty() && mode != Mode::Shadow).then_some(action),
            rules: names,
        });
        self.policies.push(Compiled {
            name,
            action,
            mode,
            scope,
            rules: Policy {
                id,
                rules: rules.into_iter().map(Arc::new).collect(),
            },
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
        let decides = |p: &&Compiled| p.action != Action::Audit;
        let mut changes = self.policies.iter().filter(decides);
        let changed = changes.any(|p| enforced(&p) != candidate(&p));
        let audit = self.policies.iter().filter(enforced);
        let audit = audit.filter(|p| p.action == Action::Audit);
        (
            self.set(enforced),
            changed.then(|| self.set(candidate)),
            RuleIndex::new(&mut audit.map(|p| &p.rules)),
        )
    }

    fn set(&self, member: impl Fn(&&Compiled) -> bool) -> RuleSet {
        let of = |action: Action| {
            let policies = self.policies.iter().filter(&member);
            policies.filter(move |p| p.action == action)
        };
        RuleSet {
            allows: Allows::new(of(Action::Allow).map(|p| &p.scope)),
            allow: RuleIndex::new(&mut of(Action::Allow).map(|p| &p.rules)),
            deny: RuleIndex::new(&mut of(Action::Deny).map(|p| &p.rules)),
        }
    }
}

/// The test of a list and that of its `not…` twin, where they are there.
fn pair<L>(
    list: Option<L>,
    not: Option<L>,
    unknown: Truth,
    mut matcher: impl FnMut(L) -> Matcher,
) -> impl Iterator<Item = Test> {
    let positive = list.map(|l| Test {
        matcher: matcher(l),
        negated: false,
        unknown,
    });
    let negative = not.map(|l| Test {
        matcher: matcher(l),
        negated: true,
        unknown,
    });
    positive.into_iter().chain(negative)
}

/// A clause of one test.
fn single(matcher: Matcher, unknown: Truth) -> Test {
    Test {
        matcher,
        negated: false,
        unknown,
    }
}

/// A clause that holds where all of these do.
fn all(tests: impl IntoIterator<Item = Test>) -> Clause {
    Clause(tests.into_iter().collect())
}
