//! What is found in documents that stand together, and in their envelopes.

use crate::tables::{MESH, check, line, policy};
use landbridge_model::{Content, yaml};

fn lines(text: &str, beside: &str) -> Vec<String> {
    check(text, beside).iter().map(line).collect()
}

/// Whole texts, each beside the mesh.
const TEXTS: &[(&str, &str, &[&str])] = &[
    ("an empty text", "", &["LB0003 -"]),
    (
        "comments and separators alone",
        "# nothing\n---\n# here\n---\n",
        &["LB0003 -"],
    ),
    (
        "text and a list instead of documents",
        "just text\n---\n- a\n",
        &["LB0102 1:1", "LB0102 3:1"],
    ),
    (
        "an envelope without anything",
        "spec: {}\n",
        &["LB0103 1:1", "LB0103 1:1"],
    ),
    (
        "an envelope without metadata and spec",
        "apiVersion: landbridge.dev/v1alpha1\nkind: Mesh\n",
        &["LB0103 1:1", "LB0103 1:1"],
    ),
    (
        "an apiVersion and a kind of another world",
        "apiVersion: v1\nkind: Pod\n",
        &["LB0107 1:13 apiVersion", "LB0108 2:7 kind"],
    ),
    (
        "an apiVersion that is not text",
        "apiVersion: 1.0\nkind: Mesh\nmetadata: {name: m}\nspec: {}\n",
        &["LB0102 1:13 apiVersion"],
    ),
    (
        "an apiVersion that is nothing",
        "apiVersion:\nkind: Mesh\nmetadata: {name: m}\nspec: {}\n",
        &["LB0102 1:11 apiVersion"],
    ),
    (
        "a kind that is not text",
        "apiVersion: landbridge.dev/v1alpha1\nkind: [Mesh]\n",
        &["LB0102 2:7 kind"],
    ),
    (
        "a document without a name, with an unknown field",
        "apiVersion: landbridge.dev/v1alpha1\nkind: Mesh\nmetadata: {nmae: m}\nspce: {}\n",
        &[
            "LB0103 1:1",
            "LB0103 3:1 metadata",
            "LB0101 3:12 metadata.nmae",
            "LB0101 4:1 spce",
        ],
    ),
    (
        "a second mesh",
        MESH,
        &["LB0208 3:7 kind", "LB0201 5:9 metadata.name"],
    ),
];

#[test]
fn whole_texts_are_judged() {
    for (what, text, finds) in TEXTS {
        assert_eq!(lines(text, MESH), *finds, "{what}");
    }
}

#[test]
fn policies_without_a_mesh_are_refused() {
    let text = policy("", "rules: [{}]", &[]).text();
    assert_eq!(lines(&text, ""), ["LB0207 2:7 kind"]);
}

#[test]
fn two_documents_of_one_name_are_refused() {
    let text = policy("", "rules: [{}]", &[]).text();
    let twice = format!("{text}---\n{text}");
    assert_eq!(lines(&twice, MESH), ["LB0201 9:18 metadata.name"]);
    let elsewhere = text.replace("namespace: shop", "namespace: pay");
    assert_eq!(lines(&format!("{text}---\n{elsewhere}"), MESH), [""; 0]);
}

#[test]
fn every_document_of_a_text_is_judged() {
    let good = policy("", "rules: [{}]", &[]).text();
    let bad = good
        .replace("rules:", "rulez:")
        .replace("name: a", "name: b");
    let worse = good
        .replace("[{}]", "[{nam: a}, {from: []}]")
        .replace("name: a", "name: c");
    let text = format!("{bad}---\nkind: 1\n---\n{good}---\n{worse}");
    assert_eq!(
        lines(&text, MESH),
        [
            "LB0101 5:3 spec.rulez",
            "LB0103 7:1",
            "LB0102 7:7 kind",
            "LB0101 19:12 spec.rules[0].nam",
            "LB0105 19:22 spec.rules[1].from",
        ]
    );
    // What could be read is there all the same.
    let (read, _) = yaml::read(&text, None).unwrap_err();
    let titles: Vec<String> = read.0.iter().map(|d| d.content.title()).collect();
    assert_eq!(titles, ["CrossClusterAuthorization shop/a"]);
}

#[test]
fn findings_name_their_document() {
    let text = policy("", "rulez: [{}]", &[]).text();
    let found = check(&text, MESH);
    assert_eq!(
        found[0].document.as_deref(),
        Some("CrossClusterAuthorization shop/a")
    );
    assert_eq!(
        found[0].to_string(),
        "text:5:3: error[LB0101] CrossClusterAuthorization shop/a at spec.rulez: \
         unknown field `rulez` (did you mean `rules`?)"
    );
}

#[test]
fn what_a_cluster_adds_is_passed_over() {
    let text = "\
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata:
  name: a
  labels: {a: b}
  annotations: {a.b/c: d}
  creationTimestamp: 2026-01-01T00:00:00Z
  generation: 3
  resourceVersion: '12'
  uid: 0b1c
  managedFields: [{manager: kubectl}]
  ownerReferences: []
  finalizers: []
spec: {}
status: {conditions: []}
";
    assert_eq!(lines(text, MESH), [""; 0]);
    let documents = yaml::read(text, None).unwrap();
    let Content::Authorization(policy) = &documents.0[0].content else {
        panic!("a policy");
    };
    assert_eq!(policy.metadata.full_name(), "default/a");
}
