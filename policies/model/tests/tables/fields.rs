//! Faults of a single field, which a JSON Schema sees as well.

use super::{Case, mesh, policy, test};

pub(crate) const FIELDS: &[Case] = &[
    policy(
        "an unknown field of the spec",
        "rule: [{}]",
        &["LB0101 5:3 spec.rule"],
    ),
    policy(
        "an unknown field deep within",
        r"
rules:
- from:
  - source:
      cluster: [use1-a]
",
        &["LB0101 8:9 spec.rules[0].from[0].source.cluster"],
    ),
    policy(
        "an unknown field in one line",
        "rules: [{from: [{source: {cluster: [use1-a]}}]}]",
        &["LB0101 5:29 spec.rules[0].from[0].source.cluster"],
    ),
    policy("text for a list", "rules: all", &["LB0102 5:10 spec.rules"]),
    policy(
        "a mapping for a list",
        "rules: {name: a}",
        &["LB0102 5:3 spec.rules"],
    ),
    policy(
        "a list for a mapping",
        "target: [shop]",
        &["LB0102 5:3 spec.target"],
    ),
    policy(
        "nothing for a mapping",
        "rules:\n-",
        &["LB0102 6:4 spec.rules[0]"],
    ),
    policy(
        "a number for text",
        "rules: [{to: [{operation: {paths: [/a, 1]}}]}]",
        &["LB0102 5:42 spec.rules[0].to[0].operation.paths[1]"],
    ),
    policy(
        "true for text",
        "rules: [{from: [{source: {namespaces: [true]}}]}]",
        &["LB0102 5:42 spec.rules[0].from[0].source.namespaces[0]"],
    ),
    policy(
        "text for a port",
        "rules: [{to: [{operation: {ports: [http]}}]}]",
        &["LB0106 5:38 spec.rules[0].to[0].operation.ports[0]"],
    ),
    policy(
        "a port with a sign",
        "rules: [{to: [{operation: {ports: ['+80']}}]}]",
        &["LB0106 5:38 spec.rules[0].to[0].operation.ports[0]"],
    ),
    policy(
        "ports that there are not",
        "rules: [{to: [{operation: {ports: [0, 65536, -1, 1.5]}}]}]",
        &[
            "LB0106 5:38 spec.rules[0].to[0].operation.ports[0]",
            "LB0106 5:41 spec.rules[0].to[0].operation.ports[1]",
            "LB0102 5:48 spec.rules[0].to[0].operation.ports[2]",
            "LB0102 5:52 spec.rules[0].to[0].operation.ports[3]",
        ],
    ),
    policy(
        "a number for the value of a label",
        "target: {selector: {matchLabels: {app.kubernetes.io/version: 2}}}",
        &[r#"LB0102 5:64 spec.target.selector.matchLabels["app.kubernetes.io/version"]"#],
    ),
    policy(
        "an empty list of rules",
        "rules: []",
        &["LB0105 5:3 spec.rules"],
    ),
    policy(
        "empty lists",
        "rules: [{from: [], to: [{operation: {methods: [], notPaths: []}}], when: []}]",
        &[
            "LB0105 5:12 spec.rules[0].from",
            "LB0105 5:40 spec.rules[0].to[0].operation.methods",
            "LB0105 5:53 spec.rules[0].to[0].operation.notPaths",
            "LB0105 5:70 spec.rules[0].when",
        ],
    ),
    policy(
        "an action in lower case",
        "action: deny",
        &["LB0104 5:11 spec.action"],
    ),
    policy(
        "an action that there is not",
        "action: REFUSE",
        &["LB0104 5:11 spec.action"],
    ),
    policy(
        "a source without its wrapper",
        "rules: [{from: [{clusters: [use1-a]}]}]",
        &[
            "LB0103 5:19 spec.rules[0].from[0]",
            "LB0101 5:20 spec.rules[0].from[0].clusters",
        ],
    ),
    policy(
        "a condition without a key",
        "rules: [{when: [{values: [a]}]}]",
        &["LB0103 5:19 spec.rules[0].when[0]"],
    ),
    policy(
        "a condition that there is not",
        "rules: [{when: [{key: source.port, values: [a]}]}]",
        &["LB0104 5:25 spec.rules[0].when[0].key"],
    ),
    policy(
        "a condition on a pseudo-header",
        "rules: [{when: [{key: 'request.headers[:path]', values: [a]}]}]",
        &["LB0106 5:25 spec.rules[0].when[0].key"],
    ),
    policy(
        "a `*` in the middle",
        "rules: [{from: [{source: {clusters: ['us*a'], principals: ['**', 'a*b*']}}]}]",
        &[
            "LB0106 5:40 spec.rules[0].from[0].source.clusters[0]",
            "LB0106 5:62 spec.rules[0].from[0].source.principals[0]",
            "LB0106 5:68 spec.rules[0].from[0].source.principals[1]",
        ],
    ),
    policy(
        "a service account with a `*`",
        "rules: [{from: [{source: {serviceAccounts: ['shop/*']}}]}]",
        &["LB0106 5:47 spec.rules[0].from[0].source.serviceAccounts[0]"],
    ),
    mesh(
        "no clusters and no regions",
        "{}",
        &["LB0103 4:1 spec", "LB0103 4:1 spec"],
    ),
    mesh(
        "empty lists in a mesh",
        "{clusters: [], regions: []}",
        &["LB0105 5:4 spec.clusters", "LB0105 5:18 spec.regions"],
    ),
    mesh(
        "a cluster without an identity and a region",
        "regions: [{name: r, jurisdiction: J}]\nclusters: [{name: c}]",
        &[
            "LB0103 6:14 spec.clusters[0]",
            "LB0103 6:14 spec.clusters[0]",
        ],
    ),
    mesh(
        "an empty list of trust domains",
        "regions: [{name: r, jurisdiction: J}]\nclusters: [{name: c, identity: {trustDomains: []}, region: r}]",
        &["LB0105 6:35 spec.clusters[0].identity.trustDomains"],
    ),
    test(
        "a number and a list for text in headers and labels",
        "local: {labels: {a: 1}}\ncases: [{name: a, request: {headers: {b: [c]}}, expect: {verdict: Allow}}]",
        &[
            "LB0102 5:23 spec.local.labels.a",
            "LB0102 6:41 spec.cases[0].request.headers.b",
        ],
    ),
    test("a test without cases", "local: {}", &["LB0103 4:1 spec"]),
    test(
        "a case without an expectation",
        "local: {}\ncases: [{name: a}]",
        &["LB0103 6:11 spec.cases[0]"],
    ),
    test(
        "a verdict that there is not",
        "local: {}\ncases: [{name: a, expect: {verdict: Allowed}}]",
        &["LB0104 6:39 spec.cases[0].expect.verdict"],
    ),
];
