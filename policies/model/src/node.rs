//! A document as a tree, before anything is known of its meaning.
//!
//! Both formats come through one `serde` visitor, so that a duplicate key or a float is the same
//! thing in each. In YAML every node and key carries where it stood; in JSON, which only a filter
//! reads, a span is unknown and costs nothing to find.

use crate::diagnostic::Position;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::BTreeSet;
use std::fmt;

/// Where a node stood; all zero where that is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// How many characters.
    pub length: u32,
}

impl Span {
    /// As a position, where known.
    pub fn position(self) -> Option<Position> {
        (self.line > 0).then_some(Position {
            line: self.line,
            column: self.column,
            length: self.length.max(1),
        })
    }
}

/// A value and where it stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stood.
    pub span: Span,
}

/// One key of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stood.
    pub key_span: Span,
    /// What it holds.
    pub node: Node,
}

/// What a node may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number from 0.
    Integer(u64),
    /// A whole number below 0.
    Negative(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping, in its written order.
    Map(Vec<Entry>),
}

impl Node {
    /// A node of unknown place.
    pub fn bare(value: Value) -> Self {
        Self {
            value,
            span: Span::default(),
        }
    }

    /// The entry of a mapping.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| e.key == key),
            _ => None,
        }
    }

    /// What a mapping holds under a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|e| &e.node)
    }

    /// The text, where it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(s) => Some(s),
            _ => None,
        }
    }

    /// As JSON, keys in their written order.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out, Keys::Written);
        out
    }

    /// Appends JSON that is the same for any two documents that mean the same: keys sorted, no
    /// space, a whole number without a fraction. What a digest is taken of.
    pub fn push_canonical_json(&self, out: &mut String) {
        self.write_json(out, Keys::Sorted);
    }

    fn write_json(&self, out: &mut String, keys: Keys) {
        match &self.value {
            Value::Null => out.push_str("null"),
            Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Value::Integer(n) => out.push_str(&n.to_string()),
            Value::Negative(n) => out.push_str(&n.to_string()),
            Value::Float(x) => out.push_str(&x.to_string()),
            Value::String(s) => push_json_string(out, s),
            Value::Sequence(nodes) => {
                out.push('[');
                for (i, node) in nodes.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    node.write_json(out, keys);
                }
                out.push(']');
            }
            Value::Map(entries) => {
                let mut entries: Vec<&Entry> = entries.iter().collect();
                if keys == Keys::Sorted {
                    entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
                }
                out.push('{');
                for (i, entry) in entries.into_iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    push_json_string(out, &entry.key);
                    out.push(':');
                    entry.node.write_json(out, keys);
                }
                out.push('}');
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Keys {
    Written,
    Sorted,
}

pub(crate) fn push_json_string(out: &mut String, s: &str) {
    // Nearly all: those of JSON's characters that need no escape (RFC 8259, section 7).
    if !s.bytes().any(|b| b < b' ' || b == b'"' || b == b'\\') {
        out.push('"');
        out.push_str(s);
        out.push('"');
        return;
    }
    // Serialising a string cannot fail; were it to, an empty one is still JSON.
    out.push_str(&serde_json::to_string(s).unwrap_or_else(|_| "\"\"".to_owned()));
}

/// The start of the message of a duplicate key, by which the readers tell it from bad syntax.
pub(crate) const DUPLICATE_KEY: &str = "duplicate key ";

/// Tells a key that was there before. A few are compared with each other; of many, a set is kept,
/// so that a mapping of a million keys does not take a million times a million comparisons.
#[derive(Default)]
pub(crate) struct Seen(BTreeSet<String>);

impl Seen {
    const FEW: usize = 32;

    /// Whether `key` is one of `entries`, which are all that were asked about and then kept.
    pub(crate) fn again(&mut self, key: &str, entries: &[Entry]) -> bool {
        if entries.len() < Self::FEW {
            return entries.iter().any(|e| e.key == key);
        }
        if self.0.is_empty() {
            self.0 = entries.iter().map(|e| e.key.clone()).collect();
        }
        !self.0.insert(key.to_owned())
    }
}

/// How a format says where a node stood.
pub(crate) trait Placed<'de>: Sized {
    fn node<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error>;
    fn key<D: Deserializer<'de>>(deserializer: D) -> Result<(String, Span), D::Error>;
}

/// JSON: no places.
pub(crate) struct Unplaced;

impl<'de> Placed<'de> for Unplaced {
    fn node<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer
            .deserialize_any(Tree::<Self>::new())
            .map(Node::bare)
    }

    fn key<D: Deserializer<'de>>(deserializer: D) -> Result<(String, Span), D::Error> {
        String::deserialize(deserializer).map(|key| (key, Span::default()))
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Unplaced::node(deserializer)
    }
}

/// As it was written: the keys in their order, the places left out.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Integer(n) => serializer.serialize_u64(*n),
            Value::Negative(n) => serializer.serialize_i64(*n),
            Value::Float(x) => serializer.serialize_f64(*x),
            Value::String(s) => serializer.serialize_str(s),
            Value::Sequence(nodes) => serializer.collect_seq(nodes),
            Value::Map(entries) => {
                let mut mapping = serializer.serialize_map(Some(entries.len()))?;
                for entry in entries {
                    mapping.serialize_entry(&entry.key, &entry.node)?;
                }
                mapping.end()
            }
        }
    }
}

pub(crate) struct Tree<P>(std::marker::PhantomData<P>);

impl<P> Tree<P> {
    pub(crate) fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

struct NodeSeed<P>(std::marker::PhantomData<P>);

impl<'de, P: Placed<'de>> DeserializeSeed<'de> for NodeSeed<P> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        P::node(deserializer)
    }
}

struct KeySeed<P>(std::marker::PhantomData<P>);

impl<'de, P: Placed<'de>> DeserializeSeed<'de> for KeySeed<P> {
    type Value = (String, Span);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        P::key(deserializer)
    }
}

impl<'de, P: Placed<'de>> Visitor<'de> for Tree<P> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<Value, E> {
        Ok(Value::Integer(n))
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<Value, E> {
        Ok(u64::try_from(n).map_or(Value::Negative(n), Value::Integer))
    }

    fn visit_f64<E: Error>(self, x: f64) -> Result<Value, E> {
        // Istio carries configuration through a protobuf Struct, which knows only doubles.
        #[expect(clippy::cast_possible_truncation, reason = "checked to be exact")]
        #[expect(clippy::cast_sign_loss, reason = "checked to be positive")]
        let whole =
            (x >= 0.0 && x.fract() == 0.0 && x < 9_007_199_254_740_992.0).then_some(x as u64);
        Ok(whole.map_or(Value::Float(x), Value::Integer))
    }

    fn visit_str<E: Error>(self, s: &str) -> Result<Value, E> {
        Ok(Value::String(s.to_owned()))
    }

    fn visit_string<E: Error>(self, s: String) -> Result<Value, E> {
        Ok(Value::String(s))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element_seed(NodeSeed::<P>(std::marker::PhantomData))? {
            nodes.push(node);
        }
        Ok(Value::Sequence(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = Seen::default();
        while let Some((key, key_span)) =
            map.next_key_seed(KeySeed::<P>(std::marker::PhantomData))?
        {
            if seen.again(&key, &entries) {
                return Err(A::Error::custom(format_args!("{DUPLICATE_KEY}`{key}`")));
            }
            let node = map.next_value_seed(NodeSeed::<P>(std::marker::PhantomData))?;
            entries.push(Entry {
                key,
                key_span,
                node,
            });
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::push_json_string;

    #[test]
    fn text_is_escaped_where_json_needs_it() {
        for text in ["", "a-b/c", "ünï", "a\"b", "a\\b", "a\nb", "\0", "\u{7f}"] {
            let mut out = String::new();
            push_json_string(&mut out, text);
            assert_eq!(out, serde_json::to_string(text).unwrap());
        }
    }
}
