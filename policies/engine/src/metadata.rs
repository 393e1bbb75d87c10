//! What other filters keep of a request: Envoy's dynamic metadata, as the bytes of an
//! `envoy.config.core.v3.Metadata`.
//!
//! A proxy can be asked for one value of it too, but then says no type: the text `1` and the list of
//! `1` would be told apart by nothing. So all of it is read, once, and only where a policy needs it.

use crate::plan::MetadataPath;
use landbridge_model::{Node, Value as Tree};
use prost::{Message, Oneof};
use std::collections::BTreeMap;

/// `envoy.config.core.v3.Metadata`, as far as it is read.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) filter_metadata: BTreeMap<String, Struct>,
}

/// `google.protobuf.Struct`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Struct {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) fields: BTreeMap<String, Value>,
}

/// `google.protobuf.Value`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Value {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub(crate) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Kind {
    #[prost(int32, tag = "1")]
    Null(i32),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bool, tag = "4")]
    Bool(bool),
    #[prost(message, tag = "5")]
    Struct(Struct),
    #[prost(message, tag = "6")]
    List(List),
}

/// `google.protobuf.ListValue`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct List {
    #[prost(message, repeated, tag = "1")]
    pub(crate) values: Vec<Value>,
}

/// What stands at one place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    /// Nobody keeps anything there: no token, no such filter.
    Nothing,
    /// What is kept has no such value, or one that is neither text nor a list.
    Absent,
    Text(String),
    /// The texts of a list.
    List(Vec<String>),
}

impl Value {
    /// A value of a test.
    pub(crate) fn new(node: &Node) -> Self {
        let kind = match &node.value {
            Tree::Null => Kind::Null(0),
            Tree::Bool(b) => Kind::Bool(*b),
            #[expect(clippy::cast_precision_loss, reason = "JSON has no other numbers")]
            Tree::Integer(n) => Kind::Number(*n as f64),
            #[expect(clippy::cast_precision_loss, reason = "JSON has no other numbers")]
            Tree::Negative(n) => Kind::Number(*n as f64),
            Tree::Float(x) => Kind::Number(*x),
            Tree::String(s) => Kind::Text(s.clone()),
            Tree::Sequence(nodes) => Kind::List(List {
                values: nodes.iter().map(Self::new).collect(),
            }),
            Tree::Map(entries) => Kind::Struct(Struct {
                fields: entries
                    .iter()
                    .map(|e| (e.key.clone(), Self::new(&e.node)))
                    .collect(),
            }),
        };
        Self { kind: Some(kind) }
    }
}

impl Metadata {
    /// Reads it; `None` where the bytes are not one.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        Self::decode(bytes).ok()
    }

    /// What stands at a place. The first key is what the filter keeps all of its own under, such as
    /// a token's `payload`.
    pub(crate) fn find(&self, path: &MetadataPath) -> Found {
        let Some(mut within) = self.filter_metadata.get(&*path.filter) else {
            return Found::Nothing;
        };
        let mut keys = path.keys.iter().peekable();
        let mut missing = Found::Nothing;
        while let Some(key) = keys.next() {
            let kind = within
                .fields
                .get(&**key)
                .and_then(|value| value.kind.as_ref());
            match (kind, keys.peek()) {
                (None, _) => return missing,
                (Some(Kind::Struct(below)), Some(_)) => within = below,
                (Some(Kind::Text(text)), None) => return Found::Text(text.clone()),
                (Some(Kind::List(list)), None) => {
                    let texts = list.values.iter().filter_map(|value| match &value.kind {
                        Some(Kind::Text(text)) => Some(text.clone()),
                        _ => None,
                    });
                    return Found::List(texts.collect());
                }
                (Some(_), _) => return Found::Absent,
            }
            missing = Found::Absent;
        }
        missing
    }
}
