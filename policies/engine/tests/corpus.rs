//! The case corpus, natively. The testbed runs the same cases through real Envoys.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails loudly"
)]

use landbridge_engine::load;
use landbridge_engine::policy_test::{Nowhere, Outcome, TestRequest};
use landbridge_model::{Code, Content, Diagnostic, Limits, render_for_test, validate, yaml};
use std::path::Path;

#[test]
fn every_case_is_decided_as_expected() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let mesh = std::fs::read_to_string(corpus.join("mesh.yaml")).unwrap();
    let mut files: Vec<_> = std::fs::read_dir(&corpus)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml") && !f.ends_with("mesh.yaml"));
    files.sort();
    assert!(!files.is_empty());
    let mut cases: usize = 0;
    let mut failures = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let text = format!("{mesh}---\n{text}");
        let documents = yaml::read(&text, Some(&name)).unwrap_or_else(|(_, e)| panic!("{e:#?}"));
        // What Istio means otherwise is there to be tested.
        let istio = |d: &Diagnostic| matches!(d.code, Code::MeansOtherwise | Code::AdmitsMore);
        let mut found = validate::documents(&documents);
        found.retain(|d| !istio(d));
        assert_eq!(found, [], "{name}");
        for document in &documents.0 {
            let Content::PolicyTest(test) = &document.content else {
                continue;
            };
            // What a proxy is given is what is tested: the rendered JSON.
            let config = render_for_test(&documents, document);
            let loaded = load(config.as_bytes(), &Limits::default(), &Nowhere)
                .unwrap_or_else(|e| panic!("{name}: {e:#?}"));
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
}
