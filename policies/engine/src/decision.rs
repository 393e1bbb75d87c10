//! What was decided, by whom and why.

use crate::mesh_index::ClusterId;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It goes on.
    Allow,
    /// It is answered with 403.
    Deny,
    /// It is malformed, and answered with 400.
    Reject,
}

impl Verdict {
    /// As metrics and logs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Reject => "reject",
        }
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal,)+) => {
        /// Why: a closed list, the same for all filters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Reason { $($(#[doc = $doc])+ $variant,)+ }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The reason code.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }
    };
}

reasons! {
    /// A rule of an ALLOW policy matched.
    AllowedByRule = "ALLOWED_BY_RULE",
    /// No ALLOW policy applies here, and `options.defaultAction` is `Allow`.
    AllowedByDefault = "ALLOWED_BY_DEFAULT",
    /// A rule of a DENY policy matched.
    DeniedByRule = "DENIED_BY_RULE",
    /// No ALLOW policy applies here, and `options.defaultAction` is `Deny`.
    DeniedByDefault = "DENIED_BY_DEFAULT",
    /// No rule of the ALLOW policies that apply here matched.
    NoRuleMatched = "NO_RULE_MATCHED",
    /// Denied, and the caller has no certificate that says who it is.
    UnauthenticatedSource = "UNAUTHENTICATED_SOURCE",
    /// Denied, and the caller's certificate proves no cluster of the mesh.
    UnknownCluster = "UNKNOWN_CLUSTER",
    /// A rule of a DENY policy could not be ruled out: what it asks for cannot be known.
    UnknownAttribute = "UNKNOWN_ATTRIBUTE",
    /// The path cannot be judged as it would be understood.
    MalformedPath = "MALFORMED_PATH",
    /// A header that a policy reads is there more than once.
    DuplicateHeader = "DUPLICATE_HEADER",
    /// A header that a policy reads is not UTF-8, or longer than the limit.
    MalformedHeader = "MALFORMED_HEADER",
    /// More headers than the limit.
    TooManyHeaders = "TOO_MANY_HEADERS",
    /// What was to be decided on could not be read.
    EvaluationError = "EVALUATION_ERROR",
    /// The filter has no configuration in force.
    NotConfigured = "NOT_CONFIGURED",
    /// Sent to the most preferred of the clusters that the request may go to.
    Preferred = "PREFERRED",
    /// Sent further, since the preferred cluster can only bear a part of its load.
    Spilled = "SPILLED",
    /// Sent further, since the preferred cluster is out.
    FailedOver = "FAILED_OVER",
    /// Sent further, since the preferred cluster is drained.
    Drained = "DRAINED",
    /// Sent elsewhere, since the transfer budget of the link to the preferred cluster is spent.
    BudgetSpent = "BUDGET_SPENT",
    /// Sent over a link whose transfer budget is spent, since there was nothing else.
    OverBudget = "OVER_BUDGET",
    /// Sent to where the caller was served before.
    Affinity = "AFFINITY",
    /// Sent to the cluster that a trusted caller asked for.
    Requested = "REQUESTED",
    /// Answered by another cluster, after it failed on one.
    Retried = "RETRIED",
    /// The request may not go to any cluster that could serve it.
    Residency = "RESIDENCY",
    /// Every cluster that the request may go to is out.
    NoHealthyCluster = "NO_HEALTHY_CLUSTER",
    /// Every cluster that the request may go to and that is not out is drained.
    AllDrained = "ALL_DRAINED",
    /// The request has been sent on as often as it may be, and its own cluster is out.
    HopLimit = "HOP_LIMIT",
    /// No route leads to any cluster that the request may go to.
    NoRoute = "NO_ROUTE",
    /// The clusters that the request may go to have no endpoint that is healthy.
    NoEndpoints = "NO_ENDPOINTS",
    /// No policy routes the service that the request is for.
    UnknownService = "UNKNOWN_SERVICE",
    /// Within all that shapes traffic.
    WithinLimits = "WITHIN_LIMITS",
    /// More came than a rate limit allows.
    RateLimited = "RATE_LIMITED",
    /// The service that keeps a limit's count could not be asked, and then nothing is let through.
    StoreLost = "STORE_LOST",
    /// More is under way than there may be, and others are more critical.
    Shed = "SHED",
    /// Nobody waits for the answer any more.
    DeadlineExpired = "DEADLINE_EXPIRED",
    /// More of the requests are retries than may be.
    RetryBudgetSpent = "RETRY_BUDGET_SPENT",
    /// Broken on purpose.
    Fault = "FAULT",
}

/// A rule of a policy set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleRef {
    pub(crate) policy: u32,
    pub(crate) rule: u32,
}

/// What was decided of one request. Names are looked up in the policy set that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of the request.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The rule that decided, where one did.
    pub rule: Option<RuleRef>,
    /// The caller's cluster, where it is known.
    pub source: Option<ClusterId>,
    /// What the candidate set decides, where there is one. It changes nothing else here.
    pub shadow: Option<Shadow>,
    /// The rules of AUDIT policies that matched: the first of each policy.
    pub audited: Vec<RuleRef>,
}

/// What would be decided, if every shadow change were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shadow {
    /// Beside the enforced verdict.
    pub outcome: Outcome,
    /// Why it would be decided so.
    pub reason: Reason,
    /// The rule that would decide, where one does.
    pub rule: Option<RuleRef>,
}

/// A candidate verdict beside the enforced one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The same.
    Same,
    /// What is allowed would be denied.
    WouldDeny,
    /// What is denied would be allowed.
    WouldAllow,
}

impl Outcome {
    /// As metrics and logs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::WouldDeny => "would_deny",
            Self::WouldAllow => "would_allow",
        }
    }
}
