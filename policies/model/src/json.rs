//! Values that a test states and no policy has: any JSON, and one address.

use crate::decode::Problems;
use crate::name::parsed;
use crate::node::{Entry, Node, Span, Value as Tree};
use deserr::{Deserr, IntoValue, Map, Sequence, Value, ValuePointerRef};
use std::net::IpAddr;

/// Any JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Json(pub Node);

// The only number that is not equal to itself is none that JSON can write.
impl Eq for Json {}

impl Deserr<Problems> for Json {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        _: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        Ok(Self(tree(value)))
    }
}

fn tree<V: IntoValue>(value: Value<V>) -> Node {
    Node::bare(match value {
        Value::Null => Tree::Null,
        Value::Boolean(b) => Tree::Bool(b),
        Value::Integer(n) => Tree::Integer(n),
        Value::NegativeInteger(n) => Tree::Negative(n),
        Value::Float(x) => Tree::Float(x),
        Value::String(s) => Tree::String(s),
        Value::Sequence(values) => {
            let values = values.into_iter().map(|value| tree(value.into_value()));
            Tree::Sequence(values.collect())
        }
        Value::Map(map) => {
            let entry = |(key, value): (String, V)| Entry {
                key,
                key_span: Span::default(),
                node: tree(value.into_value()),
            };
            Tree::Map(map.into_iter().map(entry).collect())
        }
    })
}

/// One IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address(pub IpAddr);

impl Deserr<Problems> for Address {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        let parse = |s: &str| s.parse().ok().map(Self);
        parsed(
            value,
            at,
            parse,
            "is not an IP address",
            "write `203.0.113.4`",
        )
    }
}

#[cfg(feature = "schema")]
mod schema {
    use super::{Address, Json};
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use std::borrow::Cow;

    impl JsonSchema for Json {
        fn inline_schema() -> bool {
            true
        }

        fn schema_name() -> Cow<'static, str> {
            "Json".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({"type": "object"})
        }
    }

    impl JsonSchema for Address {
        fn schema_name() -> Cow<'static, str> {
            "Address".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({"description": "An IP address.", "type": "string", "pattern": "^[0-9A-Fa-f:.]+$"})
        }
    }
}
