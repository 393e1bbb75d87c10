//! What is let through, what is refused, and how near the limits are.

use super::{Dashboard, Look, panel};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "landbridge-shaping",
        title: "Landbridge / Shaping",
        about: "What is let through, what is refused, and how near the limits are.",
        rows: vec![
            (
                "What becomes of requests",
                vec![
                    panel(
                        "Refused, by kind and rule",
                        "The share of what each part of a policy was about.",
                        Look::Lines,
                        "percentunit",
                        &[(
                            "landbridge:shaping_refused:ratio5m{@}",
                            "{{kind}} {{policy}} {{rule}} at {{workload}}",
                        )],
                    ),
                    panel(
                        "Rate limits",
                        "By the caller's cluster.",
                        Look::Stack,
                        "reqps",
                        &[(
                            "sum by (policy, rule, source_cluster, outcome) (rate(landbridge_shaping_limit_requests_total{@}[$__rate_interval]))",
                            "{{rule}} from {{source_cluster}}: {{outcome}}",
                        )],
                    ),
                    panel(
                        "What shadows would refuse",
                        "To be explained before the mode changes.",
                        Look::Lines,
                        "reqps",
                        &[(
                            r#"sum by (kind, policy, rule) (landbridge:shaping_requests:rate5m{@,outcome="would_refuse"})"#,
                            "{{kind}} {{policy}} {{rule}}",
                        )],
                    ),
                    panel(
                        "Deadlines, retries and faults",
                        "Refused: expired, over the budget, or broken on purpose.",
                        Look::Lines,
                        "reqps",
                        &[
                            (
                                "sum by (rule, outcome) (rate(landbridge_shaping_deadline_requests_total{@}[$__rate_interval]))",
                                "deadline {{rule}}: {{outcome}}",
                            ),
                            (
                                "sum by (rule, outcome) (rate(landbridge_shaping_retry_budget_requests_total{@}[$__rate_interval]))",
                                "retries {{rule}}: {{outcome}}",
                            ),
                            (
                                "sum by (rule, outcome) (rate(landbridge_shaping_fault_requests_total{@}[$__rate_interval]))",
                                "fault {{rule}}: {{outcome}}",
                            ),
                        ],
                    ),
                ],
            ),
            (
                "Load",
                vec![
                    panel(
                        "Under way",
                        "Over the workers of a proxy, beside the limit; of the proxy with the most.",
                        Look::Lines,
                        "short",
                        &[
                            (
                                "max by (workload, policy, rule) (landbridge_shaping_in_flight{@})",
                                "{{workload}} {{rule}}",
                            ),
                            (
                                "min by (workload, policy, rule) (landbridge_shaping_concurrency_limit{@})",
                                "{{workload}} {{rule}}: limit",
                            ),
                        ],
                    ),
                    panel(
                        "Shed",
                        "Refused since more was under way than there may be.",
                        Look::Stack,
                        "reqps",
                        &[(
                            r#"sum by (workload, rule, source_cluster) (rate(landbridge_shaping_concurrency_requests_total{@,outcome="refused"}[$__rate_interval]))"#,
                            "{{workload}} {{rule}} from {{source_cluster}}",
                        )],
                    ),
                    panel(
                        "Splits",
                        "Requests by the backend that was chosen.",
                        Look::Stack,
                        "reqps",
                        &[(
                            "sum by (policy, rule, backend) (rate(landbridge_shaping_split_requests_total{@}[$__rate_interval]))",
                            "{{policy}} {{rule}}: {{backend}}",
                        )],
                    ),
                    panel(
                        "Rate-limit service",
                        "Calls by outcome, and the proxies that cannot ask it.",
                        Look::Lines,
                        "short",
                        &[
                            (
                                "sum by (upstream_cluster, outcome) (rate(landbridge_shaping_lease_calls_total{@}[$__rate_interval]))",
                                "{{upstream_cluster}}: {{outcome}} a second",
                            ),
                            (
                                "sum by (upstream_cluster) (landbridge_shaping_store_lost{@})",
                                "{{upstream_cluster}}: proxies without it",
                            ),
                        ],
                    ),
                ],
            ),
        ],
    }
}
