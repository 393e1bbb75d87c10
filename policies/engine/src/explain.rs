//! Why each policy that applies did or did not decide, and what came nearest.
//!
//! For people who ask, not for requests: every rule is walked and every match of it is looked at.
//! Deciding pays nothing for it.

use crate::Truth;
use crate::decision::RuleRef;
use crate::facts::Facts;
use crate::index::RuleIndex;
use crate::matcher::{Alternatives, End, Field, Known, Matcher, Test, Text};
use crate::mesh_index::Where;
use crate::policy_set::{Clause, PolicySet, Rule};
use landbridge_model::{IpNet, Timestamp};
use std::fmt;
use std::time::Duration;

/// The most values of a list that are told.
const MOST_VALUES: usize = 5;

/// What one policy made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The policy, as `namespace/name`.
    pub policy: String,
    /// Its action, as documents write it.
    pub action: &'static str,
    /// What its rules made of it.
    pub finding: Finding,
}

/// What the rules of a policy made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// This rule matched.
    Matched(String),
    /// This rule could not be ruled out.
    NotRuledOut(Miss),
    /// None matched; this one came nearest.
    Missed(Miss),
    /// It has no rules.
    NoRules,
}

/// A rule, and what of it did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The name of the rule.
    pub rule: String,
    /// What did not hold, or is not known to.
    pub failures: Vec<Failure>,
}

/// One field of a rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The field, as documents write it.
    pub field: String,
    /// What the request has: empty where it is not there, `None` where that is not known.
    pub got: Option<String>,
    /// What the rule wants.
    pub wants: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.got {
            Some(got) if got.is_empty() => {
                write!(f, "`{}`: not there, wants {}", self.field, self.wants)
            }
            Some(got) => write!(f, "`{}`: got `{got}`, wants {}", self.field, self.wants),
            None => write!(f, "`{}`: not known, wants {}", self.field, self.wants),
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "all of rule `{}` held but ", self.rule)?;
        for (i, failure) in self.failures.iter().enumerate() {
            if i > 0 {
                f.write_str("; and ")?;
            }
            write!(f, "{failure}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.action, self.policy)?;
        match &self.finding {
            Finding::Matched(rule) => write!(f, "rule `{rule}` matched"),
            Finding::NotRuledOut(miss) => write!(f, "not ruled out: {miss}"),
            Finding::Missed(miss) => write!(f, "{miss}"),
            Finding::NoRules => f.write_str("it has no rules"),
        }
    }
}

impl PolicySet {
    /// What each policy that is in force here made of a request, in the order in which actions
    /// decide.
    pub fn explain(&self, facts: &Facts<'_>) -> Vec<Account> {
        let sets = [
            ("DENY", &self.enforced.deny),
            ("ALLOW", &self.enforced.allow),
            ("AUDIT", &self.audit),
        ];
        let mut accounts = Vec::new();
        for (action, index) in sets {
            let mut rules = index.rules().peekable();
            while let Some((place, _)) = rules.peek() {
                let policy = place.policy;
                let mut own = Vec::new();
                while let Some(rule) = rules.next_if(|(place, _)| place.policy == policy) {
                    own.push(rule);
                }
                accounts.extend(self.account(action, &own, facts));
            }
        }
        for label in &self.labels {
            accounts.extend(label.without_rules.map(|action| Account {
                policy: label.policy.to_string(),
                action: action.as_str(),
                finding: Finding::NoRules,
            }));
        }
        accounts
    }

    fn account(
        &self,
        action: &'static str,
        rules: &[(RuleRef, &Rule)],
        facts: &Facts<'_>,
    ) -> Option<Account> {
        let (first, _) = rules.first()?;
        let of = |truth: Truth| rules.iter().find(|(_, rule)| rule.holds(facts) == truth);
        let miss = |(place, rule): &(RuleRef, &Rule)| Miss {
            rule: self.rule_name(*place).to_owned(),
            failures: self.failures(rule, facts),
        };
        let finding = match (of(Truth::Yes), of(Truth::Unknown)) {
            (Some((place, _)), _) => Finding::Matched(self.rule_name(*place).to_owned()),
            (None, Some(rule)) if action == "DENY" => Finding::NotRuledOut(miss(rule)),
            _ => rules
                .iter()
                .map(miss)
                .min_by_key(|miss| miss.failures.len())
                .map(Finding::Missed)?,
        };
        Some(Account {
            policy: self.policy_name(*first).to_owned(),
            action,
            finding,
        })
    }

    /// What of a rule does not hold; of several sources or operations, that which came nearest.
    fn failures(&self, rule: &Rule, facts: &Facts<'_>) -> Vec<Failure> {
        let nearest = |clauses: &[Clause]| {
            let failing = clauses.iter().map(|clause| self.failing(clause, facts));
            failing.min_by_key(Vec::len).unwrap_or_default()
        };
        let mut failures = nearest(&rule.from);
        failures.extend(nearest(&rule.to));
        failures.extend(self.failing(&rule.when, facts));
        failures
    }

    fn failing(&self, clause: &Clause, facts: &Facts<'_>) -> Vec<Failure> {
        let failing = clause
            .0
            .iter()
            .filter(|test| test.holds(facts) != Truth::Yes);
        failing.map(|test| self.failure(test, facts)).collect()
    }

    fn failure(&self, test: &Test, facts: &Facts<'_>) -> Failure {
        let (field, got, wants) = match &test.matcher {
            Matcher::Clusters(by, set) => (
                match by {
                    Where::Cluster => "clusters",
                    Where::Region => "regions",
                    Where::Jurisdiction => "jurisdictions",
                    Where::Network => "networks",
                }
                .to_owned(),
                facts
                    .caller
                    .cluster()
                    .and_then(|id| self.mesh.place_name(id, *by)),
                self.mesh.place_names(set, *by),
            ),
            Matcher::Ports(ports) => (
                "ports".to_owned(),
                facts.port.map(|port| port.to_string()),
                ports.iter().map(u16::to_string).collect(),
            ),
            Matcher::Text(text, set) => (
                self.field(*text),
                match facts.text(*text) {
                    Known::Text(value) | Known::Perhaps(value) => Some(shown(*text, value)),
                    Known::Several(values) => Some(values.iter().collect::<Vec<_>>().join(", ")),
                    Known::Absent => Some(String::new()),
                    Known::Not => None,
                },
                set.to_patterns()
                    .map(|pattern| shown(*text, &pattern))
                    .collect(),
            ),
            Matcher::Addresses(side, blocks) => (
                match side.0 {
                    End::Source => "ipBlocks",
                    End::Remote => "remoteIpBlocks",
                    End::Destination => "destination.ip",
                }
                .to_owned(),
                facts.address(*side).map(|address| address.to_string()),
                blocks.iter().map(IpNet::to_string).collect(),
            ),
            Matcher::Any(what, clauses, told) => (
                match what {
                    Alternatives::RequestPrincipals => "requestPrincipals",
                    Alternatives::DataClasses => "dataClasses",
                    Alternatives::Metadata => "metadata",
                }
                .to_owned(),
                match what {
                    Alternatives::RequestPrincipals => principal(clauses, facts),
                    _ => match Truth::any(clauses.iter().map(|clause| clause.holds(facts))) {
                        Truth::Unknown => None,
                        Truth::No => Some("none of these".to_owned()),
                        Truth::Yes => Some("one of these".to_owned()),
                    },
                },
                vec![told.trim_matches('`').to_owned()],
            ),
            Matcher::Time(from, until) => (
                "validity".to_owned(),
                facts.now.map(|now| moment(&now)),
                [from, until]
                    .into_iter()
                    .zip(["notBefore", "notAfter"])
                    .filter_map(|(t, name)| Some(format!("{name}: {}", moment(t.as_ref()?))))
                    .collect(),
            ),
        };
        let field = match (test.negated, &test.matcher) {
            (false, _) => field,
            (true, _) if field.contains('.') => format!("{field} notValues"),
            (true, _) => {
                let (first, rest) = field.split_at_checked(1).unwrap_or(("", &field));
                format!("not{}{rest}", first.to_ascii_uppercase())
            }
        };
        Failure {
            field,
            got,
            wants: list(&wants, test.negated),
        }
    }

    fn field(&self, text: Text) -> String {
        match text {
            Text::Principal | Text::PeerUri(Field::Principals) => "principals".to_owned(),
            Text::TrustDomain | Text::PeerTrustDomain => "trustDomains".to_owned(),
            Text::PeerNamespace => "namespaces".to_owned(),
            Text::Authority => "hosts".to_owned(),
            Text::Grpc => "grpcServices".to_owned(),
            Text::Sni => "connection.sni".to_owned(),
            Text::Service => "targetRefs".to_owned(),
            Text::Kept(slot, _) => match self.plan.metadata.get(usize::from(slot)) {
                Some(path) => match path.keys.split_first() {
                    Some((payload, claim)) if !claim.is_empty() && **payload == *"payload" => {
                        format!("request.auth.claims[{}]", claim.join("]["))
                    }
                    _ => format!("experimental.{}[{}]", path.filter, path.keys.join("][")),
                },
                None => "metadata".to_owned(),
            },
            Text::Namespace | Text::PeerUri(Field::Namespaces) => "namespaces".to_owned(),
            Text::Account | Text::PeerUri(Field::ServiceAccounts) => "serviceAccounts".to_owned(),
            Text::Host => "hosts".to_owned(),
            Text::Method => "methods".to_owned(),
            Text::Path => "paths".to_owned(),
            Text::Header(slot) => {
                let name = self.plan.headers.get(usize::from(slot));
                format!("request.headers[{}]", name.map_or("", |name| name))
            }
        }
    }
}

/// The issuer and subject that a request has, told by the texts that the first of these looks at.
fn principal(clauses: &[Clause], facts: &Facts<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for test in clauses.first().iter().flat_map(|clause| &clause.0) {
        let Matcher::Text(text, _) = &test.matcher else {
            continue;
        };
        match facts.text(*text) {
            Known::Text(value) | Known::Perhaps(value) => parts.push(value),
            Known::Absent | Known::Several(_) => return Some(String::new()),
            Known::Not => return None,
        }
    }
    Some(parts.join("/"))
}

fn moment(since: &Duration) -> String {
    Timestamp(*since).to_string()
}

/// A service account as documents write it.
fn shown(text: Text, value: &str) -> String {
    match text {
        Text::Account => value.replacen("/sa/", "/", 1),
        _ => value.to_owned(),
    }
}

fn list(values: &[String], negated: bool) -> String {
    let told: Vec<String> = values
        .iter()
        .take(MOST_VALUES)
        .map(|v| format!("`{v}`"))
        .collect();
    let more = values.len().saturating_sub(told.len());
    let mut list = told.join(if negated { " and " } else { " or " });
    if more > 0 {
        list.push_str(&format!(" or {more} more"));
    }
    if negated {
        format!("anything but {list}")
    } else {
        list
    }
}

impl RuleIndex {
    /// All rules in their order.
    fn rules(&self) -> impl Iterator<Item = (RuleRef, &Rule)> {
        self.all().iter().map(|(place, rule)| (*place, &**rule))
    }
}
