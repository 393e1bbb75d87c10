//! From documents to rules: names become numbers, patterns become sets.

mod istio;
mod native;
mod trust_domains;

pub(crate) use native::{
    DataClasses, JWT, PAYLOAD, data_class, data_classes, path_pattern, rule, source,
};

use crate::index::RuleIndex;
use crate::matcher::{Known, Matcher, Test, Text};
use crate::mesh_index::MeshIndex;
use crate::plan::{Plan, Share};
use crate::policy_set::{Allows, Clause, Label, Policy, Rule, RuleSet};
use crate::text_set::{TextPattern, TextSet};
use crate::truth::Truth;

use landbridge_model::{
    Action, AnyOf, Authorization, ConditionValues, IstioAction, IstioAuthorization, ListOf, Mesh,
    Mode, Named,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use trust_domains::TrustDomains;

/// Policies as they are compiled, one after the other.
#[derive(Debug)]
pub(crate) struct Compiler {
    pub(crate) plan: Plan,
    members: Vec<Member>,
    pub(crate) labels: Vec<Arc<Label>>,
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

/// One policy, compiled by itself. It can be part of more than one configuration.
#[derive(Debug)]
pub(crate) struct Part {
    action: Action,
    mode: Mode,
    scope: Scope,
    label: Arc<Label>,
    rules: Vec<Arc<Rule>>,
    replaces: Vec<String>,
    share: Share,
}

/// One policy of this configuration.
#[derive(Debug)]
struct Member {
    part: Arc<Part>,
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
            members: Vec::new(),
            labels: Vec::new(),
            replaced: BTreeSet::new(),
        }
    }

    /// Compiles a valid policy.
    pub(crate) fn compile(
        &mut self,
        policy: &Named<Authorization>,
        mesh: &MeshIndex,
        scope: Scope,
    ) -> Part {
        let namespace = policy.metadata.namespace();
        let written = || policy.spec.rules.iter().flat_map(AnyOf::iter);
        let classes = &self.data_classes;
        let (rules, share) = self.plan.share(|plan| {
            plan.needs.service = scope != Scope::Always;
            let rules = written().map(|rule| native::rule(rule, namespace, mesh, classes, plan));
            rules.collect()
        });
        let replaced = policy.spec.replaces.iter().flat_map(AnyOf::iter);
        let name = |(i, rule): (usize, &landbridge_model::Rule)| match &rule.name {
            Some(name) => name.as_str().into(),
            None => i.to_string().into_boxed_str(),
        };
        Part {
            replaces: replaced.map(|name| name.full_name(namespace)).collect(),
            share,
            ..Part::new(
                policy.metadata.full_name(),
                policy.spec.action,
                policy.spec.mode,
                scope,
                rules,
                written().enumerate().map(name).collect(),
            )
        }
    }

    /// Compiles a valid policy of Istio's.
    pub(crate) fn compile_istio(
        &mut self,
        policy: &Named<IstioAuthorization>,
        scope: Scope,
    ) -> Option<Part> {
        let namespace = policy.metadata.namespace();
        let action = match policy.spec.action {
            IstioAction::Allow => Action::Allow,
            IstioAction::Deny => Action::Deny,
            IstioAction::Audit => Action::Audit,
            // Refused before.
            IstioAction::Custom => return None,
        };
        let mode = match policy.is_dry_run() {
            true => Mode::Shadow,
            false => Mode::Enforce,
        };
        let domains = &self.trust_domains;
        let (rules, share): (Vec<Rule>, Share) = self.plan.share(|plan| {
            plan.needs.service = scope != Scope::Always;
            let rules = policy.spec.rules();
            rules
                .map(|rule| istio::rule(rule, namespace, domains, plan))
                .collect()
        });
        let names = (0..rules.len()).map(|i| i.to_string().into_boxed_str());
        let names = names.collect();
        let name = policy.metadata.full_name();
        Some(Part {
            share,
            ..Part::new(name, action, mode, scope, rules, names)
        })
    }

    /// Takes in a policy that was compiled for another configuration; `false`, where it has to be
    /// compiled anew for this one.
    pub(crate) fn take_in(&mut self, part: &Arc<Part>) -> bool {
        let same = self.plan.take_in(&part.share);
        if same {
            self.push(Arc::clone(part));
        }
        same
    }

    /// Adds a policy that was compiled for this configuration.
    pub(crate) fn push(&mut self, part: Arc<Part>) {
        let id = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        self.labels.push(Arc::clone(&part.label));
        self.replaced.extend(part.replaces.iter().cloned());
        let rules = part.rules.clone();
        self.members.push(Member {
            part,
            rules: Policy { id, rules },
        });
    }

    /// The policies in force; those that would be, where shadow changes would make a difference;
    /// and those that mark.
    pub(crate) fn sets(&self) -> (RuleSet, Option<RuleSet>, RuleIndex) {
        let enforced = |p: &Part| p.mode != Mode::Shadow;
        let candidate = |p: &Part| match p.mode {
            Mode::Enforce => !self.replaced.contains(&*p.label.policy),
            Mode::Shadow => true,
            Mode::Retire => false,
        };
        let decides = |p: &Part| p.action != Action::Audit;
        let mut parts = self.members.iter().map(|member| &*member.part);
        let changed = parts.any(|p| decides(p) && enforced(p) != candidate(p));
        (
            self.set(&enforced),
            changed.then(|| self.set(&candidate)),
            RuleIndex::new(&mut self.of(Action::Audit, &enforced).map(|m| &m.rules)),
        )
    }

    fn of<'c>(
        &'c self,
        action: Action,
        member: &dyn Fn(&Part) -> bool,
    ) -> impl Iterator<Item = &'c Member> {
        let members = self.members.iter();
        members.filter(move |m| m.part.action == action && member(&m.part))
    }

    fn set(&self, member: &dyn Fn(&Part) -> bool) -> RuleSet {
        let of = |action: Action| self.of(action, member);
        RuleSet {
            allows: Allows::new(of(Action::Allow).map(|m| &m.part.scope)),
            allow: RuleIndex::new(&mut of(Action::Allow).map(|m| &m.rules)),
            deny: RuleIndex::new(&mut of(Action::Deny).map(|m| &m.rules)),
        }
    }
}

impl Part {
    fn new(
        name: String,
        action: Action,
        mode: Mode,
        scope: Scope,
        mut rules: Vec<Rule>,
        names: Vec<Box<str>>,
    ) -> Self {
        for rule in &mut rules {
            rule.when.0.extend(scope.test());
        }
        Self {
            label: Arc::new(Label {
                policy: name.into(),
                without_rules: (rules.is_empty() && mode != Mode::Shadow).then_some(action),
                rules: names,
            }),
            action,
            mode,
            scope,
            rules: rules.into_iter().map(Arc::new).collect(),
            replaces: Vec::new(),
            share: Share::default(),
        }
    }
}

/// Tests as they come together: of each list and of its `not…` twin, where they are there.
struct Tests {
    all: Vec<Test>,
    /// What a test is where what it asks for cannot be known.
    unknown: Truth,
}

/// What a list of a document is.
trait List {
    /// Whether it asks for anything.
    fn is_there(&self) -> bool;
}

impl<T> List for AnyOf<T> {
    fn is_there(&self) -> bool {
        true
    }
}

impl<T> List for ListOf<T> {
    fn is_there(&self) -> bool {
        !self.is_empty()
    }
}

impl List for ConditionValues {
    fn is_there(&self) -> bool {
        true
    }
}

impl Tests {
    fn new(unknown: Truth) -> Self {
        Self {
            all: Vec::new(),
            unknown,
        }
    }

    fn add<L: List>(
        &mut self,
        [list, not]: [&Option<L>; 2],
        mut matcher: impl FnMut(&L) -> Matcher,
    ) {
        for (list, negated) in [(list, false), (not, true)] {
            let list = list.as_ref().filter(|list| list.is_there());
            self.all.extend(list.map(|list| Test {
                matcher: matcher(list),
                negated,
                unknown: self.unknown,
            }));
        }
    }
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
