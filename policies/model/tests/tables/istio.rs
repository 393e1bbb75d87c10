//! Istio's documents: what is refused, and what is warned of.

use super::{Case, istio};

pub(crate) const ISTIO: &[Case] = &[
    istio(
        "an action that asks an extension",
        "action: CUSTOM\nprovider: {name: x}\nrules: [{}]",
        &["LB0109 5:11 spec.action"],
    ),
    istio(
        "fields of ours",
        "rules: [{name: a, from: [{source: {clusters: [use1-a]}}]}]",
        &[
            "LB0101 5:12 spec.rules[0].name",
            "LB0101 5:38 spec.rules[0].from[0].source.clusters",
        ],
    ),
    istio(
        "operators of regular expressions",
        "rules: [{from: [{source: {principals: ['*/sa/a|b', 'td/ns/a/sa/b|c'], namespaces: ['a(b)', 'a*']}}]}]",
        &[
            "LB0106 5:42 spec.rules[0].from[0].source.principals[0]",
            "LB0106 5:86 spec.rules[0].from[0].source.namespaces[0]",
        ],
    ),
    istio(
        "addresses that are none",
        "rules: [{from: [{source: {ipBlocks: [10.0.0.0/33], notRemoteIpBlocks: [a]}}], when: [{key: source.ip, values: [b]}]}]",
        &[
            "LB0106 5:40 spec.rules[0].from[0].source.ipBlocks[0]",
            "LB0106 5:74 spec.rules[0].from[0].source.notRemoteIpBlocks[0]",
            "LB0106 5:114 spec.rules[0].when[0].values[0]",
        ],
    ),
    istio(
        "templates that Istio refuses",
        "rules: [{to: [{operation: {paths: ['/a/{*}.txt', '/{**}/{*}', '/{a}/{*}']}}]}]",
        &[
            "LB0106 5:38 spec.rules[0].to[0].operation.paths[0]",
            "LB0106 5:52 spec.rules[0].to[0].operation.paths[1]",
            "LB0106 5:65 spec.rules[0].to[0].operation.paths[2]",
        ],
    ),
    istio(
        "conditions that there are not",
        "rules: [{when: [{key: source.port, values: ['1']}, {key: 'request.auth.claims[]', values: [a]}, {key: source.ip}]}]",
        &[
            "LB0104 5:25 spec.rules[0].when[0].key",
            "LB0106 5:60 spec.rules[0].when[1].key",
            "LB0103 5:99 spec.rules[0].when[2]",
        ],
    ),
    istio(
        "what the API server refuses",
        "selector: {matchLabels: {app: a}}\ntargetRefs: [{kind: Gateway, group: core, name: g, namespace: other}]\nrules: [{from: [{source: {serviceAccounts: [a], namespaces: [b]}}]}]",
        &[
            "LB0106 6:3 spec.targetRefs",
            "LB0106 6:39 spec.targetRefs[0].group",
            "LB0106 6:65 spec.targetRefs[0].namespace",
            "LB0106 7:29 spec.rules[0].from[0].source.serviceAccounts",
        ],
    ),
    istio(
        "lists that are empty, and so none",
        "rules: [{from: [], to: [{operation: {methods: []}}], when: []}]",
        &[
            "LB0304 5:12 spec.rules[0].from",
            "LB0304 5:40 spec.rules[0].to[0].operation.methods",
        ],
    ),
    istio(
        "stars and dots that are not what they seem",
        "rules: [{from: [{source: {principals: ['*.b/ns/a/sa/b', 'a*b']}}, {source: {namespaces: [a.b]}}, {source: {serviceAccounts: [a.b]}}], to: [{operation: {hosts: ['a*b:80', 'x'], paths: ['/a/*/b', 'a', '/a//b'], methods: [get]}}]}]",
        &[
            "LB0304 5:42 spec.rules[0].from[0].source.principals[0]",
            "LB0304 5:59 spec.rules[0].from[0].source.principals[1]",
            "LB0304 5:92 spec.rules[0].from[1].source.namespaces[0]",
            "LB0304 5:128 spec.rules[0].from[2].source.serviceAccounts[0]",
            "LB0304 5:163 spec.rules[0].to[0].operation.hosts[0]",
            "LB0304 5:187 spec.rules[0].to[0].operation.paths[0]",
            "LB0304 5:197 spec.rules[0].to[0].operation.paths[1]",
            "LB0304 5:202 spec.rules[0].to[0].operation.paths[2]",
            "LB0304 5:222 spec.rules[0].to[0].operation.methods[0]",
        ],
    ),
    istio(
        "negations that admit strangers",
        "rules: [{from: [{source: {notPrincipals: [a]}}, {source: {notNamespaces: [a], principals: ['*']}}, {source: {notRequestPrincipals: [a/b]}}], when: [{key: source.principal, notValues: [a]}, {key: 'request.auth.claims[a]', notValues: [a]}]}]",
        &[
            "LB0305 5:29 spec.rules[0].from[0].source.notPrincipals",
            "LB0305 5:112 spec.rules[0].from[2].source.notRequestPrincipals",
            "LB0305 5:157 spec.rules[0].when[0].key",
            "LB0305 5:198 spec.rules[0].when[1].key",
        ],
    ),
    istio(
        "what a DENY does not see",
        "action: DENY\nrules: [{from: [{source: {remoteIpBlocks: [10.0.0.0/8]}}], to: [{operation: {hosts: [a.example, b.example, 'b.example:*'], paths: ['/a/{*}']}}]}]",
        &[
            "LB0305 6:29 spec.rules[0].from[0].source.remoteIpBlocks",
            "LB0305 6:88 spec.rules[0].to[0].operation.hosts[0]",
        ],
    ),
    istio(
        "a policy of Istio's that does nothing",
        "action: AUDIT",
        &["LB0301 5:11 spec.action"],
    ),
];

pub(crate) const GOOD_ISTIO: &[Case] = &[
    istio("nothing: it allows nothing", "{}", &[]),
    istio(
        "all that Istio's documents have",
        r#"
selector: {matchLabels: {app: orders}}
action: ALLOW
rules:
- from:
  - source:
      principals: [cluster.local/ns/shop/sa/frontend, "*/sa/batch", "cluster.local/*", "*"]
      notPrincipals: [cluster.local/ns/shop/sa/intern]
      namespaces: [shop, "team-*"]
      notNamespaces: [test]
      trustDomains: [cluster.local, "*.example"]
      notTrustDomains: [old]
      requestPrincipals: ["https://issuer.example/sub", "*"]
      notRequestPrincipals: ["https://issuer.example/evil*"]
      ipBlocks: [10.0.0.0/8, "2001:db8::/32", 192.0.2.1]
      notIpBlocks: [10.0.0.1]
  - source: {serviceAccounts: [frontend, shop/batch], notServiceAccounts: [intern]}
  to:
  - operation:
      hosts: ["orders.shop:8080", "*.shop", "orders.*"]
      ports: ["80", "8080"]
      notPorts: ["15000"]
      methods: [GET, "P*"]
      notMethods: [DELETE]
      paths: [/a, "/b/*", "*.json", "/c/{*}/d/{**}"]
      notPaths: [/admin]
  when:
  - {key: "request.headers[X-Tenant]", values: [gold], notValues: [lead]}
  - {key: source.ip, values: [10.0.0.0/8]}
  - {key: source.namespace, values: [shop]}
  - {key: source.trustDomain, values: [cluster.local]}
  - {key: source.serviceAccount, values: [shop/frontend]}
  - {key: source.principal, values: ["*"]}
  - {key: request.auth.principal, values: ["*"]}
  - {key: request.auth.audiences, values: [a, "b*"]}
  - {key: request.auth.presenter, values: [a]}
  - {key: "request.auth.claims[groups][name]", values: [a]}
  - {key: destination.ip, notValues: [10.0.0.1]}
  - {key: destination.port, values: ["8080"]}
  - {key: connection.sni, values: ["*.example"]}
  - {key: "experimental.envoy.filters.network.mysql_proxy[db.table]", values: ["[update]"]}
"#,
        &[],
    ),
    istio(
        "a gateway and a service",
        "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}, {group: '', kind: Service, name: s}]\nrules: [{}]",
        &[],
    ),
];
