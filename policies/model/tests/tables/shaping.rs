//! Faults of a shaping policy.

use super::{Case, shaping};

pub(crate) const GOOD_SHAPING: &[Case] = &[
    shaping(
        "everything",
        "target: {clusters: [use1-a], namespace: shop}
mode: Shadow
limits:
- name: per-cluster
  mode: Enforce
  requests: [{from: [{source: {clusters: ['use1-*']}}], to: [{operation: {paths: ['/orders/*']}}]}]
  key: [source.cluster, source.region, source.principal, source.namespace, request.method, request.path, request.host, 'request.headers[x-user]', 'request.auth.claims[a][b]']
  paths: ['/orders/{*}', '/orders/*']
  rate: 100/s
  burst: 200
  overrides:
  - {values: [use1-a, us-east-1, 'use1-a.mesh.example/*', shop, GET, '/orders/*', orders.shop, '*', b], rate: 10/s, burst: 200}
  - {values: ['*', '*', '*', '*', '*', other, '*', '*', '*'], rate: 1/h, burst: 50}
  cost: {header: x-cost, most: 50, paths: [{paths: [/orders/export], cost: 20}]}
  displacedShare: 30
  scope: Global
  onStoreLoss: Fraction
  fraction: 25
  maxKeys: 1000000
  headers: Always
- {name: all, rate: 6000/m, scope: Proxy, displacedShare: 0}
rateLimitService: {cluster: limits, authority: limits.infra, domain: shop, timeout: 10ms, lease: 10s}
concurrency:
- {name: fixed, max: 1}
- {name: found, max: 500, adaptive: {min: 4, initial: 4, tolerance: 10, window: 10ms, probe: 100ms}}
criticality:
  header: X-Criticality
  default: SHEDDABLE
  claims: [{from: [{clusters: [use1-a], namespaces: [shop]}], atMost: CRITICAL_PLUS}]
  otherwise: SHEDDABLE_PLUS
splits:
- name: checkout
  requests: [{}]
  backends: [{name: v1, weight: 90}, {name: v2, weight: 9.5}, {name: v3, weight: 0}]
  sticky: {cookie: home, ttl: 1h}
  overrides: [{requests: [{when: [{key: 'request.headers[x-beta]', values: ['1']}]}], backend: v3}]
- name: orders
  backends: [{name: v1, weight: 1}, {name: v2}]
  sticky: {principal: true}
  ramp: {backend: v2, from: 1, to: 50, start: 2026-12-01T00:00:00Z, over: 1h, stop: 2026-12-01T00:00:01Z}
deadlines: [{name: all, header: x-request-deadline, default: 10s, max: 10s, min: 0s}]
retryBudgets: [{name: all, share: 0, minPerSecond: 0, header: X-Retry}]
faults:
- {name: slow, delay: {time: 10m, share: 1}, abort: {status: 599, grpcStatus: 16, share: 100}}",
        &[],
    ),
    shaping(
        "the least of each part",
        "limits: [{name: a, rate: 1/366d}]
concurrency: [{name: a, max: 3, adaptive: {}}, {name: b, adaptive: {min: 60}}]
splits: [{name: a, backends: [{name: b, weight: 1}]}]
deadlines: [{name: a}]
retryBudgets: [{name: a}]
faults: [{name: a, abort: {}}]",
        &[],
    ),
    shaping(
        "criticality alone, for whoever comes next",
        "criticality: {otherwise: SHEDDABLE}",
        &[],
    ),
    shaping(
        "keys that callers choose, where something else holds",
        "limits:
- {name: a, rate: 1/s, key: ['request.headers[x-user]', source.cluster]}
- {name: b, rate: 1/s, key: ['request.headers[x-user]', 'request.auth.claims[sub]']}
- {name: c, rate: 1/s, key: ['request.headers[x-user]'], requests: [{to: [{operation: {methods: [GET]}}]}]}
- {name: d, rate: 9/s, key: [request.method], requests: [{to: [{operation: {methods: [GET]}}]}]}",
        &[],
    ),
];

/// What a schema does not see.
pub(crate) const SHAPING: &[Case] = &[
    shaping(
        "a policy that shapes nothing, nowhere",
        "target: {clusters: [moon]}",
        &[
            "LB0301 4:1 spec",
            "LB0202 5:23 spec.target.clusters[0]",
        ],
    ),
    shaping(
        "names that are there twice",
        "limits: [{name: a, rate: 1/s}, {name: a, rate: 1/s}]
concurrency: [{name: a, max: 1}, {name: a, max: 1}]
splits:
- {name: a, requests: [{}], backends: [{name: b, weight: 1}, {name: b, weight: 1}]}
- {name: a, requests: [{}], backends: [{name: b, weight: 1}]}
deadlines: [{name: a}, {name: a}]
retryBudgets: [{name: a}, {name: a}]
faults: [{name: a, abort: {}}, {name: a, abort: {}}]",
        &[
            "LB0201 5:41 spec.limits[1].name",
            "LB0201 6:43 spec.concurrency[1].name",
            "LB0201 8:71 spec.splits[0].backends[1].name",
            "LB0201 9:12 spec.splits[1].name",
            "LB0201 10:33 spec.deadlines[1].name",
            "LB0201 11:36 spec.retryBudgets[1].name",
            "LB0201 12:41 spec.faults[1].name",
        ],
    ),
    shaping(
        "requests that cannot be",
        "limits: [{name: a, rate: 1/s, requests: [{from: [{source: {clusters: [use1-x]}}]}]}]
concurrency: [{name: a, max: 1, requests: [{to: [{operation: {methods: [get]}}]}]}]
splits: [{name: a, requests: [{from: [{source: {regions: [us]}}]}], backends: [{name: b, weight: 1}], overrides: [{requests: [{to: [{operation: {}}]}], backend: b}]}]
deadlines: [{name: a, requests: [{to: [{operation: {dataClasses: [costumer]}}]}]}]
retryBudgets: [{name: a, requests: [{when: [{key: connection.sni, values: [a], notValues: [a]}]}]}]
faults: [{name: a, abort: {}, requests: [{name: r}, {name: r, to: [{operation: {paths: [a]}}]}]}]",
        &[
            "LB0202 5:73 spec.limits[0].requests[0].from[0].source.clusters[0]",
            "LB0106 6:75 spec.concurrency[0].requests[0].to[0].operation.methods[0]",
            "LB0203 7:61 spec.splits[0].requests[0].from[0].source.regions[0]",
            "LB0103 7:136 spec.splits[0].overrides[0].requests[0].to[0].operation",
            "LB0210 8:69 spec.deadlines[0].requests[0].to[0].operation.dataClasses[0]",
            "LB0302 9:82 spec.retryBudgets[0].requests[0].when[0].notValues",
            "LB0201 10:62 spec.faults[0].requests[1].name",
            "LB0106 10:91 spec.faults[0].requests[1].to[0].operation.paths[0]",
        ],
    ),
    shaping(
        "bursts and costs of nothing, or of too much",
        "limits:
- {name: a, rate: 1/s, burst: 0, maxKeys: 0, key: [source.cluster]}
- {name: b, rate: 1/h, burst: 8785, key: [source.cluster], maxKeys: 1000001}
- {name: c, rate: 10/s, cost: {}}
- {name: d, rate: 10/s, cost: {most: 5, paths: [{paths: [a], cost: 0}]}}
- name: e
  rate: 10/s
  key: [source.cluster]
  overrides: [{values: [use1-a], rate: 100/m}, {values: ['*'], rate: 1/s, burst: 0}]
  cost: {header: x-landbridge-cost, most: 11, paths: [{paths: [/a], cost: 2}, {paths: [/b], cost: 3}]}",
        &[
            "LB0106 6:33 spec.limits[0].burst",
            "LB0106 6:45 spec.limits[0].maxKeys",
            "LB0106 7:33 spec.limits[1].burst",
            "LB0106 7:71 spec.limits[1].maxKeys",
            "LB0103 8:27 spec.limits[2].cost",
            "LB0106 9:40 spec.limits[3].cost.most",
            "LB0106 9:60 spec.limits[3].cost.paths[0].paths[0]",
            "LB0106 9:70 spec.limits[3].cost.paths[0].cost",
            "LB0106 13:84 spec.limits[4].overrides[1].burst",
            "LB0106 14:20 spec.limits[4].cost.header",
            "LB0106 14:45 spec.limits[4].cost.most",
            "LB0106 14:77 spec.limits[4].cost.paths[0].cost",
            "LB0106 14:101 spec.limits[4].cost.paths[1].cost",
        ],
    ),
    shaping(
        "keys that do not tell apart, or tell too much",
        "limits:
- {name: a, rate: 1/s, key: [source.cluster, source.cluster]}
- {name: b, rate: 1/s, key: [request.path]}
- {name: c, rate: 1/s, key: [source.cluster], paths: [/a]}
- {name: d, rate: 1/s, paths: [/a//b], key: [request.path]}
- {name: e, rate: 1/s, maxKeys: 5, overrides: [{values: [a], rate: 1/s}]}",
        &[
            "LB0201 6:48 spec.limits[0].key[1]",
            "LB0103 7:32 spec.limits[1].key[0]",
            "LB0106 8:49 spec.limits[2].paths",
            "LB0106 9:34 spec.limits[3].paths[0]",
            "LB0106 10:35 spec.limits[4].maxKeys",
            "LB0106 10:38 spec.limits[4].overrides",
        ],
    ),
    shaping(
        "overrides of what is not there",
        "limits:
- name: a
  rate: 1/s
  key: [source.cluster, source.region, source.principal, request.method, request.path, request.host]
  paths: ['/a/*', /b]
  overrides:
  - {values: [use1-a], rate: 1/s}
  - {values: [use1-x, us, 'spiffe://a', get, /c, 'a:80'], rate: 1/h, burst: 8785}
  - {values: ['use1-*', '*', '*', '*', '/a/*', '*'], rate: 1/s}
  - {values: ['*', '*', '*', '*', 'oth*', '*'], rate: 1/s}",
        &[
            "LB0106 11:8 spec.limits[0].overrides[0].values",
            "LB0202 12:17 spec.limits[0].overrides[1].values[0]",
            "LB0203 12:25 spec.limits[0].overrides[1].values[1]",
            "LB0106 12:29 spec.limits[0].overrides[1].values[2]",
            "LB0106 12:43 spec.limits[0].overrides[1].values[3]",
            "LB0106 12:48 spec.limits[0].overrides[1].values[4]",
            "LB0106 12:52 spec.limits[0].overrides[1].values[5]",
            "LB0106 12:79 spec.limits[0].overrides[1].burst",
        ],
    ),
    shaping(
        "keys that callers choose",
        "limits:
- {name: a, rate: 1/s, key: ['request.headers[x-user]']}
- {name: b, rate: 1/s, key: [request.host, 'request.headers[x-user]'], requests: [{}]}
- {name: c, rate: 1/s, mode: Shadow}
- {name: d, rate: 1/s, requests: [{name: other}]}
- {name: e, rate: 1/s, mode: Shadow, key: ['request.headers[x-user]']}",
        &[
            "LB0312 6:26 spec.limits[0].key",
            "LB0312 7:26 spec.limits[1].key",
        ],
    ),
    shaping(
        "a service that nobody asks, and that cannot be asked",
        "limits: [{name: a, rate: 1/s}]
rateLimitService: {cluster: '', authority: 'a b', domain: '', timeout: 9ms, lease: 11s}",
        &[
            "LB0301 6:3 spec.rateLimitService",
            "LB0106 6:31 spec.rateLimitService.cluster",
            "LB0106 6:46 spec.rateLimitService.authority",
            "LB0106 6:61 spec.rateLimitService.domain",
            "LB0106 6:74 spec.rateLimitService.timeout",
            "LB0106 6:86 spec.rateLimitService.lease",
        ],
    ),
    shaping(
        "the loss of a service that is not there, or is borne otherwise",
        "limits:
- {name: a, rate: 1/s, scope: Global}
- {name: b, rate: 1/s, onStoreLoss: Closed, fraction: 10}
- {name: c, rate: 1/s, fraction: 10}",
        &[
            "LB0103 6:33 spec.limits[0].scope",
            "LB0106 7:39 spec.limits[1].onStoreLoss",
            "LB0106 7:57 spec.limits[1].fraction",
            "LB0106 8:36 spec.limits[2].fraction",
        ],
    ),
    shaping(
        "shares of the rate of nothing, or that nobody asks for",
        "limits:
- {name: a, rate: 1/s, scope: Global, onStoreLoss: Open, fraction: 10}
- {name: b, rate: 1/s, scope: Global, fraction: 0}
rateLimitService: {cluster: limits}",
        &[
            "LB0106 6:70 spec.limits[0].fraction",
            "LB0106 7:51 spec.limits[1].fraction",
        ],
    ),
    shaping(
        "concurrency that is never found",
        "concurrency:
- {name: a}
- {name: b, max: 0}
- {name: c, max: 5, adaptive: {min: 6, tolerance: 1, window: 9ms}}
- {name: d, max: 50, adaptive: {min: 0, initial: 51, tolerance: 10.1, window: 100ms, probe: 999ms}}
- {name: e, adaptive: {initial: 3, window: 10s}}",
        &[
            "LB0103 6:5 spec.concurrency[0]",
            "LB0106 7:20 spec.concurrency[1].max",
            "LB0106 8:39 spec.concurrency[2].adaptive.min",
            "LB0106 8:53 spec.concurrency[2].adaptive.tolerance",
            "LB0106 8:64 spec.concurrency[2].adaptive.window",
            "LB0106 9:40 spec.concurrency[3].adaptive.min",
            "LB0106 9:52 spec.concurrency[3].adaptive.initial",
            "LB0106 9:67 spec.concurrency[3].adaptive.tolerance",
            "LB0106 9:95 spec.concurrency[3].adaptive.probe",
            "LB0106 10:35 spec.concurrency[4].adaptive.initial",
            "LB0106 10:46 spec.concurrency[4].adaptive.window",
        ],
    ),
    shaping(
        "claims of anybody, by a header of ours",
        "criticality:
  header: X-Landbridge-Criticality
  claims: [{from: [{}, {clusters: [moon]}], atMost: CRITICAL}]",
        &[
            "LB0106 6:13 spec.criticality.header",
            "LB0103 7:22 spec.criticality.claims[0].from[0]",
            "LB0202 7:38 spec.criticality.claims[0].from[1].clusters[0]",
        ],
    ),
    shaping(
        "shares of nothing, and of backends that are not there",
        "splits:
- {name: a, requests: [{}], backends: [{name: b}, {name: c, weight: 0}]}
- {name: b, requests: [{}], backends: [{name: b, weight: 0}], overrides: [{requests: [{}], backend: c}]}
- name: c
  requests: [{}]
  backends: [{name: v1, weight: 0}, {name: v2}]
  ramp: {backend: v2, start: 2026-12-01T00:00:00Z, over: 1h}
- name: d
  backends: [{name: v1, weight: 1}]
  ramp: {backend: v2, from: 101, to: 100.5, start: 2026-12-01T00:00:00Z, over: 0s, stop: 2026-12-01T00:00:00Z}",
        &[
            "LB0103 6:42 spec.splits[0].backends[0]",
            "LB0106 7:31 spec.splits[1].backends",
            "LB0106 7:103 spec.splits[1].overrides[0].backend",
            "LB0106 10:5 spec.splits[2].backends",
            "LB0106 14:5 spec.splits[3].ramp",
            "LB0106 14:21 spec.splits[3].ramp.backend",
            "LB0106 14:31 spec.splits[3].ramp.from",
            "LB0106 14:40 spec.splits[3].ramp.to",
            "LB0106 14:82 spec.splits[3].ramp.over",
            "LB0106 14:92 spec.splits[3].ramp.stop",
        ],
    ),
    shaping(
        "a ramp to where it is, of all there is",
        "splits: [{name: a, backends: [{name: b}], ramp: {backend: b, from: 100, start: 2026-12-01T00:00:00Z, over: 1h}}]",
        &[
            "LB0106 5:45 spec.splits[0].ramp",
            "LB0106 5:45 spec.splits[0].ramp",
        ],
    ),
    shaping(
        "splits behind one that takes all",
        "splits:
- {name: a, mode: Shadow, backends: [{name: b, weight: 1}]}
- {name: b, backends: [{name: b, weight: 1}]}
- {name: c, mode: Shadow, backends: [{name: b, weight: 1}]}
- {name: d, requests: [{}], backends: [{name: b, weight: 1}]}",
        &["LB0301 9:5 spec.splits[3]"],
    ),
    shaping(
        "callers known by nothing, by all, and by what all have",
        "splits:
- {name: a, requests: [{}], backends: [{name: b, weight: 1}], sticky: {ttl: 1h, principal: false}}
- {name: b, requests: [{}], backends: [{name: b, weight: 1}], sticky: {header: x-landbridge-cluster, cookie: c, ttl: 0s, principal: true}}",
        &[
            "LB0103 6:65 spec.splits[0].sticky",
            "LB0106 6:79 spec.splits[0].sticky.ttl",
            "LB0106 7:82 spec.splits[1].sticky.header",
            "LB0106 7:112 spec.splits[1].sticky.cookie",
            "LB0106 7:120 spec.splits[1].sticky.ttl",
            "LB0106 7:135 spec.splits[1].sticky.principal",
        ],
    ),
    shaping(
        "deadlines that nothing meets",
        "deadlines:
- {name: a, header: host, default: 0s}
- {name: b, max: 1ms}
- {name: c, max: 1s, min: 1s, default: 2s}
- {name: d, max: 1s, default: 2s}
- {name: e, min: 2s, default: 1s}
- {name: f, max: 0s}
retryBudgets: [{name: a, header: x-landbridge-retry}]",
        &[
            "LB0106 6:23 spec.deadlines[0].header",
            "LB0106 6:38 spec.deadlines[0].default",
            "LB0106 7:20 spec.deadlines[1].max",
            "LB0106 8:29 spec.deadlines[2].min",
            "LB0106 9:33 spec.deadlines[3].default",
            "LB0106 10:33 spec.deadlines[4].default",
            "LB0106 11:20 spec.deadlines[5].max",
            "LB0106 11:20 spec.deadlines[5].max",
            "LB0106 12:36 spec.retryBudgets[0].header",
        ],
    ),
    shaping(
        "faults of nothing, or of too much",
        "faults:
- {name: a}
- {name: b, delay: {time: 0s, share: 0}}
- {name: c, delay: {time: 11m}, abort: {status: 200, grpcStatus: 0, share: 0}}
- {name: d, abort: {status: 600, grpcStatus: 17}}",
        &[
            "LB0103 6:5 spec.faults[0]",
            "LB0106 7:29 spec.faults[1].delay.time",
            "LB0106 7:40 spec.faults[1].delay.share",
            "LB0106 8:29 spec.faults[2].delay.time",
            "LB0106 8:51 spec.faults[2].abort.status",
            "LB0106 8:68 spec.faults[2].abort.grpcStatus",
            "LB0106 8:78 spec.faults[2].abort.share",
            "LB0106 9:31 spec.faults[3].abort.status",
            "LB0106 9:48 spec.faults[3].abort.grpcStatus",
        ],
    ),
];

/// What a schema sees, too.
pub(crate) const SHAPING_FIELDS: &[Case] = &[
    shaping(
        "rates and keys of another form",
        "limits:
- {name: a, rate: 0/s}
- {name: b, rate: 100 per second}
- {name: c, rate: 100, key: []}
- {name: d, rate: 1/s, key: [source.ip, 'request.headers[x-landbridge-a]', cluster]}
- {name: 'a b', rate: 1/s, scope: Mesh, onStoreLoss: Half, headers: Sometimes, displacedShare: 101}",
        &[
            "LB0106 6:21 spec.limits[0].rate",
            "LB0106 7:21 spec.limits[1].rate",
            "LB0102 8:21 spec.limits[2].rate",
            "LB0105 8:26 spec.limits[2].key",
            "LB0106 9:32 spec.limits[3].key[0]",
            "LB0106 9:43 spec.limits[3].key[1]",
            "LB0106 9:78 spec.limits[3].key[2]",
            "LB0106 10:12 spec.limits[4].name",
            "LB0104 10:37 spec.limits[4].scope",
            "LB0104 10:56 spec.limits[4].onStoreLoss",
            "LB0104 10:71 spec.limits[4].headers",
            "LB0106 10:98 spec.limits[4].displacedShare",
        ],
    ),
    shaping(
        "fields that are missing, or not there",
        "limit: []
limits: [{name: a, rate: 1/s, brust: 1}]
rateLimitService: {}
concurrency: [{max: 1}]
criticality: {claims: [{from: [{clusters: [a]}]}]}
splits: [{name: a}]
deadlines: [{name: a, maximum: 1s}]
faults: [{name: a, delay: {share: 1}}]",
        &[
            "LB0101 5:3 spec.limit",
            "LB0101 6:33 spec.limits[0].brust",
            "LB0103 7:3 spec.rateLimitService",
            "LB0103 8:17 spec.concurrency[0]",
            "LB0103 9:26 spec.criticality.claims[0]",
            "LB0103 10:12 spec.splits[0]",
            "LB0101 11:25 spec.deadlines[0].maximum",
            "LB0103 12:22 spec.faults[0].delay",
        ],
    ),
    shaping(
        "words that are not there",
        "mode: Retire
concurrency: [{name: a, max: 1, mode: enforce}]
criticality: {default: LOW}
splits: [{name: a, backends: [{name: b, weight: -1}], sticky: {principal: yes please, cookie: 'a b'}}]",
        &[
            "LB0104 5:9 spec.mode",
            "LB0104 6:41 spec.concurrency[0].mode",
            "LB0104 7:26 spec.criticality.default",
            "LB0106 8:51 spec.splits[0].backends[0].weight",
            "LB0102 8:77 spec.splits[0].sticky.principal",
            "LB0106 8:97 spec.splits[0].sticky.cookie",
        ],
    ),
];
