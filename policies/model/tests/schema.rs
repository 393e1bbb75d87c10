//! The JSON Schemas are current, and agree with the decoder.
//!
//! A schema may take what the decoder refuses (it knows no names, and little of form); it must
//! never refuse what the decoder takes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod tables;

use jsonschema::Validator;
use landbridge_model::{
    Documents, FilterKind, Node, Path, decode, packed, render, render_for, schemas, yaml,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path as FilePath;
use tables::failover::{FAILOVER, FAILOVER_FIELDS, GOOD_FAILOVER};
use tables::istio::{GOOD_ISTIO, ISTIO};
use tables::shaping::{GOOD_SHAPING, SHAPING, SHAPING_FIELDS};
use tables::{Case, MESH, fields::FIELDS, good::GOOD, names::NAMES};

fn folder(name: &str) -> std::path::PathBuf {
    FilePath::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
}

/// The validators by kind.
fn validators() -> BTreeMap<String, Validator> {
    let schemas = schemas().into_iter();
    schemas
        .map(|(_, schema)| {
            let kind = schema["title"].as_str().unwrap().to_owned();
            (kind, jsonschema::draft202012::new(&schema).unwrap())
        })
        .collect()
}

fn json(node: &Node) -> Value {
    serde_json::from_str(&node.to_json()).unwrap()
}

fn tree(case: &Case) -> Value {
    json(&yaml::trees(&case.text()).unwrap()[0])
}

fn refusals(validator: &Validator, value: &Value) -> Vec<String> {
    let errors = validator.iter_errors(value);
    errors
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect()
}

#[test]
fn files_are_current() {
    for (name, schema) in schemas() {
        let path = folder("schema").join(name);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let written: Value = serde_json::from_str(&text).unwrap_or_default();
        let path = path.display();
        assert!(
            written == schema,
            "{path} is stale: run `cargo xtask schema`"
        );
    }
    let files = fs::read_dir(folder("schema")).unwrap();
    let json = files.filter(|f| {
        f.as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|e| e == "json")
    });
    assert_eq!(json.count(), schemas().len(), "a file without a schema");
}

#[test]
fn what_the_decoder_takes_the_schema_takes() {
    let validators = validators();
    for case in [
        GOOD,
        NAMES,
        GOOD_ISTIO,
        ISTIO,
        GOOD_FAILOVER,
        FAILOVER,
        GOOD_SHAPING,
        SHAPING,
    ]
    .concat()
    {
        let Ok(documents) = yaml::read(&case.text(), None) else {
            continue;
        };
        for document in &documents.0 {
            let validator = &validators[document.content.kind()];
            let refused = refusals(validator, &json(&document.node));
            assert!(refused.is_empty(), "{}: {refused:#?}", case.what);
        }
    }
}

#[test]
fn what_the_schema_refuses_the_decoder_refuses() {
    let validators = validators();
    for case in &[FIELDS, FAILOVER_FIELDS, SHAPING_FIELDS].concat() {
        let tree = tree(case);
        let kind = tree["kind"].as_str().unwrap();
        assert!(!validators[kind].is_valid(&tree), "{}\n{tree:#}", case.what);
        assert!(yaml::read(&case.text(), None).is_err(), "{}", case.what);
    }
}

/// Every document below `policies/corpus` that the decoder takes.
fn corpus() -> Vec<(String, Documents)> {
    let mut folders = vec![folder("corpus")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml") {
                let name = path.display().to_string();
                let text = fs::read_to_string(&path).unwrap();
                let read = yaml::read(&text, Some(&name));
                found.push((name, read.unwrap_or_else(|(documents, _)| documents)));
            }
        }
    }
    found
}

#[test]
fn the_corpus_is_taken() {
    let validators = validators();
    let corpus = corpus();
    assert!(corpus.iter().any(|(_, documents)| !documents.0.is_empty()));
    for (name, documents) in corpus {
        for document in documents.0 {
            let validator = &validators[document.content.kind()];
            let refused = refusals(validator, &json(&document.node));
            assert!(refused.is_empty(), "{name}: {refused:#?}");
        }
    }
}

#[test]
fn what_is_rendered_is_taken() {
    let validator = &validators()["FilterConfig"];
    let mut documents = yaml::read(MESH, None).unwrap();
    for case in GOOD.iter().filter(|c| c.kind == tables::Kind::Policy) {
        documents
            .0
            .extend(yaml::read(&case.text(), None).unwrap().0);
    }
    let local = r#"{"cluster":"use1-a","labels":{"a":"b"}}"#;
    let options =
        r#"{"explain":"Always","trustedCallers":[{"clusters":["use1-b"]}],"faults":"Trusted"}"#;
    for case in [GOOD_FAILOVER, GOOD_SHAPING].concat() {
        documents
            .0
            .extend(yaml::read(&case.text(), None).unwrap().0);
    }
    for text in [
        render(&documents, None, None),
        render(&documents, Some(local), Some(options)),
        render_for(FilterKind::Locality, &documents, None, None),
        render_for(FilterKind::Shaping, &documents, None, None),
        packed::pack("{}"),
    ] {
        let rendered: Value = serde_json::from_str(&text).unwrap();
        let refused = refusals(validator, &rendered);
        assert!(refused.is_empty(), "{refused:#?}\n{rendered:#}");
    }
}

#[test]
fn what_is_left_out_is_null_for_both() {
    // `spec.rules: null` is how some tools write what is left out.
    let validators = validators();
    let node = yaml::trees(
        "apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: a, namespace: null}
spec: {rules: null}
",
    )
    .unwrap();
    assert_eq!(
        refusals(&validators["CrossClusterAuthorization"], &json(&node[0])),
        [""; 0]
    );
    let spec = node[0].get("spec").unwrap();
    decode::<landbridge_model::Authorization>(spec, Path::Origin).unwrap();
}
