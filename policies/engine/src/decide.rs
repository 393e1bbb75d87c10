//! DENY, then ALLOW, then the default; AUDIT beside them.

use crate::Truth;
use crate::caller::Caller;
use crate::decision::{Decision, Reason, Verdict};
use crate::facts::{Facts, Rejection};
use crate::policy_set::{PolicySet, first_match};
use landbridge_model::DefaultAction;

impl PolicySet {
    /// Decides one request.
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        let (verdict, reason, rule) = self.verdict(facts);
        let audited = self
            .audit
            .iter()
            .filter_map(|policy| first_match(std::slice::from_ref(policy), facts, Truth::Yes))
            .map(|(rule, _)| rule)
            .collect();
        Decision {
            verdict,
            reason,
            rule,
            source: facts.caller.cluster(),
            audited,
        }
    }

    fn verdict(&self, facts: &Facts<'_>) -> (Verdict, Reason, Option<crate::RuleRef>) {
        if let Some((rule, truth)) = first_match(&self.deny, facts, Truth::Unknown) {
            let reason = match truth {
                Truth::Yes => Reason::DeniedByRule,
                _ => doubt(facts).unwrap_or(Reason::UnknownAttribute),
            };
            return (Verdict::Deny, reason, Some(rule));
        }
        if let Some((rule, _)) = first_match(&self.allow, facts, Truth::Yes) {
            return (Verdict::Allow, Reason::AllowedByRule, Some(rule));
        }
        let otherwise = match (self.allow.is_empty(), self.settings.default_action) {
            (true, DefaultAction::Allow) => {
                return (Verdict::Allow, Reason::AllowedByDefault, None);
            }
            (true, DefaultAction::Deny) => Reason::DeniedByDefault,
            (false, _) => Reason::NoRuleMatched,
        };
        (Verdict::Deny, doubt(facts).unwrap_or(otherwise), None)
    }

    /// What becomes of a request that is not judged. The caller is named, where that much is
    /// known.
    pub fn reject(&self, rejection: &Rejection, certificate_uri: Option<&[u8]>) -> Decision {
        let uri = certificate_uri.and_then(|uri| std::str::from_utf8(uri).ok());
        let source = Caller::new(uri, &self.mesh).cluster();
        Decision {
            verdict: Verdict::Reject,
            reason: rejection.reason,
            rule: None,
            source,
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
