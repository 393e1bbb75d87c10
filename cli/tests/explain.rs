//! `landbridge explain`: one request, what would become of it, and why.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scene;

use insta::assert_snapshot;
use scene::{MESH, POLICY, Scene};

const MORE: &str = "\
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: no-eu, namespace: shop}
spec:
  action: DENY
  mode: Shadow
  rules: [{name: eu, from: [{source: {jurisdictions: [EU]}}]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: members, namespace: shop}
spec:
  rules:
  - from: [{source: {requestPrincipals: ['https://a/*']}}]
    when: [{key: remote.ip, values: [192.0.2.0/24]}, {key: 'request.headers[x-tenant]', values: [gold]}]
";

fn scene() -> Scene {
    let policies = format!("{POLICY}---\n{MORE}");
    Scene::new(&[("mesh.yaml", MESH), ("policies.yaml", &policies)])
}

const PROXY: [&str; 6] = [
    "explain",
    "mesh.yaml",
    "policies.yaml",
    "--namespace",
    "shop",
    "--cluster",
];

fn explain(flags: &[&str]) -> scene::Ran {
    let all: Vec<&str> = PROXY
        .iter()
        .chain(&["use1-b"])
        .chain(flags)
        .copied()
        .collect();
    scene().run(&all)
}

#[test]
fn a_request_is_decided_and_every_policy_accounts_for_itself() {
    let ran = explain(&["--from", "use1-a", "--path", "/orders/1"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_snapshot!(ran.stdout, @r#"
    allow: ALLOWED_BY_RULE, by rule `read` of shop/orders
    the caller's cluster: use1-a
    with every shadow change made: same
      ALLOW shop/orders: rule `read` matched
      ALLOW shop/members: all of rule `0` held but `requestPrincipals`: not known, wants `https://a/*`; and `remoteIpBlocks`: got `127.0.0.1`, wants `192.0.2.0/24`; and `request.headers[x-tenant]`: not there, wants `gold`
    "#);
    let flags = [
        "--from",
        "euw1-a",
        "--method",
        "POST",
        "--path",
        "/x",
        "--header",
        "X-Tenant=gold",
    ];
    let token = [
        "--claims",
        r#"{"iss":"https://a","sub":"b"}"#,
        "--remote-ip",
        "192.0.2.1",
    ];
    let ran = explain(&[&flags[..], &token[..]].concat());
    assert_snapshot!(ran.stdout, @r#"
    allow: ALLOWED_BY_RULE, by rule `0` of shop/members
    the caller's cluster: euw1-a
    with every shadow change made: would_deny
      ALLOW shop/orders: all of rule `read` held but `clusters`: got `euw1-a`, wants `use1-a`; and `methods`: got `POST`, wants `GET`; and `paths`: got `/x`, wants `/orders/*`
      ALLOW shop/members: rule `0` matched
    "#);
}

#[test]
fn who_is_nobody_and_what_is_malformed_is_told() {
    assert_snapshot!(explain(&[]).stdout, @r#"
    deny: UNAUTHENTICATED_SOURCE
    the caller's cluster: unknown
    with every shadow change made: same
      ALLOW shop/orders: all of rule `read` held but `clusters`: not known, wants `use1-a`; and `paths`: got `/`, wants `/orders/*`
      ALLOW shop/members: all of rule `0` held but `requestPrincipals`: not known, wants `https://a/*`; and `remoteIpBlocks`: got `127.0.0.1`, wants `192.0.2.0/24`; and `request.headers[x-tenant]`: not there, wants `gold`
    "#);
    assert_snapshot!(explain(&["--from", "use1-a", "--path", "/a%2fb"]).stdout, @r#"
    reject: MALFORMED_PATH, the path has an escaped slash
    the caller's cluster: use1-a
    "#);
}

#[test]
fn json_has_the_same() {
    let ran = explain(&["--json", "--from-principal", "stray.example/ns/a/sa/b"]);
    let decision: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(decision["verdict"], "deny");
    assert_eq!(decision["reason"], "UNKNOWN_CLUSTER");
    assert_eq!(decision["source_cluster"], "unknown");
    assert_eq!(decision["shadow"], "same");
    assert_eq!(decision["why"].as_array().unwrap().len(), 2);
}

#[test]
fn flags_that_make_no_sense_end_with_2() {
    for (flags, message) in [
        (
            &["--from", "use1-q"][..],
            "error: the mesh has no cluster `use1-q`",
        ),
        (
            &["--remote-ip", "x"],
            "error: the request's `remoteIp`: `x` is not an IP address: write `203.0.113.4`",
        ),
        (
            &["--time", "now"],
            "error: the request's `time`: `now` is not a time since 1970",
        ),
        (
            &["--header", "a=1", "--header", "A=2"],
            "error: a header is given twice",
        ),
        (&["--claims", "[]"], "expected an object"),
        (
            &["--from", "use1-a", "--from-principal", "x"],
            "cannot be used with",
        ),
    ] {
        let ran = explain(flags);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{flags:?}");
        assert!(ran.stderr.contains(message), "{flags:?}: {}", ran.stderr);
    }
    let faulty = Scene::new(&[
        ("mesh.yaml", MESH),
        ("policies.yaml", &POLICY.replace("rules", "rule")),
    ]);
    let ran = faulty.run(&[&PROXY[..], &["use1-b"]].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
}
