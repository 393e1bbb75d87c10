//! What a plugin is configured with: `pluginConfig`.

use landbridge_model::packed::{self, THRESHOLD};
use landbridge_model::{Document, Documents, FilterKind, render_for};
use serde_json::{Value, json};

/// The configuration of a filter with these documents, the mesh among them.
///
/// `local.cluster` is written, though a proxy would find it in its node metadata: `kubectl get` then
/// shows for which cluster the policies were chosen, and a plugin that is applied to the wrong
/// cluster enforces those of the one that it was made for, and not none. Namespace and labels are
/// the workload's, and differ within one plugin.
pub(crate) fn config(
    filter: FilterKind,
    documents: Vec<Document>,
    cluster: &str,
    options: Option<&str>,
) -> Result<Value, String> {
    let local = json!({"cluster": cluster}).to_string();
    let documents = Documents(documents);
    let text = render_for(filter, &documents, Some(&local), options);
    let text = match text.len() > THRESHOLD {
        true => packed::pack(&text),
        false => text,
    };
    serde_json::from_str(&text).map_err(|e| e.to_string())
}
