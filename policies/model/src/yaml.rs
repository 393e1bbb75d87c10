//! Reading YAML, and JSON as the part of YAML that it is, with line and column.

use crate::Code;
use crate::diagnostic::{Diagnostic, Position};
use crate::document::{self, Document, Documents};
use crate::node::{DUPLICATE_KEY, Node, Placed, Span, Tree, Value};
use deserr::ValuePointerRef;
use serde::de::{Deserialize, Deserializer};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, Spanned};

/// Reads the documents of one file. Everything found wrong in any of them is in the error, and
/// what could be read beside it, so that the rest can still be checked.
pub fn read(text: &str, file: Option<&str>) -> Result<Documents, (Documents, Vec<Diagnostic>)> {
    let mut documents = Documents::default();
    let mut found = Vec::new();
    match trees(text) {
        Ok(nodes) => {
            let nodes: Vec<Node> = nodes
                .into_iter()
                .filter(|n| n.value != Value::Null)
                .collect();
            if nodes.is_empty() {
                found.push(Diagnostic::new(
                    Code::NoDocument,
                    "",
                    "there is no document",
                ));
            }
            for node in nodes {
                match document::read(&node, ValuePointerRef::Origin) {
                    Ok(content) => {
                        let file = file.map(str::to_owned);
                        documents.0.push(Document {
                            content,
                            node,
                            file,
                        });
                    }
                    Err(problems) => found.extend(problems.0),
                }
            }
        }
        Err(diagnostic) => found.push(*diagnostic),
    }
    if found.is_empty() {
        return Ok(documents);
    }
    for diagnostic in &mut found {
        diagnostic.file = file.map(str::to_owned);
    }
    Err((documents, found))
}

/// How deep documents may be nested; ours are ten levels deep. Twice as deep would overflow the
/// stack of a thread in a build without optimisation.
const DEEPEST: usize = 32;
/// How many documents a text may hold, and how many values: what a filter takes, and its tests.
const MOST_DOCUMENTS: usize = 25_000;
const MOST_VALUES: usize = 2_000_000;
/// How much may come of repeating what has an anchor.
const MOST_REPEATED: usize = 100_000;

/// The trees of the documents of a text, whatever they are.
pub fn trees(text: &str) -> Result<Vec<Node>, Box<Diagnostic>> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST,
            max_documents: MOST_DOCUMENTS,
            max_nodes: MOST_VALUES,
            max_events: MOST_VALUES.saturating_mul(2),
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MOST_REPEATED,
        },
    };
    let trees: Vec<PlacedNode> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| syntax(&error))?;
    Ok(trees.into_iter().map(|t| t.0).collect())
}

fn syntax(error: &Error) -> Box<Diagnostic> {
    let (code, message) = describe(error);
    let mut diagnostic = Diagnostic::new(code, "", message);
    diagnostic.position = error.location().map(|at| Position {
        line: narrow(at.line()),
        column: narrow(at.column()),
        length: narrow(at.span().len()).max(1),
    });
    Box::new(diagnostic)
}

/// Says in our words what the reader says in those of Rust.
fn describe(error: &Error) -> (Code, String) {
    let too_deep = || (Code::TooDeep, "nested too deeply".to_owned());
    match error.without_snippet() {
        Error::AliasError { error, .. } => describe(error),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            (Code::DuplicateKey, format!("{DUPLICATE_KEY}`{key}`"))
        }
        Error::DuplicateMappingKey { key: None, .. } => {
            (Code::DuplicateKey, DUPLICATE_KEY.trim_end().to_owned())
        }
        // Only keys are read as nothing but text.
        Error::NullIntoString { .. } | Error::Unexpected { .. } => {
            (Code::Syntax, "a key must be text".to_owned())
        }
        Error::NonFiniteFloat { value, .. } => {
            (Code::InvalidValue, format!("`{value}` is not a number"))
        }
        Error::Budget { breach, .. } => match breach {
            BudgetBreach::Depth { .. } => too_deep(),
            BudgetBreach::Documents { .. } => (
                Code::TooMany,
                format!("more documents than the limit of {MOST_DOCUMENTS}"),
            ),
            BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => (
                Code::TooMany,
                format!("more values than the limit of {MOST_VALUES}"),
            ),
            BudgetBreach::ScalarBytes { .. } => {
                (Code::TooLarge, "more text than the limit".to_owned())
            }
            _ => (Code::TooMany, "too many anchors and aliases".to_owned()),
        },
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => (
            Code::TooMany,
            "aliases repeat more than the limit".to_owned(),
        ),
        Error::AliasReplayStackDepthExceeded { .. } => too_deep(),
        other => {
            let message = other.to_string();
            if message.contains("recursion limit") {
                return too_deep();
            }
            // The place is told by the position.
            let end = message.find(" at line ").unwrap_or(message.len());
            let message = message.get(..end).unwrap_or_default().to_owned();
            (Code::Syntax, message)
        }
    }
}

fn narrow(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

struct PlacedNode(Node);

struct PlacedValue(Value);

/// YAML: what `serde_saphyr` says of a node's place.
struct Yaml;

impl<'de> Placed<'de> for Yaml {
    fn node<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        let spanned = Spanned::<PlacedValue>::deserialize(deserializer)?;
        let span = span(&spanned);
        Ok(Node {
            value: spanned.value.0,
            span,
        })
    }

    fn key<D: Deserializer<'de>>(deserializer: D) -> Result<(String, Span), D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        let span = span(&spanned);
        Ok((spanned.value, span))
    }
}

fn span<T>(spanned: &Spanned<T>) -> Span {
    let at = spanned.referenced;
    Span {
        line: narrow(at.line()),
        column: narrow(at.column()),
        length: narrow(at.span().len()),
    }
}

impl<'de> Deserialize<'de> for PlacedNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Yaml::node(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for PlacedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree::<Yaml>::new()).map(Self)
    }
}
