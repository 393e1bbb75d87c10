//! Documents in which nothing is wrong.

use super::{Case, mesh, policy, test};

pub(crate) const GOOD: &[Case] = &[
    mesh(
        "a mesh with all there is",
        r"
regions: [{name: us-east-1, jurisdiction: US}]
clusters:
- name: use1-a
  identity: {trustDomains: [use1-a.mesh.example, old.use1-a.mesh.example]}
  region: us-east-1
  zone: us-east-1a
  network: us
",
        &[],
    ),
    mesh(
        "a mesh with the least there is",
        r"
regions: [{name: r, jurisdiction: J}]
clusters: [{name: c, identity: {trustDomains: [t]}, region: r}]
",
        &[],
    ),
    mesh(
        "a trust domain that one cluster has twice",
        r"
regions: [{name: r, jurisdiction: J}]
clusters: [{name: c, identity: {trustDomains: [t, t]}, region: r}]
",
        &[],
    ),
    policy("nothing: an ALLOW policy that allows nothing", "{}", &[]),
    policy("a rule that matches everything", "rules: [{}]", &[]),
    policy(
        "every field of a source",
        r#"
rules:
- name: who
  from:
  - source:
      clusters: [use1-a, "use1-*"]
      notClusters: [euw1-a]
      regions: ["us-*"]
      notRegions: [eu-west-1]
      jurisdictions: [US, EU]
      notJurisdictions: ["*U"]
      networks: [us]
      notNetworks: [eu]
      principals: ["use1-a.mesh.example/ns/shop/sa/frontend", "*"]
      notPrincipals: ["*/sa/intern"]
      namespaces: [shop]
      notNamespaces: ["test-*"]
      serviceAccounts: [shop/frontend, cart]
      notServiceAccounts: [shop/intern]
"#,
        &[],
    ),
    policy(
        "every field of an operation",
        r#"
action: DENY
rules:
- to:
  - operation:
      hosts: [orders.shop, "*.shop", "[::1]"]
      notHosts: ["admin.*"]
      ports: [8080, "8443"]
      notPorts: [1, 65535]
      methods: [GET, "P*", PURGE]
      notMethods: [DELETE]
      paths: [/orders, "/orders/*", "*.json"]
      notPaths: [/admin]
"#,
        &[],
    ),
    policy(
        "conditions",
        r#"
action: AUDIT
rules:
- when:
  - {key: "request.headers[X-Tenant]", values: [blue, "b*"], notValues: [black]}
  - {key: "request.headers[x-debug]", notValues: ["*"]}
"#,
        &[],
    ),
    policy(
        "a target",
        r#"
target:
  clusters: [use1-a]
  namespace: shop
  selector: {matchLabels: {app.kubernetes.io/name: orders}}
rules: [{}]
"#,
        &[],
    ),
    policy(
        "aliases",
        r"
rules:
- from: &callers [{source: {clusters: [use1-a]}}]
- from: *callers
",
        &[],
    ),
    test(
        "a test with all there is",
        r#"
local: {cluster: use1-a, namespace: shop, labels: {app: orders}}
options:
  defaultAction: Allow
  pathNormalization: DECODE_AND_MERGE_SLASHES
  explain: Always
  trustedCallers: [{clusters: [use1-b]}]
  denialLogsPerSecond: 1
cases:
- name: a caller from a cluster
  request:
    from: {cluster: euw1-a, namespace: shop, serviceAccount: frontend}
    method: POST
    host: orders
    path: /a?b=c
    port: 8080
    headers: {x-a: b}
  expect: {verdict: Deny, reason: NO_RULE_MATCHED, rule: "0", audited: []}
- name: any caller
  request: {from: {principal: elsewhere/ns/a/sa/b}}
  expect: {verdict: Allow}
- name: nobody
  expect: {verdict: Reject}
"#,
        &[],
    ),
];
