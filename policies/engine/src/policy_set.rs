//! Compiled policies: after [`crate::load`] no invalid state can be written.

use crate::Truth;
use crate::compile::Scope;
use crate::decision::{Decision, RuleRef};
use crate::facts::Facts;
use crate::index::RuleIndex;
use crate::matcher::Test;
use crate::mesh_index::{ClusterId, MeshIndex};
use crate::plan::Plan;
use landbridge_model::{Action, DefaultAction, Explain, PathNormalization, PeerIdentity};
use std::sync::Arc;

/// How the filter behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What becomes of a request where no ALLOW policy applies.
    pub default_action: DefaultAction,
    /// How paths are normalised.
    pub path_normalization: PathNormalization,
    /// Where the caller's SPIFFE ID comes from.
    pub peer_identity: PeerIdentity,
    /// Who is told why.
    pub explain: Explain,
    /// How many denials a worker logs a second.
    pub denial_logs_per_second: u32,
}

/// All that must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clause(pub(crate) Vec<Test>);

impl Clause {
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> Truth {
        Truth::all(self.0.iter().map(|test| test.holds(facts)))
    }
}

/// One rule. An empty `from` or `to` is any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    pub(crate) from: Vec<Clause>,
    pub(crate) to: Vec<Clause>,
    pub(crate) when: Clause,
}

impl Rule {
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> Truth {
        let any = |clauses: &[Clause]| match clauses {
            [] => Truth::Yes,
            clauses => Truth::any(clauses.iter().map(|clause| clause.holds(facts))),
        };
        // In the order of what it costs to be wrong: most requests fail on who calls.
        match any(&self.from) {
            Truth::No => Truth::No,
            from => from.min(any(&self.to)).min(self.when.holds(facts)),
        }
    }
}

/// The rules of one policy.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) id: u32,
    pub(crate) rules: Vec<Arc<Rule>>,
}

/// Policies that decide together.
#[derive(Debug, Default)]
pub(crate) struct RuleSet {
    pub(crate) allow: RuleIndex,
    pub(crate) allows: Allows,
    pub(crate) deny: RuleIndex,
}

/// For which requests there is an ALLOW policy, even one without rules.
#[derive(Debug, Default)]
pub(crate) struct Allows(Vec<Scope>);

impl Allows {
    pub(crate) fn new<'s>(scopes: impl Iterator<Item = &'s Scope>) -> Self {
        let mut all = Vec::new();
        for scope in scopes {
            if *scope == Scope::Always {
                return Self(vec![Scope::Always]);
            }
            all.push(scope.clone());
        }
        Self(all)
    }

    pub(crate) fn any(&self, facts: &Facts<'_>) -> bool {
        self.0.iter().any(|scope| scope.has(facts))
    }
}

/// What a policy and its rules are called.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) policy: Box<str>,
    pub(crate) rules: Vec<Box<str>>,
    /// Its action, where it is in force and has no rules.
    pub(crate) without_rules: Option<Action>,
}

/// Compiled policies, and what they need.
#[derive(Debug)]
pub struct PolicySet {
    pub(crate) mesh: MeshIndex,
    pub(crate) settings: Settings,
    pub(crate) plan: Plan,
    pub(crate) enforced: RuleSet,
    /// What would be enforced, where shadow changes make a difference.
    pub(crate) candidate: Option<RuleSet>,
    pub(crate) audit: RuleIndex,
    pub(crate) labels: Vec<Arc<Label>>,
    pub(crate) trusted: Vec<Clause>,
    pub(crate) gateways: Vec<Clause>,
}

impl PolicySet {
    /// The mesh.
    pub fn mesh(&self) -> &MeshIndex {
        &self.mesh
    }

    /// How the filter behaves.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What a request is asked for.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many policies are in force here.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The policy of a rule, as `namespace/name`.
    pub fn policy_name(&self, rule: RuleRef) -> &str {
        self.label(rule).map_or("", |label| &*label.policy)
    }

    /// The name of a rule, or its index where it has none.
    pub fn rule_name(&self, rule: RuleRef) -> &str {
        let index = usize::try_from(rule.rule).ok();
        let name = self
            .label(rule)
            .zip(index)
            .and_then(|(label, i)| label.rules.get(i));
        name.map_or("", |name| &**name)
    }

    fn label(&self, rule: RuleRef) -> Option<&Label> {
        let label = self.labels.get(usize::try_from(rule.policy).ok()?)?;
        Some(&**label)
    }

    /// The name of the caller's cluster; `unknown` where it is not known.
    pub fn source_name(&self, source: Option<ClusterId>) -> &str {
        source.map_or("unknown", |id| self.mesh.name(id))
    }

    /// Whether anyone is trusted, so that it matters who calls.
    pub fn trusts_anyone(&self) -> bool {
        !self.trusted.is_empty()
    }

    /// Whether the caller may be told why.
    pub fn trusts(&self, facts: &Facts<'_>) -> bool {
        any_holds(&self.trusted, facts)
    }

    /// Whether whoever made the connection, which may be a gateway, may set `x-landbridge-*`
    /// headers.
    pub fn trusts_peer(&self, facts: &Facts<'_>) -> bool {
        match facts.of_peer() {
            None => self.trusts(facts),
            Some(facts) => self.trusts(&facts),
        }
    }

    /// Whether the caller is a gateway that is believed about its own callers.
    pub(crate) fn is_gateway(&self, facts: &Facts<'_>) -> bool {
        any_holds(&self.gateways, facts)
    }

    /// A decision as one line of JSON: the access log's value.
    pub fn to_json(&self, decision: &Decision) -> String {
        let mut out = format!(
            "{{\"filter\":\"authz\",\"verdict\":\"{}\",\"reason\":\"{}\",\"source_cluster\":\"{}\"",
            decision.verdict.as_str(),
            decision.reason.as_str(),
            self.source_name(decision.source),
        );
        // Names are letters, digits, `-`, `_`, `.` and `/`: none needs escaping.
        if let Some(rule) = decision.rule {
            let (policy, rule) = (self.policy_name(rule), self.rule_name(rule));
            out.push_str(&format!(",\"policy\":\"{policy}\",\"rule\":\"{rule}\""));
        }
        if let Some(shadow) = &decision.shadow {
            out.push_str(&format!(
                ",\"shadow\":{{\"outcome\":\"{}\",\"reason\":\"{}\"",
                shadow.outcome.as_str(),
                shadow.reason.as_str(),
            ));
            if let Some(rule) = shadow.rule {
                let (policy, rule) = (self.policy_name(rule), self.rule_name(rule));
                out.push_str(&format!(",\"policy\":\"{policy}\",\"rule\":\"{rule}\""));
            }
            out.push('}');
        }
        if !decision.audited.is_empty() {
            let audited: Vec<String> = decision
                .audited
                .iter()
                .map(|r| format!("\"{}:{}\"", self.policy_name(*r), self.rule_name(*r)))
                .collect();
            out.push_str(&format!(",\"audited\":[{}]", audited.join(",")));
        }
        out.push('}');
        out
    }
}

fn any_holds(clauses: &[Clause], facts: &Facts<'_>) -> bool {
    clauses
        .iter()
        .any(|clause| clause.holds(facts) == Truth::Yes)
}
