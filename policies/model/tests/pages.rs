//! Every diagnostic code has a page, and the example on it really has that fault.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod tables;

use landbridge_model::Code;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use tables::{MESH, check};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/diagnostics")
}

fn page(code: Code) -> String {
    let path = folder().join(format!("{code}.md"));
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The text of a section, without its heading.
fn section<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n"))?;
    Some(rest.split("\n## ").next().unwrap_or(rest).trim())
}

#[test]
fn every_code_has_a_page_of_one_form() {
    for &code in Code::ALL {
        let page = page(code);
        let title = page.lines().next().unwrap_or_default();
        let name = title.strip_prefix(&format!("# {code}: "));
        assert!(
            name.is_some_and(|n| !n.is_empty()),
            "{code}: title `{title}`"
        );
        for heading in ["Example", "What to do"] {
            let text = section(&page, heading);
            assert!(
                text.is_some_and(|t| !t.is_empty()),
                "{code}: no `## {heading}`"
            );
        }
    }
}

#[test]
fn every_page_has_a_code() {
    let codes: BTreeSet<String> = Code::ALL.iter().map(|c| format!("{c}.md")).collect();
    let files = fs::read_dir(folder()).unwrap();
    let pages: BTreeSet<String> = files
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    assert_eq!(pages, codes);
}

#[test]
fn the_index_has_every_code_in_order() {
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    let rows: Vec<&str> = index.lines().filter(|l| l.starts_with("| [LB")).collect();
    let expected: Vec<String> = Code::ALL
        .iter()
        .map(|c| format!("| [{c}]({c}.md) | {} | ", c.severity().as_str()))
        .collect();
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(&expected) {
        assert!(row.starts_with(expected), "{row}");
    }
}

#[test]
fn examples_have_the_fault_and_no_other() {
    for &code in Code::ALL {
        let page = page(code);
        let example = section(&page, "Example").expect("an example");
        // Those of 06 are rendered, in `policies/istio`.
        if example.starts_with("No example: ") || code.as_str().starts_with("LB06") {
            continue;
        }
        let yaml = example
            .strip_prefix("```yaml\n")
            .and_then(|rest| rest.strip_suffix("```"))
            .unwrap_or_else(|| panic!("{code}: the example is not one block of YAML"));
        // An example stands beside the mesh of the testbed unless the fault is that it has none,
        // or that its own is wrong.
        let alone = code == Code::NoMesh || yaml.contains("kind: Mesh\n");
        let found = check(yaml, if alone { "" } else { MESH });
        let codes: BTreeSet<Code> = found.iter().map(|d| d.code).collect();
        assert_eq!(codes, BTreeSet::from([code]), "{code}: {found:#?}");
    }
}

#[test]
fn only_what_documents_cannot_show_has_no_example() {
    let without: Vec<Code> = Code::ALL
        .iter()
        .copied()
        .filter(|c| section(&page(*c), "Example").is_some_and(|e| e.starts_with("No example: ")))
        .collect();
    assert_eq!(
        without,
        [
            Code::Damaged,
            Code::UnknownLocal,
            Code::TooLarge,
            Code::TooMany,
            Code::PackedTooLarge,
            Code::TestFailed,
            Code::TooManyTargets,
            Code::ObjectTooLarge
        ]
    );
}
