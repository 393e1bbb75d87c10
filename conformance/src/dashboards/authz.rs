//! Who is let in, who is not and why, and what shadow policies would change.

use super::{Dashboard, Look, panel};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "landbridge-authz",
        title: "Landbridge / Authorization",
        about: "Who is let in, who is not and why, and what shadow policies would change.",
        rows: vec![
            (
                "Decisions",
                vec![
                    panel(
                        "By reason",
                        "Every request once; the reasons are in docs/reference.md.",
                        Look::Stack,
                        "reqps",
                        &[(
                            "sum by (decision, reason) (landbridge:authz_requests:rate5m{@})",
                            "{{decision}}: {{reason}}",
                        )],
                    ),
                    panel(
                        "Denied by workload",
                        "The share of a workload's requests that is denied or rejected.",
                        Look::Lines,
                        "percentunit",
                        &[(
                            "landbridge:authz_denied:ratio5m{@}",
                            "{{namespace}}/{{workload}} in {{mesh_cluster}}",
                        )],
                    ),
                    panel(
                        "By the caller's cluster",
                        "`unknown` are callers that prove no cluster.",
                        Look::Stack,
                        "reqps",
                        &[(
                            "sum by (source_cluster, decision) (landbridge:authz_requests:rate5m{@})",
                            "{{source_cluster}}: {{decision}}",
                        )],
                    ),
                    panel(
                        "Rules that deny most",
                        "`none` where no rule did, since none allowed.",
                        Look::Lines,
                        "reqps",
                        &[(
                            r#"topk(10, sum by (policy, rule, source_cluster) (rate(landbridge_authz_requests_total{@,decision!="allow"}[$__rate_interval])))"#,
                            "{{policy}} {{rule}} from {{source_cluster}}",
                        )],
                    ),
                ],
            ),
            (
                "Before enforcing",
                vec![
                    panel(
                        "What shadow policies would change",
                        "`would_deny` is traffic that would break; `would_allow` is traffic that would be let in. Both must be explained before the mode changes.",
                        Look::Lines,
                        "reqps",
                        &[(
                            r#"sum by (policy, rule, outcome, source_cluster) (landbridge:authz_shadow:rate5m{@,outcome!="same"})"#,
                            "{{outcome}}: {{policy}} {{rule}} from {{source_cluster}}",
                        )],
                    ),
                    panel(
                        "Compared",
                        "Requests that were decided both ways; none means that the shadow saw nothing.",
                        Look::Stack,
                        "reqps",
                        &[(
                            "sum by (outcome) (landbridge:authz_shadow:rate5m{@})",
                            "{{outcome}}",
                        )],
                    ),
                    panel(
                        "Audited",
                        "Requests that AUDIT policies marked.",
                        Look::Lines,
                        "reqps",
                        &[(
                            "sum by (policy, rule, source_cluster) (rate(landbridge_authz_audited_total{@}[$__rate_interval]))",
                            "{{policy}} {{rule}} from {{source_cluster}}",
                        )],
                    ),
                    panel(
                        "What the proxy does not give",
                        "Anything here means that the set_filter_state filter is not in front: callers are denied for it.",
                        Look::Lines,
                        "reqps",
                        &[
                            (
                                "sum by (namespace, workload) (rate(landbridge_config_issuer_missing_total{@}[$__rate_interval]))",
                                "issuer at {{namespace}}/{{workload}}",
                            ),
                            (
                                "sum by (namespace, workload) (rate(landbridge_config_source_ip_missing_total{@}[$__rate_interval]))",
                                "source address at {{namespace}}/{{workload}}",
                            ),
                        ],
                    ),
                ],
            ),
        ],
    }
}
