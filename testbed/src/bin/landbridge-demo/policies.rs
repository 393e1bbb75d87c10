//! The demo's policies, as they are delivered.

use std::error::Error;

use landbridge_model::{Diagnostic, FilterKind, render, render_for, validate, yaml};

const MESH: &str = include_str!("../../../../policies/corpus/mesh.yaml");

/// The policies, as an author wrote them.
pub(crate) const TEXT: &str = include_str!("../../../demo/policies.yaml");

/// The filter's configuration of these policies. Each proxy knows by its own metadata where it is.
pub(crate) fn config(policies: &str) -> Result<String, Box<dyn Error>> {
    let documents = yaml::read(&format!("{MESH}---\n{policies}"), None)
        .map_err(|(_, found)| refused(&found))?;
    let found = validate::documents(&documents);
    if found.iter().any(Diagnostic::is_error) {
        return Err(refused(&found));
    }
    Ok(render(&documents, None, None))
}

/// The locality filter's configuration of the failover's mesh and policy, as an author wrote them.
pub(crate) fn failover() -> Result<String, Box<dyn Error>> {
    rendered(
        FilterKind::Locality,
        include_str!("../../../demo/failover.yaml"),
    )
}

/// The shaping filter's, likewise.
pub(crate) fn shaping() -> Result<String, Box<dyn Error>> {
    rendered(
        FilterKind::Shaping,
        include_str!("../../../demo/shaping.yaml"),
    )
}

fn rendered(filter: FilterKind, text: &str) -> Result<String, Box<dyn Error>> {
    let documents = yaml::read(text, None).map_err(|(_, found)| refused(&found))?;
    let found = validate::documents(&documents);
    if found.iter().any(Diagnostic::is_error) {
        return Err(refused(&found));
    }
    Ok(render_for(filter, &documents, None, None))
}

fn refused(found: &[Diagnostic]) -> Box<dyn Error> {
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    lines.join("\n").into()
}
