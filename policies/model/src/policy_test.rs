//! `PolicyTest`: requests, and the decisions expected of the policies beside them.

use crate::decode::Problems;
use crate::filter_config::{Local, Options};
use crate::labels::Labels;
use crate::name::{ClusterName, Name};
use crate::pattern::{AnyOf, Port};
use crate::word::words;
use deserr::Deserr;
use std::collections::BTreeMap;

/// The spec of a `PolicyTest`.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct PolicyTest {
    /// The proxy that the requests arrive at.
    pub local: Local,
    /// The filter's options.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub options: Options,
    /// The requests.
    pub cases: AnyOf<Case>,
}

/// One request and what is expected of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// What is asked.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub request: Request,
    /// What is decided.
    pub expect: Expectation,
}

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Request {
    /// Who calls; nobody authenticated, where it is left out.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub from: Option<Caller>,
    /// The method; `GET`, where it is left out.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub method: Option<String>,
    /// `:authority`; `orders.shop.svc.cluster.local`, where it is left out.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub host: Option<String>,
    /// The path as sent, with its query; `/`, where it is left out.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub path: Option<String>,
    /// The port it arrives at; 8080, where it is left out.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub port: Option<Port>,
    /// Further headers.
    #[deserr(default, from(Labels) = Labels::into_map)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub headers: BTreeMap<String, String>,
}

/// Who calls: a workload of a cluster, or any SPIFFE ID.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Caller {
    /// The SPIFFE ID without `spiffe://`, instead of the other fields.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub principal: Option<String>,
    /// The cluster, whose first trust domain the certificate has.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub cluster: Option<ClusterName>,
    /// The distinguished name of the certificate's issuer, as Envoy prints it.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub issuer: Option<String>,
    /// The namespace; `shop`, where it is left out.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub namespace: Option<Name>,
    /// The service account; `frontend`, where it is left out.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub service_account: Option<Name>,
}

/// What is expected. Only what is written is compared, but for `audited`: what is marked and not
/// written is an error too.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Expectation {
    /// The verdict.
    pub verdict: Verdict,
    /// The policy that decided, as `namespace/name`.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub policy: Option<String>,
    /// The rule that decided.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub rule: Option<String>,
    /// The reason code.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub reason: Option<String>,
    /// What the shadow changes would make of it.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub shadow: Option<ShadowOutcome>,
    /// The AUDIT policies that marked the request, as `namespace/name`.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub audited: Vec<String>,
}

words! {
    /// What the candidate set decides, beside the enforced one.
    pub enum ShadowOutcome {
        /// The same.
        Same = "same",
        /// It would be refused.
        WouldDeny = "would_deny",
        /// It would go on.
        WouldAllow = "would_allow",
    }

    /// What becomes of a request.
    pub enum Verdict {
        /// It goes on.
        Allow = "Allow",
        /// It is answered with 403.
        Deny = "Deny",
        /// It is malformed, and answered with 400.
        Reject = "Reject",
    }
}
