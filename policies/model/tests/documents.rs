//! What is found in documents, and where.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

#[path = "documents/limits.rs"]
mod limits;
#[path = "documents/places.rs"]
mod places;
#[path = "documents/sets.rs"]
mod sets;
mod tables;

use tables::failover::{FAILOVER, FAILOVER_FIELDS, GOOD_FAILOVER};
use tables::istio::{GOOD_ISTIO, ISTIO};
use tables::shaping::{GOOD_SHAPING, SHAPING, SHAPING_FIELDS};
use tables::{Kind, check, compare, fields::FIELDS, good::GOOD, names::NAMES};

#[test]
fn nothing_is_found_in_good_documents() {
    compare(GOOD);
    compare(GOOD_ISTIO);
    compare(GOOD_FAILOVER);
    compare(GOOD_SHAPING);
}

#[test]
fn faults_of_one_field_are_found_where_they_are() {
    compare(FIELDS);
}

#[test]
fn faults_of_names_and_meaning_are_found_where_they_are() {
    compare(NAMES);
    compare(FAILOVER);
    compare(FAILOVER_FIELDS);
    compare(SHAPING);
    compare(SHAPING_FIELDS);
}

#[test]
fn what_istio_means_otherwise_is_told() {
    compare(ISTIO);
}

#[test]
fn every_case_is_told_apart() {
    let mut seen = std::collections::BTreeSet::new();
    for case in [GOOD, FIELDS, NAMES, ISTIO].concat() {
        assert!(seen.insert((case.what, case.kind as u8)), "{}", case.what);
        assert_eq!(
            case.finds.is_empty(),
            GOOD.iter().any(|g| g.what == case.what),
            "{}",
            case.what
        );
    }
    assert!(FIELDS.iter().any(|c| c.kind == Kind::Test));
}

#[test]
fn a_shaping_policy_has_only_so_many_parts() {
    let many = |count: usize, part: &str| {
        let part = |n: usize| part.replace("NUMBER", &n.to_string());
        let parts: Vec<String> = (0..count).map(part).collect();
        parts.join(", ")
    };
    for (field, most, part) in [
        ("limits", 64, "rate: 1/s"),
        ("concurrency", 16, "max: 1"),
        (
            "splits",
            64,
            "requests: [{}], backends: [{name: b, weight: 1}]",
        ),
        ("deadlines", 64, "max: 1s"),
        ("retryBudgets", 64, "share: 10"),
        ("faults", 64, "abort: {}"),
    ] {
        for (count, found) in [(most, ""), (most + 1, "LB0402")] {
            let list = many(count, &format!("{{name: nNUMBER, {part}}}"));
            let spec = format!("{field}: [{list}]");
            assert_eq!(codes_of_shaping(&spec), found, "{field}: {count}");
        }
    }
    for (most, spec, part) in [
        (
            64,
            "splits: [{name: a, backends: [LIST]}]",
            "{name: nNUMBER, weight: 1}",
        ),
        (
            256,
            "splits: [{name: a, backends: [{name: b, weight: 1}], overrides: [LIST]}]",
            "{requests: [{}], backend: b}",
        ),
        (
            256,
            "limits: [{name: a, rate: 1/s, key: [source.cluster], overrides: [LIST]}]",
            "{values: ['*'], rate: 1/m}",
        ),
    ] {
        for (count, found) in [(most, ""), (most + 1, "LB0402")] {
            let spec = spec.replace("LIST", &many(count, part));
            assert_eq!(codes_of_shaping(&spec), found, "{spec}");
        }
    }
}

/// The codes of what is found in the spec of a shaping policy.
fn codes_of_shaping(spec: &str) -> String {
    let text = tables::shaping("", "SPEC", &[])
        .text()
        .replace("SPEC", spec);
    let found = check(&text, tables::MESH);
    let codes: Vec<&str> = found.iter().map(|d| d.code.as_str()).collect();
    codes.join(" ")
}

/// What a spec is wrong in, and the hint for it.
const HINTS: &[(&str, &str)] = &[
    ("rule: [{}]", "did you mean `rules`?"),
    (
        "rules: [{from: [{source: {cluster: [use1-a]}}]}]",
        "did you mean `clusters`?",
    ),
    (
        "rules: [{from: [{source: {ip: [a]}}]}]",
        "there is `clusters`, `notClusters`, `regions`, `notRegions`, `jurisdictions`, \
         `notJurisdictions`, `networks`, `notNetworks`, `principals`, `notPrincipals`, \
         `namespaces`, `notNamespaces`, `serviceAccounts`, `notServiceAccounts`, `trustDomains`, `notTrustDomains`, `requestPrincipals`, `notRequestPrincipals`, `ipBlocks`, `notIpBlocks`, `remoteIpBlocks`, `notRemoteIpBlocks`",
    ),
    ("action: deny", "did you mean `DENY`?"),
    ("action: REFUSE", "there is `ALLOW`, `DENY`, `AUDIT`"),
    ("target: {clusters: [us1-a]}", "did you mean `use1-a`?"),
    (
        "rules: [{from: [{source: {networks: [q]}}]}]",
        "there is `eu`, `us`",
    ),
    (
        "rules: [{to: [{operation: {methods: [get]}}]}]",
        "methods are case-sensitive: `GET`",
    ),
    (
        "rules: [{to: [{operation: {methods: [PSOT]}}]}]",
        "did you mean `POST`?",
    ),
    (
        "rules: [{to: [{operation: {paths: [orders]}}]}]",
        "a path starts with `/`",
    ),
    (
        "rules: [{from: [{source: {principals: ['spiffe://a/b']}}]}]",
        "leave `spiffe://` out, as Istio does",
    ),
    (
        "rules: [{to: [{operation: {paths: [1]}}]}]",
        "put it in quotes to make it text",
    ),
    (
        "rules: []",
        "leave the field out to match anything, or name at least one value",
    ),
];

#[test]
fn hints_say_what_to_do() {
    for (spec, hint) in HINTS {
        let case = tables::policy("", spec, &[]);
        let found = check(&case.text(), tables::MESH);
        assert_eq!(found.len(), 1, "{spec}: {found:?}");
        assert_eq!(found[0].hint.as_deref(), Some(*hint), "{spec}");
    }
}

#[test]
fn messages_are_in_the_house_style() {
    for case in [
        FIELDS,
        NAMES,
        ISTIO,
        FAILOVER,
        FAILOVER_FIELDS,
        SHAPING,
        SHAPING_FIELDS,
    ]
    .concat()
    {
        let found = check(
            &case.text(),
            if case.kind == Kind::Mesh {
                ""
            } else {
                tables::MESH
            },
        );
        for diagnostic in found {
            for text in [Some(&diagnostic.message), diagnostic.hint.as_ref()]
                .into_iter()
                .flatten()
            {
                let first = text.chars().next().expect("not empty");
                assert!(!first.is_uppercase(), "{text}");
                assert!(!text.ends_with('.'), "{text}");
                for rust in ["Option", "String", "Vec", "u16", "u32", "u64", "::"] {
                    assert!(!text.contains(rust), "{text}");
                }
            }
        }
    }
}

/// Which sources of gateways, in a mesh of this identity, are told to be of any cluster.
fn of_any_cluster(identity: &str, gateways: &str) -> Vec<String> {
    let cluster = |name: &str| {
        let identity = identity.replace("NAME", name);
        format!("  - {{name: {name}, region: r, identity: {{{identity}}}}}\n")
    };
    let text = format!(
        "apiVersion: landbridge.dev/v1alpha1
kind: Mesh
metadata: {{name: m}}
spec:
  regions: [{{name: r, jurisdiction: J}}]
  clusters:
{}{}---
apiVersion: landbridge.dev/v1alpha1
kind: PolicyTest
metadata: {{name: t}}
spec:
  local: {{cluster: a, namespace: shop}}
  options: {{trustedGateways: [{gateways}]}}
  cases: [{{name: c, request: {{}}, expect: {{verdict: Deny}}}}]
",
        cluster("a"),
        cluster("b"),
    );
    let found = check(&text, "");
    found
        .iter()
        .map(|d| format!("{} {}", d.code, d.path))
        .collect()
}

#[test]
fn a_gateway_of_any_cluster_is_told_where_clusters_share_a_trust_domain() {
    let shared = "trustDomains: [mesh], issuers: ['CN=NAME']";
    let partly = "trustDomains: [mesh, NAME], issuers: ['CN=NAME']";
    let paths = "trustDomains: [mesh], spiffePaths: ['/{cluster}/ns/{ns}/sa/{sa}']";
    let at = |places: &[usize]| -> Vec<String> {
        let line = |i: &usize| format!("LB0306 spec.options.trustedGateways[{i}]");
        places.iter().map(line).collect()
    };
    for (gateways, told) in [
        ("{principals: [mesh/ns/i/sa/g]}", &[0][..]),
        ("{principals: ['mesh/*']}, {principals: ['m*']}", &[0, 1]),
        (
            "{principals: ['*/ns/i/sa/g']}, {principals: ['*']}",
            &[0, 1],
        ),
        ("{namespaces: [i]}, {serviceAccounts: [i/g]}", &[0, 1]),
        ("{trustDomains: [mesh]}, {trustDomains: ['me*']}", &[0, 1]),
        ("{principals: [mesh/g], clusters: [a]}", &[]),
        ("{regions: [r]}, {notClusters: [b], namespaces: [i]}", &[]),
        ("{principals: [meshes/g]}, {principals: [a/ns/i/sa/g]}", &[]),
        ("{trustDomains: [a], namespaces: [i]}", &[]),
        ("{clusters: [a]}, {principals: [mesh/g]}", &[1]),
    ] {
        assert_eq!(of_any_cluster(shared, gateways), at(told), "{gateways}");
        assert_eq!(of_any_cluster(partly, gateways), at(told), "{gateways}");
        for told_apart in [paths, "trustDomains: [NAME]"] {
            assert_eq!(of_any_cluster(told_apart, gateways), [""; 0], "{gateways}");
        }
    }
}
