//! What a decision looks like from outside: its metric, its line in the access log, its header.

use hashbrown::HashMap;
use landbridge_engine::{ClusterId, Decision, PolicySet, Reason, RuleRef, Shadow, Verdict};
use landbridge_host::{Host, MetricId, MetricKind};
use std::cell::RefCell;
use std::rc::Rc;

/// How many distinct decisions a worker keeps, and so how many series one metric can have. Past
/// it, decisions are counted without their policy and rule.
const MOST_KEPT: usize = 10_000;

/// All that tells one decision from another, as far as reports go.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    verdict: Verdict,
    reason: Reason,
    rule: Option<RuleRef>,
    source: Option<ClusterId>,
    shadow: Option<Shadow>,
}

/// One decision's reports.
#[derive(Clone)]
pub(crate) struct Report {
    counter: Option<MetricId>,
    shadow_counter: Option<MetricId>,
    /// The access log's value.
    pub(crate) json: Rc<str>,
    /// The value of `x-landbridge-decision`.
    pub(crate) explanation: Rc<str>,
}

/// A rule that marked a request, and where that came from.
type Mark = (RuleRef, Option<ClusterId>);

/// Reports by decision.
#[derive(Default)]
pub(crate) struct Reports {
    kept: RefCell<HashMap<Key, Report>>,
    audits: RefCell<HashMap<Mark, Option<MetricId>>>,
}

impl Reports {
    /// The report of a decision, counted.
    pub(crate) fn count(&self, host: &dyn Host, set: &PolicySet, decision: &Decision) -> Report {
        let mut report = self.report(host, set, decision);
        increment(host, report.counter);
        increment(host, report.shadow_counter);
        if !decision.audited.is_empty() {
            report.json = set.to_json(decision).into();
            for rule in &decision.audited {
                self.count_audit(host, set, *rule, decision.source);
            }
        }
        report
    }

    fn report(&self, host: &dyn Host, set: &PolicySet, decision: &Decision) -> Report {
        let mut key = Key {
            verdict: decision.verdict,
            reason: decision.reason,
            rule: decision.rule,
            source: decision.source,
            shadow: decision.shadow,
        };
        let mut kept = self.kept.borrow_mut();
        if let Some(report) = kept.get(&key) {
            return report.clone();
        }
        if kept.len() >= MOST_KEPT {
            key.rule = None;
            key.shadow = None;
            if let Some(report) = kept.get(&key) {
                return report.clone();
            }
        }
        let plain = Decision {
            rule: key.rule,
            shadow: key.shadow,
            audited: Vec::new(),
            ..decision.clone()
        };
        let report = Report {
            counter: host
                .metric(MetricKind::Counter, &requests_metric(set, &plain))
                .ok(),
            shadow_counter: key.shadow.and_then(|shadow| {
                let name = shadow_metric(set, &plain, &shadow);
                host.metric(MetricKind::Counter, &name).ok()
            }),
            json: set.to_json(&plain).into(),
            explanation: explanation(set, &plain).into(),
        };
        kept.insert(key, report.clone());
        report
    }

    fn count_audit(
        &self,
        host: &dyn Host,
        set: &PolicySet,
        rule: RuleRef,
        source: Option<ClusterId>,
    ) {
        let mut audits = self.audits.borrow_mut();
        let full = audits.len() >= MOST_KEPT;
        let metric = match audits.get(&(rule, source)) {
            Some(metric) => *metric,
            None if full => None,
            None => {
                let (policy, rule_name) = (set.policy_name(rule), set.rule_name(rule));
                let source_name = set.source_name(source);
                let name = format!(
                    "landbridge.authz.policy=.={policy};.;rule=.={rule_name};.;source_cluster=.={source_name};.;audited_total"
                );
                let metric = host.metric(MetricKind::Counter, &name).ok();
                audits.insert((rule, source), metric);
                metric
            }
        };
        increment(host, metric);
    }
}

fn increment(host: &dyn Host, metric: Option<MetricId>) {
    if let Some(metric) = metric {
        // What cannot be counted is still decided.
        let _ = host.add(metric, 1);
    }
}

/// The policy and the rule that decided; `none`, which no policy can be called, where none did.
fn names<'a>(set: &'a PolicySet, decision: &Decision) -> (&'a str, &'a str) {
    match decision.rule {
        Some(rule) => (set.policy_name(rule), set.rule_name(rule)),
        None => ("none", "none"),
    }
}

/// The tags are read out of the name by `stats_tags` in the proxy's bootstrap.
fn requests_metric(set: &PolicySet, decision: &Decision) -> String {
    let (policy, rule) = names(set, decision);
    format!(
        "landbridge.authz.policy=.={policy};.;rule=.={rule};.;decision=.={};.;reason=.={};.;source_cluster=.={};.;requests_total",
        decision.verdict.as_str(),
        decision.reason.as_str(),
        set.source_name(decision.source),
    )
}

/// By the policy that would decide otherwise: that of the candidate set, or where none of its
/// rules does, that of the enforced one.
fn shadow_metric(set: &PolicySet, decision: &Decision, shadow: &Shadow) -> String {
    let rule = shadow.rule.or(decision.rule);
    let (policy, rule) = rule.map_or(("none", "none"), |r| (set.policy_name(r), set.rule_name(r)));
    format!(
        "landbridge.authz.policy=.={policy};.;rule=.={rule};.;outcome=.={};.;source_cluster=.={};.;shadow_total",
        shadow.outcome.as_str(),
        set.source_name(decision.source),
    )
}

fn explanation(set: &PolicySet, decision: &Decision) -> String {
    let mut out = format!(
        "filter=authz, verdict={}, reason={}, source_cluster=\"{}\"",
        decision.verdict.as_str(),
        decision.reason.as_str(),
        set.source_name(decision.source),
    );
    if decision.rule.is_some() {
        let (policy, rule) = names(set, decision);
        out.push_str(&format!(", policy=\"{policy}\", rule=\"{rule}\""));
    }
    if let Some(shadow) = &decision.shadow {
        out.push_str(&format!(", shadow={}", shadow.outcome.as_str()));
        if let Some(rule) = shadow.rule {
            let (policy, rule) = (set.policy_name(rule), set.rule_name(rule));
            out.push_str(&format!(
                ", shadow_policy=\"{policy}\", shadow_rule=\"{rule}\""
            ));
        }
    }
    out
}
