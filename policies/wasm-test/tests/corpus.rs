//! The case corpus, decided by the engine as Wasm, in Node. `policies/engine/tests/corpus.rs`
//! decides the same cases natively, and the testbed in real Envoys.
//!
//! `wasm32-unknown-unknown` is the target of a browser. That it is neither the filters' nor a
//! developer's is the point: numbers of 32 bits, another allocator, no system underneath.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::panic, reason = "a test fails loudly")]

use landbridge_engine::load;
use landbridge_engine::policy_test::{Nowhere, Outcome, TestRequest};
use landbridge_model::{Content, Limits, render_for_test, validate, yaml};
use wasm_bindgen_test::{console_log, wasm_bindgen_test};

/// The name and the text of each file.
const CORPUS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/corpus.rs"));
const MESH: &str = "mesh.yaml";

#[wasm_bindgen_test]
fn every_case_is_decided_as_expected() {
    let mesh = CORPUS.iter().find(|(name, _)| *name == MESH);
    let Some((_, mesh)) = mesh else {
        panic!("the corpus has no {MESH}");
    };
    let mut cases: usize = 0;
    let mut failures = Vec::new();
    for (name, text) in CORPUS.iter().filter(|(name, _)| *name != MESH) {
        let text = format!("{mesh}---\n{text}");
        let documents = match yaml::read(&text, Some(name)) {
            Ok(documents) => documents,
            Err((_, found)) => panic!("{found:#?}"),
        };
        // Warnings are the native test's to look at.
        let mut found = validate::documents(&documents);
        found.retain(landbridge_model::Diagnostic::is_error);
        assert_eq!(found, [], "{name}");
        for document in &documents.0 {
            let Content::PolicyTest(test) = &document.content else {
                continue;
            };
            let config = render_for_test(&documents, document);
            let loaded = match load(config.as_bytes(), &Limits::default(), &Nowhere) {
                Ok(loaded) => loaded,
                Err(found) => panic!("{name}: {found:#?}"),
            };
            for case in test.spec.cases.iter() {
                cases = cases.saturating_add(1);
                let request = TestRequest::new(&case.request, &loaded.set);
                let decision = request.decide(&loaded.set);
                if let Err(differences) = Outcome::new(&decision, &loaded.set).check(&case.expect) {
                    failures.push(format!("{name}: {}: {}", case.name, differences.join("; ")));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(cases > 90, "only {cases} cases ran");
    console_log!("{cases} cases");
}
