//! Which proxies run what.

use super::{Dashboard, Look, panel};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "landbridge-fleet",
        title: "Landbridge / Fleet",
        about: "Which proxies run which version and policy set, and what that takes of them.",
        rows: vec![
            (
                "What runs",
                vec![
                    panel(
                        "Proxies by version and policy set",
                        "The proxies of a workload have the same digests, but for the minutes of a rollout.",
                        Look::Table,
                        "short",
                        &[(
                            "landbridge:proxies:count{@}",
                            "{{mesh_cluster}} {{namespace}}/{{workload}} {{filter}} {{version}} {{digest}}",
                        )],
                    ),
                    panel(
                        "Rollout of policy sets",
                        "Proxies by digest: one line goes up as another goes down.",
                        Look::Stack,
                        "short",
                        &[(
                            "sum by (filter, digest) (landbridge:proxies:count{@})",
                            "{{filter}} {{digest}}",
                        )],
                    ),
                    panel(
                        "Rollout of versions",
                        "Proxies by version.",
                        Look::Stack,
                        "short",
                        &[(
                            "sum by (filter, version) (landbridge:proxies:count{@})",
                            "{{filter}} {{version}}",
                        )],
                    ),
                    panel(
                        "Refused configurations",
                        "By diagnostic code; what was in force stays so.",
                        Look::Lines,
                        "short",
                        &[(
                            "sum by (namespace, workload, filter, code) (landbridge_config_rejected_total{@})",
                            "{{namespace}}/{{workload}} {{filter}} {{code}}",
                        )],
                    ),
                    panel(
                        "Live proxies, and those with Landbridge",
                        "In namespaces where both differ, some proxies run without it.",
                        Look::Lines,
                        "short",
                        &[
                            (
                                "count by (mesh_cluster, namespace) (envoy_server_live{@} == 1)",
                                "live in {{mesh_cluster}}, {{namespace}}",
                            ),
                            (
                                "count by (mesh_cluster, namespace) (count by (mesh_cluster, namespace, instance) (landbridge_config_info{@} == 1))",
                                "with Landbridge in {{mesh_cluster}}, {{namespace}}",
                            ),
                        ],
                    ),
                ],
            ),
            (
                "What it takes",
                vec![
                    panel(
                        "Memory of a worker's module",
                        "A module never gives memory back.",
                        Look::Lines,
                        "bytes",
                        &[(
                            "max by (workload, filter) (landbridge_config_memory_bytes{@})",
                            "{{workload}} {{filter}}",
                        )],
                    ),
                    panel(
                        "Time to load a configuration",
                        "In a worker, for the one in force.",
                        Look::Lines,
                        "ms",
                        &[(
                            "max by (workload, filter) (landbridge_config_load_milliseconds{@})",
                            "{{workload}} {{filter}}",
                        )],
                    ),
                    panel(
                        "Wasm VMs",
                        "One for each module and worker, and one more.",
                        Look::Lines,
                        "short",
                        &[(
                            "sum by (workload) (envoy_wasm_envoy_wasm_runtime_v8_active{@})",
                            "{{workload}}",
                        )],
                    ),
                    panel(
                        "Memory of Envoy",
                        "Of the proxy with the most.",
                        Look::Lines,
                        "bytes",
                        &[(
                            "max by (workload) (envoy_server_memory_allocated{@})",
                            "{{workload}}",
                        )],
                    ),
                ],
            ),
        ],
    }
}
