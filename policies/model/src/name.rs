//! Names that must not be swapped for one another.

use crate::Code;
use crate::decode::{Problems, kind_text};
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use std::fmt;

/// The longest name of a Kubernetes object, and of what it stands in.
const LONGEST_NAME: usize = 253;
/// The longest trust domain (SPIFFE ID, section 2.1).
const LONGEST_TRUST_DOMAIN: usize = 255;

/// Text that is not empty: the ground of every name.
pub(crate) fn text<V: IntoValue>(
    value: Value<V>,
    at: ValuePointerRef<'_>,
) -> Result<String, Problems> {
    match value {
        Value::String(s) if s.is_empty() => Err(Problems::at(
            at,
            Code::InvalidValue,
            "expected text, got an empty one",
        )),
        Value::String(s) => Ok(s),
        other => {
            let message = format!("expected text, got {}", kind_text(other.kind()));
            Err(match other {
                Value::Null | Value::Sequence(_) | Value::Map(_) => {
                    Problems::at(at, Code::WrongType, message)
                }
                _ => Problems::hinted(
                    at,
                    Code::WrongType,
                    message,
                    "put it in quotes to make it text",
                ),
            })
        }
    }
}

/// Text of a certain form; `amiss` says what is wrong with text that is not, after quoting it.
pub(crate) fn parsed<T, V: IntoValue>(
    value: Value<V>,
    at: ValuePointerRef<'_>,
    parse: impl Fn(&str) -> Option<T>,
    amiss: &str,
    hint: &str,
) -> Result<T, Problems> {
    let s = text(value, at)?;
    parse(&s)
        .ok_or_else(|| Problems::hinted(at, Code::InvalidValue, format!("`{s}` {amiss}"), hint))
}

fn is_name(s: &str) -> bool {
    let alphanumeric = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = s.as_bytes();
    s.len() <= LONGEST_NAME
        && alphanumeric(bytes.first())
        && alphanumeric(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

fn is_trust_domain(s: &str) -> bool {
    s.len() <= LONGEST_TRUST_DOMAIN
        && s.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_')
        })
}

macro_rules! names {
    ($($(#[doc = $doc:literal])+ $name:ident, $valid:ident, $hint:literal;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transparent))]
        pub struct $name(String);

        impl $name {
            /// The text, where it has the right form.
            pub fn new(s: impl Into<String>) -> Option<Self> {
                let s = s.into();
                (!s.is_empty() && $valid(&s)).then_some(Self(s))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Deserr<Problems> for $name {
            fn deserialize_from_value<V: IntoValue>(
                value: Value<V>,
                at: ValuePointerRef<'_>,
            ) -> Result<Self, Problems> {
                parsed(value, at, |s| Self::new(s), "is not a name that can stand here", $hint)
            }
        }
    )+};
}

names! {
    /// The name of a document, a rule or a test case's policy; a namespace; a service account.
    Name, is_name, "letters, digits, `-`, `_` and `.`, from a letter or digit to a letter or digit";
    /// The name of a cluster.
    ClusterName, is_name, "letters, digits, `-`, `_` and `.`, from a letter or digit to a letter or digit";
    /// The name of a region, as in Envoy's `locality`.
    RegionName, is_name, "letters, digits, `-`, `_` and `.`, from a letter or digit to a letter or digit";
    /// The law a region is under.
    Jurisdiction, is_name, "letters, digits, `-`, `_` and `.`, from a letter or digit to a letter or digit";
    /// The name of a network: addresses that reach each other without a gateway.
    NetworkName, is_name, "letters, digits, `-`, `_` and `.`, from a letter or digit to a letter or digit";
    /// A SPIFFE trust domain.
    TrustDomain, is_trust_domain, "lower-case letters, digits, `-`, `_` and `.`, without `spiffe://`";
}
