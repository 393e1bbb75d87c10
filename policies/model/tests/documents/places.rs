//! Line and column are right in whatever a text is written in, and where it cannot be read at all.

use crate::tables::{MESH, check, line, policy};
use landbridge_model::Position;

fn lines(text: &str) -> Vec<String> {
    check(text, MESH).iter().map(line).collect()
}

/// Texts that cannot be read.
const UNREADABLE: &[(&str, &str, &[&str])] = &[
    ("a list that does not end", "a: [1\nb: 2\n", &["LB0001 2:2"]),
    ("a tab for indentation", "a:\n\tb: 1\n", &["LB0001 2:2"]),
    ("a quote that does not end", "a: 'b\n", &["LB0001 1:4"]),
    ("an alias of nothing", "a: *b\n", &["LB0001 1:4"]),
    ("a key that is a list", "? [a]\n: b\n", &["LB0001 1:3"]),
    ("a control character", "a: \"\u{0}\"\n", &["LB0001 1:5"]),
    (
        "JSON with a comma too many",
        "{\"a\": [1,,2]}",
        &["LB0001 1:10"],
    ),
    ("a number that is none", "a: .nan\n", &["LB0106 1:4"]),
    ("a key twice", "a: 1\nb: 2\na: 3\n", &["LB0002 3:1"]),
    (
        "a key twice, deep within",
        "a:\n- b: {c: 1, d: 2, c: 3}\n",
        &["LB0002 2:19"],
    ),
    (
        "a key twice, once in quotes",
        "a: 1\n\"a\": 2\n",
        &["LB0002 2:1"],
    ),
];

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    for (what, text, finds) in UNREADABLE {
        assert_eq!(lines(text), *finds, "{what}: {:?}", check(text, MESH));
    }
}

#[test]
fn a_duplicate_key_is_told_in_our_words() {
    assert_eq!(check("a: 1\na: 2\n", MESH)[0].message, "duplicate key `a`");
}

#[test]
fn json_has_places_too() {
    let text = r#"{
  "apiVersion": "landbridge.dev/v1alpha1",
  "kind": "CrossClusterAuthorization",
  "metadata": {"name": "a"},
  "spec": {
    "rules": [
      {"to": [{"operation": {"methods": ["GET", 1], "path": ["/"]}}]}
    ]
  }
}"#;
    assert_eq!(
        lines(text),
        [
            "LB0102 7:49 spec.rules[0].to[0].operation.methods[1]",
            "LB0101 7:53 spec.rules[0].to[0].operation.path",
        ]
    );
}

#[test]
fn line_ends_and_byte_order_marks_change_no_place() {
    let text = policy("", "action: deny\nrules: [{}]", &[]).text();
    let expected = ["LB0104 5:11 spec.action"];
    assert_eq!(lines(&text), expected);
    assert_eq!(lines(&text.replace('\n', "\r\n")), expected);
    assert_eq!(lines(&text.replace('\n', "\r")), expected);
    assert_eq!(lines(&format!("\u{feff}{text}")), expected);
    // On the first line, where the mark stands, it takes no column.
    assert_eq!(
        lines("\u{feff}kind: Msh\napiVersion: landbridge.dev/v1alpha1\n"),
        ["LB0108 1:7 kind"]
    );
}

#[test]
fn columns_and_lengths_count_characters() {
    let text = policy("", "rules: [{name: é, naïve: ä, 'größe😀': 1}]", &[]).text();
    let found = check(&text, MESH);
    let places: Vec<Option<Position>> = found.iter().map(|d| d.position).collect();
    let at = |column, length| {
        Some(Position {
            line: 5,
            column,
            length,
        })
    };
    // `é` is no name; the others are no fields.
    assert_eq!(places, [at(18, 1), at(21, 5), at(31, 8)]);
}

#[test]
fn keys_with_dots_are_found() {
    let text = policy("", "target: {'a.b[0]': 1, 'c\"d': 2, '': 3}", &[]).text();
    assert_eq!(
        lines(&text),
        [
            r#"LB0101 5:12 spec.target["a.b[0]"]"#,
            r#"LB0101 5:25 spec.target["c\"d"]"#,
            r#"LB0101 5:35 spec.target[""]"#,
        ]
    );
}
