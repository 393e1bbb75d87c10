//! Reading a filter's configuration: what is split, what is refused, and what is rendered.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod tables;

use landbridge_model::{
    Content, Diagnostic, Explain, Limits, PathNormalization, RawConfig, render, yaml,
};
use std::time::{Duration, Instant};
use tables::{MESH, policy};

const HEAD: &str = r#""apiVersion":"landbridge.dev/v1alpha1","mesh":{"regions":[{"name":"r","jurisdiction":"J"}],"clusters":[{"name":"c","identity":{"trustDomains":["t"]},"region":"r"}]}"#;

fn config(rest: &str) -> String {
    format!("{{{HEAD}{rest}}}")
}

/// `code path`, of the head and of every policy.
fn found(json: &str, limits: &Limits) -> Vec<String> {
    let line = |d: Diagnostic| format!("{} {}", d.code, d.path).trim_end().to_owned();
    match RawConfig::read(json.as_bytes(), limits) {
        Err(found) => found.into_iter().map(line).collect(),
        Ok(config) => config
            .documents()
            .filter_map(Result::err)
            .flatten()
            .map(line)
            .collect(),
    }
}

/// What follows the head, and what is found.
const RESTS: &[(&str, &str, &[&str])] = &[
    ("the least there is", "", &[]),
    ("no policies", r#","policies":[]"#, &[]),
    ("an unknown field", r#","polices":[]"#, &["LB0101 polices"]),
    ("a key twice", r#","options":{},"options":{}"#, &["LB0002"]),
    (
        "policies twice",
        r#","policies":[],"policies":[]"#,
        &["LB0002"],
    ),
    (
        "a key twice, within",
        r#","options":{"explain":"Never","explain":"Never"}"#,
        &["LB0002"],
    ),
    (
        "policies that are no list",
        r#","policies":{}"#,
        &["LB0102"],
    ),
    ("a comma too many", r#","policies":[],"#, &["LB0001"]),
    (
        "wrong options, all told",
        r#","options":{"explain":"Sometimes","defaultAction":1,"denialLogsPerSecond":-1,"x":0},"local":{"cluster":"-"}"#,
        &[
            "LB0104 options.explain",
            "LB0102 options.defaultAction",
            "LB0102 options.denialLogsPerSecond",
            "LB0101 options.x",
            "LB0106 local.cluster",
        ],
    ),
    (
        "wrong policies, all told",
        r#","policies":[
            {"kind":"CrossClusterAuthorization","metadata":{"name":"a"},"spec":{"rules":[]}},
            {"kind":"CrossClusterAuthorization","metadata":{"name":"b"},"spec":{}},
            {"kind":"Nothing"},
            7,
            {"kind":"CrossClusterAuthorization","metadata":{"name":"c","name":"d"},"spec":{}},
            {"apiVersion":"v1","kind":"Mesh"}
        ]"#,
        &[
            "LB0105 policies[0].spec.rules",
            "LB0108 policies[2].kind",
            "LB0102 policies[3]",
            "LB0002 policies[4]",
            "LB0107 policies[5].apiVersion",
        ],
    ),
];

#[test]
fn configurations_are_judged() {
    for (what, rest, finds) in RESTS {
        assert_eq!(found(&config(rest), &Limits::default()), *finds, "{what}");
    }
}

#[test]
fn what_is_no_configuration_is_refused() {
    for (json, finds) in [
        ("", &["LB0001"][..]),
        ("{", &["LB0001"]),
        ("nonsense", &["LB0001"]),
        ("[]", &["LB0102"]),
        ("{}", &["LB0103", "LB0103"]),
        (
            r#"{"apiVersion":"v1","mesh":{}}"#,
            &["LB0103 mesh", "LB0103 mesh"],
        ),
    ] {
        assert_eq!(found(json, &Limits::default()), finds, "{json}");
    }
    let other = config("").replace("v1alpha1", "v9");
    assert_eq!(found(&other, &Limits::default()), ["LB0107 apiVersion"]);
    assert!(RawConfig::read(b"\xff", &Limits::default()).is_err());
}

#[test]
fn a_misspelt_field_is_hinted_at() {
    let json = config(r#","option":{}"#);
    let found = RawConfig::read(json.as_bytes(), &Limits::default());
    let hint = found.err().unwrap()[0].hint.clone();
    assert_eq!(hint.as_deref(), Some("did you mean `options`?"));
}

#[test]
fn limits_hold() {
    let json = config(r#","policies":[{},{},{}]"#);
    let exact = Limits {
        bytes: json.len(),
        policies: 3,
        ..Limits::default()
    };
    assert!(RawConfig::read(json.as_bytes(), &exact).is_ok());
    let smaller = Limits {
        bytes: json.len().saturating_sub(1),
        ..exact
    };
    assert_eq!(found(&json, &smaller), ["LB0401"]);
    let fewer = Limits {
        policies: 2,
        ..exact
    };
    assert_eq!(found(&json, &fewer), ["LB0402 policies"]);
}

#[test]
fn deep_nesting_is_refused_in_the_head_and_in_a_policy() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let limits = Limits::default();
    assert_eq!(
        found(&config(&format!(r#","options":{deep}"#)), &limits),
        ["LB0403"]
    );
    let policies = format!(r#","policies":[{{"kind":{deep}}}]"#);
    assert_eq!(found(&config(&policies), &limits), ["LB0403 policies[0]"]);
    let endless = "[".repeat(1 << 20);
    assert_eq!(
        found(&config(&format!(r#","options":{endless}"#)), &limits),
        ["LB0403"]
    );
    let policies = format!(r#","policies":{endless}"#);
    assert!(!found(&config(&policies), &limits).is_empty());
}

#[test]
fn many_keys_do_not_take_quadratic_time() {
    let keys: Vec<String> = (0..300_000).map(|n| format!(r#""k{n}":1"#)).collect();
    let keys = keys.join(",");
    for rest in [
        format!(",{keys}"),
        format!(r#","options":{{{keys}}}"#),
        format!(r#","local":{{"labels":{{{keys}}}}}"#),
        format!(r#","policies":[{{"kind":"Mesh","metadata":{{{keys}}}}}]"#),
    ] {
        let start = Instant::now();
        assert!(!found(&config(&rest), &Limits::default()).is_empty());
        let took = start.elapsed();
        assert!(took < Duration::from_secs(30), "{took:?}");
    }
}

#[test]
fn what_is_rendered_is_read() {
    let text = policy("", "rules: [{name: all}]\naction: DENY", &[]).text();
    let documents = yaml::read(&format!("{MESH}---\n{text}"), None).unwrap();
    let json = render(
        &documents,
        Some(r#"{"cluster":"use1-a"}"#),
        Some(r#"{"explain":"Never"}"#),
    );
    let config = RawConfig::read(json.as_bytes(), &Limits::default()).unwrap_or_else(|found| {
        panic!("{found:#?}");
    });
    assert_eq!(config.policies(), 1);
    let local = config.head.local.as_ref().unwrap();
    assert_eq!(local.cluster.as_ref().unwrap().as_str(), "use1-a");
    assert_eq!(config.head.options.explain, Explain::Never);
    assert_eq!(config.head.options.default_action, None);
    assert_eq!(
        config.head.options.path_normalization,
        PathNormalization::MergeSlashes
    );
    let read: Vec<_> = config.documents().map(Result::unwrap).collect();
    let mesh = documents.meshes().next().unwrap();
    assert_eq!(config.head.mesh, mesh.spec);
    let (Content::Authorization(read), Content::Authorization(written)) =
        (&read[0].content, &documents.0[1].content)
    else {
        panic!("two policies");
    };
    assert_eq!(read, written);
}

#[test]
fn numbers_of_a_protobuf_struct_are_whole() {
    // Istio carries the configuration as doubles.
    let json = config(r#","options":{"denialLogsPerSecond":5.0}"#);
    let config = RawConfig::read(json.as_bytes(), &Limits::default());
    let options = config
        .unwrap_or_else(|found| panic!("{found:#?}"))
        .head
        .options;
    assert_eq!(options.denial_logs_per_second, Some(5));
}
