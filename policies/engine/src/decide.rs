//! DENY, then ALLOW, then the default; AUDIT beside them.

use crate::Truth;
use crate::caller::Caller;
use crate::decision::{Decision, Outcome, Reason, RuleRef, Shadow, Verdict};
use crate::facts::{Facts, RawRequest, Rejection};
use crate::index::RuleIndex;
use crate::policy_set::{PolicySet, RuleSet};
use landbridge_model::DefaultAction;

/// How the first rule that holds at least as surely as asked is found.
type First = fn(&RuleIndex, &Facts<'_>, Truth) -> Option<(RuleRef, Truth)>;

impl PolicySet {
    /// Decides one request.
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        self.decide_with(facts, RuleIndex::first, self.audit.each(facts))
    }

    /// The same, by walking every rule: the oracle that the index is tested against.
    #[cfg(feature = "oracle")]
    pub fn decide_by_walking(&self, facts: &Facts<'_>) -> Decision {
        self.decide_with(facts, RuleIndex::walk_first, self.audit.walk_each(facts))
    }

    fn decide_with(&self, facts: &Facts<'_>, first: First, audited: Vec<RuleRef>) -> Decision {
        let (verdict, reason, rule) = self.verdict(&self.enforced, facts, first);
        let shadow = self.candidate.as_ref().map(|candidate| {
            let (would, reason, rule) = self.verdict(candidate, facts, first);
            let outcome = match (verdict, would) {
                (Verdict::Allow, Verdict::Deny) => Outcome::WouldDeny,
                (Verdict::Deny, Verdict::Allow) => Outcome::WouldAllow,
                _ => Outcome::Same,
            };
            Shadow {
                outcome,
                reason,
                rule,
            }
        });
        Decision {
            verdict,
            reason,
            rule,
            source: facts.caller.cluster(),
            shadow,
            audited,
        }
    }

    fn verdict(
        &self,
        set: &RuleSet,
        facts: &Facts<'_>,
        first: First,
    ) -> (Verdict, Reason, Option<RuleRef>) {
        if let Some((rule, truth)) = first(&set.deny, facts, Truth::Unknown) {
            let reason = match truth {
                Truth::Yes => Reason::DeniedByRule,
                _ => doubt(facts).unwrap_or(Reason::UnknownAttribute),
            };
            return (Verdict::Deny, reason, Some(rule));
        }
        if let Some((rule, _)) = first(&set.allow, facts, Truth::Yes) {
            return (Verdict::Allow, Reason::AllowedByRule, Some(rule));
        }
        let otherwise = match (set.allows.any(facts), self.settings.default_action) {
            (false, DefaultAction::Allow) => {
                return (Verdict::Allow, Reason::AllowedByDefault, None);
            }
            (false, DefaultAction::Deny) => Reason::DeniedByDefault,
            (true, _) => Reason::NoRuleMatched,
        };
        (Verdict::Deny, doubt(facts).unwrap_or(otherwise), None)
    }

    /// What becomes of a request that is not judged. The caller is named, where that much is
    /// known.
    pub fn reject(&self, rejection: &Rejection, raw: &RawRequest<'_>) -> Decision {
        let verdict = match rejection.reason {
            // The proxy's fault, not the caller's.
            Reason::EvaluationError => Verdict::Deny,
            _ => Verdict::Reject,
        };
        Decision {
            verdict,
            reason: rejection.reason,
            rule: None,
            shadow: None,
            source: raw.caller(self).cluster(),
            audited: Vec::new(),
        }
    }
}

/// What is not known of the caller: more use to whoever asks why than that nothing matched.
fn doubt(facts: &Facts<'_>) -> Option<Reason> {
    match facts.caller {
        Caller::Unauthenticated => Some(Reason::UnauthenticatedSource),
        Caller::Authenticated { cluster: None, .. } => Some(Reason::UnknownCluster),
        Caller::Authenticated {
            cluster: Some(_), ..
        } => None,
    }
}
