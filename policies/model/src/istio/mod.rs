//! Istio's `AuthorizationPolicy` (security.istio.io/v1 and v1beta1, Istio 1.31), read as it is.
//!
//! It has types of its own, not those of `CrossClusterAuthorization`: alike as they look, their
//! values mean other things (a host with its port, a namespace as part of a regular expression),
//! and what Istio takes for a field that is not there, an empty list, is an error in ours.

mod text;

pub use text::{
    Glob, GlobPiece, IstioAccount, IstioNamespace, IstioPath, IstioPort, IstioPrincipal,
    IstioPrincipalForm, IstioRequestPrincipal, IstioText, IstioTrustDomain,
};

use crate::address::IpBlock;
use crate::condition::IstioCondition;
use crate::decode::Problems;
use crate::document::{Ignored, Named};
use crate::labels::Labels;
use crate::record::{document, lists};
use crate::target::TargetRef;
use crate::word::words;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use std::collections::BTreeMap;

/// The versions of Istio's documents that are read.
pub const ISTIO_API_VERSIONS: [&str; 2] = ["security.istio.io/v1", "security.istio.io/v1beta1"];

/// Istio's namespace for policies that apply everywhere, where the mesh does not say.
pub const ROOT_NAMESPACE: &str = "istio-system";

/// The annotation that keeps a policy out of force.
pub const DRY_RUN: &str = "istio.io/dry-run";

document! {
    /// The spec of an `AuthorizationPolicy`.
    pub struct IstioAuthorization {
        /// The labels of the workload.
        pub selector: Option<IstioSelector> = default,
        /// What it is attached to.
        pub target_ref: Option<TargetRef> = default,
        /// What it is attached to; any of them.
        pub target_refs: Option<ListOf<TargetRef>> = default,
        /// What a matching rule does.
        pub action: IstioAction = default,
        /// The rules; none matches nothing.
        pub rules: Option<ListOf<IstioRule>> = default,
        /// Who decides, with `CUSTOM`.
        pub provider: Ignored = default,
    }

    /// A workload selector.
    pub struct IstioSelector {
        /// Labels that the workload must all have.
        #[deserr(from(Option<Labels>) = Labels::into_optional_map)]
        pub match_labels: Option<BTreeMap<String, String>> = default,
    }

    /// A rule matches where one of `from`, one of `to` and all of `when` do.
    pub struct IstioRule {
        /// Who calls.
        pub from: Option<ListOf<IstioFrom>> = default,
        /// What is asked.
        pub to: Option<ListOf<IstioTo>> = default,
        /// Further conditions.
        pub when: Option<ListOf<IstioCondition>> = default,
    }

    /// The wrapper around a source.
    pub struct IstioFrom {
        /// The source.
        pub source: IstioSource,
    }

    /// The wrapper around an operation.
    pub struct IstioTo {
        /// The operation.
        pub operation: IstioOperation,
    }
}

words! {
    /// What a matching rule does.
    #[derive(Default)]
    pub enum IstioAction {
        /// Lets the request through.
        #[default]
        Allow = "ALLOW",
        /// Refuses the request.
        Deny = "DENY",
        /// Marks the request.
        Audit = "AUDIT",
        /// Asks an extension.
        Custom = "CUSTOM",
    }
}

lists! {
    /// Who calls, in Istio's words.
    IstioSource in ListOf {
        /// The caller's SPIFFE ID.
        principals / not_principals: IstioPrincipal,
        /// Issuer and subject of the token.
        request_principals / not_request_principals: IstioRequestPrincipal,
        /// The caller's namespace.
        namespaces / not_namespaces: IstioNamespace,
        /// The caller's service account.
        service_accounts / not_service_accounts: IstioAccount,
        /// The caller's trust domain.
        trust_domains / not_trust_domains: IstioTrustDomain,
        /// The address that the connection came from.
        ip_blocks / not_ip_blocks: IpBlock,
        /// The address of the client.
        remote_ip_blocks / not_remote_ip_blocks: IpBlock,
    }
}

lists! {
    /// What is asked, in Istio's words.
    IstioOperation in ListOf {
        /// `:authority`, port included.
        hosts / not_hosts: IstioText,
        /// The port.
        ports / not_ports: IstioPort,
        /// The method.
        methods / not_methods: IstioText,
        /// The path.
        paths / not_paths: IstioPath,
    }
}

/// A list in which an empty one is as good as none: Istio's meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOf<T>(Vec<T>);

impl<T> ListOf<T> {
    /// The values.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Deserr<Problems>> Deserr<Problems> for ListOf<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        Vec::deserialize_from_value(value, at).map(Self)
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for ListOf<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let items = generator.subschema_for::<T>();
        schemars::json_schema!({"type": "array", "items": items})
    }
}

impl IstioAuthorization {
    /// The rules.
    pub fn rules(&self) -> impl Iterator<Item = &IstioRule> {
        self.rules.iter().flat_map(ListOf::iter)
    }

    /// What it is attached to.
    pub fn target_refs(&self) -> impl Iterator<Item = &TargetRef> {
        let list = self.target_refs.iter().flat_map(ListOf::iter);
        self.target_ref.iter().chain(list)
    }
}

impl Named<IstioAuthorization> {
    /// Whether it is kept out of force. What Go does not read as a truth value is none to Istio.
    pub fn is_dry_run(&self) -> bool {
        self.metadata.annotation(DRY_RUN).and_then(truth) == Some(true)
    }
}

/// A truth value, as Go's `strconv.ParseBool` reads it.
pub(crate) fn truth(s: &str) -> Option<bool> {
    match s {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}
