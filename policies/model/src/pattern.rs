//! What a match list holds: Istio's exact, prefix, suffix and presence matches.

use crate::Code;
use crate::decode::{Problems, kind_text};
use crate::name::Name;
use crate::text_value::text_values;
use deserr::{Deserr, IntoValue, Sequence, Value, ValuePointerRef};
use std::fmt;

/// One value of a match list: `exact`, `prefix*`, `*suffix`, or `*` for anything that is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Just this.
    Exact(String),
    /// Starts with this.
    Prefix(String),
    /// Ends with this.
    Suffix(String),
    /// Is there at all.
    Present,
}

impl Pattern {
    /// Reads one; `None` where a `*` stands in the middle, or the text is empty.
    pub fn parse(s: &str) -> Option<Self> {
        if s == "*" {
            return Some(Self::Present);
        }
        let pattern = if let Some(prefix) = s.strip_suffix('*') {
            Self::Prefix(prefix.to_owned())
        } else if let Some(suffix) = s.strip_prefix('*') {
            Self::Suffix(suffix.to_owned())
        } else {
            Self::Exact(s.to_owned())
        };
        let literal = pattern.literal();
        (!literal.is_empty() && !literal.contains('*')).then_some(pattern)
    }

    /// The part that is not a `*`.
    pub fn literal(&self) -> &str {
        match self {
            Self::Exact(s) | Self::Prefix(s) | Self::Suffix(s) => s,
            Self::Present => "",
        }
    }

    /// Whether a value that is there matches.
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Self::Exact(s) => value == s,
            Self::Prefix(s) => value.starts_with(s.as_str()),
            Self::Suffix(s) => value.ends_with(s.as_str()),
            Self::Present => !value.is_empty(),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(s) => f.write_str(s),
            Self::Prefix(s) => write!(f, "{s}*"),
            Self::Suffix(s) => write!(f, "*{s}"),
            Self::Present => f.write_str("*"),
        }
    }
}

/// A port, as a number or as Istio's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port(pub u16);

impl Port {
    /// Reads one that is at least this.
    pub(crate) fn read<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
        least: u16,
    ) -> Result<Self, Problems> {
        let port = match &value {
            Value::Integer(n) => u16::try_from(*n).ok(),
            // What `parse` takes beside digits is a sign.
            Value::String(s) if s.starts_with('+') => None,
            Value::String(s) => s.parse().ok(),
            _ => {
                let message = format!("expected a port, got {}", kind_text(value.kind()));
                return Err(Problems::at(at, Code::WrongType, message));
            }
        };
        port.filter(|p| *p >= least).map(Self).ok_or_else(|| {
            let message = format!("expected a port from {least} to 65535");
            Problems::at(at, Code::InvalidValue, message)
        })
    }
}

impl Deserr<Problems> for Port {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        Self::read(value, at, 1)
    }
}

/// What has a namespace: `namespace/name`, or `name` in the policy's own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamespacedName {
    /// The namespace, where one was written.
    pub namespace: Option<Name>,
    /// The name.
    pub name: Name,
}

impl NamespacedName {
    /// Reads one; `None` where it is not one.
    pub fn parse(s: &str) -> Option<Self> {
        let (namespace, name) = match s.split_once('/') {
            Some((namespace, name)) => (Some(Name::new(namespace)?), name),
            None => (None, s),
        };
        let name = Name::new(name)?;
        Some(Self { namespace, name })
    }

    /// `namespace/name`, where `own` is the namespace of whoever wrote it.
    pub fn full_name(&self, own: &str) -> String {
        format!(
            "{}/{}",
            self.namespace.as_ref().map_or(own, Name::as_str),
            self.name
        )
    }
}

/// A list of values, any of which matches. An empty one is an error: it would match nothing, and
/// whoever wrote it more likely meant anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnyOf<T>(Vec<T>);

impl<T> AnyOf<T> {
    /// The values; at least one.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<T: Deserr<Problems>> Deserr<Problems> for AnyOf<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        if let Value::Sequence(values) = &value
            && values.is_empty()
        {
            return Err(Problems::hinted(
                at,
                Code::EmptyList,
                "an empty list matches nothing",
                "leave the field out to match anything, or name at least one value",
            ));
        }
        Vec::deserialize_from_value(value, at).map(Self)
    }
}

text_values! {
    Pattern: Self::parse,
        "has a `*` where none can stand",
        "a `*` stands first (any beginning), last (any end), or alone (anything)",
        {
            "description": "`exact`, `prefix*`, `*suffix`, or `*` for anything that is there.",
            "type": "string",
            "pattern": r"^(\*|\*?[^*]+|[^*]+\*)$"
        };
    NamespacedName: Self::parse,
        "is not the name of one thing",
        "write `namespace/name`, or `name` for one in the policy's own namespace; no `*`",
        {
            "description": "`namespace/name`, or `name` in the policy's own namespace.",
            "type": "string",
            "pattern": "^[^/*]+(/[^/*]+)?$"
        };
}

#[cfg(feature = "schema")]
mod schema {
    use super::{AnyOf, Port};
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use std::borrow::Cow;

    impl JsonSchema for Port {
        fn schema_name() -> Cow<'static, str> {
            "Port".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "A port, as a number or as text.",
                "anyOf": [
                    {"type": "integer", "minimum": 1, "maximum": 65535},
                    {"type": "string", "pattern": "^[0-9]{1,5}$"}
                ]
            })
        }
    }

    impl<T: JsonSchema> JsonSchema for AnyOf<T> {
        fn inline_schema() -> bool {
            true
        }

        fn schema_name() -> Cow<'static, str> {
            format!("AnyOf{}", T::schema_name()).into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let items = generator.subschema_for::<T>();
            json_schema!({"type": "array", "minItems": 1, "items": items})
        }
    }
}
