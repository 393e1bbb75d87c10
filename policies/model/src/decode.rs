//! From a tree to a typed document, with every problem collected.

use crate::Code;
use crate::diagnostic::Diagnostic;
use crate::node::{Entry, Node, Span, Value, push_json_string};
use deserr::{
    DeserializeError, Deserr, ErrorKind, IntoValue, Map, MergeWithError, Sequence, ValueKind,
    ValuePointerRef,
};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// After how many problems decoding stops: nobody reads on, and the rest costs time.
const ENOUGH: usize = 1000;

/// What was wrong with a document: at least one diagnostic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Diagnostic>);

impl Problems {
    /// One problem at a place.
    pub fn at(path: ValuePointerRef<'_>, code: Code, message: impl Into<String>) -> Self {
        Self(vec![Diagnostic::new(code, path_text(path), message)])
    }

    /// The same, with what to do.
    pub fn hinted(
        path: ValuePointerRef<'_>,
        code: Code,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self(vec![
            Diagnostic::new(code, path_text(path), message).hint(hint),
        ])
    }

    fn or_enough(self) -> ControlFlow<Self, Self> {
        if self.0.len() < ENOUGH {
            ControlFlow::Continue(self)
        } else {
            ControlFlow::Break(self)
        }
    }
}

/// Decodes a typed document; every problem is in the error, each with its position where the
/// tree has places.
pub fn decode<T: Deserr<Problems>>(node: &Node, at: ValuePointerRef<'_>) -> Result<T, Problems> {
    T::deserialize_from_value(node.into_value(), at).map_err(|mut problems: Problems| {
        let prefix = path_text(at);
        for diagnostic in &mut problems.0 {
            let below = diagnostic
                .path
                .strip_prefix(&prefix)
                .unwrap_or(&diagnostic.path);
            let place = match diagnostic.code {
                Code::UnknownField => Place::Key,
                _ => Place::Value,
            };
            diagnostic.position = locate(node, below, place).position();
        }
        problems
    })
}

/// What of a field is pointed at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Key,
    /// What it holds, or the key where that is a list or a mapping, which may be long.
    Value,
}

/// Where the field with this path stood; the nearest enclosing place where it is not there.
pub(crate) fn locate(node: &Node, path: &str, of: Place) -> Span {
    let mut node = node;
    let mut span = node.span;
    for step in steps(path) {
        let next = match (&node.value, step) {
            (Value::Sequence(nodes), Step::Index(i)) => nodes.get(i).map(|n| (n, n.span)),
            (Value::Map(_), Step::Key(key)) => node.entry(&key).map(|entry| {
                let long = matches!(entry.node.value, Value::Map(_) | Value::Sequence(_));
                let place = if long || of == Place::Key {
                    entry.key_span
                } else {
                    entry.node.span
                };
                (&entry.node, place)
            }),
            _ => None,
        };
        let Some((below, place)) = next else { break };
        node = below;
        span = place;
    }
    span
}

/// One step of a path.
enum Step<'a> {
    Key(Cow<'a, str>),
    Index(usize),
}

/// The steps of a path as [`path_text`] writes it.
fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    let mut rest = path;
    std::iter::from_fn(move || {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(bracketed) = rest.strip_prefix('[') {
            if bracketed.starts_with('"') {
                let mut keys = serde_json::Deserializer::from_str(bracketed).into_iter::<String>();
                let key = keys.next()?.ok()?;
                let end = bracketed.get(keys.byte_offset()..)?;
                rest = end.strip_prefix(']')?;
                return Some(Step::Key(key.into()));
            }
            let (index, end) = bracketed.split_once(']')?;
            rest = end;
            return index.parse().ok().map(Step::Index);
        }
        let (key, end) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
        rest = end;
        (!key.is_empty()).then_some(Step::Key(key.into()))
    })
}

/// `spec.rules[0].name`; a key that would not stand apart is quoted: `labels["a.b/c"]`.
pub(crate) fn path_text(path: ValuePointerRef<'_>) -> String {
    fn write(path: ValuePointerRef<'_>, out: &mut String) {
        match path {
            ValuePointerRef::Origin => {}
            ValuePointerRef::Key { key, prev } => {
                write(*prev, out);
                if key.is_empty() || key.contains(['.', '[', ']', '"']) {
                    out.push('[');
                    push_json_string(out, key);
                    out.push(']');
                    return;
                }
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            ValuePointerRef::Index { index, prev } => {
                write(*prev, out);
                // Writing to a String cannot fail.
                let _ = write!(out, "[{index}]");
            }
        }
    }
    let mut out = String::new();
    write(path, &mut out);
    out
}

/// The candidate nearest to what was written, for a hint.
pub(crate) fn nearest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| {
            (
                strsim::damerau_levenshtein(&written.to_lowercase(), &c.to_lowercase()),
                c,
            )
        })
        .filter(|(distance, c)| {
            let longer = written.len().max(c.len());
            // Of a short word, two changes leave nothing.
            (*distance <= 2 && distance.saturating_mul(2) <= longer)
                || distance.saturating_mul(3) <= longer
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

/// "did you mean …", or what there is.
pub(crate) fn suggest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(near) = nearest(written, candidates.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<String> = candidates.into_iter().map(|c| format!("`{c}`")).collect();
    match all.len() {
        0 => None,
        1..=24 => Some(format!("there is {}", all.join(", "))),
        _ => None,
    }
}

/// A word that is none of those accepted.
pub(crate) fn unknown_word(word: &str, accepted: &[&str], at: ValuePointerRef<'_>) -> Problems {
    let mut found = Diagnostic::new(
        Code::UnknownValue,
        path_text(at),
        format!("unknown value `{word}`"),
    );
    found.hint = suggest(word, accepted.iter().copied());
    Problems(vec![found])
}

impl MergeWithError<Self> for Problems {
    fn merge(self_: Option<Self>, other: Self, _: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        let mut all = self_.unwrap_or_default();
        all.0.extend(other.0);
        all.or_enough()
    }
}

impl DeserializeError for Problems {
    fn error<V: IntoValue>(
        self_: Option<Self>,
        error: ErrorKind<'_, V>,
        location: ValuePointerRef<'_>,
    ) -> ControlFlow<Self, Self> {
        let mut all = self_.unwrap_or_default();
        all.0.push(describe(error, location));
        all.or_enough()
    }
}

fn describe<V: IntoValue>(error: ErrorKind<'_, V>, location: ValuePointerRef<'_>) -> Diagnostic {
    let path = path_text(location);
    let below = |key: &str| path_text(location.push_key(key));
    let with = |diagnostic: Diagnostic, hint: Option<String>| match hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    };
    match error {
        ErrorKind::IncorrectValueKind { actual, accepted } => {
            let (actual, wants_text) = (actual.kind(), accepted.contains(&ValueKind::String));
            let accepted: Vec<&str> = accepted.iter().copied().map(kind_text).collect();
            let message = format!(
                "expected {}, got {}",
                accepted.join(" or "),
                kind_text(actual)
            );
            let scalar = matches!(
                actual,
                ValueKind::Boolean
                    | ValueKind::Integer
                    | ValueKind::NegativeInteger
                    | ValueKind::Float
            );
            let hint =
                (wants_text && scalar).then(|| "put it in quotes to make it text".to_owned());
            with(Diagnostic::new(Code::WrongType, path, message), hint)
        }
        ErrorKind::MissingField { field } => {
            Diagnostic::new(Code::MissingField, path, format!("`{field}` is missing"))
        }
        ErrorKind::UnknownKey { key, accepted } => {
            let hint = suggest(key, accepted.iter().copied());
            let message = format!("unknown field `{key}`");
            with(
                Diagnostic::new(Code::UnknownField, below(key), message),
                hint,
            )
        }
        ErrorKind::UnknownValue { value, accepted } => {
            let hint = suggest(value, accepted.iter().copied());
            let message = format!("unknown value `{value}`");
            with(Diagnostic::new(Code::UnknownValue, path, message), hint)
        }
        ErrorKind::BadSequenceLen { actual, expected } => Diagnostic::new(
            Code::InvalidValue,
            path,
            format!("expected {expected} values, got {}", actual.len()),
        ),
        ErrorKind::Unexpected { msg } => Diagnostic::new(Code::InvalidValue, path, msg),
    }
}

pub(crate) fn kind_text(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Null => "nothing",
        ValueKind::Boolean => "true or false",
        ValueKind::Integer => "a whole number",
        ValueKind::NegativeInteger => "a negative number",
        ValueKind::Float => "a number with a fraction",
        ValueKind::String => "text",
        ValueKind::Sequence => "a list",
        ValueKind::Map => "a mapping",
    }
}

impl<'a> IntoValue for &'a Node {
    type Sequence = Nodes<'a>;
    type Map = Entries<'a>;

    fn kind(&self) -> ValueKind {
        match &self.value {
            Value::Null => ValueKind::Null,
            Value::Bool(_) => ValueKind::Boolean,
            Value::Integer(_) => ValueKind::Integer,
            Value::Negative(_) => ValueKind::NegativeInteger,
            Value::Float(_) => ValueKind::Float,
            Value::String(_) => ValueKind::String,
            Value::Sequence(_) => ValueKind::Sequence,
            Value::Map(_) => ValueKind::Map,
        }
    }

    fn into_value(self) -> deserr::Value<Self> {
        match &self.value {
            Value::Null => deserr::Value::Null,
            Value::Bool(b) => deserr::Value::Boolean(*b),
            Value::Integer(n) => deserr::Value::Integer(*n),
            Value::Negative(n) => deserr::Value::NegativeInteger(*n),
            Value::Float(x) => deserr::Value::Float(*x),
            Value::String(s) => deserr::Value::String(s.clone()),
            Value::Sequence(nodes) => deserr::Value::Sequence(Nodes(nodes)),
            Value::Map(entries) => deserr::Value::Map(Entries(entries)),
        }
    }
}

/// A list, as `deserr` walks it.
pub struct Nodes<'a>(&'a [Node]);

impl<'a> Sequence for Nodes<'a> {
    type Value = &'a Node;
    type Iter = std::slice::Iter<'a, Node>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn into_iter(self) -> Self::Iter {
        self.0.iter()
    }
}

/// A mapping, as `deserr` walks it.
pub struct Entries<'a>(&'a [Entry]);

impl<'a> Map for Entries<'a> {
    type Value = &'a Node;
    type Iter = std::iter::Map<std::slice::Iter<'a, Entry>, fn(&'a Entry) -> (String, &'a Node)>;

    fn len(&self) -> usize {
        self.0.len()
    }

    /// Never called: no document is tagged by one of its own fields.
    fn remove(&mut self, key: &str) -> Option<&'a Node> {
        self.0.iter().find(|e| e.key == key).map(|e| &e.node)
    }

    fn into_iter(self) -> Self::Iter {
        self.0.iter().map(|e| (e.key.clone(), &e.node))
    }
}
