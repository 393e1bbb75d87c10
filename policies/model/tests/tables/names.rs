//! Faults that a JSON Schema does not see: of form, of names, of meaning.

use super::{Case, mesh, policy, test};

pub(crate) const NAMES: &[Case] = &[
    policy(
        "clusters that the mesh does not have",
        "target: {clusters: [use1-x]}\nrules: [{from: [{source: {clusters: [use1-c, 'ap*'], notClusters: [b]}}]}]",
        &[
            "LB0202 5:23 spec.target.clusters[0]",
            "LB0202 6:40 spec.rules[0].from[0].source.clusters[0]",
            "LB0202 6:48 spec.rules[0].from[0].source.clusters[1]",
            "LB0202 6:70 spec.rules[0].from[0].source.notClusters[0]",
        ],
    ),
    policy(
        "a region that the mesh does not have",
        "rules: [{from: [{source: {regions: [us-west-1], notRegions: ['*-2']}}]}]",
        &[
            "LB0203 5:39 spec.rules[0].from[0].source.regions[0]",
            "LB0203 5:64 spec.rules[0].from[0].source.notRegions[0]",
        ],
    ),
    policy(
        "a jurisdiction that the mesh does not have",
        "rules: [{from: [{source: {jurisdictions: [UK], notJurisdictions: [eu]}}]}]",
        &[
            "LB0204 5:45 spec.rules[0].from[0].source.jurisdictions[0]",
            "LB0204 5:69 spec.rules[0].from[0].source.notJurisdictions[0]",
        ],
    ),
    policy(
        "a network that the mesh does not have",
        "rules: [{from: [{source: {networks: [vpn], notNetworks: [US]}}]}]",
        &[
            "LB0205 5:40 spec.rules[0].from[0].source.networks[0]",
            "LB0205 5:60 spec.rules[0].from[0].source.notNetworks[0]",
        ],
    ),
    policy(
        "two rules of one name",
        "rules:\n- name: a\n- name: b\n- name: a",
        &["LB0201 8:11 spec.rules[2].name"],
    ),
    policy(
        "SPIFFE IDs with their scheme",
        "rules: [{from: [{source: {principals: ['spiffe://a/ns/b/sa/c'], notPrincipals: ['spiffe://*']}}]}]",
        &[
            "LB0106 5:42 spec.rules[0].from[0].source.principals[0]",
            "LB0106 5:83 spec.rules[0].from[0].source.notPrincipals[0]",
        ],
    ),
    policy(
        "methods in lower case, and one misspelt",
        "rules: [{to: [{operation: {methods: [get, PSOT], notMethods: ['p*']}}]}]",
        &[
            "LB0106 5:40 spec.rules[0].to[0].operation.methods[0]",
            "LB0106 5:45 spec.rules[0].to[0].operation.methods[1]",
            "LB0106 5:65 spec.rules[0].to[0].operation.notMethods[0]",
        ],
    ),
    policy(
        "paths that no path is like",
        "rules: [{to: [{operation: {paths: [orders, 'orders/*', '/a?b=c'], notPaths: [admin]}}]}]",
        &[
            "LB0106 5:38 spec.rules[0].to[0].operation.paths[0]",
            "LB0106 5:46 spec.rules[0].to[0].operation.paths[1]",
            "LB0106 5:58 spec.rules[0].to[0].operation.paths[2]",
            "LB0106 5:80 spec.rules[0].to[0].operation.notPaths[0]",
        ],
    ),
    policy(
        "hosts in a form in which none is judged",
        "rules: [{to: [{operation: {hosts: ['orders.', 'orders:*', '[0:0:0:0:0:0:0:1]', '[::1]', 'größe']}}]}]",
        &[
            "LB0106 5:38 spec.rules[0].to[0].operation.hosts[0]",
            "LB0106 5:49 spec.rules[0].to[0].operation.hosts[1]",
            "LB0106 5:61 spec.rules[0].to[0].operation.hosts[2]",
            "LB0106 5:91 spec.rules[0].to[0].operation.hosts[4]",
        ],
    ),
    policy(
        "paths in a form in which none is judged: a DENY on them would refuse nothing",
        "action: DENY\nrules: [{to: [{operation: {notPaths: ['/%41'], paths: ['/a//b', '/%2f', '/%c3', '/ä', '/a/../b', '/a\\b', '/%', '/%C3%A4', '/..*', '/a..b']}}]}]",
        &[
            "LB0106 6:41 spec.rules[0].to[0].operation.notPaths[0]",
            "LB0106 6:58 spec.rules[0].to[0].operation.paths[0]",
            "LB0106 6:67 spec.rules[0].to[0].operation.paths[1]",
            "LB0106 6:75 spec.rules[0].to[0].operation.paths[2]",
            "LB0106 6:83 spec.rules[0].to[0].operation.paths[3]",
            "LB0106 6:89 spec.rules[0].to[0].operation.paths[4]",
            "LB0106 6:100 spec.rules[0].to[0].operation.paths[5]",
            "LB0106 6:108 spec.rules[0].to[0].operation.paths[6]",
        ],
    ),
    policy(
        "hosts that no host is like",
        "rules: [{to: [{operation: {hosts: ['orders:8080', 'https://orders', 'orders/a']}}]}]",
        &[
            "LB0106 5:38 spec.rules[0].to[0].operation.hosts[0]",
            "LB0106 5:53 spec.rules[0].to[0].operation.hosts[1]",
            "LB0106 5:71 spec.rules[0].to[0].operation.hosts[2]",
        ],
    ),
    policy(
        "a source and an operation that say nothing",
        "rules: [{from: [{source: {}}], to: [{operation: {}}]}]",
        &[
            "LB0103 5:20 spec.rules[0].from[0].source",
            "LB0103 5:40 spec.rules[0].to[0].operation",
        ],
    ),
    policy(
        "a condition that says nothing",
        "rules: [{when: [{key: 'request.headers[a]'}]}]",
        &["LB0103 5:19 spec.rules[0].when[0]"],
    ),
    policy(
        "a DENY policy without rules",
        "action: DENY",
        &["LB0301 5:11 spec.action"],
    ),
    policy(
        "what is wanted is excluded",
        r"
rules:
- from: [{source: {clusters: [use1-a], notClusters: [use1-a, use1-b]}}]
  to: [{operation: {methods: [GET], notMethods: [GET]}}]
  when: [{key: 'request.headers[a]', values: [b], notValues: [b]}]
",
        &[
            "LB0302 6:42 spec.rules[0].from[0].source.notClusters",
            "LB0302 7:39 spec.rules[0].to[0].operation.notMethods",
            "LB0302 8:53 spec.rules[0].when[0].notValues",
        ],
    ),
    policy(
        "an alias: the place is that of the alias",
        "rules:\n- from: &f [{source: {clusters: [nope]}}]\n- from: *f",
        &[
            "LB0202 6:36 spec.rules[0].from[0].source.clusters[0]",
            "LB0202 7:11 spec.rules[1].from[0].source.clusters[0]",
        ],
    ),
    policy(
        "names that cannot be names",
        "target: {namespace: -a}\nrules: [{name: 'a b'}, {name: ''}]",
        &[
            "LB0106 5:23 spec.target.namespace",
            "LB0106 6:18 spec.rules[0].name",
            "LB0106 6:33 spec.rules[1].name",
        ],
    ),
    mesh(
        "two clusters and two regions of one name",
        r"
regions: [{name: r, jurisdiction: J}, {name: r, jurisdiction: K}]
clusters:
- {name: c, identity: {trustDomains: [a]}, region: r}
- {name: c, identity: {trustDomains: [b]}, region: r}
",
        &[
            "LB0201 5:48 spec.regions[1].name",
            "LB0201 8:12 spec.clusters[1].name",
        ],
    ),
    mesh(
        "a cluster in a region that there is not",
        r"
regions: [{name: us-east-1, jurisdiction: US}]
clusters: [{name: c, identity: {trustDomains: [a]}, region: us-east-2}]
",
        &["LB0203 6:63 spec.clusters[0].region"],
    ),
    mesh(
        "two clusters of one trust domain",
        r"
regions: [{name: r, jurisdiction: J}]
clusters:
- {name: c, identity: {trustDomains: [a, b]}, region: r}
- {name: d, identity: {trustDomains: [c, a]}, region: r}
",
        &["LB0206 8:44 spec.clusters[1].identity.trustDomains[1]"],
    ),
    mesh(
        "a trust domain in capitals, and one with its scheme",
        r"
regions: [{name: r, jurisdiction: J}]
clusters: [{name: c, identity: {trustDomains: [A, 'spiffe://a']}, region: r}]
",
        &[
            "LB0106 6:50 spec.clusters[0].identity.trustDomains[0]",
            "LB0106 6:53 spec.clusters[0].identity.trustDomains[1]",
        ],
    ),
    test(
        "names that are not there",
        r"
local: {cluster: use1-x}
options: {trustedCallers: [{clusters: [use1-y]}, {}]}
cases:
- name: a
  request: {from: {cluster: use1-z}}
  expect: {verdict: Allow, policy: shop/none, audited: [shop/neither]}
",
        &[
            "LB0202 5:20 spec.local.cluster",
            "LB0202 6:42 spec.options.trustedCallers[0].clusters[0]",
            "LB0103 6:52 spec.options.trustedCallers[1]",
            "LB0202 9:31 spec.cases[0].request.from.cluster",
            "LB0209 10:38 spec.cases[0].expect.policy",
            "LB0209 10:59 spec.cases[0].expect.audited[0]",
        ],
    ),
    test(
        "a caller that is two things, and one that is none",
        r"
local: {}
cases:
- {name: a, request: {from: {cluster: use1-a, principal: a/b}}, expect: {verdict: Allow}}
- {name: b, request: {from: {}}, expect: {verdict: Allow}}
",
        &[
            "LB0106 7:25 spec.cases[0].request.from",
            "LB0106 8:25 spec.cases[1].request.from",
        ],
    ),
    policy(
        "a data class that the mesh does not have",
        "rules: [{to: [{operation: {dataClasses: [personal], notDataClasses: ['s*']}}]}]",
        &[
            "LB0210 5:44 spec.rules[0].to[0].operation.dataClasses[0]",
            "LB0210 5:72 spec.rules[0].to[0].operation.notDataClasses[0]",
        ],
    ),
    policy(
        "times and templates that make no sense",
        "rules: [{validity: {notBefore: '2026-02-01T00:00:00Z', notAfter: '2026-01-01T00:00:00Z'}, to: [{operation: {paths: ['/a/../{*}']}}]}, {validity: {}}]",
        &[
            "LB0106 5:68 spec.rules[0].validity.notAfter",
            "LB0106 5:119 spec.rules[0].to[0].operation.paths[0]",
            "LB0103 5:138 spec.rules[1].validity",
        ],
    ),
    mesh(
        "data classes of one name, and of nothing",
        "regions: [{name: r, jurisdiction: J}]\nclusters: [{name: c, identity: {trustDomains: [t]}, region: r}]\ndataClasses: [{name: a, requests: [{}]}, {name: a, requests: [{paths: [x]}]}]",
        &[
            "LB0103 7:38 spec.dataClasses[0].requests[0]",
            "LB0201 7:51 spec.dataClasses[1].name",
            "LB0106 7:74 spec.dataClasses[1].requests[0].paths[0]",
        ],
    ),
];
