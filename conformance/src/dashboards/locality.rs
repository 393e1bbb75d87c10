//! Where requests go, why, and what that costs.

use super::{Dashboard, Look, panel};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "landbridge-locality",
        title: "Landbridge / Locality",
        about: "Where requests go, why, and what that costs. These are of the proxies that requests leave by.",
        rows: vec![
            (
                "Requests",
                vec![
                    panel(
                        "By serving cluster",
                        "`none` is a 503.",
                        Look::Stack,
                        "reqps",
                        &[(
                            "sum by (service, serving_cluster) (rate(landbridge_locality_requests_total{@}[$__rate_interval]))",
                            "{{service}} in {{serving_cluster}}",
                        )],
                    ),
                    panel(
                        "By reason",
                        "All but PREFERRED, AFFINITY and REQUESTED was sent elsewhere, or refused.",
                        Look::Stack,
                        "reqps",
                        &[(
                            "sum by (reason) (rate(landbridge_locality_requests_total{@}[$__rate_interval]))",
                            "{{reason}}",
                        )],
                    ),
                    panel(
                        "Tried again elsewhere",
                        "Attempts on another cluster, by that cluster.",
                        Look::Lines,
                        "reqps",
                        &[(
                            "sum by (service, serving_cluster) (rate(landbridge_locality_retries_total{@}[$__rate_interval]))",
                            "{{service}} in {{serving_cluster}}",
                        )],
                    ),
                    panel(
                        "Unroutable",
                        "Requests that went elsewhere than the filter chose: a subset or a route is missing.",
                        Look::Lines,
                        "reqps",
                        &[(
                            "sum by (service, serving_cluster) (rate(landbridge_locality_unroutable_total{@}[$__rate_interval]))",
                            "{{service}} in {{serving_cluster}}",
                        )],
                    ),
                ],
            ),
            (
                "Clusters, as proxies see them",
                vec![
                    panel(
                        "State",
                        "As the proxy sees it that sees it worst.",
                        Look::States,
                        "none",
                        &[(
                            "min by (mesh_cluster, service, serving_cluster) (landbridge_locality_cluster_state{@})",
                            "{{service}} in {{serving_cluster}}, from {{mesh_cluster}}",
                        )],
                    ),
                    panel(
                        "Share",
                        "Of the requests that may go anywhere, on average over the proxies of a cluster.",
                        Look::Lines,
                        "percentunit",
                        &[(
                            "avg by (mesh_cluster, service, serving_cluster) (landbridge_locality_cluster_share_permille{@}) / 1000",
                            "{{service}} in {{serving_cluster}}, from {{mesh_cluster}}",
                        )],
                    ),
                    panel(
                        "Changes",
                        "Many in a row are flapping.",
                        Look::Lines,
                        "short",
                        &[(
                            "sum by (service, serving_cluster, outcome) (increase(landbridge_locality_transitions_total{@}[5m]))",
                            "{{service}} in {{serving_cluster}}: {{outcome}}",
                        )],
                    ),
                    panel(
                        "Probes",
                        "By outcome.",
                        Look::Lines,
                        "reqps",
                        &[(
                            "sum by (service, serving_cluster, outcome) (rate(landbridge_locality_probes_total{@}[$__rate_interval]))",
                            "{{service}} in {{serving_cluster}}: {{outcome}}",
                        )],
                    ),
                ],
            ),
            (
                "Transfer between regions",
                vec![
                    panel(
                        "Bytes",
                        "Of requests and responses with their headers.",
                        Look::Stack,
                        "Bps",
                        &[(
                            "sum by (link, direction) (rate(landbridge_locality_transferred_bytes_total{@}[$__rate_interval]))",
                            "{{link}}, {{direction}}",
                        )],
                    ),
                    panel(
                        "Price an hour",
                        "In the mesh's currency, by the prices of its links.",
                        Look::Stack,
                        "short",
                        &[(
                            r#"sum by (link, direction) (landbridge:locality_transfer_cost_per_hour:rate5m{mesh_cluster=~"$mesh_cluster"})"#,
                            "{{link}}, {{direction}}",
                        )],
                    ),
                ],
            ),
        ],
    }
}
