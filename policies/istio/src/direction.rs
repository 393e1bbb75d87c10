//! The parts of a `TrafficShaping` that are for where requests arrive, and those for where they
//! leave.
//!
//! A sidecar has the shaping filter at both ends: what counts arriving requests must not count those
//! that the workload sends itself, and a split chooses where a request leaves. So a policy is
//! divided over two plugins. Limits, concurrency, criticality and deadlines go where requests arrive,
//! splits where they leave. Retry budgets and faults make sense at either end: they go with the rest
//! of their policy, or where its annotation `landbridge.dev/direction` says.

use landbridge_model::{Code, Content, Diagnostic, Document, Named, Shaping, Value};

/// The annotation by which an author says where retry budgets and faults go.
pub(crate) const ANNOTATION: &str = "landbridge.dev/direction";

/// One end of a request, at a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Where requests come to a workload or gateway.
    Arriving,
    /// Where they go on to another.
    Leaving,
}

const ARRIVING: [&str; 4] = ["limits", "concurrency", "criticality", "deadlines"];
const LEAVING: [&str; 1] = ["splits"];
const EITHER: [&str; 2] = ["retryBudgets", "faults"];

/// What of a policy is for one direction; nothing, where all of it is for the other.
pub(crate) fn part(document: &Document, direction: Direction) -> Option<Document> {
    let Content::Shaping(policy) = &document.content else {
        return None;
    };
    let (own, other) = match direction {
        Direction::Arriving => (&ARRIVING[..], &LEAVING[..]),
        Direction::Leaving => (&LEAVING[..], &ARRIVING[..]),
    };
    let spec = document.node.get("spec")?;
    let has = |keys: &[&str]| keys.iter().any(|key| spec.get(key).is_some());
    let either = goes(policy, direction).unwrap_or(match direction {
        Direction::Arriving => has(own) || !has(other),
        Direction::Leaving => has(own) && !has(other),
    });
    let mut document = document.clone();
    keep(&mut document, |key| {
        !other.contains(&key)
            && (either || !EITHER.contains(&key))
            && (key != "rateLimitService" || direction == Direction::Arriving)
    });
    let spec = document.node.get("spec")?;
    let left = |key: &&&str| spec.get(key).is_some();
    let any = own.iter().chain(&EITHER).any(|key| left(&key));
    any.then_some(document)
}

/// Where retry budgets and faults go, by the annotation; nothing, where there is none.
fn goes(policy: &Named<Shaping>, direction: Direction) -> Option<bool> {
    match policy.metadata.annotation(ANNOTATION)? {
        "arriving" => Some(direction == Direction::Arriving),
        "leaving" => Some(direction == Direction::Leaving),
        "both" => Some(true),
        _ => None,
    }
}

/// What is wrong with the annotation.
pub(crate) fn check(document: &Document) -> Option<Diagnostic> {
    let Content::Shaping(policy) = &document.content else {
        return None;
    };
    let written = policy.metadata.annotation(ANNOTATION)?;
    if matches!(written, "arriving" | "leaving" | "both") {
        return None;
    }
    let message = format!("unknown `{ANNOTATION}`: `{written}`");
    let mut found = Diagnostic::new(Code::UnknownValue, "metadata.annotations", message)
        .hint("there is `arriving`, `leaving`, `both`");
    found.document = Some(document.content.title());
    found.file.clone_from(&document.file);
    let metadata = document.node.get("metadata");
    let annotations = metadata.and_then(|m| m.get("annotations"));
    found.position = annotations.and_then(|n| n.span.position());
    Some(found)
}

/// Leaves out the fields of a policy's spec that are not wanted.
fn keep(document: &mut Document, wanted: impl Fn(&str) -> bool) {
    let Value::Map(entries) = &mut document.node.value else {
        return;
    };
    for entry in entries {
        if let ("spec", Value::Map(fields)) = (entry.key.as_str(), &mut entry.node.value) {
            fields.retain(|field| wanted(&field.key));
        }
    }
}
