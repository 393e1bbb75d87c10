//! Whether all is well, and which of the other dashboards to open.

use super::{Dashboard, Look, panel};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "landbridge-overview",
        title: "Landbridge / Overview",
        about: "Whether all is well, and which of the other dashboards to open.",
        rows: vec![
            (
                "Now",
                vec![
                    panel(
                        "Alerts",
                        "Landbridge's alerts that fire; each has a runbook.",
                        Look::Number(1.0),
                        "short",
                        &[(
                            r#"count(ALERTS{alertname=~"Landbridge.*",alertstate="firing"}) or vector(0)"#,
                            "firing",
                        )],
                    ),
                    panel(
                        "Proxies",
                        "Proxies with a configuration of Landbridge in force.",
                        Look::Number(f64::INFINITY),
                        "short",
                        &[(
                            "count(count by (instance) (landbridge_config_info{@} == 1))",
                            "proxies",
                        )],
                    ),
                    panel(
                        "Denied",
                        "The share of requests that policies deny or reject.",
                        Look::Number(0.05),
                        "percentunit",
                        &[("avg(landbridge:authz_denied:ratio5m{@})", "denied")],
                    ),
                    panel(
                        "Sent elsewhere",
                        "The share of the requests that are sent further than to the preferred cluster.",
                        Look::Number(0.2),
                        "percentunit",
                        &[(
                            r#"avg(landbridge:locality_displaced:ratio5m{mesh_cluster=~"$mesh_cluster"})"#,
                            "elsewhere",
                        )],
                    ),
                ],
            ),
            (
                "Requests",
                vec![
                    panel(
                        "Decisions",
                        "Requests by what policies make of them.",
                        Look::Stack,
                        "reqps",
                        &[(
                            "sum by (decision) (landbridge:authz_requests:rate5m{@})",
                            "{{decision}}",
                        )],
                    ),
                    panel(
                        "Where requests are served",
                        "Requests by the cluster that serves them; `none` is a 503.",
                        Look::Stack,
                        "reqps",
                        &[(
                            r#"sum by (serving_cluster) (landbridge:locality_requests:rate5m{mesh_cluster=~"$mesh_cluster"})"#,
                            "{{serving_cluster}}",
                        )],
                    ),
                    panel(
                        "Refused by shaping",
                        "Requests that a limit, a full service, a deadline or a retry budget refuses.",
                        Look::Stack,
                        "reqps",
                        &[(
                            r#"sum by (kind) (landbridge:shaping_requests:rate5m{@,outcome="refused"})"#,
                            "{{kind}}",
                        )],
                    ),
                    panel(
                        "Clusters out",
                        "The share of the proxies of a cluster that see another one as out.",
                        Look::Lines,
                        "percentunit",
                        &[(
                            r#"landbridge:locality_cluster_out:ratio{mesh_cluster=~"$mesh_cluster"}"#,
                            "{{service}} in {{serving_cluster}}, from {{mesh_cluster}}",
                        )],
                    ),
                ],
            ),
        ],
    }
}
