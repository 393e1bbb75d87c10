//! Further conditions of a rule: a key says what is looked at, and of what form its values are.

use crate::Code;
use crate::address::IpBlock;
use crate::decode::{Problems, suggest};
use crate::istio::{
    IstioAccount, IstioNamespace, IstioPort, IstioPrincipal, IstioRequestPrincipal, IstioText,
    IstioTrustDomain,
};
use crate::pattern::{AnyOf, NamespacedName, Pattern, Port};
use crate::request_principal::RequestPrincipal;
use deserr::{Deserr, IntoValue, MergeWithError, Value, ValuePointerRef};
use std::ops::ControlFlow;

/// What a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConditionKey {
    /// A request header, its name in lower case.
    Header(String),
    /// The address that the connection came from.
    SourceIp,
    /// The address of the client, as far as proxies before this one tell the truth.
    RemoteIp,
    /// The caller's namespace.
    SourceNamespace,
    /// The trust domain of the caller's SPIFFE ID.
    SourceTrustDomain,
    /// The caller's service account.
    SourceServiceAccount,
    /// The caller's SPIFFE ID.
    SourcePrincipal,
    /// Issuer and subject of the request's token.
    RequestPrincipal,
    /// A claim of the request's token, by its path.
    Claim(Vec<String>),
    /// The address that the connection came to.
    DestinationIp,
    /// The port that the connection came to.
    DestinationPort,
    /// The server name that the client asked for in TLS.
    Sni,
    /// Text or a list that another filter keeps of the request.
    Metadata {
        /// The filter's name.
        filter: String,
        /// The key.
        key: String,
    },
}

/// The keys that are not looked up by a name in brackets.
const KEYS: &[(&str, ConditionKey)] = &[
    ("source.ip", ConditionKey::SourceIp),
    ("remote.ip", ConditionKey::RemoteIp),
    ("source.namespace", ConditionKey::SourceNamespace),
    ("source.trustDomain", ConditionKey::SourceTrustDomain),
    ("source.serviceAccount", ConditionKey::SourceServiceAccount),
    ("source.principal", ConditionKey::SourcePrincipal),
    ("request.auth.principal", ConditionKey::RequestPrincipal),
    ("destination.ip", ConditionKey::DestinationIp),
    ("destination.port", ConditionKey::DestinationPort),
    ("connection.sni", ConditionKey::Sni),
];

/// How the keys are written that have a name in brackets, or a claim of their own.
const OTHERS: [&str; 5] = [
    "request.headers[name]",
    "request.auth.audiences",
    "request.auth.presenter",
    "request.auth.claims[name]",
    "experimental.envoy.filters.name[key]",
];

/// The prefix of keys that are looked up in what other filters keep.
const METADATA: &str = "experimental.";
/// How deep a claim may lie.
const DEEPEST_CLAIM: usize = 16;

impl ConditionKey {
    /// What a key looks at; else what is wrong with it, and what to do.
    pub(crate) fn parse(s: &str) -> Result<Self, (Code, String, Option<String>)> {
        if let Some((_, key)) = KEYS.iter().find(|(name, _)| *name == s) {
            return Ok(key.clone());
        }
        let invalid =
            |message: String, hint: &str| (Code::InvalidValue, message, Some(hint.to_owned()));
        match s {
            "request.auth.audiences" => return Ok(Self::Claim(vec!["aud".to_owned()])),
            "request.auth.presenter" => return Ok(Self::Claim(vec!["azp".to_owned()])),
            _ => {}
        }
        if let Some(rest) = s.strip_prefix("request.headers[") {
            let name = rest.strip_suffix(']').unwrap_or_default();
            return Self::header(name);
        }
        if let Some(rest) = s.strip_prefix("request.auth.claims[") {
            let names = rest.strip_suffix(']').unwrap_or_default();
            let path: Vec<String> = names.split("][").map(str::to_owned).collect();
            let is_name = |name: &String| !name.is_empty() && !name.contains(['[', ']']);
            return match path.len() <= DEEPEST_CLAIM && path.iter().all(is_name) {
                true => Ok(Self::Claim(path)),
                false => Err(invalid(
                    format!("`{s}` is not the path of a claim"),
                    "write `request.auth.claims[name]`, or `request.auth.claims[outer][inner]`",
                )),
            };
        }
        if s.starts_with("experimental.envoy.filters.") {
            let written = s.strip_prefix(METADATA).and_then(|s| s.strip_suffix(']'));
            return match written.and_then(|s| s.split_once('[')) {
                Some((filter, key)) if !key.is_empty() => Ok(Self::Metadata {
                    filter: filter.to_owned(),
                    key: key.to_owned(),
                }),
                _ => Err(invalid(
                    format!("`{s}` is not the key of a filter's metadata"),
                    "write `experimental.envoy.filters.name[key]`",
                )),
            };
        }
        let known = KEYS.iter().map(|(name, _)| *name).chain(OTHERS);
        Err((
            Code::UnknownValue,
            format!("unknown condition `{s}`"),
            suggest(s, known),
        ))
    }

    fn header(name: &str) -> Result<Self, (Code, String, Option<String>)> {
        let amiss =
            |message: String, hint: &str| Err((Code::InvalidValue, message, Some(hint.to_owned())));
        if name.is_empty() || !name.bytes().all(is_token_byte) {
            return amiss(
                format!("`{name}` is not the name of a header"),
                "the method, path and host have fields of their own in `to.operation`",
            );
        }
        let name = name.to_ascii_lowercase();
        if name.starts_with("x-landbridge-") {
            return amiss(
                format!("`{name}` is not a header to judge by"),
                "a caller can send any `x-landbridge-*` header: match its identity in `from.source`",
            );
        }
        Ok(Self::Header(name))
    }
}

/// The values of a condition, of the form that its key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConditionValues {
    /// Patterns of a text.
    Texts(Vec<Pattern>),
    /// Blocks of addresses.
    Addresses(Vec<IpBlock>),
    /// Ports.
    Ports(Vec<Port>),
    /// Service accounts.
    Accounts(Vec<NamespacedName>),
    /// Issuers and subjects.
    RequestPrincipals(Vec<RequestPrincipal>),
    /// SPIFFE IDs, as Istio matches them.
    IstioPrincipals(Vec<IstioPrincipal>),
    /// Namespaces, as Istio matches them.
    IstioNamespaces(Vec<IstioNamespace>),
    /// Service accounts, as Istio matches them.
    IstioAccounts(Vec<IstioAccount>),
    /// Trust domains, as Istio matches them.
    IstioTrustDomains(Vec<IstioTrustDomain>),
}

/// Whose meaning a condition has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Ours,
    Istio,
}

/// A condition as it is written.
#[derive(Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename_all = "camelCase", deny_unknown_fields)
)]
struct Written {
    /// What is looked at, e.g. `request.headers[name]`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::key"))]
    key: String,
    /// Any of these values.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    values: Option<AnyOf<String>>,
    /// None of these values; a header that is not there has none of them.
    #[deserr(default)]
    #[cfg_attr(feature = "schema", schemars(default))]
    not_values: Option<AnyOf<String>>,
}

/// One further condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What is looked at.
    pub key: ConditionKey,
    /// Any of these values.
    pub values: Option<ConditionValues>,
    /// None of these values; a header that is not there has none of them.
    pub not_values: Option<ConditionValues>,
}

/// A condition of an Istio document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IstioCondition(pub Condition);

impl Deserr<Problems> for Condition {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        read(value, at, Dialect::Ours)
    }
}

impl Deserr<Problems> for IstioCondition {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        read(value, at, Dialect::Istio).map(Self)
    }
}

fn read<V: IntoValue>(
    value: Value<V>,
    at: ValuePointerRef<'_>,
    dialect: Dialect,
) -> Result<Condition, Problems> {
    let written = Written::deserialize_from_value(value, at)?;
    let key = ConditionKey::parse(&written.key).map_err(|(code, message, hint)| {
        let place = at.push_key("key");
        match hint {
            Some(hint) => Problems::hinted(place, code, message, hint),
            None => Problems::at(place, code, message),
        }
    })?;
    if written.values.is_none() && written.not_values.is_none() {
        let message = "`values` or `notValues` is missing";
        return Err(Problems::at(at, Code::MissingField, message));
    }
    let list = |list: Option<AnyOf<String>>, name: &str| {
        list.map(|list| values(&key, list, at.push_key(name), dialect))
            .transpose()
    };
    let values = list(written.values, "values");
    let not_values = list(written.not_values, "notValues");
    match (values, not_values) {
        (Ok(values), Ok(not_values)) => Ok(Condition {
            key,
            values,
            not_values,
        }),
        (Err(mut wrong), Err(more)) => {
            wrong.0.extend(more.0);
            Err(wrong)
        }
        (Err(wrong), Ok(_)) | (Ok(_), Err(wrong)) => Err(wrong),
    }
}

fn values(
    key: &ConditionKey,
    list: AnyOf<String>,
    at: ValuePointerRef<'_>,
    dialect: Dialect,
) -> Result<ConditionValues, Problems> {
    use ConditionKey as Key;
    use ConditionValues as Values;
    match (key, dialect) {
        (Key::SourceIp | Key::RemoteIp | Key::DestinationIp, _) => {
            each(list, at).map(Values::Addresses)
        }
        (Key::DestinationPort, Dialect::Ours) => each(list, at).map(Values::Ports),
        (Key::DestinationPort, Dialect::Istio) => {
            let read = each::<IstioPort>(list, at)?.into_iter();
            Ok(Values::Ports(read.map(|port| port.0).collect()))
        }
        (Key::SourceServiceAccount, Dialect::Ours) => each(list, at).map(Values::Accounts),
        (Key::RequestPrincipal, Dialect::Ours) => each(list, at).map(Values::RequestPrincipals),
        (_, Dialect::Ours) => each(list, at).map(Values::Texts),
        (Key::SourceServiceAccount, Dialect::Istio) => each(list, at).map(Values::IstioAccounts),
        (Key::SourcePrincipal, Dialect::Istio) => each(list, at).map(Values::IstioPrincipals),
        (Key::SourceNamespace, Dialect::Istio) => each(list, at).map(Values::IstioNamespaces),
        (Key::SourceTrustDomain, Dialect::Istio) => each(list, at).map(Values::IstioTrustDomains),
        (Key::RequestPrincipal, Dialect::Istio) => {
            let read = each::<IstioRequestPrincipal>(list, at)?.into_iter();
            Ok(Values::RequestPrincipals(read.map(|p| p.0).collect()))
        }
        (_, Dialect::Istio) => {
            let read = each::<IstioText>(list, at)?.into_iter();
            Ok(Values::Texts(read.map(|text| text.0).collect()))
        }
    }
}

/// Reads each value as what it is to be, and tells of all that are not.
fn each<T: Deserr<Problems>>(
    list: AnyOf<String>,
    at: ValuePointerRef<'_>,
) -> Result<Vec<T>, Problems> {
    let mut read = Vec::new();
    let mut problems = None;
    for (i, value) in list.iter().enumerate() {
        let place = at.push_index(i);
        let value: Value<std::convert::Infallible> = Value::String(value.clone());
        match T::deserialize_from_value(value, place) {
            Ok(value) => read.push(value),
            Err(wrong) => match Problems::merge(problems, wrong, place) {
                ControlFlow::Continue(all) => problems = Some(all),
                ControlFlow::Break(all) => return Err(all),
            },
        }
    }
    problems.map_or(Ok(read), Err)
}

/// RFC 9110, section 5.6.2: what the name of a field is made of.
fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

#[cfg(feature = "schema")]
mod schema {
    use super::{Condition, IstioCondition, Written};
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use std::borrow::Cow;

    pub(super) fn key(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What is looked at, e.g. `request.headers[name]`.",
            "type": "string",
            "anyOf": [
                {"pattern": r"^request\.headers\[[!#$%&'*+.^_`|~0-9A-Za-z-]+\]$"},
                {"pattern": r"^request\.auth\.claims(\[[^\[\]]+\])+$"},
                {"pattern": r"^experimental\.envoy\.filters\.[^\[]+\[.+\]$"},
                {"enum": [
                    "source.ip", "remote.ip", "source.namespace", "source.trustDomain",
                    "source.serviceAccount", "source.principal", "request.auth.principal",
                    "request.auth.audiences", "request.auth.presenter", "destination.ip",
                    "destination.port", "connection.sni",
                ]}
            ]
        })
    }

    impl JsonSchema for Condition {
        fn schema_name() -> Cow<'static, str> {
            "Condition".into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            Written::json_schema(generator)
        }
    }

    impl JsonSchema for IstioCondition {
        fn schema_name() -> Cow<'static, str> {
            "Condition".into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            Written::json_schema(generator)
        }
    }
}
