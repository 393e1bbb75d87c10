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
      trustDomains: ["*.mesh.example"]
      notTrustDomains: [stray.example]
      requestPrincipals: ["https://issuer.example/sub", "*/admin", "*"]
      notRequestPrincipals: ["https://issuer.example/*"]
      ipBlocks: [10.0.0.0/8, "::1"]
      notIpBlocks: [10.0.0.1]
      remoteIpBlocks: [192.0.2.0/24]
      notRemoteIpBlocks: [192.0.2.1]
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
      paths: [/orders, "/orders/*", "*.json", "/orders/{*}/items", "/files/{**}"]
      notPaths: [/admin]
      grpcServices: [shop.Orders, shop.Orders/List, "shop.*", "*/Delete"]
      notGrpcServices: ["*"]
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
        "every condition",
        r#"
rules:
- when:
  - {key: source.ip, values: [10.0.0.0/8]}
  - {key: remote.ip, notValues: [10.0.0.1]}
  - {key: source.namespace, values: [shop]}
  - {key: source.trustDomain, values: ["*.example"]}
  - {key: source.serviceAccount, values: [shop/frontend, batch]}
  - {key: source.principal, values: ["*"]}
  - {key: request.auth.principal, values: ["*"]}
  - {key: request.auth.audiences, values: [a]}
  - {key: request.auth.presenter, values: [a]}
  - {key: "request.auth.claims[a][b]", values: [c]}
  - {key: destination.ip, values: [10.0.0.1]}
  - {key: destination.port, values: ["8080"]}
  - {key: connection.sni, values: [a.example]}
  - {key: "experimental.envoy.filters.x[y]", values: [z, "[w]"]}
"#,
        &[],
    ),
    policy(
        "a rule for a while",
        "rules: [{validity: {notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-02-01T00:00:00Z'}}]",
        &[],
    ),
    policy(
        "a gateway's policy",
        "target: {targetRefs: [{kind: Gateway, name: g}, {kind: Service, name: s}]}",
        &[],
    ),
    mesh(
        "a mesh with data classes, and what Istio calls what",
        r#"
regions: [{name: r, jurisdiction: J}]
clusters: [{name: c, identity: {trustDomains: [t]}, region: r}]
dataClasses:
- name: personal
  requests:
  - {hosts: ["crm.*"], paths: ["/customers/{*}"]}
  - when: [{key: "request.headers[x-data-class]", values: [personal]}]
istio: {rootNamespace: istio-system, trustDomain: t, trustDomainAliases: [u]}
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
  faults: Trusted
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
