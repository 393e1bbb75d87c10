//! Reading YAML, and JSON as the part of YAML that it is, with line and column.

use crate::Code;
use crate::diagnostic::{Diagnostic, Position};
use crate::document::{self, ApiVersion, Document, Documents};
use crate::node::{DUPLICATE_KEY, Node, Placed, Span, Tree, Value};
use deserr::ValuePointerRef;
use serde::de::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

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
                match document::read(&node, ApiVersion::Required, ValuePointerRef::Origin) {
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

/// The trees of the documents of a text, whatever they are.
pub fn trees(text: &str) -> Result<Vec<Node>, Box<Diagnostic>> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
    };
    let trees: Vec<PlacedNode> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| syntax(&error))?;
    Ok(trees.into_iter().map(|t| t.0).collect())
}

fn syntax(error: &serde_saphyr::Error) -> Box<Diagnostic> {
    let message = error.without_snippet().to_string();
    let lower = message.to_lowercase();
    let code = if lower.contains(DUPLICATE_KEY) || lower.contains("duplicate mapping key") {
        Code::DuplicateKey
    } else if lower.contains("budget") || lower.contains("limit") {
        Code::TooLarge
    } else {
        Code::Syntax
    };
    // The place is told by the position.
    let message = message
        .split(" at line ")
        .next()
        .unwrap_or(&message)
        .to_owned();
    let mut diagnostic = Diagnostic::new(code, "", message);
    diagnostic.position = error.location().map(|at| Position {
        line: narrow(at.line()),
        column: narrow(at.column()),
        length: narrow(at.span().len()).max(1),
    });
    Box::new(diagnostic)
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
