//! What is wrong with manifests.

/// Something in a manifest that Istio would refuse, or that is not understood here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}, {field}: {why}")]
pub struct Problem {
    /// The object, e.g. `WasmPlugin istio-system/landbridge-authz`.
    pub what: String,
    /// The field's path, e.g. `spec.phase`.
    pub field: String,
    /// What is wrong with it.
    pub why: String,
}

impl Problem {
    pub(crate) fn new(
        what: impl ToString,
        field: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        Self {
            what: what.to_string(),
            field: field.into(),
            why: why.into(),
        }
    }
}
