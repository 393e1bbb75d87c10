//! `CrossClusterAuthorization`: Istio's `AuthorizationPolicy` grammar, and where a caller is.

use crate::Code;
use crate::decode::Problems;
use crate::labels::Labels;
use crate::name::{ClusterName, Name, text};
use crate::pattern::{AnyOf, NamespacedName, Pattern, Port};
use crate::record::document;
use crate::word::words;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use std::collections::BTreeMap;

document! {
    /// The spec of a `CrossClusterAuthorization`.
    pub struct Authorization {
        /// Where the policy applies; everywhere, where it is left out.
        pub target: Target = default,
        /// What a matching rule does.
        pub action: Action = default,
        /// Whether the policy is in force, or tried beside those that are.
        pub mode: Mode = default,
        /// Policies that a `Shadow` one would take the place of.
        pub replaces: Option<AnyOf<NamespacedName>> = default,
        /// The rules, any of which matches. Left out, the policy matches nothing: an ALLOW policy
        /// without rules denies everything.
        pub rules: Option<AnyOf<Rule>> = default,
    }
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

document! {
    /// Which proxies a policy applies to; what is left out restricts nothing.
    #[derive(Default)]
    pub struct Target {
        /// The clusters whose proxies it applies to.
        pub clusters: Option<AnyOf<ClusterName>> = default,
        /// The namespace of the workload.
        pub namespace: Option<Name> = default,
        /// The labels of the workload.
        pub selector: Option<Selector> = default,
    }

    /// Istio's workload selector.
    pub struct Selector {
        /// Labels that the workload must all have.
        #[deserr(from(Labels) = Labels::into_map)]
        pub match_labels: BTreeMap<String, String>,
    }

    /// A rule matches where one of `from`, one of `to` and all of `when` do.
    pub struct Rule {
        /// The name that decisions, metrics and logs call it by; its index, where it has none.
        pub name: Option<Name> = default,
        /// Who calls; anyone, where it is left out.
        pub from: Option<AnyOf<From>> = default,
        /// What is asked; anything, where it is left out.
        pub to: Option<AnyOf<To>> = default,
        /// Further conditions, all of which must hold.
        pub when: Option<AnyOf<Condition>> = default,
    }

    /// Istio's wrapper around a source.
    pub struct From {
        /// The source.
        pub source: Source,
    }

    /// Istio's wrapper around an operation.
    pub struct To {
        /// The operation.
        pub operation: Operation,
    }
}

macro_rules! lists {
    (
        $(#[doc = $doc:literal])+
        $name:ident {
            $($(#[doc = $field_doc:literal])+ $field:ident / $not:ident: $item:ty,)+
        }
    ) => {
        document! {
            $(#[doc = $doc])+
            #[derive(Default)]
            pub struct $name {
                $(
                    $(#[doc = $field_doc])+
                    pub $field: Option<AnyOf<$item>> = default,
                    #[doc = concat!("None of these `", stringify!($field), "`.")]
                    pub $not: Option<AnyOf<$item>> = default,
                )+
            }
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

document! {
    /// One further condition.
    pub struct Condition {
        /// What is looked at: `request.headers[name]`.
        pub key: ConditionKey,
        /// Any of these values.
        pub values: Option<AnyOf<Pattern>> = default,
        /// None of these values; a header that is not there has none of them.
        pub not_values: Option<AnyOf<Pattern>> = default,
    }
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
