//! Documents and settings for the tests.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "shared by tests, each of which uses a part, and fails by panicking"
)]

use landbridge_istio::{Lock, Module, Object, Rendered, Settings, render};
use landbridge_model::{Diagnostic, Documents, validate, yaml};
use std::collections::BTreeSet;

/// Valid documents, out of YAML.
pub(crate) fn documents(text: &str) -> Documents {
    let documents = yaml::read(text, None).unwrap_or_else(|(_, found)| panic!("{found:#?}"));
    let found = validate::documents(&documents);
    let errors: Vec<&Diagnostic> = found.iter().filter(|d| d.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    documents
}

/// A lock file with all three modules.
pub(crate) fn lock() -> Lock {
    let modules = ["authz", "locality", "shaping"].into_iter().enumerate();
    let modules = modules.map(|(i, name)| {
        let module = Module {
            reference: Some(format!("registry.example:5000/landbridge/{name}:0.1.0")),
            digest: format!("sha256:{}", i.to_string().repeat(64)),
        };
        (name.to_owned(), module)
    });
    Lock {
        version: "0.1.0".to_owned(),
        modules: modules.collect(),
    }
}

pub(crate) fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

/// Renders documents that nothing is wrong with.
pub(crate) fn rendered(documents: &Documents, settings: &Settings) -> Rendered {
    render(documents, settings).unwrap_or_else(|found| panic!("{found:#?}"))
}

/// The objects of a cluster.
pub(crate) fn of<'r>(rendered: &'r Rendered, cluster: &str) -> &'r [Object] {
    let one = rendered.clusters.iter().find(|one| one.cluster == cluster);
    &one.unwrap_or_else(|| panic!("no cluster {cluster}"))
        .objects
}
