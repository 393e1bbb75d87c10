//! Faults of a failover policy.

use super::{Case, failover};

/// A service that is good, on four lines.
macro_rules! with_service {
    ($rest:literal) => {
        concat!(
            "services:\n- name: orders\n  hosts: [orders.shop]\n  port: 80\n  clusters: [use1-a, euw1-a]\n",
            $rest
        )
    };
}

pub(crate) const GOOD_FAILOVER: &[Case] = &[
    failover("the least", with_service!(""), &[]),
    failover(
        "everything",
        with_service!(
            "target: {clusters: [use1-a], namespace: shop}
preference: [zone, region, jurisdiction]
health:
  passive: {errorShare: 5, consecutiveErrors: 10, minRequests: 20, interval: 1s, latency: {factor: 3, floor: 50ms}, timeout: 2s}
  active: {path: '/healthz?deep=1', interval: 1s, timeout: 500ms, unhealthyThreshold: 2}
  endpoints: {admin: prometheus_stats, interval: 2s}
spill: {overprovisioningFactor: 140, panicThreshold: 0}
failback: {rise: 3, holdDown: 0s, ramp: 1h30m}
residency:
- {dataClasses: [customer], jurisdictions: [EU]}
- {jurisdictions: [EU, US]}
maxHops: 0
drains:
- {clusters: [use1-a], start: 2026-12-01T00:00:00Z, end: 2026-12-01T00:01:00Z, ramp: 1m, reason: exercise}
transferBudgets: [{from: us-east-1, to: eu-west-1, gibPerHour: 0.5}]
affinity: {cookie: home, ttl: 1h}
retries: {attempts: 0, budget: 100, minPerSecond: 0, methods: [GET, PROPFIND], idempotencyHeader: X-Once}"
        ),
        &[],
    ),
    failover(
        "a name of Envoy's own making",
        "services: [{name: a, hosts: [a], upstream: 'a-{cluster}', clusters: [use1-a]}]",
        &[],
    ),
];

/// What a schema does not see.
pub(crate) const FAILOVER: &[Case] = &[
    failover(
        "names that are there twice, or nowhere",
        "services:
- {name: a, hosts: [a, A], port: 80, clusters: [use1-a, use1-a, use1-x]}
- {name: a, hosts: [b], port: 80, clusters: [use1-a]}
target: {clusters: [moon]}",
        &[
            "LB0201 6:26 spec.services[0].hosts[1]",
            "LB0201 6:59 spec.services[0].clusters[1]",
            "LB0202 6:67 spec.services[0].clusters[2]",
            "LB0201 7:12 spec.services[1].name",
            "LB0202 8:23 spec.target.clusters[0]",
        ],
    ),
    failover(
        "Envoy's clusters without a name",
        "services:
- {name: a, hosts: [a], clusters: [use1-a]}
- {name: b, hosts: [b], upstream: b, clusters: [use1-a]}
- {name: c, hosts: [c], upstream: 'c-{cluster}-{zone}', clusters: [use1-a]}",
        &[
            "LB0103 6:5 spec.services[0]",
            "LB0106 7:37 spec.services[1].upstream",
            "LB0106 8:37 spec.services[2].upstream",
        ],
    ),
    failover(
        "an order of nothing",
        with_service!("preference: [zone, price, zone]"),
        &[
            "LB0308 10:22 spec.preference[1]",
            "LB0201 10:29 spec.preference[2]",
        ],
    ),
    failover(
        "numbers that make no sense",
        with_service!(
            "health:
  passive: {consecutiveErrors: 0, minRequests: 0, interval: 0s, latency: {factor: 1}, timeout: 0ms}
  active: {path: healthz, timeout: 2s, unhealthyThreshold: 0}
  endpoints: {interval: 0s}
spill: {overprovisioningFactor: 99}
failback: {rise: 0}"
        ),
        &[
            "LB0106 11:34 spec.health.passive.consecutiveErrors",
            "LB0106 11:50 spec.health.passive.minRequests",
            "LB0106 11:63 spec.health.passive.interval",
            "LB0106 11:85 spec.health.passive.latency.factor",
            "LB0106 11:98 spec.health.passive.timeout",
            "LB0106 12:20 spec.health.active.path",
            "LB0106 12:38 spec.health.active.timeout",
            "LB0106 12:62 spec.health.active.unhealthyThreshold",
            "LB0106 13:27 spec.health.endpoints.interval",
            "LB0106 14:35 spec.spill.overprovisioningFactor",
            "LB0106 15:20 spec.failback.rise",
        ],
    ),
    failover(
        "residency that leaves nothing, or knows nothing",
        "services:
- {name: a, hosts: [a], port: 80, clusters: [use1-a]}
- {name: b, hosts: [b], port: 80, clusters: [use1-a, euw1-a]}
residency:
- {jurisdictions: [EU, UK]}
- {dataClasses: [costumer], jurisdictions: [US]}
- {dataClasses: ['c*'], jurisdictions: [US]}",
        &[
            "LB0307 6:37 spec.services[0].clusters",
            "LB0311 7:37 spec.services[1].clusters",
            "LB0204 9:26 spec.residency[0].jurisdictions[1]",
            "LB0210 10:20 spec.residency[1].dataClasses[0]",
        ],
    ),
    failover(
        "drains that do not end, or drain nothing, or too much",
        with_service!(
            "drains:
- {start: 2026-12-01T00:00:00Z, end: 2026-12-01T01:00:00Z}
- {clusters: [use1-b, use1-x], start: 2026-12-01T01:00:00Z, end: 2026-12-01T01:00:00Z}
- {regions: [us-west-1], start: 2026-12-01T00:00:00Z, end: 2026-12-01T00:00:10Z, ramp: 11s}
- {regions: [us-east-1], start: 2026-12-02T00:00:00Z, end: 2027-12-01T00:00:00Z}
- {regions: [eu-west-1], start: 2026-12-03T00:00:00Z, end: 2026-12-03T01:00:00Z}"
        ),
        &[
            "LB0103 11:5 spec.drains[0]",
            "LB0202 12:25 spec.drains[1].clusters[1]",
            "LB0106 12:68 spec.drains[1].end",
            "LB0203 13:16 spec.drains[2].regions[0]",
            "LB0106 13:90 spec.drains[2].ramp",
            "LB0309 14:62 spec.drains[3].end",
            "LB0310 15:5 spec.drains[4]",
        ],
    ),
    failover(
        "budgets of nothing, twice, for nowhere",
        with_service!(
            "transferBudgets:
- {from: us-east-1, to: us-east-1, gibPerHour: 1}
- {from: us-east-1, to: eu-west-1}
- {from: eu-west-1, to: us-east-1, gibPerHour: 1, costPerHour: 1}
- {from: us-east-1, to: ap-south-1, costPerHour: 0}"
        ),
        &[
            "LB0106 11:27 spec.transferBudgets[0].to",
            "LB0103 12:5 spec.transferBudgets[1]",
            "LB0201 13:5 spec.transferBudgets[2]",
            "LB0106 13:66 spec.transferBudgets[2].costPerHour",
            "LB0203 14:27 spec.transferBudgets[3].to",
            "LB0106 14:52 spec.transferBudgets[3].costPerHour",
            "LB0106 14:52 spec.transferBudgets[3].costPerHour",
        ],
    ),
    failover(
        "affinity by both, and by what all callers have",
        with_service!("affinity: {header: x-landbridge-cluster, cookie: a, ttl: 0s}"),
        &[
            "LB0106 10:22 spec.affinity.header",
            "LB0106 10:52 spec.affinity.cookie",
            "LB0106 10:60 spec.affinity.ttl",
        ],
    ),
    failover(
        "affinity by nothing",
        with_service!("affinity: {ttl: 1h}"),
        &[
            "LB0103 10:3 spec.affinity",
            "LB0106 10:19 spec.affinity.ttl",
        ],
    ),
];

/// What a schema sees, too.
pub(crate) const FAILOVER_FIELDS: &[Case] = &[
    failover(
        "times, shares and amounts of another form",
        with_service!(
            "failback: {holdDown: 5, ramp: -1s, rise: -1}
spill: {panicThreshold: 101}
transferBudgets: [{from: us-east-1, to: eu-west-1, gibPerHour: -1}]
drains: [{clusters: [use1-a], start: tomorrow, end: 2026-12-01T00:00:00Z}]"
        ),
        &[
            "LB0102 10:24 spec.failback.holdDown",
            "LB0106 10:33 spec.failback.ramp",
            "LB0102 10:44 spec.failback.rise",
            "LB0106 11:27 spec.spill.panicThreshold",
            "LB0106 12:66 spec.transferBudgets[0].gibPerHour",
            "LB0106 13:40 spec.drains[0].start",
        ],
    ),
    failover(
        "fields that are not there",
        "services: []\nfailBack: {}\nhealth: {actve: {}}",
        &[
            "LB0105 5:3 spec.services",
            "LB0101 6:3 spec.failBack",
            "LB0101 7:12 spec.health.actve",
        ],
    ),
    failover(
        "names of HTTP of another form",
        with_service!("affinity: {header: ':path'}\nretries: {methods: ['GET ']}"),
        &[
            "LB0106 10:22 spec.affinity.header",
            "LB0106 11:23 spec.retries.methods[0]",
        ],
    ),
];
