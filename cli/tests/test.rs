//! `landbridge test`: what policies decide, and why a case failed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scene;

use insta::assert_snapshot;
use scene::{MESH, Scene};

const POLICIES: &str = "\
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: orders, namespace: shop}
spec:
  rules:
  - name: partners
    from: [{source: {clusters: [use1-a], namespaces: [partner]}}]
    to: [{operation: {methods: [GET], paths: [/orders*]}}]
  - name: abroad
    from: [{source: {notClusters: [use1-a]}}]
    to: [{operation: {methods: [GET]}}]
    when: [{key: 'request.headers[x-tenant]', values: [gold]}]
---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: no-admin, namespace: shop}
spec:
  action: DENY
  rules:
  - name: admin
    from: [{source: {notNamespaces: [ops]}}]
    to: [{operation: {paths: [/admin*]}}]
---
";

fn tests(cases: &str) -> String {
    format!(
        "{POLICIES}apiVersion: landbridge.dev/v1alpha1
kind: PolicyTest
metadata: {{name: orders, namespace: shop}}
spec:
  local: {{cluster: use1-a, namespace: shop}}
  cases:
{cases}"
    )
}

const GOOD: &str = "  - name: partners read
    request: {from: {cluster: use1-a, namespace: partner}, path: /orders/1}
    expect: {verdict: Allow, policy: shop/orders, rule: partners, reason: ALLOWED_BY_RULE}
  - name: nobody is nobody
    request: {path: /orders/1}
    expect: {verdict: Deny, reason: UNAUTHENTICATED_SOURCE}
";

#[test]
fn cases_that_hold_pass() {
    let tests = tests(GOOD);
    let scene = Scene::new(&[("mesh.yaml", MESH), ("tests.yaml", &tests)]);
    let ran = scene.run(&["test", "mesh.yaml", "tests.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "2 passed, 0 failed\n"));
}

#[test]
fn a_case_that_fails_says_what_each_policy_made_of_it() {
    let tests = tests(&format!(
        "{GOOD}  - name: partners write
    request: {{from: {{cluster: use1-a, namespace: partner}}, method: POST, path: /orders/1}}
    expect: {{verdict: Allow, policy: shop/orders, rule: partners}}
  - name: admin without a certificate
    request: {{path: /admin/keys}}
    expect: {{verdict: Allow}}
"
    ));
    let scene = Scene::new(&[("mesh.yaml", MESH), ("tests.yaml", &tests)]);
    let ran = scene.run(&["test", "mesh.yaml", "tests.yaml"]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.stdout, @r"
    FAILED shop/orders: partners write (tests.yaml)
      verdict: got `deny`, wants `allow`
      policy: got `none`, wants `shop/orders`
      rule: got `none`, wants `partners`
        DENY shop/no-admin: all of rule `admin` held but `paths`: got `/orders/1`, wants `/admin*`
        ALLOW shop/orders: all of rule `partners` held but `methods`: got `POST`, wants `GET`
    FAILED shop/orders: admin without a certificate (tests.yaml)
      verdict: got `deny`, wants `allow`
        DENY shop/no-admin: not ruled out: all of rule `admin` held but `notNamespaces`: not known, wants anything but `ops`
        ALLOW shop/orders: all of rule `abroad` held but `notClusters`: not known, wants anything but `use1-a`; and `request.headers[x-tenant]`: not there, wants `gold`
    2 passed, 2 failed
    ");
    let ran = scene.run(&["test", "--json", "mesh.yaml", "tests.yaml"]);
    assert_eq!(ran.code, 1);
    let results: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&results["passed"], &results["failed"]),
        (&2.into(), &2.into())
    );
    assert_eq!(results["cases"][2]["reason"], "NO_RULE_MATCHED");
    assert_eq!(results["cases"][2]["why"].as_array().unwrap().len(), 2);
}

#[test]
fn policies_of_istio_and_every_match_are_explained() {
    let policies = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: istio, namespace: shop}
spec:
  rules:
  - from: [{source: {namespaces: ['team-*']}}]
    to: [{operation: {paths: ['/a/{*}']}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: nothing, namespace: shop}
spec: {}
---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: tokens, namespace: shop}
spec:
  rules:
  - name: token
    from: [{source: {requestPrincipals: ['https://a/x'], ipBlocks: [10.0.0.0/8]}}]
    to: [{operation: {grpcServices: [shop.Orders]}}]
    when: [{key: 'request.auth.claims[a][b]', values: [c]}]
    validity: {notAfter: '2026-01-01T00:00:00Z'}
---
apiVersion: landbridge.dev/v1alpha1
kind: PolicyTest
metadata: {name: t, namespace: shop}
spec:
  local: {cluster: use1-b, namespace: shop, labels: {}}
  cases:
  - name: nothing holds
    request: {from: {cluster: use1-a}, path: /x, time: '2026-02-01T00:00:00Z', claims: {iss: 'https://a', sub: y}}
    expect: {verdict: Allow}
";
    let scene = Scene::new(&[("mesh.yaml", MESH), ("policies.yaml", policies)]);
    let ran = scene.run(&["test", "mesh.yaml", "policies.yaml"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(ran.stderr, "");
    assert_snapshot!(ran.stdout, @r"
    FAILED shop/t: nothing holds (policies.yaml)
      verdict: got `deny`, wants `allow`
        ALLOW shop/istio: all of rule `0` held but `namespaces`: got `spiffe://use1-a.mesh.example/ns/shop/sa/frontend`, wants `*/ns/team-*/*`; and `paths`: got `/x`, wants `/a/{*}`
        ALLOW shop/tokens: all of rule `token` held but `requestPrincipals`: got `https://a/y`, wants `https://a/x`; and `ipBlocks`: got `127.0.0.1`, wants `10.0.0.0/8`; and `grpcServices`: not there, wants `shop.Orders/*`; and `request.auth.claims[a][b]`: not there, wants `c`; and `validity`: got `2026-02-01T00:00:00Z`, wants `notAfter: 2026-01-01T00:00:00Z`
        ALLOW shop/nothing: it has no rules
    0 passed, 1 failed
    ");
}

#[test]
fn no_case_is_no_success_and_errors_run_nothing() {
    let scene = Scene::new(&[("mesh.yaml", MESH)]);
    let ran = scene.run(&["test", "mesh.yaml"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stdout.contains("there is no `PolicyTest`"),
        "{}",
        ran.stdout
    );
    let faulty = tests(GOOD).replace("namespaces:", "namespace:");
    let scene = Scene::new(&[("mesh.yaml", MESH), ("tests.yaml", &faulty)]);
    let ran = scene.run(&["test", "mesh.yaml", "tests.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("LB0101"), "{}", ran.stderr);
    let ran = scene.run(&["test", "missing.yaml"]);
    assert_eq!(ran.code, 2);
}
