//! `CrossClusterAuthorization`: Istio's `AuthorizationPolicy` grammar, and where a caller is.

use crate::Code;
use crate::decode::Problems;
use crate::labels::Labels;
use crate::name::{ClusterName, Name, text};
use crate::pattern::{AnyOf, NamespacedName, Pattern, Port};
use crate::word::words;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use std::collections::BTreeMap;

/// The spec of a `CrossClusterAuthorization`.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Authorization {
    /// Where the policy applies; everywhere, where it is left out.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub target: Target,
    /// What a matching rule does.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub action: Action,
    /// Whether the policy is in force, or tried beside those that are.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub mode: Mode,
    /// Policies that a `Shadow` one would take the place of.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub replaces: Option<AnyOf<NamespacedName>>,
    /// The rules, any of which matches. Left out, the policy matches nothing: an ALLOW policy
    /// without rules denies everything.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub rules: Option<AnyOf<Rule>>,
}

words! {
    /// What a matching rule does.
    #[derive(Default)]
    pub enum Action {
        /// Lets the request through, unless a DENY policy matches.
        #[default]
        Allow = "ALLOW",
        /// Refuses the request.
        Deny = "DENY",
        /// Marks the request and decides nothing.
        Audit = "AUDIT",
    }
}

words! {
    /// Whether a policy is in force. What would be decided if every shadow change were made is
    /// decided beside what is, and reported.
    #[derive(Default)]
    pub enum Mode {
        /// It is in force.
        #[default]
        Enforce = "Enforce",
        /// It is not in force, and would be.
        Shadow = "Shadow",
        /// It is in force, and would not be.
        Retire = "Retire",
    }
}

/// Which proxies a policy applies to; what is left out restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Target {
    /// The clusters whose proxies it applies to.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub clusters: Option<AnyOf<ClusterName>>,
    /// The namespace of the workload.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub namespace: Option<Name>,
    /// The labels of the workload.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub selector: Option<Selector>,
}

/// Istio's workload selector.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Selector {
    /// Labels that the workload must all have.
    #[deserr(from(Labels) = Labels::into_map)]
    pub match_labels: BTreeMap<String, String>,
}

/// A rule matches where one of `from`, one of `to` and all of `when` do.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Rule {
    /// The name that decisions, metrics and logs call it by; its index, where it has none.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub name: Option<Name>,
    /// Who calls; anyone, where it is left out.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub from: Option<AnyOf<From>>,
    /// What is asked; anything, where it is left out.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub to: Option<AnyOf<To>>,
    /// Further conditions, all of which must hold.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub when: Option<AnyOf<Condition>>,
}

/// Istio's wrapper around a source.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct From {
    /// The source.
    pub source: Source,
}

/// Istio's wrapper around an operation.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct To {
    /// The operation.
    pub operation: Operation,
}

macro_rules! lists {
    (
        $(#[doc = $doc:literal])+
        $name:ident {
            $($(#[doc = $field_doc:literal])+ $field:ident / $not:ident: $item:ty,)+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserr)]
        #[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[cfg_attr(feature = "schema", schemars(rename_all = "camelCase", deny_unknown_fields))]
        pub struct $name {
            $(
                $(#[doc = $field_doc])+
                #[deserr(default)]
                #[cfg_attr(feature = "schema", schemars(default))]
                pub $field: Option<AnyOf<$item>>,
                #[doc = concat!("None of these `", stringify!($field), "`.")]
                #[deserr(default)]
                #[cfg_attr(feature = "schema", schemars(default))]
                pub $not: Option<AnyOf<$item>>,
            )+
        }

        impl $name {
            /// Whether no field is there, so that it matches anything.
            pub fn is_empty(&self) -> bool {
                true $(&& self.$field.is_none() && self.$not.is_none())+
            }
        }
    };
}

lists! {
    /// Who calls. All fields that are there must match; within one, any value does.
    Source {
        /// The caller's cluster, as its certificate proves it.
        clusters / not_clusters: Pattern,
        /// The region of the caller's cluster.
        regions / not_regions: Pattern,
        /// The jurisdiction of that region.
        jurisdictions / not_jurisdictions: Pattern,
        /// The network of the caller's cluster.
        networks / not_networks: Pattern,
        /// The caller's SPIFFE ID without `spiffe://`.
        principals / not_principals: Pattern,
        /// The caller's namespace.
        namespaces / not_namespaces: Pattern,
        /// The caller's service account.
        service_accounts / not_service_accounts: NamespacedName,
    }
}

lists! {
    /// What is asked. All fields that are there must match; within one, any value does.
    Operation {
        /// The host of `:authority`, without its port; case is ignored.
        hosts / not_hosts: Pattern,
        /// The port that the request arrived at.
        ports / not_ports: Port,
        /// The method.
        methods / not_methods: Pattern,
        /// The path, normalised, without its query.
        paths / not_paths: Pattern,
    }
}

/// One further condition.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Condition {
    /// What is looked at: `request.headers[name]`.
    pub key: ConditionKey,
    /// Any of these values.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub values: Option<AnyOf<Pattern>>,
    /// None of these values; a header that is not there has none of them.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub not_values: Option<AnyOf<Pattern>>,
}

/// What a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConditionKey {
    /// A request header, its name in lower case.
    Header(String),
}

impl Deserr<Problems> for ConditionKey {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        let s = text(value, at)?;
        let name = s
            .strip_prefix("request.headers[")
            .and_then(|rest| rest.strip_suffix(']'));
        let Some(name) = name else {
            return Err(Problems::hinted(
                at,
                Code::UnknownValue,
                format!("unknown condition `{s}`"),
                "there is `request.headers[name]`",
            ));
        };
        if name.is_empty() || !name.bytes().all(is_token_byte) {
            return Err(Problems::hinted(
                at,
                Code::InvalidValue,
                format!("`{name}` is not the name of a header"),
                "the method, path and host have fields of their own in `to.operation`",
            ));
        }
        let name = name.to_ascii_lowercase();
        if name.starts_with("x-landbridge-") {
            return Err(Problems::hinted(
                at,
                Code::InvalidValue,
                format!("`{name}` is not a header to judge by"),
                "a caller can send any `x-landbridge-*` header: match its identity in `from.source`",
            ));
        }
        Ok(Self::Header(name))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for ConditionKey {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ConditionKey".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "`request.headers[name]`",
            "type": "string",
            "pattern": r"^request\.headers\[[!#$%&'*+.^_`|~0-9A-Za-z-]+\]$"
        })
    }
}

/// RFC 9110, section 5.6.2: what the name of a field is made of.
fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}
