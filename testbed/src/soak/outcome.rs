//! What an Envoy made of a request: not the status alone, but whether a rule denied it or none
//! allowed it, whether a policy that marks marked it, and what would become of it if dry runs were
//! in force.
//!
//! RBAC does not say the last. Its dry runs are judged filter by filter, each beside what that
//! filter enforces, and what all of it comes to together is put together here.

use std::fmt;

use serde_json::{Value, json};

use crate::rbac::Filters;
use crate::wire::Answer;

/// The response header that says under which policies an answer was given.
pub(super) const MARK: &str = "x-mark";
const DETAILS: &str = "x-details";
const MARKED: &str = "x-marked";
const DRY_DENY: &str = "x-dry-deny";
const DRY_ALLOW: &str = "x-dry-allow";
const DECISION: &str = "x-decision";

/// The type of the filter that puts those headers into every answer.
pub(super) const HEADERS_TYPE: &str =
    "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";

/// That filter, with this mark.
pub(super) fn headers(mark: u64) -> Value {
    let header = |(name, value): (&str, String)| {
        json!({"append": {
            "header": {"key": name, "value": value},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }})
    };
    let dry = |what| {
        let id = format!("istio_dry_run_{what}_shadow_effective_policy_id");
        format!("%DYNAMIC_METADATA(envoy.filters.http.rbac:{id})%")
    };
    let headers = [
        (MARK, mark.to_string()),
        (DETAILS, "%RESPONSE_CODE_DETAILS%".to_owned()),
        (
            MARKED,
            "%DYNAMIC_METADATA(envoy.common:access_log_hint)%".to_owned(),
        ),
        (DRY_DENY, dry("deny")),
        (DRY_ALLOW, dry("allow")),
        (
            DECISION,
            "%FILTER_STATE(wasm.landbridge_decision:PLAIN)%".to_owned(),
        ),
    ];
    json!({
        "@type": format!("type.googleapis.com/{HEADERS_TYPE}"),
        "mutations": {"response_mutations": headers.map(header)},
    })
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// A rule denies it.
    Denied,
    /// Rules allow, but not this.
    NotAllowed,
    /// It was answered, but not with a verdict.
    Other(u16),
}

/// What an Envoy made of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    /// Whether a policy that marks applies.
    marked: bool,
    /// Whether it would be allowed if dry runs were in force.
    would: bool,
    /// What the Envoy itself says of it.
    told: String,
}

impl Outcome {
    pub(super) fn agrees(&self, other: &Self) -> bool {
        !matches!(self.verdict, Verdict::Other(_))
            && self.verdict == other.verdict
            && self.marked == other.marked
            && self.would == other.would
    }

    /// From the Envoy with these RBAC filters.
    pub(super) fn of_rbac(answer: &Answer, filters: &Filters) -> Self {
        let told = answer.header(DETAILS).unwrap_or_default();
        let verdict = match answer.status {
            200 => Verdict::Allowed,
            403 if told == "rbac_access_denied_matched_policy[none]" => Verdict::NotAllowed,
            403 if told.starts_with("rbac_access_denied_matched_policy[") => Verdict::Denied,
            other => Verdict::Other(other),
        };
        let is_there = |name| {
            answer
                .header(name)
                .is_some_and(|it| !matches!(it, "" | "-"))
        };
        // With dry runs alone, what none of them allows would not be allowed.
        let dry_alone =
            filters.allow.get("rules").is_none() && filters.allow.get("shadow_rules").is_some();
        let would = match verdict {
            _ if is_there(DRY_DENY) => false,
            Verdict::Allowed => !dry_alone || is_there(DRY_ALLOW),
            Verdict::NotAllowed => is_there(DRY_ALLOW),
            Verdict::Denied | Verdict::Other(_) => false,
        };
        Self {
            verdict,
            marked: answer.header(MARKED) == Some("true"),
            would,
            told: told.to_owned(),
        }
    }

    /// From the Envoy with Landbridge.
    pub(super) fn of_landbridge(answer: &Answer) -> Self {
        let told = answer.header(DECISION).unwrap_or_default();
        let decision: Value = serde_json::from_str(told).unwrap_or_default();
        let verdict = match (answer.status, decision["reason"].as_str()) {
            (200, _) => Verdict::Allowed,
            (403, _) if decision["rule"].is_string() => Verdict::Denied,
            (403, Some(_)) => Verdict::NotAllowed,
            (other, _) => Verdict::Other(other),
        };
        let would = match decision["shadow"]["outcome"].as_str() {
            Some("would_allow") => true,
            Some("would_deny") => false,
            _ => verdict == Verdict::Allowed,
        };
        Self {
            verdict,
            marked: decision["audited"].is_array(),
            would,
            told: told.to_owned(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verdict,
            marked,
            would,
            told,
        } = self;
        let marked = if *marked { ", marked" } else { "" };
        let would = if *would { "allowed" } else { "denied" };
        write!(f, "{verdict:?}{marked}, with dry runs {would} ({told})")
    }
}
